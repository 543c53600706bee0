"""How good the scores are where the truth of the heatmaps is known."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import xarray as xr

from bannercluster.heatmap.quality import Estimated, false_positive_rate, ranking
from bannercluster.heatmap.references import names_of
from bannercluster.heatmap.report.quality import (
    CalibrationRow,
    CalibrationView,
    Estimate,
    FaultRow,
    FigureRow,
    QualityView,
    RocCurve,
)
from bannercluster.heatmap.scores_table import figures
from bannercluster.heatmap.verbs.score import KnownHeatmaps, known_heatmaps

Array = npt.NDArray[np.float64]

_ONE_IN = 0.05
"""Nominal rate of the false positives by clicks: few hundred heatmaps show no rate of 1 %."""

_LEAST_OF_A_ROW, _MOST_ROWS = 150, 6
"""Healthy heatmaps that a rate is of, at least; rates that are shown, at most."""

_N_POINTS = 200
"""Of a ROC curve, dense where false positives are few."""


def quality_view(found: xr.Dataset, table: pa.Table) -> QualityView | None:
    """Return figures against the known truth; None where it is not known of both kinds.

    Parameters
    ----------
    found : Dataset
        The heatmaps.
    table : Table
        Of their scores.
    """
    known = known_heatmaps(found, table)
    if known is None:
        return None
    ranked = ranking(known.scores, known.broken, known.grid)
    auroc = _estimate(ranked.auroc)
    return QualityView(
        source=(
            f"the heatmaps of this report: {ranked.n_broken:,} broken and {ranked.n_healthy:,} "
            f"healthy ones of which the truth is known, references left aside"
        ),
        curves=(RocCurve("this report's scores", _roc(known.scores, known.broken), auroc),),
        figures=(
            FigureRow("AUROC", auroc),
            FigureRow("recall at 1 % false positives", _estimate(ranked.recall)),
        ),
        faults=_faults(found, table, known),
        calibration=_calibration(table, known),
        note="Intervals are bootstrapped over grids. A truth that was simulated says how well "
        "simulated faults are found.",
    )


def _roc(scores: Array, broken: npt.NDArray[np.bool_]) -> tuple[tuple[float, float], ...]:
    """Return false and true positive rates, ascending, from (0, 0) to (1, 1)."""
    order = np.argsort(-scores, kind="stable")
    last = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))
    true, false = (
        np.append(0.0, np.cumsum(kind[order])[last] / kind.sum()) for kind in (broken, ~broken)
    )
    wanted = np.linspace(0, 1, _N_POINTS) ** 3
    kept = np.unique(np.append(0, np.searchsorted(false, wanted, side="right") - 1))
    return tuple((float(false[nth]), float(true[nth])) for nth in kept)


def _faults(found: xr.Dataset, table: pa.Table, known: KnownHeatmaps) -> tuple[FaultRow, ...]:
    if "fault" not in found.coords:
        return ()
    fault = names_of(found, "fault")[known.rows]
    named, alert = (
        table[name].to_numpy(zero_copy_only=False)[known.rows] for name in ("fault", "alert")
    )
    shown = []
    for name in sorted(set(fault[known.broken].tolist()) - {""}):
        own = known.broken & (fault == name)
        chosen = own | ~known.broken
        one = ranking(known.scores[chosen], known.broken[chosen], known.grid[chosen])
        alerts = alert & own
        shown.append(
            FaultRow(
                name,
                one.n_broken,
                _estimate(one.auroc),
                _estimate(one.recall),
                named=Estimate(float((named[alerts] == name).mean())) if alerts.any() else None,
            )
        )
    return tuple(shown)


def _calibration(table: pa.Table, known: KnownHeatmaps) -> CalibrationView | None:
    """Return false positives by clicks, in as many groups as have heatmaps enough."""
    p, n_clicks = (figures(table, name)[known.rows] for name in ("p", "n_clicks"))
    healthy = np.flatnonzero(~known.broken)
    if len(healthy) < _LEAST_OF_A_ROW:
        return None
    by_clicks = healthy[np.argsort(n_clicks[healthy], kind="stable")]
    shown = []
    for rows in np.array_split(by_clicks, min(_MOST_ROWS, len(healthy) // _LEAST_OF_A_ROW)):
        rate = false_positive_rate(p[rows], known.grid[rows], _ONE_IN)
        low, high = n_clicks[rows[[0, -1]]]
        shown.append(CalibrationRow(f"{low:,.0f} to {high:,.0f}", len(rows), _estimate(rate)))
    return CalibrationView(tuple(shown), nominal=_ONE_IN, band=(0.02, 0.08))


def _estimate(one: Estimated) -> Estimate:
    return Estimate(one.value, one.low, one.high)
