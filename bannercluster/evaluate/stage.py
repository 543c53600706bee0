"""The stage: all models together, one traversal for sums and labels and one for silhouettes."""

from __future__ import annotations

import math
import time
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from bannercluster.config import Settings
from bannercluster.evaluate.contingency import label_metrics, most_frequent
from bannercluster.evaluate.labels import RowLabels, load_labels
from bannercluster.evaluate.memory import plan_memory
from bannercluster.kernels.rows import Recipe
from bannercluster.kernels.stack import Stack
from bannercluster.models.evaluations import Evaluation, LabelFacts, ModelMetrics
from bannercluster.models.folder import check_embedding, load_model
from bannercluster.models.kmeans import KMeansModel
from bannercluster.models.sweeps import SweepFile
from bannercluster.runtime.executor import Executor
from bannercluster.runtime.plan import StagePlan, Table
from bannercluster.runtime.progress import Progress
from bannercluster.store.embeddings import EmbeddingStore
from bannercluster.traverse.reducers import (
    ClusterMoments,
    Contingency,
    Moments,
    Silhouettes,
    SilhouetteSums,
)
from bannercluster.traverse.sources import StoreSource
from bannercluster.traverse.walk import Assignment, Pass, Program, Walker

RULE = "the highest squared-Euclidean silhouette; the smaller k where two are equal"
_LABELS_SHOWN = 12
_METRICS = (
    ("silhouette_sq_euclidean", "silhouette"),
    ("silhouette_cosine", "cosine"),
    ("ami", "AMI"),
    ("ari", "ARI"),
    ("purity", "purity"),
    ("recall", "recall"),
    ("smallest_share", "min share"),
    ("largest_share", "max share"),
)


@dataclass(frozen=True)
class EvaluateResult:
    """What an evaluation found.

    Parameters
    ----------
    models : tuple of ModelMetrics
    chosen, rule : str
    labels : LabelFacts or None
    n_rows : int
    duration_s : float
    """

    models: tuple[ModelMetrics, ...]
    chosen: str
    rule: str
    labels: LabelFacts | None
    n_rows: int
    duration_s: float

    def tables(self) -> tuple[Table, ...]:
        """Return the result as tables."""
        shown = [
            (key, title) for key, title in _METRICS if any(key in m.metrics for m in self.models)
        ]
        rows = tuple(
            (
                m.k,
                m.name,
                *(_rounded(m.metrics.get(key)) for key, _ in shown),
                "chosen" if m.name == self.chosen else "",
            )
            for m in self.models
        )
        title = f"{self.n_rows:,} rows; chosen by {self.rule}"
        metrics = Table(title, ("k", "model", *(title for _, title in shown), ""), rows)
        if self.labels is None:
            return (metrics,)
        facts = self.labels
        columns = (
            "column",
            "labels",
            "rows with one",
            "without",
            "ambiguous",
            "too few",
            "unmatched",
        )
        row = (
            facts.column,
            facts.n_labels,
            facts.n_labelled,
            facts.n_unlabelled,
            facts.n_ambiguous,
            facts.n_small,
            facts.n_unmatched,
        )
        return (metrics, Table(f"Labels from {facts.source}", columns, (row,)))


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def plan(settings: Settings) -> StagePlan:
    """Say what a run would do, and what it needs.

    Raises
    ------
    UsageError, StoreError
        If there is no store, or no model.
    IncompatibleStoreError
        If a model was fitted on embeddings of another kind.
    """
    store, models = _inputs(settings)
    summary = (
        ("rows", f"{store.n_rows:,} x {store.n_features:,}"),
        ("models", ", ".join(model.card.name for model in models)),
        ("labels", settings.paths.label or "none (name a column with --label)"),
        ("rule", RULE),
        ("evaluation", settings.paths.evaluation),
    )
    memory = plan_memory(store, [model.card for model in models], settings)
    return StagePlan("evaluate", summary, memory, "threads")


