"""Importing, written the slow and obvious way: one row after the other, in plain Python."""

import hashlib
from collections import Counter
from dataclasses import dataclass, field

import numpy as np


@dataclass
class Model:
    """What a store should hold."""

    n_features: int
    dtype: str
    contents: dict[bytes, np.ndarray] = field(default_factory=dict)
    aliases: dict[str, dict] = field(default_factory=dict)
    rejected: set[tuple] = field(default_factory=set)

    def take(self, rows: list[dict], first_row_of_file: list[tuple[str, int]]) -> dict:
        """Import rows; return the counts, and the refused rows by reason."""
        of_run: dict[str, bytes] = {}
        seen: set[bytes] = set()
        n_new = 0
        counts: Counter = Counter()
        reasons: Counter = Counter()
        refused = []
        for row, place in zip(rows, first_row_of_file, strict=True):
            counts["n_in"] += 1
            key = row.get("banner_id") or row.get("file") or None
            reason, stored = self._verdict(row, key)
            content = None
            if reason is None:
                content = row.get("content_id") or self.content_of(stored)
                if of_run.setdefault(key, content) != content:
                    reason = "repeated_id"
            if reason is not None:
                counts["n_rejected"] += 1
                reasons[reason] += 1
                detail = f"row {place[1]:,} of {place[0]}, counted from 0"
                if reason == "wrong_dimension":
                    detail += f": {len(row['vector']):,} values"
                refused.append(
                    (row.get("file") or None, row.get("banner_id") or None, reason, detail)
                )
                continue
            counts["n_duplicate" if content in seen else "n_ok"] += 1
            seen.add(content)
            if content not in self.contents:
                self.contents[content] = stored
                n_new += 1
            self._alias(key, row, content, first=key not in self._of_run)
            self._of_run.add(key)
        self.rejected = {one for one in self.rejected if (one[1] or one[0]) not in of_run}
        self.rejected |= set(refused)
        self._of_run.clear()
        return {
            **{name: counts[name] for name in ("n_in", "n_ok", "n_duplicate", "n_rejected")},
            "n_new": n_new,
            "reasons": reasons,
        }

    def __post_init__(self) -> None:
        self._of_run: set[str] = set()

    def _alias(self, key: str, row: dict, content: bytes, *, first: bool) -> None:
        before = self.aliases.get(key)
        days = [row["day"]] if row.get("day") else []
        if before is not None and before["content_id"] == content:
            days += [day for day in (before["first_day"], before["last_day"]) if day]
        alias = {
            "banner_id": row.get("banner_id") or None,
            "file": row.get("file") or None,
            "content_id": content,
            "advertiser": row.get("advertiser"),
            "first_day": min(days, default=None),
            "last_day": max(days, default=None),
        }
        if not first and before is not None:  # seen again in this run: only the days widen
            alias = before | {"first_day": alias["first_day"], "last_day": alias["last_day"]}
        self.aliases[key] = alias

    def content_of(self, stored: np.ndarray) -> bytes:
        prefix = b"bannercluster embedding " + self.dtype.encode() + b"\0"
        return hashlib.sha256(prefix + stored.tobytes()).digest()

    def _verdict(self, row: dict, key: str | None) -> tuple[str | None, np.ndarray | None]:
        vector = row["vector"]
        if key is None:
            return "no_id", None
        if vector is None:
            return "null_vector", None
        if len(vector) != self.n_features:
            return "wrong_dimension", None
        if any(value is None for value in vector):
            return "null_element", None
        with np.errstate(over="ignore"):
            stored = np.array(vector, np.float64).astype(np.float32).astype(self.dtype)
        if not np.isfinite(stored).all():
            return "not_finite", None
        return ("bad_day", None) if row.get("day") == "soon" else (None, stored)


def dimension_of(rows: list[dict]) -> int | None:
    """The most frequent length; of equally frequent ones the greatest."""
    found = Counter(len(row["vector"]) for row in rows if row["vector"])
    return max(found, key=lambda length: (found[length], length), default=None)
