"""What an unfinished import has done, on disk: its tables so far, and how far it is.

The journal lies beside the store. Its record is written last and counts whole parts, the rows of
the source that are decided, and the rows that lie in whole chunks behind the end of the store. A
record of another source, of other settings or of another generation of the store is not used; a
writer that is no import removes it (:class:`~bannercluster.store.commit.Appender`).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from bannercluster.store import files, points, tables
from bannercluster.store.aliases import binary_column
from bannercluster.store.embeddings import journal_url
from bannercluster.store.ledger import REJECTED
from bannercluster.transfer.blocks import Block
from bannercluster.transfer.columns import NO_FIRST, NO_LAST, Layout
from bannercluster.transfer.decisions import Counts, Decision
from bannercluster.transfer.vectors import REASONS

_RECORD = "journal.json"
_VERSION = 1

SEEN = pa.schema([("alias", pa.int64()), ("first_day", pa.int32()), ("last_day", pa.int32())])
NEW_ROWS = pa.schema([("content_id", pa.binary(32)), ("file", pa.string())])
_WRONG_DIMENSION = REASONS.index("wrong_dimension")


@dataclass(frozen=True)
class Progress:
    """How far an import is.

    Parameters
    ----------
    n_parts : int
        Whole parts of the journal.
    n_source : int
        Rows of the source that are decided.
    n_written : int
        Rows in whole chunks behind the end of the store.
    counts : Counts
    """

    n_parts: int = 0
    n_source: int = 0
    n_written: int = 0
    counts: Counts = field(default_factory=Counts)


class Journal:
    """The tables of an import: parts on disk, and the rows since the last of them in memory.

    Parameters
    ----------
    store : str
    key : str
        Fingerprint of the source, the settings and the generation of the store.
    layout : Layout
    """

    def __init__(self, store: str, key: str, layout: Layout) -> None:
        self._folder, self._key = journal_url(store), key
        names = ("banner_id", "file", *layout.extra)
        self._schemas = {
            "aliases": pa.schema(
                [
                    *((name, pa.string()) for name in names),
                    ("content_id", pa.binary(32)),
                    ("row", pa.int64()),
                ]
            ),
            "rows": NEW_ROWS,
            "rejected": REJECTED,
            "seen": SEEN,
        }
        self._open: dict[str, list[pa.Table]] = {name: [] for name in self._schemas}
        self.progress = self._load()

    def note(self, block: Block, decision: Decision) -> None:
        """Take up what was decided of the first rows of a block."""
        n = decision.n
        text, contents = block.text.slice(0, n), block.contents[:n]
        new = decision.is_alias
        aliases = text.filter(pa.array(new))
        aliases = aliases.append_column("content_id", binary_column(contents[new]))
        aliases = aliases.append_column("row", pa.array(decision.row[new]))
        self._open["aliases"].append(aliases)
        rows = text.select(["file"]).filter(pa.array(decision.is_row))
        rows = rows.add_column(0, "content_id", binary_column(contents[decision.is_row]))
        self._open["rows"].append(rows)
        dated = (block.first_day[:n] != NO_FIRST) | (block.last_day[:n] != NO_LAST)
        dated &= decision.accepted
        if dated.any():
            columns = (decision.alias[dated], block.first_day[:n][dated], block.last_day[:n][dated])
            arrays = [pa.array(column) for column in columns]
            self._open["seen"].append(pa.Table.from_arrays(arrays, schema=SEEN))
        if not decision.accepted.all():
            self._open["rejected"].append(_rejected(block, decision))

    def save(self, progress: Progress) -> None:
        """Write what was taken up since the last time as a part, then the record."""
        for name in self._schemas:
            tables.write(self._part(name, self.progress.n_parts), self._rest(name),
                         points.IMPORT_PART)  # fmt: skip
            self._open[name].clear()
        record = {"version": _VERSION, "key": self._key, **asdict(progress)}
        files.write_json(files.join(self._folder, _RECORD), record, points.IMPORT_JOURNAL)
        self.progress = progress

    def table(self, name: str, *, with_rest: bool = True) -> pa.Table:
        """Return ``aliases``, ``rows``, ``rejected`` or ``seen`` of the whole import so far."""
        schema = self._schemas[name]
        parts = [
            tables.read(self._part(name, part)).cast(schema)
            for part in range(self.progress.n_parts)
        ]
        return pa.concat_tables([*parts, self._rest(name)] if with_rest else parts)

    def clear(self) -> None:
        """Remove it from the disk."""
        files.remove(self._folder, points.IMPORT_DONE)

    def _rest(self, name: str) -> pa.Table:
        schema = self._schemas[name]
        return pa.concat_tables([schema.empty_table(), *self._open[name]])

    def _part(self, name: str, part: int) -> str:
        return files.join(self._folder, f"{part:06d}.{name}.parquet")

    def _load(self) -> Progress:
        url = files.join(self._folder, _RECORD)
        if not files.exists(url):
            return Progress()
        record: dict[str, Any] = files.read_json(url)
        if record.pop("version", None) != _VERSION or record.pop("key", None) != self._key:
            return Progress()
        return Progress(**{**record, "counts": Counts(**record["counts"])})


def _rejected(block: Block, decision: Decision) -> pa.Table:
    refused = np.flatnonzero(~decision.accepted)
    codes = decision.reasons[refused]
    text = block.text.take(pa.array(refused))
    details = [
        f"row {block.first + row:,} of {block.where}, counted from 0" + (
            f": {block.lengths[row]:,} values" if code == _WRONG_DIMENSION else ""
        )
        for row, code in zip(refused.tolist(), codes.tolist(), strict=True)
    ]  # fmt: skip
    n = len(refused)
    columns = {
        "file": text["file"],
        "banner_id": text["banner_id"],
        "content_id": pa.nulls(n, pa.binary(32)),
        "stage": pa.repeat("import", n),
        "reason": pa.array([REASONS[code] for code in codes], pa.string()),
        "detail": pa.array(details, pa.string()),
    }
    return pa.table(columns, REJECTED)
