"""The stage: all models together, two traversals for each normalisation, then noise and choice."""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from bannercluster.config import Settings
from bannercluster.evaluate.choice import Choice, check_rule, choose, rule_text
from bannercluster.evaluate.combine import combine
from bannercluster.evaluate.label_rows import label_rows
from bannercluster.evaluate.labels import RowLabels, load_labels
from bannercluster.evaluate.measure import Measuring, ModelMeasures, measure
from bannercluster.evaluate.memory import plan_memory
from bannercluster.evaluate.sampled import sampled_silhouette
from bannercluster.evaluate.shown import label_table, metric_table
from bannercluster.evaluate.stability import Stability, measure_stability
from bannercluster.kernels.rows import Normalize
from bannercluster.models.evaluations import (
    Difference,
    Evaluation,
    LabelFacts,
    ModelMetrics,
    save_label_metrics,
)
from bannercluster.models.folder import load_model
from bannercluster.models.inputs import open_rows, require_rows, text_groups
from bannercluster.models.kmeans import KMeansModel
from bannercluster.models.sweeps import SweepFile
from bannercluster.runtime.executor import Executor
from bannercluster.runtime.plan import StagePlan, Table
from bannercluster.runtime.progress import Progress
from bannercluster.store.embeddings import EmbeddingStore
from bannercluster.store.lease import Lease, hold
from bannercluster.traverse.silhouettes import RowBootstrap
from bannercluster.traverse.sources import StoreSource
from bannercluster.traverse.walk import Walker


@dataclass(frozen=True)
class EvaluateResult:
    """What an evaluation found.

    Parameters
    ----------
    models : tuple of ModelMetrics
    chosen, rule, reason : str
        The name of the chosen model, what the rule says, and how it came to this model.
    differences : tuple of Difference
        Between each two models, for the metrics that have paired replicates.
    labels : LabelFacts or None
    n_rows : int
    timings : dict of str to float
        Seconds of the parts.
    duration_s : float
    """

    models: tuple[ModelMetrics, ...]
    chosen: str
    rule: str
    reason: str
    differences: tuple[Difference, ...]
    labels: LabelFacts | None
    n_rows: int
    timings: dict[str, float]
    duration_s: float

    def tables(self) -> tuple[Table, ...]:
        """Return the result as tables."""
        rows = tuple((m.k, m.name, "chosen" if m.name == self.chosen else "") for m in self.models)
        found = [
            Table(f"{self.n_rows:,} rows; the rule: {self.rule}", ("k", "model", ""), rows),
            Table(f"{self.reason}.", (), ()),
            metric_table(self.models, self.chosen, self.differences),
        ]
        return (*found, *(() if self.labels is None else (label_table(self.labels),)))


