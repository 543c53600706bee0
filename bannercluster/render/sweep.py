"""The sweep as a table (a row a metric, a column a model) and as one plot a metric."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from bannercluster.render.measured import MetricValue, SweepRow, SweepView
from bannercluster.render.metrics import GROUP_TITLES, Metric
from bannercluster.render.plots import Point, Series, metric_plot
from bannercluster.render.text import DASH, figure


@dataclass(frozen=True, slots=True)
class Cell:
    """A value as it is written, with its interval, and whether it is the best beyond noise."""

    value: str
    interval: str
    best: bool


@dataclass(frozen=True, slots=True)
class TableRow:
    """A metric over all models."""

    metric: Metric
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class TableGroup:
    """Metrics that belong together."""

    title: str
    rows: tuple[TableRow, ...]


@dataclass(frozen=True, slots=True)
class Plot:
    """A metric against k."""

    metric: Metric
    svg: str


def table(sweep: SweepView) -> tuple[TableGroup, ...]:
    """Rows of the metrics that have a value in at least one model, in the order of the metrics.

    The best of a row is marked where it differs from the next best by more than the noise, and
    the metric may be compared between these models. Without an interval the noise is not known,
    and nothing is marked.

    Raises
    ------
    ValueError
        If a value names a metric that the sweep does not have.
    """
    by_model = [values_by_key(sweep, row) for row in sweep.rows]
    groups: dict[str, list[TableRow]] = {}
    for metric in sweep.metrics:
        values = [values.get(metric.key) for values in by_model]
        if any(value is not None and is_number(value.value) for value in values):
            best = _best(sweep, metric, values)
            cells = tuple(_cell(metric, v, place == best) for place, v in enumerate(values))
            groups.setdefault(GROUP_TITLES[metric.group], []).append(TableRow(metric, cells))
    return tuple(TableGroup(title, tuple(rows)) for title, rows in groups.items())


def plots(sweep: SweepView) -> tuple[Plot, ...]:
    """Draw the metrics that have a value: a line an algorithm, inertia with all restarts."""
    by_model = [(row, values_by_key(sweep, row)) for row in sweep.rows]
    algorithms = tuple(dict.fromkeys(row.algorithm for row in sweep.rows))
    drawn = []
    for nth, metric in enumerate(m for m in sweep.metrics if m.plotted):
        series = []
        for number, algorithm in enumerate(algorithms):
            own = [(row, values) for row, values in by_model if row.algorithm == algorithm]
            found = [(row, values[metric.key]) for row, values in own if metric.key in values]
            points = tuple(
                Point(row.k, v.value, v.low, v.high, row.chosen)
                for row, v in sorted(found, key=lambda pair: pair[0].k)
                if v.value is not None and math.isfinite(v.value)
            )
            dots = tuple((row.k, y) for row, _ in own for y in row.restart_inertia)
            if points:
                restarts = dots if metric.key == "inertia" else ()
                series.append(Series(algorithm, points, restarts, number))
        if series:
            svg = metric_plot(metric.title, tuple(series), metric.style, f"plot-{nth}")
            drawn.append(Plot(metric, svg))
    return tuple(drawn)


def comparable(sweep: SweepView, metric: Metric) -> bool:
    """Whether the models may be compared by a metric: by those that move with k, at one k only."""
    return metric.across_k or len({row.k for row in sweep.rows}) == 1


def values_by_key(sweep: SweepView, row: SweepRow) -> dict[str, MetricValue]:
    """Values of a model by the keys of their metrics.

    Raises
    ------
    ValueError
        If a value names a metric that the sweep does not have.
    """
    known = {metric.key for metric in sweep.metrics}
    unknown = sorted({v.metric for v in row.values} - known)
    if unknown:
        raise ValueError(f"unknown metrics {unknown} at k = {row.k}: add them to SweepView.metrics")
    return {v.metric: v for v in row.values}


def is_number(value: float | None) -> bool:
    """Whether a value is there and finite."""
    return value is not None and math.isfinite(value)


def _cell(metric: Metric, value: MetricValue | None, best: bool) -> Cell:
    if value is None:
        return Cell(DASH, "", best=False)
    interval = ""
    if is_number(value.low) and is_number(value.high):
        interval = f"{figure(value.low, metric.style)} to {figure(value.high, metric.style)}"
    return Cell(figure(value.value, metric.style), interval, best)


def _best(sweep: SweepView, metric: Metric, values: Sequence[MetricValue | None]) -> int | None:
    """Place of the model whose lead over the next best exceeds the noise, if there is one."""
    if not metric.better or not comparable(sweep, metric):
        return None
    sign = -1.0 if metric.better == "higher" else 1.0
    ranked = sorted(
        (sign * value.value, place)
        for place, value in enumerate(values)
        if value is not None and value.value is not None and math.isfinite(value.value)
    )
    if len(ranked) < 2:
        return None
    first, second = ranked[0][1], ranked[1][1]
    beyond = any(
        {d.first, d.second} == {first, second} and d.exceeds_noise
        for d in sweep.differences
        if d.metric == metric.key
    )
    return first if beyond else None
