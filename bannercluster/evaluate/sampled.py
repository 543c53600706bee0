"""The plain Euclidean silhouette on a random sample of the rows, with an interval.

Unlike the silhouette of squared distances it has no closed form: it needs all pairs, so it is taken
within a simple random sample. Its uncertainty is that of the delete-one jackknife (Efron and Stein,
1981): leaving out a row takes away its own score *and* changes the mean distances of all others, so
that the jackknife sees how scores of one sample depend on each other, which their standard
deviation does not. It also corrects the bias that comes of mean distances to few rows. Both shrink
with the share of the rows that the sample leaves out: a sample of everything is exact.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import numpy as np

from bannercluster.kernels.rows import Normalize, normalized, to_float32
from bannercluster.models.kmeans import KMeansModel, nearest
from bannercluster.runtime.executor import Executor, Shared
from bannercluster.traverse.segments import cut
from bannercluster.traverse.sources import RowSource

_Z = 1.959964  # 95 % of a normal distribution
_BLOCK = 256
_NOISE = 2.0**-44  # share of the squared norms that a squared distance may be wrong by


@dataclass(frozen=True)
class _Sample:
    source: RowSource
    rows: np.ndarray
    normalize: Normalize


def sampled_silhouette(
    source: RowSource,
    models: Sequence[KMeansModel],
    normalize: Normalize,
    n_sample: int,
    seed: int,
    executor: Executor,
) -> dict[str, tuple[float, float, float]]:
    """Estimate the mean Euclidean silhouette of all rows from a sample, alike for all models.

    Parameters
    ----------
    source : RowSource
    models : sequence of KMeansModel
        All of them with this normalisation.
    normalize : {"l2", "none"}
    n_sample : int
        Rows to draw without replacement; the work grows with its square.
    seed : int
    executor : Executor

    Returns
    -------
    dict of str to (value, low, high)
        By the names of the models: the silhouette, corrected for its bias, and its 95 % interval.
        Models are left out that put the whole sample into one cluster. The interval is (-1, 1)
        where leaving out one row would leave one cluster.
    """
    n_sample = min(n_sample, source.n_rows)
    generator = np.random.Generator(np.random.PCG64([seed, source.n_rows, n_sample]))
    chosen = np.sort(generator.choice(source.n_rows, n_sample, replace=False))
    x = _read(_Sample(source, chosen, normalize), executor)
    distance = _distances(x)
    found = {}
    for model in models:
        # The rows are normalised already.
        labels = nearest(x, model.centres, "none").cluster_id
        estimate = silhouette_interval(distance, labels, 1.0 - n_sample / source.n_rows)
        if estimate is not None:
            found[model.card.name] = estimate
    return found


def silhouette_interval(
    distance: np.ndarray, labels: np.ndarray, share_left_out: float = 1.0
) -> tuple[float, float, float] | None:
    """Return the silhouette of a sample, corrected for its bias, and its 95 % interval.

    Parameters
    ----------
    distance : (n, n) float64 array
    labels : (n,) integer array
    share_left_out : float
        Share of the rows that are not in the sample: 1 where there are many more.

    Returns
    -------
    (value, low, high), or None where all rows are in one cluster
    """
    n = len(labels)
    labels = np.unique(labels, return_inverse=True)[1]
    if n == 0 or labels.max() == 0:
        return None
    value, without = _leave_one_out(distance, labels)
    if not np.isfinite(without).all():
        return value, -1.0, 1.0
    bias = share_left_out * (n - 1) * float(without.mean() - value)
    variance = share_left_out * (n - 1) / n * float(np.square(without - without.mean()).sum())
    estimate, half = min(max(value - bias, -1.0), 1.0), _Z * math.sqrt(variance)
    return estimate, max(estimate - half, -1.0), min(estimate + half, 1.0)


def _leave_one_out(distance: np.ndarray, labels: np.ndarray) -> tuple[float, np.ndarray]:
    """Mean silhouette, and (n,) what it is without each row; NaN where it would be undefined."""
    n, k = len(labels), int(labels.max()) + 1
    sizes = np.bincount(labels, minlength=k).astype(np.float64)
    sums = distance @ np.eye(k)[labels]
    rows = np.arange(n)
    others = sums / sizes
    others[rows, labels] = np.inf
    neighbour = others.argmin(axis=1)
    first = others[rows, neighbour]
    others[rows, neighbour] = np.inf
    second = others.min(axis=1)
    own = sums[rows, labels]
    size = sizes[labels]
    value = float(_scores(own, size, first).mean())
    totals = np.zeros(n)
    with np.errstate(divide="ignore", invalid="ignore"):
        for low in range(0, n, _BLOCK):
            at = slice(low, low + _BLOCK)
            same = labels[at, None] == labels[None, :]
            # Mean distance to the cluster of the row that is left out, without it.
            changed = (sums[at][:, labels] - distance[at]) / (size - 1.0)
            changed[:, size == 1.0] = np.inf
            beside = np.where(neighbour[at, None] == labels, second[at, None], first[at, None])
            other = np.where(same, first[at, None], np.minimum(changed, beside))
            within = np.where(same, own[at, None] - distance[at], own[at, None])
            scores = _scores(within, size[at, None] - same, other)
            scores[np.arange(len(scores)), rows[at]] = 0.0
            totals += scores.sum(axis=0)
    return value, totals / (n - 1)


def _scores(own: np.ndarray, size: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Scores from the sum of distances within the own cluster, its size, and the mean to others.

    NaN where there is no other cluster; 0 for the only row of one, and where all distances are 0.
    """
    within = own / np.maximum(size - 1.0, 1.0)
    largest = np.maximum(within, other)
    score = np.divide(other - within, largest, out=np.zeros_like(largest), where=largest > 0.0)
    return np.where(np.isinf(other), np.nan, np.where(size > 1.0, score, 0.0))


def _read(sample: _Sample, executor: Executor) -> np.ndarray:
    """(n, n_features) float32: the rows of the sample as the models see them."""
    segments = cut(sample.source.n_rows)
    bounds = np.searchsorted(sample.rows, [0, *(segment.stop for segment in segments)])
    spans = [(int(low), int(high)) for low, high in pairwise(bounds)]
    shared = executor.share(sample)
    parts = dict(executor.map_unordered(partial(_read_span, shared), spans))
    return np.concatenate([parts[index] for index in range(len(spans))])


def _read_span(shared: Shared[_Sample], span: tuple[int, int]) -> np.ndarray:
    sample = shared.get()
    x = to_float32(sample.source.gather(sample.rows[slice(*span)]))
    return normalized(x.clone(), sample.normalize).numpy()


def _distances(x: np.ndarray) -> np.ndarray:
    """(n, n) float64 Euclidean distances; rows are taken from their mean, which they cancel to."""
    wide = x - x.mean(axis=0, dtype=np.float64)
    sq = np.square(wide).sum(axis=1)
    size = sq[:, None] + sq[None, :]
    found: np.ndarray = wide @ wide.T
    found *= -2.0
    found += size
    found[found <= _NOISE * size] = 0.0
    np.fill_diagonal(found, 0.0)
    np.sqrt(found, out=found)
    return found
