"""Two passes for all models of one normalisation: sums and tables, then what needs them."""

from __future__ import annotations

import math
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bannercluster.evaluate.heuristics import (
    LabelScores,
    centre_distances,
    main_clusters,
    score_labels,
)
from bannercluster.evaluate.labels import RowLabels
from bannercluster.kernels.rows import Recipe
from bannercluster.kernels.stack import Stack
from bannercluster.models.kmeans import KMeansModel
from bannercluster.runtime.progress import Progress
from bannercluster.traverse.label_tables import Contingency, Misclustering, MisclusteringSums
from bannercluster.traverse.reducers import Labels
from bannercluster.traverse.silhouettes import (
    ClusterMoments,
    Moments,
    RowBootstrap,
    Silhouettes,
    SilhouetteSums,
    calinski_harabasz,
    davies_bouldin,
)
from bannercluster.traverse.walk import Assignment, Pass, Program, Reducer


@dataclass(frozen=True, eq=False)
class LabelMeasures:
    """What the passes found about one model and the labels.

    Parameters
    ----------
    table : (n_labels, k) int64 array
    between : (k, k) float64 array
        Distances between the centres.
    scores : LabelScores
    misclustering : (n_labels,) float64 array
        Sum of the mis-clustering distances of each label.
    clusters : (n_rows,) unsigned integer array or None
        Cluster of each row; None without a bootstrap.
    """

    table: np.ndarray
    between: np.ndarray
    scores: LabelScores
    misclustering: np.ndarray
    clusters: np.ndarray | None


@dataclass(frozen=True, eq=False)
class ModelMeasures:
    """What the passes found about one model.

    Parameters
    ----------
    sizes : tuple of int
    metrics : dict of str to float
        Those without labels that are defined.
    replicates : dict of str to (n_replicates,) float64 array
        Of the metrics whose rows were drawn in the second pass, paired over all models.
    labels : LabelMeasures or None
    """

    sizes: tuple[int, ...]
    metrics: dict[str, float]
    replicates: dict[str, np.ndarray]
    labels: LabelMeasures | None


@dataclass(frozen=True)
class Measuring:
    """How to measure.

    Parameters
    ----------
    labels : RowLabels or None
    bootstrap : RowBootstrap or None
    progress : Progress
        Told of each pass.
    timings : defaultdict of float
        Seconds of the passes are added to it.
    """

    labels: RowLabels | None
    bootstrap: RowBootstrap | None
    progress: Progress
    timings: defaultdict[str, float]


def measure(models: Sequence[KMeansModel], how: Measuring) -> Program[list[ModelMeasures]]:
    """Measure models of one normalisation: a program of two passes."""
    stack = Stack.of([model.centres for model in models], Recipe(models[0].normalize))
    labels = how.labels
    assignment = Assignment(stack, tuple(range(stack.n_runs)), step=0)
    started = time.perf_counter()
    reducers: list[Reducer[Any]] = [ClusterMoments(stack)]
    if labels is not None:
        reducers.append(Contingency(stack, labels.codes, labels.weights, len(labels.names)))
        if how.bootstrap is not None:
            reducers.append(Labels())
    moments, *of_labels = yield Pass("sums", stack.recipe, tuple(reducers), assignment)
    started = _passed(how, "sums", started)
    tables: list[np.ndarray] = of_labels[0] if of_labels else []
    clusters = of_labels[1].joined() if len(of_labels) > 1 else None
    reducers = [Silhouettes(stack, moments, how.bootstrap)]
    if labels is not None:
        main = np.hstack([main_clusters(table) for table in tables])
        reducers.append(Misclustering(stack, labels.codes, labels.weights, main, how.bootstrap))
    scores, *of_labels = yield Pass("silhouettes", stack.recipe, tuple(reducers), assignment)
    _passed(how, "silhouettes", started)
    found = _without_labels(models, stack, moments, scores)
    if labels is None:
        return found
    return [
        _with_labels(
            own,
            tables[run],
            model.centres,
            of_labels[0],
            run,
            None if clusters is None else clusters[run],
        )
        for run, (model, own) in enumerate(zip(models, found, strict=True))
    ]


def _passed(how: Measuring, name: str, started: float) -> float:
    now = time.perf_counter()
    how.timings[name] += now - started
    how.progress.advance(1)
    return now


def _without_labels(
    models: Sequence[KMeansModel], stack: Stack, moments: Moments, scores: SilhouetteSums
) -> list[ModelMeasures]:
    variance_ratio = calinski_harabasz(moments, stack.starts)
    overlap = davies_bouldin(moments, scores.own_distance, stack.starts)
    found = []
    for run, model in enumerate(models):
        own = slice(stack.starts[run], stack.starts[run + 1])
        sizes = moments.counts[own]
        n = int(sizes.sum())
        inertia = _inertia(model, moments, own)
        metrics = {
            "silhouette_sq_euclidean": float(scores.euclidean[run] / n),
            "silhouette_cosine": float(scores.cosine[run] / n),
            "calinski_harabasz": float(variance_ratio[run]),
            "davies_bouldin": float(overlap[run]),
            "inertia": inertia,
            "inertia_per_row": inertia / n,
            "size_entropy": size_entropy(sizes),
            "smallest_share": float(sizes.min() / n),
            "largest_share": float(sizes.max() / n),
        }
        replicates = {}
        if scores.replicate_weights is not None:
            for name, sums in (
                ("silhouette_sq_euclidean", scores.replicates_euclidean),
                ("silhouette_cosine", scores.replicates_cosine),
            ):
                if sums is not None:
                    replicates[name] = _ratio(sums[:, run], scores.replicate_weights)
        defined = {name: value for name, value in metrics.items() if math.isfinite(value)}
        found.append(ModelMeasures(tuple(sizes.tolist()), defined, replicates, None))
    return found


def _inertia(model: KMeansModel, moments: Moments, own: slice) -> float:
    """Sum of the squared distances to the centres, of exactly added terms."""
    sizes = moments.counts[own]
    cross = -2.0 * model.centres * moments.sums[own]
    squares = sizes[:, None] * np.square(model.centres)
    terms = [*moments.sum_sq[own].tolist(), *cross.ravel().tolist(), *squares.ravel().tolist()]
    return max(math.fsum(terms), 0.0)


def size_entropy(sizes: np.ndarray) -> float:
    """Entropy of the shares of the clusters over its maximum log k; NaN at k = 1."""
    if len(sizes) < 2:
        return math.nan
    share = sizes[sizes > 0] / sizes.sum()
    return float(-(share * np.log(share)).sum() / math.log(len(sizes)))


def _with_labels(
    own: ModelMeasures,
    table: np.ndarray,
    centres: np.ndarray,
    sums: MisclusteringSums,
    run: int,
    clusters: np.ndarray | None,
) -> ModelMeasures:
    between = centre_distances(centres)
    replicates = dict(own.replicates)
    if len(sums.replicates_distance):
        replicates["misclustering_distance"] = _ratio(
            sums.replicates_distance[:, run], sums.replicates_outside[:, run]
        )
    labels = LabelMeasures(
        table, between, score_labels(table, between), sums.distance[run], clusters
    )
    return ModelMeasures(own.sizes, own.metrics, replicates, labels)


def _ratio(sums: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Means of replicates; NaN where a replicate drew none of few rows."""
    means: np.ndarray = np.full(len(sums), np.nan)
    np.divide(sums, weights, out=means, where=weights > 0)
    return means
