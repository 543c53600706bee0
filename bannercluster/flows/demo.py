"""The demo: from nothing to a report on synthetic banners, offline."""

from __future__ import annotations

import time
from dataclasses import dataclass

from bannercluster import cluster, embed, evaluate, predict, report
from bannercluster.cluster import ClusterResult
from bannercluster.config import Settings
from bannercluster.embed import EmbedResult
from bannercluster.evaluate import EvaluateResult
from bannercluster.predict import PredictResult
from bannercluster.report import ReportResult
from bannercluster.runtime.cluster import open_executor
from bannercluster.runtime.memory import worker_count
from bannercluster.runtime.plan import Table
from bannercluster.runtime.progress import Progress
from bannercluster.store import files
from bannercluster.synth import SynthBannersConfig, SynthBannersResult, synth_banners

MODEL = "efficientnet_lite0"
"""The network whose weights come with a package: the demo needs nothing but what is installed."""

_BROKEN = 0.01


@dataclass(frozen=True)
class DemoResult:
    """What the stages of a demo left."""

    synth: SynthBannersResult
    embed: EmbedResult
    cluster: ClusterResult
    evaluate: EvaluateResult
    predict: PredictResult
    report: ReportResult
    duration_s: float

    def tables(self) -> tuple[Table, ...]:
        """Return the result as tables."""
        steps = (
            ("synth", f"{self.synth.n_files:,} banners", self.synth.duration_s),
            ("embed", f"{self.embed.n_new:,} of {self.embed.n_in:,} files", self.embed.duration_s),
            ("cluster", f"{len(self.cluster.models)} models", self.cluster.duration_s),
            ("evaluate", f"chosen: {self.evaluate.chosen}", self.evaluate.duration_s),
            ("predict", f"{self.predict.n_banners:,} banners", self.predict.duration_s),
            ("report", self.report.report, self.report.duration_s),
        )
        rows = tuple((stage, what, round(seconds, 1)) for stage, what, seconds in steps)
        total = ("all", "", round(self.duration_s, 1))
        timings = Table("What was done", ("stage", "result", "seconds"), (*rows, total))
        return (*self.embed.tables(), *self.evaluate.tables(), timings)


def run_demo(settings: Settings, *, folder: str, progress: Progress) -> DemoResult:
    """Run all stages below a folder.

    Parameters
    ----------
    settings : Settings
        The demo takes ``synth``, ``cluster`` and ``runtime``; paths and network are its own.
    folder : str
        Local folder, made if need be. A second run goes on where the first one ended.
    progress : Progress
    """
    started = time.perf_counter()
    settings = _below(settings, folder)
    drawn = _draw(settings, progress)
    plan = embed.plan(settings)
    with open_executor(settings.runtime, prefer="threads", plan=plan.memory) as executor:
        embedded = embed.run(settings, executor=executor, progress=progress)
        clustered = cluster.run(settings, executor=executor, progress=progress)
        evaluated = evaluate.run(settings, executor=executor, progress=progress)
        predicted = predict.run(settings, executor=executor, progress=progress)
        reported = report.run(settings, executor=executor, progress=progress)
    return DemoResult(
        drawn,
        embedded,
        clustered,
        evaluated,
        predicted,
        reported,
        time.perf_counter() - started,
    )


def _below(settings: Settings, folder: str) -> Settings:
    paths = {
        name: files.join(folder, leaf)
        for name, leaf in (
            ("images", "images"),
            ("embeddings", "embeddings.zarr"),
            ("models", "models"),
            ("assignments", "assignments"),
            ("evaluation", "evaluation"),
            ("report", "report.html"),
        )
    }
    settings = settings.replace("paths", origin="demo", label="advertiser", **paths)
    settings = settings.replace("runtime", origin="demo", dashboard="off")
    return settings.replace("embed", origin="demo", model=MODEL, weights=None)


def _draw(settings: Settings, progress: Progress) -> SynthBannersResult:
    config = settings.synth
    progress.start("synth", config.n_banners, "banners")
    done = 0

    def advance(now: int, total: int) -> None:  # noqa: ARG001 - the callback's signature
        nonlocal done
        progress.advance(now - done)
        done = now

    try:
        return synth_banners(
            SynthBannersConfig(
                images=settings.paths.images,
                n_banners=config.n_banners,
                n_advertisers=config.n_advertisers,
                duplicates=config.duplicates,
                near_duplicates=config.near_duplicates,
                broken=config.broken or _BROKEN,
                seed=config.seed,
                workers=worker_count(settings.runtime),
            ),
            progress=advance,
        )
    finally:
        progress.finish()