def run(settings: Settings, *, executor: Executor, progress: Progress) -> EvaluateResult:
    """Evaluate the models on the rows of the store and write the evaluation.

    Raises
    ------
    UsageError, StoreError, IncompatibleStoreError
        As :func:`plan`.
    DataError
        If labels are asked for and no row has one.
    """
    started = time.perf_counter()
    store, models = _inputs(settings)
    labels = load_labels(store, settings.paths, settings.evaluate)
    groups: dict[str, list[KMeansModel]] = defaultdict(list)
    for model in models:
        groups[model.normalize].append(model)
    progress.start("evaluate", 2 * len(groups), "traversals")
    found: dict[str, ModelMetrics] = {}
    try:
        for group in groups.values():
            walker = Walker(StoreSource(store), executor)
            found.update(walker.drive(_measure(group, labels, progress)))
    finally:
        progress.finish()
    metrics = tuple(found[model.card.name] for model in models)
    evaluation = Evaluation(
        metrics,
        _choose(metrics),
        RULE,
        store.url,
        store.key,
        store.n_rows,
        None if labels is None else labels.facts,
        datetime.now(UTC).isoformat(timespec="seconds"),
    )
    evaluation.save(settings.paths.evaluation)
    return EvaluateResult(
        metrics,
        evaluation.chosen,
        RULE,
        evaluation.labels,
        store.n_rows,
        time.perf_counter() - started,
    )


def _inputs(settings: Settings) -> tuple[EmbeddingStore, list[KMeansModel]]:
    store = EmbeddingStore.open(settings.paths.embeddings)
    names = settings.evaluate.models or SweepFile.load(settings.paths.models).models
    models = [load_model(settings.paths.models, name) for name in dict.fromkeys(names)]
    for model in models:
        check_embedding(model, store)
    return store, models


def _measure(
    models: list[KMeansModel], labels: RowLabels | None, progress: Progress
) -> Program[dict[str, ModelMetrics]]:
    stack = Stack.of([model.centres for model in models], Recipe(models[0].normalize))
    sums: ClusterMoments = ClusterMoments(stack)
    moments: Moments
    if labels is None:
        (moments,) = yield Pass("sums", stack.recipe, (sums,), Assignment(stack))
        tables = None
    else:
        counted = Contingency(stack, labels.codes, labels.weights, len(labels.names))
        moments, tables = yield Pass("sums", stack.recipe, (sums, counted), Assignment(stack))
    progress.advance(1)
    scores: SilhouetteSums
    (scores,) = yield Pass(
        "silhouettes", stack.recipe, (Silhouettes(stack, moments),), Assignment(stack)
    )
    progress.advance(1)
    return {
        model.card.name: _model_metrics(
            model,
            stack,
            run,
            moments,
            scores,
            None if tables is None else tables[run],
            () if labels is None else labels.names,
        )
        for run, model in enumerate(models)
    }


def _model_metrics(
    model: KMeansModel,
    stack: Stack,
    run: int,
    moments: Moments,
    scores: SilhouetteSums,
    table: np.ndarray | None,
    names: tuple[str, ...],
) -> ModelMetrics:
    own = slice(stack.starts[run], stack.starts[run + 1])
    sizes = moments.counts[own]
    n = int(sizes.sum())
    cross = -2.0 * model.centres * moments.sums[own]
    squares = sizes[:, None] * np.square(model.centres)
    terms = [*moments.sum_sq[own].tolist(), *cross.ravel().tolist(), *squares.ravel().tolist()]
    metrics = {
        "silhouette_sq_euclidean": float(scores.euclidean[run] / n),
        "silhouette_cosine": float(scores.cosine[run] / n),
        "inertia": max(math.fsum(terms), 0.0),
        "smallest_share": float(sizes.min() / n),
        "largest_share": float(sizes.max() / n),
    }
    shown: tuple[tuple[tuple[str, int], ...], ...] = ()
    if table is not None:
        metrics |= label_metrics(table)
        shown = tuple(tuple(cluster) for cluster in most_frequent(table, names, _LABELS_SHOWN))
    defined = {name: value for name, value in metrics.items() if math.isfinite(value)}
    return ModelMetrics(
        model.card.name, model.card.k, tuple(int(size) for size in sizes), defined, shown
    )


def _choose(models: tuple[ModelMetrics, ...]) -> str:
    def rank(model: ModelMetrics) -> tuple[float, int]:
        return (-model.metrics.get("silhouette_sq_euclidean", -math.inf), model.k)

    return min(models, key=rank).name
