"""The sweep as a table (a row a metric, a column a model) and as one plot a metric."""

from __future__ import annotations

import math
from dataclasses import dataclass

from bannercluster.render.metrics import Metric
from bannercluster.render.plots import Point, Series, metric_plot
from bannercluster.render.text import DASH, figure
from bannercluster.render.views import MetricValue, SweepRow, SweepView


@dataclass(frozen=True, slots=True)
class Cell:
    """A value as it is written, with its interval, and whether it is the best of its metric."""

    value: str
    interval: str
    best: bool


@dataclass(frozen=True, slots=True)
class TableRow:
    """A metric over all models."""

    metric: Metric
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Plot:
    """A metric against k."""

    metric: Metric
    svg: str


def table(sweep: SweepView) -> tuple[TableRow, ...]:
    """Rows of the metrics that have a value in at least one model, in the order of the metrics.

    Raises
    ------
    ValueError
        If a value names a metric that the sweep does not have.
    """
    by_model = [_by_key(sweep, row) for row in sweep.rows]
    rows = []
    for metric in sweep.metrics:
        values = [values.get(metric.key) for values in by_model]
        known = [v.value for v in values if v is not None and _is_number(v.value)]
        if known:
            best = _best(metric, [v for v in known if v is not None])
            rows.append(TableRow(metric, tuple(_cell(metric, v, best) for v in values)))
    return tuple(rows)


def plots(sweep: SweepView) -> tuple[Plot, ...]:
    """Draw the metrics that have a value: a line an algorithm, inertia with all restarts."""
    by_model = [(row, _by_key(sweep, row)) for row in sweep.rows]
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


def _by_key(sweep: SweepView, row: SweepRow) -> dict[str, MetricValue]:
    known = {metric.key for metric in sweep.metrics}
    unknown = sorted({v.metric for v in row.values} - known)
    if unknown:
        raise ValueError(f"unknown metrics {unknown} at k = {row.k}: add them to SweepView.metrics")
    return {v.metric: v for v in row.values}


def _cell(metric: Metric, value: MetricValue | None, best: float | None) -> Cell:
    if value is None:
        return Cell(DASH, "", best=False)
    interval = ""
    if value.low is not None and value.high is not None:
        interval = f"{figure(value.low, metric.style)} to {figure(value.high, metric.style)}"
    is_best = best is not None and value.value == best
    return Cell(figure(value.value, metric.style), interval, is_best)


def _best(metric: Metric, values: list[float]) -> float | None:
    if not metric.better or len(values) < 2 or min(values) == max(values):
        return None
    return max(values) if metric.better == "higher" else min(values)


def _is_number(value: float | None) -> bool:
    return value is not None and math.isfinite(value)
