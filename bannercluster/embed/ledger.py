"""The tables beside the store: a row per embedded content, per alias, and per rejected file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from bannercluster.embed.inventory import Entry, Inventory
from bannercluster.store.embeddings import EmbeddingStore
from bannercluster.store.ledger import REJECTED, REPEATED_ID, aliases_schema
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
    aliases = {} if old is None else {_key(row): row for row in old.table("aliases").to_pylist()}
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
            aliases.pop(key, None)
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
            _rename(aliases, entry.file, key)
        aliases[key] = _alias(entry, content, aliases.get(key))
        n_duplicate += content in seen
        n_ok += content not in seen
        seen.add(content)
    return Ledger(
        _alias_table(list(aliases.values())),
        pa.Table.from_pylist(sorted(rejected.values(), key=_place), schema=REJECTED),
        Counts(len(entries), n_ok, n_duplicate, n_rejected),
    )


def _place(row: dict[str, object]) -> tuple[str, str]:
    return str(row["file"]), str(row["banner_id"])


def _rename(aliases: dict[str, dict[str, object]], file: str, key: str) -> None:
    """Let a banner that was known by its file alone go on under its id."""
    known = aliases.get(file)
    if known is not None and known["banner_id"] is None and key not in aliases:
        aliases[key] = aliases.pop(file)


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


def _alias_table(rows: list[dict[str, object]]) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=aliases_schema(name for row in rows for name in row))
