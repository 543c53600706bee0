"""The stage: an embeddings store in, a model folder per k out."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bannercluster.cluster.memory import SweepMemory, plan_memory
from bannercluster.config import ClusterConfig, Settings, semantic_fields
from bannercluster.errors import UsageError
from bannercluster.kernels.rows import Product
from bannercluster.kmeans.checkpoint import Checkpoint
from bannercluster.kmeans.products import product_of
from bannercluster.kmeans.sweep import RunResult, Sweep, SweepResult
from bannercluster.models.card import ModelCard, RestartCard
from bannercluster.models.folder import has_model, load_model, save_model
from bannercluster.models.kmeans import KMeansModel
from bannercluster.models.sweeps import SweepFile
from bannercluster.runtime.environment import environment
from bannercluster.runtime.executor import Executor
from bannercluster.runtime.memory import format_size
from bannercluster.runtime.plan import StagePlan, Table
from bannercluster.runtime.progress import Progress
from bannercluster.store import files
from bannercluster.store.embeddings import EmbeddingStore
from bannercluster.store.fingerprint import fingerprint, of_contents
from bannercluster.store.lease import Lease, hold
from bannercluster.traverse.sources import StoreSource
from bannercluster.traverse.walk import Walker

_IDS_AT_A_TIME = 1 << 20


@dataclass(frozen=True)
class FittedModel:
    """A model of the sweep, as the result shows it."""

    name: str
    k: int
    inertia: float
    n_iter: int
    converged: bool
    n_init: int
    smallest: int
    largest: int
    new: bool


@dataclass(frozen=True)
class ClusterResult:
    """What a sweep left.

    Parameters
    ----------
    models : tuple of FittedModel
        One per k, in the order asked.
    n_rows, n_features, n_passes : int
        Rows, features, and traversals of the data (0 where nothing was new).
    seeding_s, lloyd_s, duration_s : float
    """

    models: tuple[FittedModel, ...]
    n_rows: int
    n_features: int
    n_passes: int
    seeding_s: float
    lloyd_s: float
    duration_s: float

    def tables(self) -> tuple[Table, ...]:
        """Return the result as tables."""
        rows = tuple(
            (
                model.k,
                model.name,
                model.inertia,
                model.n_iter,
                model.converged,
                model.n_init,
                model.smallest,
                model.largest,
                "fitted" if model.new else "was there",
            )
            for model in self.models
        )
        columns = (
            "k",
            "model",
            "inertia",
            "iter",
            "converged",
            "restarts",
            "smallest",
            "largest",
            "",
        )
        title = f"{self.n_rows:,} rows x {self.n_features:,} features, {self.n_passes} traversals"
        return (Table(title, columns, rows),)


@dataclass(frozen=True)
class _Task:
    """What is to be fitted on which rows, by name."""

    store: EmbeddingStore
    config: ClusterConfig
    product: Product
    data: dict[str, Any]

    @classmethod
    def of(cls, settings: Settings) -> _Task:
        store = EmbeddingStore.open(settings.paths.embeddings)
        contents = of_contents(_ids_of(store), store.manifest.recipe_id)
        config = settings.cluster
        if config.spherical and config.normalize != "l2":
            raise UsageError(
                "--spherical was asked for with --normalize none; expected rows of length one: add "
                "--normalize l2"
            )
        return cls(
            store, config, product_of(config), {"n_rows": store.n_rows, "fingerprint": contents}
        )

    def fit(self, k: int) -> dict[str, Any]:
        """Return the settings that make the model of a k."""
        fields = dict(semantic_fields(self.config))
        return {**fields, "k": k, "algorithm": "kmeans"}

    def name(self, k: int) -> str:
        """Return the name of the model of a k."""
        whole = fingerprint({"fit": self.fit(k), "data": self.data["fingerprint"]})
        return f"kmeans-k{k:02d}-{whole[:8]}"

    def missing(self, models: str) -> tuple[int, ...]:
        """Return the k that have no model yet, each once."""
        return tuple(k for k in dict.fromkeys(self.config.k) if not has_model(models, self.name(k)))

    def checkpoint(self, models: str, missing: Sequence[int]) -> Checkpoint:
        """Return the checkpoint of a sweep over all k asked for, of which some are missing.

        By what is asked, not by what is missing: a run that ended between the cards of two models
        goes on with the others.
        """
        asked = fingerprint({"models": sorted(self.name(k) for k in set(self.config.k))})
        url = files.join(models, ".progress", f"{asked[:16]}.safetensors")
        return Checkpoint(url, asked, ks=frozenset(missing))


def _ids_of(store: EmbeddingStore) -> Iterator[bytes]:
    """Yield the content ids of all rows, a bounded number in memory at a time."""
    for low in range(0, store.n_rows, _IDS_AT_A_TIME):
        yield store.content_ids(low, min(low + _IDS_AT_A_TIME, store.n_rows)).tobytes()


def plan(settings: Settings) -> StagePlan:
    """Say what a run would do, and what it needs.

    Raises
    ------
    UsageError, StoreError
        If there is no such store.
    """
    task = _Task.of(settings)
    missing = task.missing(settings.paths.models)
    memory = _memory(task, settings)
    centres = sum(missing) * task.config.n_init
    summary = (
        ("rows", f"{task.store.n_rows:,} x {task.store.n_features:,} {task.store.manifest.dtype}"),
        ("embeddings", f"{settings.paths.embeddings} ({task.store.manifest.recipe['model']})"),
        ("to fit", ", ".join(f"k = {k}" for k in missing) or "nothing: every model is there"),
        ("runs", f"{len(missing) * task.config.n_init} ({centres} centres in one traversal)"),
        ("product", f"{task.product}, certain labels; the others decided in float64"),
        ("rows are", _kept(memory)),
        ("models", settings.paths.models),
    )
    return StagePlan("cluster", summary, memory.plan, "threads")


def run(settings: Settings, *, executor: Executor, progress: Progress) -> ClusterResult:
    """Fit the models that are missing.

    Raises
    ------
    UsageError, StoreError
        If there is no such store.
    DataError
        If the rows cannot be clustered: fewer distinct rows than k, values that are not finite.
    LeaseHeldError
        If another process writes models to the same folder.
    """
    with hold(settings.paths.models, "bc cluster") as lease:
        return _run(settings, lease, executor, progress)


def _run(settings: Settings, lease: Lease, executor: Executor, progress: Progress) -> ClusterResult:
    started = time.perf_counter()
    task = _Task.of(settings)
    models = settings.paths.models
    missing = task.missing(models)
    checkpoint = task.checkpoint(models, missing)
    swept = None
    if missing:
        swept = _sweep(task, settings, missing, checkpoint, executor, progress)
        lease.check()
        for k in missing:
            save_model(models, KMeansModel(swept.best(k).centres, _card(task, swept, k)))
    checkpoint.remove()
    names = tuple(task.name(k) for k in dict.fromkeys(task.config.k))
    SweepFile(names, task.store.url, task.data).save(models)
    cards = [load_model(models, name).card for name in names]
    return ClusterResult(
        tuple(_summary(card, card.k in missing) for card in cards),
        task.store.n_rows,
        task.store.n_features,
        0 if swept is None else swept.n_passes,
        0.0 if swept is None else swept.seeding_s,
        0.0 if swept is None else swept.lloyd_s,
        time.perf_counter() - started,
    )


def _sweep(
    task: _Task,
    settings: Settings,
    ks: tuple[int, ...],
    checkpoint: Checkpoint,
    executor: Executor,
    progress: Progress,
) -> SweepResult:
    config = settings.replace("cluster", k=ks).cluster
    cache = _memory(task, settings).cache
    if executor.kind == "processes":
        cache //= max(executor.n_workers, 1)
    walker = Walker(StoreSource(task.store), executor, cache)
    progress.start("cluster", config.max_iter, "iterations")
    try:
        sweep = Sweep(config, task.product, None, checkpoint)
        return sweep.run(walker, lambda note: progress.advance(int(note != "seeding"), note))
    finally:
        progress.finish()


def _card(task: _Task, swept: SweepResult, k: int) -> ModelCard:
    best: RunResult = swept.best(k)
    return ModelCard(
        name=task.name(k),
        algorithm="kmeans",
        k=k,
        n_features=task.store.n_features,
        normalize=task.config.normalize,
        spherical=task.config.spherical,
        seed=task.config.seed,
        n_iter=best.n_iter,
        inertia=best.inertia,
        converged=best.converged,
        sizes=tuple(int(size) for size in best.sizes),
        restarts=tuple(
            RestartCard(run.restart, run.inertia, run.n_iter, run.converged)
            for run in swept.runs
            if run.k == k
        ),
        fit=task.fit(k),
        data=task.data,
        embedding=task.store.manifest.recipe,
        versions=environment(),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _summary(card: ModelCard, new: bool) -> FittedModel:
    return FittedModel(
        card.name,
        card.k,
        card.inertia,
        card.n_iter,
        card.converged,
        len(card.restarts),
        min(card.sizes),
        max(card.sizes),
        new,
    )


def _kept(memory: SweepMemory) -> str:
    size = format_size(memory.needed)
    if memory.cache >= memory.needed:
        return f"kept in memory ({size} prepared)"
    if not memory.cache:
        return f"streamed in every pass ({size} prepared)"
    return f"streamed in every pass but for {format_size(memory.cache)} of {size} prepared"


def _memory(task: _Task, settings: Settings) -> SweepMemory:
    return plan_memory(task.store, task.config, task.product, settings.runtime)
