"""Which differences between models exceed their noise, as a table: a metric a row, a pair a column.

A few models are compared each with each. More of them are compared with the chosen one, and the
other pairs are counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Final

from bannercluster.render.measured import DifferenceView, SweepView
from bannercluster.render.metrics import Metric
from bannercluster.render.sweep import comparable
from bannercluster.render.text import figure, signed

EACH_WITH_EACH: Final = 4  # models: six pairs


@dataclass(frozen=True, slots=True)
class DifferenceCell:
    """A difference as it is written; empty texts where it is not known."""

    value: str
    interval: str
    exceeds_noise: bool


@dataclass(frozen=True, slots=True)
class DifferenceRow:
    """A metric over the pairs that are shown.

    Parameters
    ----------
    metric : Metric
    cells : tuple of DifferenceCell
    n_pairs, n_beyond : int
        All pairs of models that have this difference; those of them beyond the noise.
    """

    metric: Metric
    cells: tuple[DifferenceCell, ...]
    n_pairs: int
    n_beyond: int


@dataclass(frozen=True, slots=True)
class DifferenceTable:
    """Differences between models.

    Parameters
    ----------
    pairs : tuple of (int, int)
        Places of the models in `SweepView.rows`: the first against the second.
    rows : tuple of DifferenceRow
    n_pairs : int
        Pairs of all models.
    leaves_out : bool
        Whether there are differences that say nothing, of metrics that move with k by themselves.
    """

    pairs: tuple[tuple[int, int], ...]
    rows: tuple[DifferenceRow, ...]
    n_pairs: int
    leaves_out: bool


def difference_table(sweep: SweepView) -> DifferenceTable | None:
    """Return the table, or None where no difference is known.

    Raises
    ------
    ValueError
        If a difference names a metric or a model that the sweep does not have.
    """
    known = {metric.key for metric in sweep.metrics}
    for one in sweep.differences:
        if one.metric not in known or not {one.first, one.second} <= set(range(len(sweep.rows))):
            raise ValueError(
                f"a difference of {one.metric} between the models {one.first} and {one.second}: "
                f"expected metrics of SweepView.metrics and places in SweepView.rows"
            )
    pairs = _pairs(sweep)
    rows, leaves_out = [], False
    for metric in sweep.metrics:
        own = {(d.first, d.second): d for d in sweep.differences if d.metric == metric.key}
        if own and comparable(sweep, metric):
            cells = tuple(_cell(metric, own, pair) for pair in pairs)
            n_beyond = sum(d.exceeds_noise for d in own.values())
            rows.append(DifferenceRow(metric, cells, len(own), n_beyond))
        elif own:
            leaves_out = True
    if not rows:
        return None
    n = len(sweep.rows)
    return DifferenceTable(pairs, tuple(rows), n * (n - 1) // 2, leaves_out)


def _pairs(sweep: SweepView) -> tuple[tuple[int, int], ...]:
    """Pairs with the chosen model first; where no other column says so, the larger k leads."""
    places = range(len(sweep.rows))
    chosen = next((place for place in places if sweep.rows[place].chosen), None)
    with_chosen = () if chosen is None else tuple((chosen, p) for p in places if p != chosen)
    if len(sweep.rows) > EACH_WITH_EACH and with_chosen:
        return with_chosen
    others = [p for p in places if p != chosen]
    turned = ((b, a) if sweep.rows[b].k > sweep.rows[a].k else (a, b)
              for a, b in combinations(others, 2))  # fmt: skip
    return (*with_chosen, *turned)


def _cell(
    metric: Metric, own: dict[tuple[int, int], DifferenceView], pair: tuple[int, int]
) -> DifferenceCell:
    first, second = pair
    found = own.get(pair)
    if found is None and (second, first) in own:
        found = own[second, first].turned
    if found is None:
        return DifferenceCell("", "", exceeds_noise=False)
    return DifferenceCell(
        signed(found.value, metric.style),
        f"{figure(found.low, metric.style)} to {figure(found.high, metric.style)}",
        found.exceeds_noise,
    )
