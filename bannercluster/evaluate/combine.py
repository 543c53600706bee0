"""From what was measured to the metrics of each model, with intervals and differences."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from bannercluster.config import EvaluateConfig
from bannercluster.evaluate.bootstrap import (
    LABEL_METRICS,
    differences,
    interval,
    joint_cells,
    label_replicates,
)
from bannercluster.evaluate.contingency import agreement, most_frequent
from bannercluster.evaluate.heuristics import misclustering
from bannercluster.evaluate.labels import RowLabels
from bannercluster.evaluate.measure import ModelMeasures
from bannercluster.evaluate.stability import Stability
from bannercluster.models.evaluations import Difference, ModelMetrics
from bannercluster.models.kmeans import KMeansModel
from bannercluster.runtime.executor import Executor

_LABELS_SHOWN = 12


def combine(
    models: Sequence[KMeansModel],
    measures: Mapping[str, ModelMeasures],
    labels: RowLabels | None,
    sampled: Mapping[str, tuple[float, float, float]],
    stability: Mapping[str, Stability],
    config: EvaluateConfig,
    executor: Executor,
) -> tuple[tuple[ModelMetrics, ...], tuple[Difference, ...]]:
    """Return the metrics of every model, and the differences of each two of them.

    Parameters
    ----------
    models : sequence of KMeansModel
    measures : mapping of str to ModelMeasures
        By the name of the model, as all that follow.
    labels : RowLabels or None
    sampled : mapping of str to (value, low, high)
        Euclidean silhouettes on a sample.
    stability : mapping of str to Stability
    config : EvaluateConfig
    executor : Executor
        For the bootstrap of the label metrics.
    """
    names = [model.card.name for model in models]
    found = [measures[name] for name in names]
    replicates = [dict(own.replicates) for own in found]
    if labels is not None and config.bootstrap:
        for own, drawn in zip(
            replicates, _label_replicates(found, labels, config, executor), strict=True
        ):
            own |= {
                metric: values
                for metric, values in zip(LABEL_METRICS, drawn, strict=True)
                if np.isfinite(values).any()
            }
    metrics = tuple(
        _metrics_of(
            model,
            measures[name],
            drawn,
            () if labels is None else labels.names,
            sampled.get(name),
            stability.get(name),
        )
        for name, model, drawn in zip(names, models, replicates, strict=True)
    )
    return metrics, differences(metrics, replicates)


def _label_replicates(
    found: Sequence[ModelMeasures],
    labels: RowLabels,
    config: EvaluateConfig,
    executor: Executor,
) -> np.ndarray:
    own = [measures.labels for measures in found if measures.labels is not None]
    clusters = [one.clusters for one in own if one.clusters is not None]
    return label_replicates(
        joint_cells(labels.codes, labels.weights, clusters),
        len(labels.names),
        [one.between for one in own],
        config.bootstrap,
        config.seed,
        executor,
    )


def _metrics_of(
    model: KMeansModel,
    found: ModelMeasures,
    replicates: Mapping[str, np.ndarray],
    names: tuple[str, ...],
    sampled: tuple[float, float, float] | None,
    stability: Stability | None,
) -> ModelMetrics:
    metrics = dict(found.metrics)
    shown: tuple[tuple[tuple[str, int], ...], ...] = ()
    if found.labels is not None:
        own = found.labels
        metrics |= agreement(own.table) | own.scores.aggregate()
        _, distance = misclustering(own.scores, own.misclustering)
        if distance is not None:
            metrics["misclustering_distance"] = distance
        shown = tuple(tuple(one) for one in most_frequent(own.table, names, _LABELS_SHOWN))
    intervals = {
        metric: ends
        for metric, values in replicates.items()
        if metric in metrics and (ends := interval(metric, metrics[metric], values)) is not None
    }
    if sampled is not None and math.isfinite(sampled[0]):
        metrics["silhouette_euclidean_sampled"] = sampled[0]
        if sampled[1] < sampled[2]:  # a sample of all rows is exact
            intervals["silhouette_euclidean_sampled"] = sampled[1:]
    if stability is not None:
        metrics |= stability.metrics
        intervals |= stability.intervals
    return ModelMetrics(model.card.name, model.card.k, found.sizes, metrics, shown, intervals)
