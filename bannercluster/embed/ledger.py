"""The tables beside the store: a row per embedded content, per alias, and per rejected file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bannercluster.embed.inventory import Entry, Inventory
from bannercluster.store.aliases import keys_of
from bannercluster.store.embeddings import EmbeddingStore
from bannercluster.store.ledger import REJECTED, REPEATED_ID, aliases_schema, in_schema
from bannercluster.store.ledger import ROWS as ROWS


@dataclass(frozen=True)
class Counts:
    """Every file of a run, in exactly one place: ``n_in = n_ok + n_duplicate + n_rejected``."""

    n_in: int
    n_ok: int
    n_duplicate: int
    n_rejected: int


@dataclass(frozen=True)
class Ledger:
    """The tables of the next generation, and the counts of the run."""

    aliases: pa.Table
    rejected: pa.Table
    counts: Counts


def keep_ledger(
    entries: Sequence[Entry],
    inventory: Inventory,
    verdicts: dict[bytes, tuple[str, str]],
    old: EmbeddingStore | None,
) -> Ledger:
    """Account for every entry.

    Parameters
    ----------
    entries : sequence of Entry
        The files of this run.
    inventory : Inventory
    verdicts : mapping of content id to (reason, detail)
        Contents that were rejected, now or earlier.
    old : EmbeddingStore or None
        The generation before; what this run did not see is kept.
    """
    before = _Aliases.of(None if old is None else old.table("aliases"), entries)
    aliases = before.named
    rejected = {} if old is None else {_key(row): row for row in old.table("rejected").to_pylist()}
    seen: set[bytes] = set()
    named: dict[str, bytes] = {}
    n_ok = n_duplicate = n_rejected = 0
    for entry in entries:
        key = entry.banner_id or entry.file
        fault = inventory.faults.get(entry.file)
        content = inventory.contents.get(entry.file)
        verdict = (fault.reason, fault.detail) if fault else verdicts.get(content or b"")
        if verdict is None and content is not None and named.setdefault(key, content) != content:
            verdict = (REPEATED_ID, f"{key} stands for another content in an earlier row")
        if verdict is not None or content is None:
            n_rejected += 1
            reason, detail = verdict or ("unreadable", "")
            if reason == REPEATED_ID:
                key = f"{key}\n{entry.file}"  # the banner itself keeps its first content
            before.leave(key)
            rejected[key] = {
                "file": entry.file,
                "banner_id": entry.banner_id,
                "content_id": content,
                "stage": "embed",
                "reason": reason,
                "detail": detail,
            }
            continue
        rejected.pop(key, None)
        if entry.banner_id is not None:
            before.rename(entry.file, key)
        aliases[key] = _alias(entry, content, aliases.get(key))
        n_duplicate += content in seen
        n_ok += content not in seen
        seen.add(content)
    return Ledger(
        before.table(),
        pa.Table.from_pylist(sorted(rejected.values(), key=_place), schema=REJECTED),
        Counts(len(entries), n_ok, n_duplicate, n_rejected),
    )


def _place(row: dict[str, object]) -> tuple[str, str]:
    return str(row["file"]), str(row["banner_id"])


def _key(row: dict[str, object]) -> str:
    return str(row["banner_id"] or row["file"])


def _alias(entry: Entry, content: bytes, before: dict[str, object] | None) -> dict[str, object]:
    days = [day for day in (entry.day,) if day]
    if before is not None and before["content_id"] == content:
        days += [str(before[name]) for name in ("first_day", "last_day") if before[name]]
    return {
        **dict(entry.extra),
        "banner_id": entry.banner_id,
        "file": entry.file,
        "content_id": content,
        "first_day": min(days, default=None),
        "last_day": max(days, default=None),
        "nbytes": entry.nbytes,
        "modified": entry.modified,
    }


@dataclass
class _Aliases:
    """The aliases: as rows by key those that a run may change, as a table the others.

    A store may hold many times the aliases of a run, and a row in Python takes ten times a row in
    Arrow.

    Parameters
    ----------
    old : table or None
        All aliases before the run.
    named : dict of key to row
        Those that the run's entries name, in the order of the table; changed in place.
    places : dict of key to int
        Where the named rows stand in the table; -1 less it for those that left their place.
    """

    old: pa.Table | None
    named: dict[str, dict[str, object]]
    places: dict[str, int]

    @classmethod
    def of(cls, old: pa.Table | None, entries: Sequence[Entry]) -> _Aliases:
        if old is None:
            return cls(None, {}, {})
        asked = {entry.banner_id or entry.file for entry in entries}
        asked.update(entry.file for entry in entries)
        touched = pc.is_in(keys_of(old), value_set=pa.array(list(asked), pa.string()))
        places = np.flatnonzero(touched.to_numpy())
        rows = old.take(pa.array(places)).to_pylist()
        named = {_key(row): row for row in rows}
        return cls(old, named, dict(zip(map(_key, rows), places.tolist(), strict=True)))

    def leave(self, key: str) -> None:
        """Take a banner out; if it comes again, it comes last."""
        if self.named.pop(key, None) is not None and self.places.get(key, -1) >= 0:
            self.places[key] = -1 - self.places[key]

    def rename(self, file: str, key: str) -> None:
        """Let a banner that was known by its file alone go on under its id."""
        known = self.named.get(file)
        if known is not None and known["banner_id"] is None and key not in self.named:
            self.leave(file)
            self.named[key] = known

    def table(self) -> pa.Table:
        """Return all aliases: each in its place, new ones behind them."""
        rows = list(self.named.values())
        names = {name for row in rows for name in row}
        if self.old is None:
            return pa.Table.from_pylist(rows, schema=aliases_schema(names))
        n_old = len(self.old)
        if n_old > len(self.places):
            names.update(self.old.column_names)
        schema = aliases_schema(names)
        order = np.arange(n_old)
        kept = np.ones(n_old, bool)
        behind: list[int] = []
        left = [-1 - place for place in self.places.values() if place < 0]
        kept[np.array(left, np.int64)] = False
        for number, key in enumerate(self.named):
            place = self.places.get(key, -1)
            if place >= 0:
                order[place] = n_old + number
            else:
                behind.append(n_old + number)
        taken = np.concatenate([order[kept], np.array(behind, np.int64)])
        named = pa.Table.from_pylist(rows, schema=schema)
        return pa.concat_tables([in_schema(self.old, schema), named]).take(pa.array(taken))
