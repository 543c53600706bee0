"""Curves, the generalisation matrix and faults by clicks of the benchmark, as views."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from bannercluster.heatmap.report.quality import (
    FaultByClicksRow,
    FaultByClicksView,
    GeneralisationCell,
    RocCurve,
)
from bannercluster.heatmap.verbs.report_conditions import estimate

GENERALISATION_NOTE: Final = (
    "By the final p of the statistics alone, because the network is taught all faults and clicks. "
    "A seen grid is one of those taught, its domains are others. Held-out faults are left out of "
    "the teaching one at a time; the figure is the mean over faults."
)

_CURVES: Final = (
    ("log_odds", "this scorer"),
    ("oracle", "oracle, on the heatmaps that it saw"),
    ("chi_square", "chi-square alone"),
    ("users", "the users' recipe"),
)
"""Curves that are drawn, in the order of their colours."""


def curves(roc: Mapping[str, Any]) -> tuple[RocCurve, ...]:
    """Return the ROC curves of a benchmark."""
    return tuple(
        RocCurve(
            name,
            tuple((float(false), float(found)) for false, found in roc[key]["points"]),
            estimate(roc[key]["auroc"]),
        )
        for key, name in _CURVES
        if key in roc
    )


def generalisation(cells: Iterable[Mapping[str, Any]]) -> tuple[GeneralisationCell, ...]:
    """Return the cells of the matrix."""
    return tuple(
        GeneralisationCell(
            held_out_grid=bool(one["held_out_grid"]),
            held_out_fault=bool(one["held_out_fault"]),
            extrapolated_clicks=bool(one["other_clicks"]),
            n_heatmaps=int(one["n_broken"]) + int(one["n_healthy"]),
            auroc=estimate(one["auroc"]),
            recall=estimate(one["recall"]),
        )
        for one in cells
    )


def faults_by_clicks(by_fault: Mapping[str, Any]) -> FaultByClicksView | None:
    """Return AUROC by fault and number of clicks; None where there is none."""
    n_clicks = sorted({int(n) for one in by_fault.values() for n in one})
    if not n_clicks:
        return None
    rows = tuple(
        FaultByClicksRow(
            fault,
            tuple(estimate(one[str(n)]["auroc"]) if str(n) in one else None for n in n_clicks),
        )
        for fault, one in by_fault.items()
    )
    return FaultByClicksView(tuple(f"{n:,}" for n in n_clicks), rows)
