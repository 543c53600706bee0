"""Silhouettes in linear time from per-cluster sums.

For squared Euclidean distance the mean distance of a row to the rows of a cluster needs only the
cluster's count ``n``, the sum of its rows ``S`` and the sum of their squared norms ``Q``: ``|x|^2
+ Q / n - 2 <x, S / n>``. For cosine distance with the sum ``U`` of unit rows: ``1 - <x / |x|, U /
n>``. The own cluster's mean leaves the row itself out (factor ``n / (n - 1)``, its distance to
itself is 0).

Source: Rousseeuw (1987) for the score; the closed form is the one of Spark MLlib's
``ClusteringEvaluator``.
"""

from __future__ import annotations

import numpy as np
import torch


def silhouette_scores(
    x: torch.Tensor,
    labels: np.ndarray,
    starts: np.ndarray,
    counts: np.ndarray,
    sums: np.ndarray,
    sum_sq: np.ndarray,
) -> np.ndarray:
    """Squared-Euclidean silhouette of each row in each run.

    For cosine silhouettes pass unit rows: half of the squared distance of unit vectors is their
    cosine distance, and the factor cancels in the score.

    Parameters
    ----------
    x : (n, n_features) float32 tensor
    labels : (n_runs, n) unsigned integer array
    starts : (n_runs + 1,) int64 array
    counts : (n_centres,) int64 array
    sums : (n_centres, n_features) float64 array
    sum_sq : (n_centres,) float64 array

    Returns
    -------
    (n_runs, n) float64 array
        Scores in [-1, 1]; 0 for the only row of a cluster; NaN in runs with one occupied cluster.
    """
    occupied = np.maximum(counts, 1)[:, None]
    wide = x.double().cpu()
    sq = wide.square().sum(dim=1).numpy()
    cross = torch.mm(torch.from_numpy(sums / occupied), wide.T).numpy()
    mean_dist = np.maximum(sq[None, :] + (sum_sq / occupied[:, 0])[:, None] - 2 * cross, 0.0)
    mean_dist[counts == 0] = np.inf
    scores = np.empty(labels.shape)
    rows = np.arange(labels.shape[1])
    for run in range(len(starts) - 1):
        own = slice(starts[run], starts[run + 1])
        if np.count_nonzero(counts[own]) < 2:
            scores[run] = np.nan
            continue
        distance = mean_dist[own].copy()
        label = labels[run].astype(np.int64)
        size = counts[own][label]
        within = distance[label, rows] * (size / np.maximum(size - 1, 1))
        distance[label, rows] = np.inf
        nearest = distance.min(axis=0)
        largest = np.maximum(within, nearest)
        score = np.divide(nearest - within, largest, out=np.zeros_like(largest), where=largest > 0)
        scores[run] = np.where(size > 1, score, 0.0)
    return scores
