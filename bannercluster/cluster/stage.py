"""The stage: an embeddings store in, a model folder per k out."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from bannercluster.cluster.engines.fitting import fit_with
from bannercluster.cluster.engines.loading import load_engine
from bannercluster.cluster.memory import SweepMemory, plan_engine_memory, plan_memory
from bannercluster.cluster.numbering import Predecessor, in_order, predecessor_of
from bannercluster.cluster.result import ClusterResult, FittedModel
from bannercluster.cluster.task import Task
from bannercluster.config import Settings
from bannercluster.fusion.store import FusedStore
from bannercluster.kmeans.checkpoint import Checkpoint
from bannercluster.kmeans.sweep import RunResult, Sweep, SweepResult
from bannercluster.models.card import ModelCard, PredecessorCard, RestartCard
from bannercluster.models.folder import load_model, save_model
from bannercluster.models.kmeans import KMeansModel
from bannercluster.models.sweeps import SweepFile
from bannercluster.runtime.environment import environment
from bannercluster.runtime.executor import Executor
from bannercluster.runtime.memory import format_size
from bannercluster.runtime.plan import StagePlan
from bannercluster.runtime.progress import Progress
from bannercluster.store.lease import Lease, hold
from bannercluster.traverse.sources import StoreSource
from bannercluster.traverse.walk import Walker


def plan(settings: Settings) -> StagePlan:
    """Say what a run would do, and what it needs.

    Raises
    ------
    UsageError, StoreError
        If there is no such store, or no such predecessor.
    EngineError
        If the library of the engine is not installed.
    """
    task = Task.of(settings)
    models = settings.paths.models
    missing = task.missing(models)
    centres = sum(missing) * task.config.n_init
    predecessors = _predecessors(task, missing, models)
    own = task.config.engine == "sweep"
    memory = _memory(task, settings) if own else None
    traversal = "in one traversal" if own else "one run after the other"
    product = f"{task.product}, certain labels; the others decided in float64"
    summary = (
        ("rows", f"{task.store.n_rows:,} x {task.store.n_features:,} {task.store.manifest.dtype}"),
        ("embeddings", f"{task.store.url} ({task.store.manifest.recipe['model']})"),
        *_modality(task),
        ("to fit", ", ".join(f"k = {k}" for k in missing) or "nothing: every model is there"),
        ("runs", f"{len(missing) * task.config.n_init} ({centres} centres {traversal})"),
        *(() if own else (("engine", f"{task.config.engine}; labels by the own last traversal"),)),
        ("product", product if own else f"{task.product}, in the last traversal"),
        ("rows are", "float32 in memory" if memory is None else _kept(memory)),
        *((f"cluster numbers, k = {k}", one.words) for k, one in predecessors.items()),
        ("models", models),
    )
    if memory is not None:
        return StagePlan("cluster", summary, memory.plan, "threads")
    engine = load_engine(task.config.engine)
    needed = plan_engine_memory(task.store, task.config, task.product, settings.runtime, engine)
    return StagePlan("cluster", summary, needed, "threads")


def run(settings: Settings, *, executor: Executor, progress: Progress) -> ClusterResult:
    """Fit the models that are missing.

    Raises
    ------
    UsageError, StoreError
        If there is no such store, or no such predecessor.
    DataError
        If the rows cannot be clustered: fewer distinct rows than k, values that are not finite.
    EngineError
        If the library of the engine, or the device that it needs, is missing.
    LeaseHeldError
        If another process writes models to the same folder.
    """
    with hold(settings.paths.models, "bc cluster") as lease:
        return _run(settings, lease, executor, progress)


@dataclass(frozen=True)
class _Timed:
    """A sweep, and how long all of it took."""

    swept: SweepResult
    duration_s: float

    def timings(self, total_s: float) -> dict[str, float]:
        """Return what the sweep's file says."""
        swept = self.swept
        parts = {
            "statistics_s": swept.statistics_s,
            "seeding_s": swept.seeding_s,
            "race_s": swept.race_s,
            "iterations_s": swept.lloyd_s,
            "total_s": total_s,
        }
        return {name: seconds for name, seconds in parts.items() if name != "race_s" or seconds}


def _run(settings: Settings, lease: Lease, executor: Executor, progress: Progress) -> ClusterResult:
    started = time.perf_counter()
    task = Task.of(settings)
    models = settings.paths.models
    missing = task.missing(models)
    # Before the fit: a predecessor that cannot be one is said at once.
    predecessors = _predecessors(task, missing, models)
    checkpoint = task.checkpoint(models, missing)
    timed = None
    if missing:
        task = task.fused()
        timed = _timed_sweep(task, settings, missing, checkpoint, executor, progress)
        lease.check()
        for k in missing:
            save_model(models, _model(task, timed.swept, k, predecessors[k]))
    checkpoint.remove()
    names = tuple(task.name(k) for k in dict.fromkeys(task.config.k))
    _save_sweep(task, names, timed, models, started)
    cards = [load_model(models, name).card for name in names]
    reasons = {k: one.reason for k, one in predecessors.items()}
    swept = None if timed is None else timed.swept
    return ClusterResult(
        tuple(FittedModel.of(card, card.k in missing, reasons.get(card.k, "")) for card in cards),
        task.store.n_rows,
        task.store.n_features,
        0 if swept is None else swept.n_passes,
        0.0 if swept is None else swept.n_reads,
        {} if timed is None else timed.timings(time.perf_counter() - started),
        time.perf_counter() - started,
    )


