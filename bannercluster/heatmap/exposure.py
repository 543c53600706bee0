"""``exposure.parquet``: how often a grid was shown on a domain, a row for each day."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from bannercluster.heatmap.pairs import Pairs
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

FIGURES = ("visits", "impressions", "clicks")

COLUMNS: dict[str, Kind] = {
    "domain": "text",
    "grid_id": "text",
    "day": "day",
    "visits": "number",
    "impressions": "number",
    "clicks": "number",
}
"""What a table of exposure must have."""

SCHEMA = pa.schema(
    [
        ("domain", pa.string()),
        ("grid_id", pa.string()),
        ("day", pa.date32()),
        *((name, pa.int64()) for name in FIGURES),
    ]
)
"""Columns of a table of exposure as `bc heatmap synth` writes it."""

REASONS = ("", "no_domain", "no_grid_id", "bad_day", "bad_count", "repeated")

_MOST = 2**53
"""A count that float64 has no room for is no count."""


@dataclass(eq=False)
class Exposed:
    """Sums over the days of the period.

    Parameters
    ----------
    sums : ndarray of shape (n, 3), float64
        Visits, impressions and clicks of each heatmap; NaN where no day is known.
    n_rows, n_other_days : int
    n_rejected : dict of str to int
        By their reason.
    """

    sums: npt.NDArray[np.float64]
    n_rows: int = 0
    n_other_days: int = 0
    n_rejected: dict[str, int] = field(default_factory=dict)


def open_exposure(url: str) -> RowTable:
    """Open a table of exposure.

    Raises
    ------
    UsageError, StoreError
        As :func:`~bannercluster.heatmap.tables.open_table`.
    """
    return open_table(url, COLUMNS, "exposure", "--exposure")


@dataclass(frozen=True, eq=False)
class _Days:
    """Good rows of the period, in the order of the table."""

    pair: npt.NDArray[np.int64]
    day: npt.NDArray[np.int32]
    figures: npt.NDArray[np.float64]
    file: npt.NDArray[np.object_]
    row: npt.NDArray[np.int64]


def sum_exposure(table: RowTable, pairs: Pairs, period: Period, refuse: Refuse) -> Exposed:
    """Sum the exposure of every heatmap over the days of a period.

    Of several rows of one day of a pair the one with the highest figures counts, so that the
    sums do not depend on the order of rows or files.
    """
    found = Exposed(np.full((len(pairs), len(FIGURES)), np.nan))
    parts = [_judge(rows, pairs, period, found, refuse) for rows in table.batches(tuple(COLUMNS))]
    if not parts:
        return found
    days = _Days(
        *(np.concatenate([getattr(part, name) for part in parts]) for name in _Days.__annotations__)
    )
    order = np.lexsort((days.row, *(-days.figures.T[::-1]), days.day, days.pair))
    pair, day = days.pair[order], days.day[order]
    again = np.zeros(len(order), bool)
    again[1:] = (pair[1:] == pair[:-1]) & (day[1:] == day[:-1])
    first = order[~again]
    known = np.unique(days.pair[first])
    found.sums[known] = 0
    np.add.at(found.sums, days.pair[first], days.figures[first])
    others = order[again]
    _tell(found, refuse, days.file[others], days.row[others], np.full(len(others), 5))
    return found


def _judge(rows: Rows, pairs: Pairs, period: Period, found: Exposed, refuse: Refuse) -> _Days:
    """Count and reject what is bad, and return the rest."""
    column = rows.columns
    domain, _ = names_of(column["domain"])
    grid, _ = names_of(column["grid_id"])
    day = days_of(column["day"])
    figures = np.stack([numbers_of(column[name]) for name in FIGURES], axis=1)
    whole = (figures >= 0) & (figures < _MOST) & (figures == np.floor(figures))
    reason = np.zeros(rows.n, np.int64)
    for code, holds in ((4, ~whole.all(axis=1)), (3, ~is_day(day)), (2, grid < 0), (1, domain < 0)):
        reason[holds] = code
    asked = period.holds(day)
    found.n_rows += rows.n
    found.n_other_days += int(((reason == 0) & ~asked).sum())
    number = rows.first + np.arange(rows.n)
    file = np.full(rows.n, rows.file, object)
    bad, good = reason > 0, (reason == 0) & asked
    _tell(found, refuse, file[bad], number[bad], reason[bad])
    return _Days(pairs.find(rows)[good], day[good], figures[good], file[good], number[good])


def _tell(
    found: Exposed,
    refuse: Refuse,
    file: npt.NDArray[np.object_],
    row: npt.NDArray[np.int64],
    reason: npt.NDArray[np.int64],
) -> None:
    if not len(row):
        return
    for code, n in zip(*np.unique(reason, return_counts=True), strict=True):
        found.n_rejected[REASONS[code]] = found.n_rejected.get(REASONS[code], 0) + int(n)
    refuse(
        rejected_rows(
            "exposure",
            pa.array(file, pa.string()),
            pa.array(row, pa.int64()),
            pa.nulls(len(row), pa.string()),
            pa.array(REASONS).take(pa.array(reason)),
        )
    )
