"""``bc heatmap report``: heatmaps, scores and figures -> one HTML file."""

from __future__ import annotations

import time
from dataclasses import dataclass

import pyarrow as pa
import xarray as xr
from threadpoolctl import threadpool_limits

from bannercluster.config import Settings
from bannercluster.errors import IncompatibleStoreError
from bannercluster.heatmap.binning import N_BINS
from bannercluster.heatmap.dataset import read_back
from bannercluster.heatmap.model import HeatmapModel, load_model_if_any
from bannercluster.heatmap.report.page import render_heatmap_report
from bannercluster.heatmap.report.views import HeatmapPage
from bannercluster.heatmap.scores_table import ScoresMark, read_scores
from bannercluster.heatmap.verbs.report_alerts import alerts_view, scored_view
from bannercluster.heatmap.verbs.report_benchmark import BenchmarkViews, read_benchmark
from bannercluster.heatmap.verbs.report_blocks import blocks_view
from bannercluster.heatmap.verbs.report_card import (
    Around,
    commands,
    headline,
    notes,
    run_card,
    tiles,
)
from bannercluster.heatmap.verbs.report_pictures import pictures_view
from bannercluster.heatmap.verbs.report_quality import quality_view
from bannercluster.render.views import Fact
from bannercluster.runtime.environment import library_version
from bannercluster.runtime.executor import Executor
from bannercluster.runtime.memory import MemoryPart, MemoryPlan, library_parts, memory_budget
from bannercluster.runtime.plan import StagePlan, Table
from bannercluster.runtime.progress import Progress
from bannercluster.store import files, heatmaps, points

_COUNTS_NBYTES = N_BINS * N_BINS * 4
_PICTURES_NBYTES = 600 << 20
"""Features of up to 2,000 heatmaps in the pictures, and the unfolding: an upper bound."""

_LIBRARIES = ("bannercluster", "numpy", "scipy", "scikit-learn", "torch", "xarray", "zarr")


@dataclass(frozen=True)
class HeatmapReportResult:
    """What was written.

    Parameters
    ----------
    report : str
    nbytes : int
    n_alerts : int
        In the table of scores; the page shows the first of them.
    sections : tuple of str
        That the page has beside the alerts.
    duration_s : float
    """

    report: str
    nbytes: int
    n_alerts: int
    sections: tuple[str, ...]
    duration_s: float

    def tables(self) -> tuple[Table, ...]:
        """Return the result as tables."""
        row = (round(self.nbytes / 1e6, 2), self.n_alerts, ", ".join(self.sections))
        return (Table(self.report, ("size [MB]", "alerts", "beside them"), (row,)),)


@dataclass(frozen=True, eq=False)
class _Inputs:
    heatmaps: xr.Dataset
    scores: pa.Table
    mark: ScoresMark
    model: HeatmapModel | None
    benchmark: BenchmarkViews

    @classmethod
    def of(cls, settings: Settings) -> _Inputs:
        paths = settings.paths
        found = read_back(heatmaps.open_heatmaps(paths.heatmaps))
        scores, mark = read_scores(paths.heatmap_scores)
        if mark.heatmaps != found.attrs["fingerprint"]:
            raise IncompatibleStoreError(
                f"the scores {paths.heatmap_scores} are of other heatmaps than those in "
                f"{paths.heatmaps}: run `bc heatmap score` again, or name the others with "
                f"--heatmaps"
            )
        model = load_model_if_any(paths.heatmap_model)
        if model is not None and model.fingerprint != mark.model:
            model = None  # the scores are of another one, or of none: its card says nothing of them
        benchmark = BenchmarkViews()
        if paths.heatmap_benchmark is not None:
            benchmark = read_benchmark(paths.heatmap_benchmark)
        return cls(found, scores, mark, model, benchmark)


def plan(settings: Settings) -> StagePlan:
    """Say what a run would do, and what it needs.

    Raises
    ------
    UsageError
        If there are no heatmaps, no scores, or no benchmark where one was named.
    IncompatibleStoreError
        If the scores are of other heatmaps.
    StoreError, FormatVersionError
        If something is damaged, or newer than this code.
    """
    inputs = _Inputs.of(settings)
    n = len(inputs.scores)
    summary = (
        ("heatmaps", f"{n:,} in {settings.paths.heatmaps}"),
        ("scores", settings.paths.heatmap_scores),
        ("benchmark", settings.paths.heatmap_benchmark or "none"),
        ("into", settings.paths.heatmap_report),
        ("runs on", "this process"),
    )
    parts = (
        *library_parts(settings.runtime, "threads"),
        MemoryPart("counts, as read and by grid", 3 * n * _COUNTS_NBYTES, "process"),
        MemoryPart("pictures", _PICTURES_NBYTES, "process"),
    )
    memory = MemoryPlan("heatmap report", parts, memory_budget(settings.runtime))
    return StagePlan("heatmap report", summary, memory, "threads")


def run(settings: Settings, *, executor: Executor, progress: Progress) -> HeatmapReportResult:
    """Write the report.

    Raises
    ------
    UsageError, IncompatibleStoreError, StoreError, FormatVersionError
        As :func:`plan`.
    """
    del executor
    started = time.perf_counter()
    inputs = _Inputs.of(settings)
    progress.start("heatmap report", 3, "steps")
    try:
        with threadpool_limits(1, "blas"):
            page = _page(inputs, settings, progress)
        html = render_heatmap_report(page).encode()
        progress.advance(1)
    finally:
        progress.finish()
    files.write_bytes(settings.paths.heatmap_report, html, points.REPORT)
    sections = [
        name
        for name in ("scored", "quality", "pictures", "blocks")
        if getattr(page, name) is not None
    ]
    return HeatmapReportResult(
        settings.paths.heatmap_report,
        len(html),
        page.alerts.n_alerts,
        tuple(sections),
        time.perf_counter() - started,
    )


def _page(inputs: _Inputs, settings: Settings, progress: Progress) -> HeatmapPage:
    found, table = inputs.heatmaps.load(), inputs.scores
    around = Around(settings, table, inputs.mark, inputs.model)
    alerts = alerts_view(found, table, around.rule, settings.paths.heatmap_scores)
    progress.advance(1, "alerts")
    pictures = pictures_view(found, table, settings.heatmap_report)
    progress.advance(1, "pictures")
    measured = quality_view(found, table)
    return HeatmapPage(
        title=settings.paths.heatmaps,
        headline=headline(around),
        alerts=alerts,
        reason=around.reason,
        rule=around.rule,
        tiles=tiles(around),
        run_card=run_card(around),
        notes=notes(around),
        scored=scored_view(found, table),
        quality=inputs.benchmark.quality or measured,
        pictures=pictures,
        blocks=inputs.benchmark.blocks or blocks_view(inputs.model),
        commands=commands(around),
        versions=tuple(Fact(name, library_version(name) or "missing") for name in _LIBRARIES),
        created=time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
    )
