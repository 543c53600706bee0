"""Reports of heatmaps to render, with invented numbers."""

from __future__ import annotations

import numpy as np

from bannercluster.heatmap.pictures.figures import Mark, ScatterView
from bannercluster.heatmap.report.quality import (
    CalibrationRow,
    CalibrationView,
    Estimate,
    FaultRow,
    FigureRow,
    GeneralisationCell,
    GoalRow,
    QualityView,
    RocCurve,
)
from bannercluster.heatmap.report.views import (
    AlertsView,
    AlertView,
    BlockRow,
    BlocksView,
    FaultGuess,
    GroupAlerts,
    HeatmapPage,
    PicturesView,
    PValues,
    ScoredView,
    Truth,
)
from bannercluster.render.views import Fact

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</style><style>*{display:none}",
    "</title><svg/onload=alert(1)>",
    "]]> <![CDATA[ <!-- -->",
    "left\u202egnp.exe\u2066\u200f",
    "nul\x00bell\x07del\x7f\u2028",
    "lone\ud800surrogate",
    "{{ 7 * 7 }}{% include 'x' %}",
    "shop.example/" + "long" * 900,
)

SURE = Estimate(0.95, 0.94, 0.96)
ORACLE = Estimate(0.97)


def alert(nth: int = 0, text: str = "", fault: str = "overlay") -> AlertView:
    """One heatmap with a hot spot, on a grid of one tile."""
    rng = np.random.default_rng(nth)
    reference = np.full((64, 64), 1e-5)
    reference[20:40, 10:50] = 1e-3
    reference /= reference.sum()
    counts = rng.poisson(900 * reference).astype(np.uint32)
    counts[50, 60] += 41
    evidence = ((counts - 900 * reference) / np.sqrt(900 * reference + 1)).astype(np.float32)
    return AlertView(
        text or f"shop-{nth}.example",
        text or "grid-1",
        int(counts.sum()),
        0.00012345,
        0.01,
        counts,
        reference,
        evidence,
        FaultGuess(text or fault, 0.9, 0.25),
        Truth(text or fault, 0.25, 0.5),
    )


def scatter(text: str = "", n_marks: int = 4) -> ScatterView:
    said = text or "said"
    marks = tuple(Mark(float(i), float(i % 3), i % 2, i % 3 == 0, text) for i in range(n_marks))
    return ScatterView(said, said, said, marks, (said, said + "2"), note=said)


def quality(text: str = "") -> QualityView:
    said = text or "said"
    curve = ((0.0, 0.3), (0.001, 0.5), (0.01, 0.8), (0.1, 0.9), (1.0, 1.0))
    return QualityView(
        source=said,
        curves=(RocCurve(said, curve, SURE), RocCurve(said, curve)),
        figures=(FigureRow(said, SURE, ORACLE), FigureRow(said, SURE)),
        faults=(
            FaultRow(said, 90, SURE, SURE, ORACLE, ORACLE, SURE, SURE, SURE),
            FaultRow(said, 90, SURE, SURE),
        ),
        calibration=CalibrationView(
            (
                CalibrationRow(said, 900, Estimate(0.011, 0.008, 0.014)),
                CalibrationRow(said, 900, Estimate(0.02, 0.017, 0.023)),
            )
        ),
        generalisation=tuple(
            GeneralisationCell(grid, fault, False, 50, SURE, SURE, ORACLE if grid else None)
            for grid in (False, True)
            for fault in (False, True)
        ),
        goals=(
            GoalRow(said, ">= 0.9", True, SURE),
            GoalRow(said, ">= 0.99", False, SURE, unit=said, note=said),
            GoalRow(said, ">= 5"),
        ),
        note=said,
    )


def small_page(text: str = "") -> HeatmapPage:
    """Every section, with two alerts; every text is `text` where it is given."""
    said = text or "said"
    fact = Fact(said, said, said)
    return HeatmapPage(
        title=said,
        headline=said,
        alerts=AlertsView((alert(0, text), alert(1, text)), 2, said, said, note=said),
        reason=said,
        rule=said,
        tiles=(fact,),
        run_card=(fact,),
        notes=(said,),
        scored=ScoredView(
            (PValues.of(said, [0.1, 0.2]), PValues.of(said, [0.001, 0.9])),
            (GroupAlerts(said, 2, 40),),
            (GroupAlerts(said, 2),),
            said,
        ),
        quality=quality(text),
        pictures=PicturesView((scatter(text),), (scatter(text),), (scatter(text),), said),
        blocks=BlocksView(
            said,
            said,
            (
                BlockRow(said, Estimate(0.01, 0.002, 0.02), True, said),
                BlockRow(said, Estimate(-0.01, -0.02, 0.001), False),
            ),
            (said,),
        ),
        commands=(said,),
        versions=(Fact(said, said),),
        created=said,
    )
