"""``bc heatmap demo``: from nothing to a report on synthetic clicks, offline."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from bannercluster.config import Settings
from bannercluster.heatmap.verbs import features, report, score, synth, train
from bannercluster.heatmap.verbs.features_result import FeaturesResult
from bannercluster.heatmap.verbs.report import HeatmapReportResult
from bannercluster.heatmap.verbs.score_result import ScoreResult
from bannercluster.heatmap.verbs.synth import SynthResult
from bannercluster.heatmap.verbs.train_result import TrainResult
from bannercluster.runtime.executor import ThreadExecutor
from bannercluster.runtime.memory import worker_count
from bannercluster.runtime.plan import StagePlan, Table
from bannercluster.runtime.progress import Progress
from bannercluster.store import files

_Result = TypeVar("_Result")

_LEAVES = {
    "clicks": "clicks.parquet",
    "exposure": "exposure.parquet",
    "heatmap_references": "references.parquet",
    "heatmap_truth": "truth.parquet",
    "heatmaps": "heatmaps.zarr",
    "heatmap_model": "model",
    "heatmap_scores": "scores.parquet",
    "heatmap_report": "report.html",
}


@dataclass(frozen=True)
class HeatmapDemoResult:
    """What the commands of a demo left."""

    synth: SynthResult
    features: FeaturesResult
    train: TrainResult
    score: ScoreResult
    report: HeatmapReportResult
    duration_s: float

    def tables(self) -> tuple[Table, ...]:
        """Return the result as tables."""
        steps = (
            ("synth", f"{self.synth.n_clicks:,} clicks", self.synth.duration_s),
            ("features", f"{self.features.n_heatmaps:,} heatmaps", self.features.duration_s),
            ("train", f"AUROC {self.train.auroc.value:.4f} out of fold", self.train.duration_s),
            ("score", f"{self.score.n_alerts:,} alerts", self.score.duration_s),
            ("report", self.report.report, self.report.duration_s),
        )
        rows = tuple((stage, what, round(seconds, 1)) for stage, what, seconds in steps)
        total = ("all", "", round(self.duration_s, 1))
        timings = Table("What was done", ("command", "result", "seconds"), (*rows, total))
        return (*self.train.tables()[:2], *self.score.tables(), timings)


def run_demo(settings: Settings, *, folder: str, progress: Progress) -> HeatmapDemoResult:
    """Run all commands below a folder.

    Parameters
    ----------
    settings : Settings
        The demo takes ``heatmap_synth``, ``heatmap_score`` and ``runtime``; the rest is its own.
    folder : str
        Made if need be. A second run goes on where the first one ended.
    progress : Progress
    """
    started = time.perf_counter()
    settings = _below(settings, folder)
    with ThreadExecutor(worker_count(settings.runtime)) as executor:

        def done(plan: Callable[[Settings], StagePlan], run: Callable[..., _Result]) -> _Result:
            plan(settings).memory.check(worker_count(settings.runtime))
            return run(settings, executor=executor, progress=progress)

        return HeatmapDemoResult(
            done(synth.plan, synth.run),
            done(features.plan, features.run),
            done(train.plan, train.run),
            done(score.plan, score.run),
            done(report.plan, report.run),
            time.perf_counter() - started,
        )


def _below(settings: Settings, folder: str) -> Settings:
    paths = {name: files.join(folder, leaf) for name, leaf in _LEAVES.items()}
    settings = settings.replace("paths", origin="demo", heatmap_benchmark=None, **paths)
    return settings.replace("heatmap_train", origin="demo", profile="small", also=())
