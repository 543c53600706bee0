"""What a model's card says of blocks that were tried beside the statistics."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bannercluster.heatmap.model import HeatmapModel
from bannercluster.heatmap.report.quality import Estimate
from bannercluster.heatmap.report.views import BlockRow, BlocksView
from bannercluster.heatmap.verbs.train_result import AlsoFigure, also_figures


def blocks_view(model: HeatmapModel | None) -> BlocksView | None:
    """Return what was tried; None where nothing was."""
    if model is None:
        return None
    gate, also = model.card["gate"], also_figures(model.card, tuple(model.card["also"]))
    if gate is None and not also:
        return None
    lessons = model.card["lessons"]
    return BlocksView(
        metric="AUROC, grids left out",
        baseline=f"the statistics alone, on {lessons['n_heatmaps']:,} simulated heatmaps of "
        f"{lessons['n_grids']:,} grids",
        rows=() if gate is None else (_row(gate),),
        findings=tuple(_told(one) for one in also),
    )


def _row(gate: Mapping[str, Any]) -> BlockRow:
    gain, auroc, before = gate["gain"], gate["auroc"]["value"], gate["baseline"]["value"]
    return BlockRow(
        gate["block"],
        Estimate(gain["value"], gain["low"], gain["high"]),
        gate["kept"],
        f"{auroc:.4f} with it, {before:.4f} without",
    )


def _told(one: AlsoFigure) -> str:
    return (
        f"{one.network}, {one.figure}: {one.value:.3f}; {one.reference}: {one.reference_value:.3f}."
    )