def _modality(task: Task) -> tuple[tuple[str, str], ...]:
    """Lines of the plan about texts."""
    if not isinstance(task.store, FusedStore):
        return ()
    ads, weight = task.store.ads, task.config.text_weight
    return (
        ("texts", f"{ads.texts.url}, of {ads.n_with_text:,} rows; weight {weight:g}"),
        ("rows without a text", f"{len(ads.ids) - ads.n_with_text:,}"),
    )


def _predecessors(task: Task, missing: tuple[int, ...], models: str) -> Mapping[int, Predecessor]:
    return {k: predecessor_of(k, task.config, task.store, models) for k in missing}


def _save_sweep(
    task: Task, names: tuple[str, ...], timed: _Timed | None, models: str, started: float
) -> None:
    """Write the latest sweep; the last write of all: it names the predecessors until then."""
    timings: dict[str, float] = {}
    n_passes = 0
    if timed is not None:
        timings, n_passes = timed.timings(time.perf_counter() - started), timed.swept.n_passes
    else:
        before = SweepFile.load_if_any(models)
        if before is not None and before.models == names:
            timings, n_passes = before.timings, before.n_passes
    SweepFile(names, task.store.url, task.data, timings, n_passes).save(models)


def _timed_sweep(
    task: Task,
    settings: Settings,
    ks: tuple[int, ...],
    checkpoint: Checkpoint,
    executor: Executor,
    progress: Progress,
) -> _Timed:
    started = time.perf_counter()
    own = task.config.engine == "sweep"
    fit = _sweep if own else _engine_fits
    swept = fit(task, settings, ks, checkpoint, executor, progress)
    return _Timed(swept, time.perf_counter() - started)


def _sweep(
    task: Task,
    settings: Settings,
    ks: tuple[int, ...],
    checkpoint: Checkpoint,
    executor: Executor,
    progress: Progress,
) -> SweepResult:
    config = settings.replace("cluster", k=ks).cluster
    memory = _memory(task, settings)
    cache = memory.cache
    if executor.kind == "processes":
        cache //= max(executor.n_workers, 1)
    walker = Walker(StoreSource(task.store), executor, cache, memory.keep, memory.most_dims)
    progress.start("cluster", config.max_iter, "iterations")
    try:
        sweep = Sweep(config, task.product, None, checkpoint)
        return sweep.run(
            walker, lambda note: progress.advance(int(note.startswith("iteration")), note)
        )
    finally:
        progress.finish()


def _engine_fits(
    task: Task,
    settings: Settings,
    ks: tuple[int, ...],
    _: Checkpoint,  # a library's run cannot be gone on with
    executor: Executor,
    progress: Progress,
) -> SweepResult:
    config = settings.replace("cluster", k=ks).cluster
    engine = load_engine(config.engine)
    walker = Walker(StoreSource(task.store), executor)
    progress.start("cluster", len(ks) * config.n_init, "runs")
    try:
        return fit_with(
            engine, config, walker, task.product, note=lambda note: progress.advance(1, note)
        )
    finally:
        progress.finish()


def _model(task: Task, swept: SweepResult, k: int, predecessor: Predecessor) -> KMeansModel:
    best: RunResult = swept.best(k)
    centres, sizes, before = in_order(best, predecessor)
    return KMeansModel(centres, _card(task, swept, best, sizes, before), task.fusion)


def _card(
    task: Task,
    swept: SweepResult,
    best: RunResult,
    sizes: tuple[int, ...],
    predecessor: PredecessorCard | None,
) -> ModelCard:
    return ModelCard(
        name=task.name(best.k),
        algorithm="kmeans",
        k=best.k,
        n_features=task.store.n_features,
        normalize=task.config.normalize,
        spherical=task.config.spherical,
        seed=task.config.seed,
        n_iter=best.n_iter,
        inertia=best.inertia,
        converged=best.converged,
        sizes=sizes,
        restarts=tuple(
            RestartCard(run.restart, run.inertia, run.n_iter, run.converged)
            for run in swept.runs
            if run.k == best.k
        ),
        fit=task.fit(best.k),
        data=task.data,
        embedding=task.store.manifest.recipe,
        versions=environment(),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        engine=task.config.engine,
        predecessor=predecessor,
    )


def _kept(memory: SweepMemory) -> str:
    size = format_size(memory.needed)
    if memory.keep == "projections":
        return (
            f"read in every pass as far as needed; projections on {memory.most_dims} directions "
            f"kept in memory ({size})"
        )
    if memory.cache >= memory.needed:
        return f"kept in memory ({size} prepared)"
    if not memory.cache:
        return f"streamed in every pass ({size} prepared)"
    return f"streamed in every pass but for {format_size(memory.cache)} of {size} prepared"


def _memory(task: Task, settings: Settings) -> SweepMemory:
    return plan_memory(task.store, task.config, task.product, settings.runtime)
