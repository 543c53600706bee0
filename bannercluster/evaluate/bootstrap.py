"""Noise of metrics: bootstrap replicates of the label metrics, intervals, differences of models.

Rows are drawn anew, as many as there are, with replacement; labels, models and centres stay. A
row is its label, its weight and its cluster in every model together: that is a *cell* of the joint
table, rows of one cell are the same to every label metric, and drawing rows is a multinomial draw
of the counts of the cells. (Poisson weights would be cheaper by half, but let N vary, which blurs
the metrics that are not shares.) One draw serves all models, so that differences are paired.

Intervals hold 95 % of the replicates, moved so that their median lies on the value. Rows that are
drawn twice agree with themselves: the replicates of recall, AMI and others lie above the value
where labels have few rows (below it for distances), and the plain percentiles with them. What
an interval says is how far the metric would move with other rows of the same labels and in the
same number, not how far a metric whose value depends on the number of rows is from some limit.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations

import numpy as np

from bannercluster.evaluate.contingency import agreement
from bannercluster.evaluate.heuristics import score_labels
from bannercluster.models.evaluations import Difference, ModelMetrics
from bannercluster.runtime.executor import Executor, Shared

LABEL_METRICS = (
    "ami",
    "ari",
    "homogeneity",
    "completeness",
    "v_measure",
    "purity",
    "recall",
    "sum_heuristic",
    "product_heuristic",
    "centre_distance",
    "centre_distance_weighted",
)
"""Metrics that are functions of the contingency table and the centres."""

_BLOCK = 8  # replicates of a task
_LARGEST_KEY = 2**62
_TAILS = (0.025, 0.975)
_SHARES = frozenset(
    {"homogeneity", "completeness", "v_measure", "purity", "recall"}
    | {"sum_heuristic", "product_heuristic"}
)
_UP_TO_ONE = _SHARES | {"ami", "ari"}
_POSITIVE = frozenset({"centre_distance", "centre_distance_weighted", "misclustering_distance"})


@dataclass(frozen=True, eq=False)
class JointCells:
    """The joint table of labels and clusters in all models: one entry an occupied cell.

    Parameters
    ----------
    counts : (n_cells,) int64 array
        Rows in the cell.
    weights : (n_cells,) int64 array
        What each of them counts.
    codes : (n_cells,) int32 array
        Their label.
    clusters : (n_models, n_cells) unsigned integer array
        Their cluster in each model.
    """

    counts: np.ndarray
    weights: np.ndarray
    codes: np.ndarray
    clusters: np.ndarray


def joint_cells(
    codes: np.ndarray, weights: np.ndarray, clusters: Sequence[np.ndarray]
) -> JointCells:
    """Count the rows of each joint cell; rows without a label are in none.

    Parameters
    ----------
    codes : (n_rows,) int32 array
        Label of each row; -1 for none.
    weights : (n_rows,) int64 array
    clusters : sequence of (n_rows,) unsigned integer arrays
        One a model.
    """
    known = np.flatnonzero(codes >= 0)
    columns = [codes[known], weights[known], *(own[known] for own in clusters)]
    key, n_values = np.zeros(len(known), np.int64), 1
    for column in columns:
        size = int(column.max()) + 1
        if n_values * size > _LARGEST_KEY:
            key, n_values = _renumbered(key)
        if n_values * size > _LARGEST_KEY:  # only weights are that large
            column, size = _renumbered(column)
        key = key * size + column
        n_values *= size
    _, first, counts = np.unique(key, return_index=True, return_counts=True)
    return JointCells(
        counts.astype(np.int64),
        columns[1][first],
        columns[0][first],
        np.stack([column[first] for column in columns[2:]]),
    )


def _renumbered(key: np.ndarray) -> tuple[np.ndarray, int]:
    values, place = np.unique(key, return_inverse=True)
    return place.reshape(-1).astype(np.int64), len(values)


@dataclass(frozen=True, eq=False)
class _Sample:
    cells: JointCells
    n_labels: int
    between: tuple[np.ndarray, ...]
    seed: int


def label_replicates(
    cells: JointCells,
    n_labels: int,
    between: Sequence[np.ndarray],
    n_replicates: int,
    seed: int,
    executor: Executor,
) -> np.ndarray:
    """Return every label metric of every model in every replicate.

    A replicate is a function of the cells, the seed and its own number.

    Parameters
    ----------
    cells : JointCells
    n_labels : int
    between : sequence of (k, k) float64 arrays
        Distances between the centres of each model.
    n_replicates, seed : int
    executor : Executor

    Returns
    -------
    (n_models, len(LABEL_METRICS), n_replicates) float64 array
        NaN where a metric is not defined.
    """
    shared = executor.share(_Sample(cells, n_labels, tuple(between), seed))
    blocks = [range(low, min(low + _BLOCK, n_replicates)) for low in range(0, n_replicates, _BLOCK)]
    found = np.empty((len(between), len(LABEL_METRICS), n_replicates))
    for index, values in executor.map_unordered(partial(_replicate_block, shared), blocks):
        found[:, :, list(blocks[index])] = values
    return found


def _replicate_block(shared: Shared[_Sample], block: range) -> np.ndarray:
    sample = shared.get()
    cells = sample.cells
    n_rows = int(cells.counts.sum())
    chance = cells.counts / n_rows
    found = np.full((len(sample.between), len(LABEL_METRICS), len(block)), np.nan)
    for column, replicate in enumerate(block):
        random = np.random.default_rng([sample.seed, replicate])
        drawn = random.multinomial(n_rows, chance) * cells.weights
        some = drawn > 0
        drawn, codes = drawn[some], cells.codes[some].astype(np.int64)
        for model, between in enumerate(sample.between):
            k = len(between)
            table = np.zeros(sample.n_labels * k, np.int64)
            np.add.at(table, codes * k + cells.clusters[model, some], drawn)
            values = table_metrics(table.reshape(-1, k), between)
            found[model, :, column] = [values.get(name, math.nan) for name in LABEL_METRICS]
    return found


def table_metrics(table: np.ndarray, between: np.ndarray) -> dict[str, float]:
    """Return the metrics of :data:`LABEL_METRICS` that are defined.

    Parameters
    ----------
    table : (n_labels, k) int64 array
    between : (k, k) float64 array
        Euclidean distances between the centres.
    """
    table = table[table.any(axis=1)]
    return agreement(table) | score_labels(table, between).aggregate()


def interval(metric: str, value: float, replicates: np.ndarray) -> tuple[float, float] | None:
    """Return the 95 % interval of a metric, within its range; None without two replicates.

    Parameters
    ----------
    metric : str
    value : float
    replicates : (n_replicates,) float64 array
        NaN where the metric is not defined.
    """
    found = _centred(value, replicates)
    if found is None:
        return None
    low, high = found
    if metric in _UP_TO_ONE or metric.startswith("silhouette"):
        high = min(high, 1.0)
    if metric in _SHARES or metric in _POSITIVE:
        low = max(low, 0.0)
    if metric.startswith("silhouette"):
        low = max(low, -1.0)
    return low, high


def _centred(value: float, replicates: np.ndarray) -> tuple[float, float] | None:
    replicates = replicates[np.isfinite(replicates)]
    if len(replicates) < 2 or not math.isfinite(value):
        return None
    away = replicates - np.median(replicates)
    low, high = (float(value + np.quantile(away, tail)) for tail in _TAILS)
    return low, high


def differences(
    models: Sequence[ModelMetrics], replicates: Sequence[Mapping[str, np.ndarray]]
) -> tuple[Difference, ...]:
    """Return the difference of each two models in each metric that has paired replicates.

    Parameters
    ----------
    models : sequence of ModelMetrics
    replicates : sequence of mappings of str to (n_replicates,) float64 array
        For each model its metrics in the same replicates.
    """
    found = []
    for first, second in combinations(range(len(models)), 2):
        for metric, own in replicates[first].items():
            other = replicates[second].get(metric)
            one, two = models[first], models[second]
            if other is None or metric not in one.metrics or metric not in two.metrics:
                continue
            value = one.metrics[metric] - two.metrics[metric]
            noise = _centred(value, own - other)
            if noise is not None:
                found.append(Difference(metric, one.name, two.name, value, *noise))
    return tuple(found)