def plan(settings: Settings) -> StagePlan:
    """Say what a run would do, and what it needs.

    Raises
    ------
    UsageError, StoreError
        If there is no store, or no model; if the rule of the choice has nothing to look at.
    IncompatibleStoreError
        If a model was fitted on embeddings of another kind.
    """
    store, models = _inputs(settings)
    config = settings.evaluate
    summary = (
        ("rows", f"{store.n_rows:,} x {store.n_features:,}"),
        ("models", ", ".join(model.card.name for model in models)),
        ("labels", settings.paths.label or "none (name a column with --label)"),
        ("intervals", f"{config.bootstrap} bootstrap replicates" if config.bootstrap else "none"),
        ("rule", rule_text(config)),
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
    LeaseHeldError
        If another process writes an evaluation to the same folder.
    """
    with hold(settings.paths.evaluation, "bc evaluate") as lease:
        return _run(settings, lease, executor, progress)


def _run(
    settings: Settings, lease: Lease, executor: Executor, progress: Progress
) -> EvaluateResult:
    started = time.perf_counter()
    store, models = _inputs(settings)
    labels = load_labels(store, settings.paths, settings.evaluate)
    timings: defaultdict[str, float] = defaultdict(float)
    timings["labels"] = time.perf_counter() - started
    measures, sampled = _traverse(store, models, labels, settings, executor, progress, timings)
    stability = _stability(store, models, labels, settings, executor, progress, timings)
    before = time.perf_counter()
    metrics, differences = combine(
        models, measures, labels, sampled, stability, settings.evaluate, executor
    )
    timings["bootstrap"] = time.perf_counter() - before
    choice = choose(metrics, differences, settings.evaluate)
    facts = None if labels is None else labels.facts
    lease.check()
    _save(settings, store, metrics, differences, choice, labels, measures, dict(timings))
    return EvaluateResult(
        metrics,
        choice.name,
        choice.rule,
        choice.reason,
        differences,
        facts,
        store.n_rows,
        dict(timings),
        time.perf_counter() - started,
    )


def _inputs(settings: Settings) -> tuple[EmbeddingStore, list[KMeansModel]]:
    require_rows(settings.paths)
    names = settings.evaluate.models or SweepFile.load(settings.paths.models).models
    models = [load_model(settings.paths.models, name) for name in dict.fromkeys(names)]
    store = open_rows(settings.paths, models, settings.evaluate.modality)
    check_rule(
        settings.evaluate,
        [model.card.name for model in models],
        settings.paths.label is not None,
    )
    return store, models


def _traverse(
    store: EmbeddingStore,
    models: list[KMeansModel],
    labels: RowLabels | None,
    settings: Settings,
    executor: Executor,
    progress: Progress,
    timings: defaultdict[str, float],
) -> tuple[dict[str, ModelMeasures], dict[str, tuple[float, float, float]]]:
    """Walk the rows twice for the models of each normalisation; and sample them."""
    config, source = settings.evaluate, StoreSource(store)
    bootstrap = RowBootstrap(config.bootstrap, config.seed) if config.bootstrap else None
    groups: dict[Normalize, list[KMeansModel]] = defaultdict(list)
    for model in models:
        groups[model.normalize].append(model)
    progress.start("evaluate", 2 * len(groups), "traversals")
    measures: dict[str, ModelMeasures] = {}
    sampled: dict[str, tuple[float, float, float]] = {}
    try:
        how = Measuring(labels, bootstrap, progress, timings)
        for normalize, group in groups.items():
            found = Walker(source, executor).drive(measure(group, how))
            measures |= {model.card.name: own for model, own in zip(group, found, strict=True)}
            if config.silhouette_rows:
                before = time.perf_counter()
                sampled |= sampled_silhouette(
                    source, group, normalize, config.silhouette_rows, config.seed, executor
                )
                timings["sampled silhouettes"] += time.perf_counter() - before
    finally:
        progress.finish()
    return measures, sampled


def _stability(
    store: EmbeddingStore,
    models: list[KMeansModel],
    labels: RowLabels | None,
    settings: Settings,
    executor: Executor,
    progress: Progress,
    timings: defaultdict[str, float],
) -> dict[str, Stability]:
    if not settings.evaluate.stability_splits:
        return {}
    before = time.perf_counter()
    found = measure_stability(
        StoreSource(store),
        models,
        settings.evaluate,
        _groups(store, labels, settings),
        executor,
        progress,
    )
    timings["stability"] = time.perf_counter() - before
    return found


def _groups(
    store: EmbeddingStore, labels: RowLabels | None, settings: Settings
) -> np.ndarray | None:
    """Return what stays together in a split: the label or the text of each row."""
    if settings.evaluate.split_by == "text":
        return text_groups(settings.paths, store)
    return None if labels is None else labels.codes


def _save(
    settings: Settings,
    store: EmbeddingStore,
    metrics: tuple[ModelMetrics, ...],
    differences: tuple[Difference, ...],
    choice: Choice,
    labels: RowLabels | None,
    measures: dict[str, ModelMeasures],
    timings: dict[str, float],
) -> None:
    of_labels = {
        model.name: own for model in metrics if (own := measures[model.name].labels) is not None
    }
    names = () if labels is None else labels.names
    key = save_label_metrics(settings.paths.evaluation, label_rows(names, of_labels))
    Evaluation(
        models=metrics,
        chosen=choice.name,
        rule=choice.rule,
        embeddings=store.url,
        store_key=store.key,
        n_rows=store.n_rows,
        labels=None if labels is None else labels.facts,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        reason=choice.reason,
        differences=differences,
        timings=timings,
        label_metrics_key=key,
    ).save(settings.paths.evaluation)
