"""``clicks.parquet`` to counts: a heatmap for each grid of each domain, whatever the row order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from bannercluster.heatmap import events
from bannercluster.heatmap.binning import EDGES, N_BINS, Counts, bin_of
from bannercluster.heatmap.pairs import Pair, Pairs, PairSet
from bannercluster.heatmap.period import Period, is_day
from bannercluster.heatmap.rejected import Refuse, rejected_rows
from bannercluster.heatmap.tables import (
    Kind,
    Rows,
    RowTable,
    days_of,
    names_of,
    numbers_of,
    open_table,
)

COLUMNS: dict[str, Kind] = {
    "event_id": "text",
    "day": "day",
    "domain": "text",
    "grid_id": "text",
    "x": "number",
    "y": "number",
}
"""What a table of clicks must have. slot_w, slot_h and device may stand beside it."""

SCHEMA = pa.schema(
    [
        ("event_id", pa.string()),
        ("day", pa.date32()),
        ("domain", pa.string()),
        ("grid_id", pa.string()),
        ("x", pa.float64()),
        ("y", pa.float64()),
        ("slot_w", pa.int32()),
        ("slot_h", pa.int32()),
        ("device", pa.string()),
    ]
)
"""Columns of a table of clicks as `bc heatmap synth` writes it."""

REASONS = ("", "no_event_id", "no_domain", "no_grid_id", "bad_day", "bad_position", "repeated")
"""Why a click is rejected, the first that holds; "" for one that is not."""

NO_EVENT, NO_DOMAIN, NO_GRID, BAD_DAY, BAD_POSITION, REPEATED = range(1, len(REASONS))


@dataclass(frozen=True, eq=False)
class Survey:
    """What a first look at all clicks finds.

    Parameters
    ----------
    pairs : set of (grid, domain)
        Every one that a row names.
    repeated : ndarray of uint64
        Hashes of ids that may come more than once, sorted.
    """

    pairs: set[Pair]
    repeated: events.Hashes


@dataclass(eq=False)
class Gathered:
    """Counts of the clicks so far, an entry for each pair of the survey.

    Parameters
    ----------
    counts : ndarray of shape (n, 64, 64), uint32
    n_beyond : ndarray of shape (n,), int64
        Clicks beyond the ring.
    n_rows, n_other_days : int
        All rows; those of days outside the period.
    n_rejected : dict of str to int
        By their reason.
    """

    counts: Counts
    n_beyond: npt.NDArray[np.int64]
    n_rows: int = 0
    n_other_days: int = 0
    n_rejected: dict[str, int] = field(default_factory=dict)

    @property
    def n_clicks(self) -> npt.NDArray[np.int64]:
        """Clicks of each heatmap, shape (n,)."""
        clicks: npt.NDArray[np.int64] = self.counts.sum(axis=(1, 2), dtype=np.int64)
        return clicks


def open_clicks(url: str) -> RowTable:
    """Open a table of clicks.

    Raises
    ------
    UsageError, StoreError
        As :func:`~bannercluster.heatmap.tables.open_table`.
    """
    return open_table(url, COLUMNS, "clicks", "--clicks")


def pairs_of(table: RowTable) -> set[Pair]:
    """Return the grids and domains that the rows of a table name."""
    found = PairSet()
    for rows in table.batches(("domain", "grid_id")):
        found.add(rows)
    return found.pairs()


def survey(table: RowTable, advance: Callable[[int], None]) -> Survey:
    """Look at all clicks once: what heatmaps there will be, and which ids may recur."""
    found, hashes = PairSet(), []
    for rows in table.batches(("domain", "grid_id", "event_id")):
        found.add(rows)
        hashes.append(events.hashes_of(rows.columns["event_id"]))
        advance(rows.n)
    return Survey(found.pairs(), events.repeated(hashes))


def gather(
    table: RowTable,
    seen: Survey,
    pairs: Pairs,
    period: Period,
    refuse: Refuse,
    advance: Callable[[int], None],
) -> Gathered:
    """Count the clicks of every heatmap.

    Of several good rows with one event id one counts: the first by day, domain, grid, x and y,
    so that the counts do not depend on the order of rows or files.

    Parameters
    ----------
    table : RowTable
    seen : Survey
        Of the same table.
    pairs : Pairs
        The heatmaps, in their order; those of the survey and perhaps more.
    period : Period
    refuse : callable
        Takes the rejected rows.
    advance : callable
        Told of rows that are done.
    """
    n = len(pairs)
    found = Gathered(np.zeros((n, N_BINS, N_BINS), np.uint32), np.zeros(n, np.int64))
    waiting: list[pa.Table] = []
    for rows in table.batches(tuple(COLUMNS)):
        judged = _judged(rows, pairs)
        found.n_rows += rows.n
        good = judged.reason == 0
        # Before the period is looked at: a bad row is bad, whatever its day.
        asked = good & period.holds(judged.day)
        found.n_other_days += int((good & ~asked).sum())
        _refuse(found, refuse, rows, judged.reason)
        ids = rows.columns["event_id"]
        once = asked
        if len(seen.repeated):
            again = asked & events.is_among(events.hashes_of(ids), seen.repeated)
            once = asked & ~again
            waiting += _aside(rows, judged, again)
        _count(found, judged.pair[once], judged.x[once], judged.y[once])
        advance(rows.n)
    _count_first(found, waiting, refuse)
    return found


@dataclass(frozen=True, eq=False)
class _Judged:
    pair: npt.NDArray[np.int64]
    day: npt.NDArray[np.int32]
    x: npt.NDArray[np.float64]
    y: npt.NDArray[np.float64]
    reason: npt.NDArray[np.uint8]


def _judged(rows: Rows, pairs: Pairs) -> _Judged:
    column = rows.columns
    domain, _ = names_of(column["domain"])
    grid, _ = names_of(column["grid_id"])
    day, x, y = days_of(column["day"]), numbers_of(column["x"]), numbers_of(column["y"])
    ids = events.as_text(column["event_id"])
    no_id = pc.equal(pc.binary_length(ids), 0).fill_null(True)
    reason = np.zeros(rows.n, np.uint8)
    verdicts = (
        (NO_EVENT, no_id.to_numpy(zero_copy_only=False)),
        (NO_DOMAIN, domain < 0),
        (NO_GRID, grid < 0),
        (BAD_DAY, ~is_day(day)),
        (BAD_POSITION, ~(np.isfinite(x) & np.isfinite(y))),
    )
    for code, holds in reversed(verdicts):  # the first of them is written last
        reason[holds] = code
    return _Judged(pairs.find(rows), day, x, y, reason)


def _count(
    found: Gathered,
    pair: npt.NDArray[np.int64],
    x: npt.NDArray[np.float64],
    y: npt.NDArray[np.float64],
) -> None:
    cell = (pair * N_BINS + bin_of(y)) * N_BINS + bin_of(x)
    np.add.at(found.counts.reshape(-1), cell, np.uint32(1))
    low, high = EDGES[0], EDGES[-1]
    beyond = (x < low) | (x > high) | (y < low) | (y > high)
    found.n_beyond += np.bincount(pair[beyond], minlength=len(found.n_beyond))


def _aside(rows: Rows, judged: _Judged, again: npt.NDArray[np.bool_]) -> list[pa.Table]:
    """Return the rows whose id may come again, with what tells copies apart."""
    at = np.flatnonzero(again)
    if not len(at):
        return []
    column = rows.columns
    return [
        pa.table(
            {
                "event_id": events.as_text(column["event_id"].take(pa.array(at))),
                "day": judged.day[at],
                "pair": judged.pair[at],
                "x": judged.x[at],
                "y": judged.y[at],
                "file": pa.repeat(pa.scalar(rows.file), len(at)).dictionary_encode(),
                "row": rows.first + at,
            }
        )
    ]


def _count_first(found: Gathered, waiting: list[pa.Table], refuse: Refuse) -> None:
    """Count one row of each id, and reject the others."""
    if not waiting:
        return
    rows = pa.concat_tables(waiting).unify_dictionaries().combine_chunks()
    order = ("event_id", "day", "pair", "x", "y", "file", "row")
    rows = rows.take(
        pc.sort_indices(
            rows.set_column(5, "file", rows["file"].cast(pa.string())),
            sort_keys=[(name, "ascending") for name in order],
        )
    )
    ids = rows["event_id"].combine_chunks()
    same = pc.equal(ids[1:], ids[:-1]).to_numpy(zero_copy_only=False)
    is_first = np.concatenate([[True], ~same])
    first = rows.filter(pa.array(is_first))
    _count(found, *(first[name].to_numpy() for name in ("pair", "x", "y")))
    others = rows.filter(pa.array(~is_first))
    if not len(others):
        return
    found.n_rejected["repeated"] = found.n_rejected.get("repeated", 0) + len(others)
    refuse(
        rejected_rows(
            "clicks",
            others["file"].cast(pa.string()).combine_chunks(),
            others["row"].combine_chunks(),
            others["event_id"].cast(pa.string()).combine_chunks(),
            pa.repeat(pa.scalar("repeated"), len(others)),
        )
    )


def _refuse(found: Gathered, refuse: Refuse, rows: Rows, reason: npt.NDArray[np.uint8]) -> None:
    at = np.flatnonzero(reason)
    if not len(at):
        return
    for code, n in zip(*np.unique(reason[at], return_counts=True), strict=True):
        name = REASONS[code]
        found.n_rejected[name] = found.n_rejected.get(name, 0) + int(n)
    ids = events.as_text(rows.columns["event_id"].take(pa.array(at)))
    refuse(
        rejected_rows(
            "clicks",
            pa.repeat(pa.scalar(rows.file), len(at)),
            pa.array(rows.first + at),
            ids.cast(pa.string()),
            pa.array(REASONS).take(pa.array(reason[at])),
        )
    )
