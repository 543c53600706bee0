"""Compiled loops over contingency tables and over rows with labels."""

from __future__ import annotations

import numpy as np
from numba import njit

_SUM = {"reassoc", "contract", "nsz"}
_ROW_BLOCK = 64
_NEGLIGIBLE = 1e-18  # of the most likely count: what is less likely changes no digit


def expected_mutual_information(label_sizes: np.ndarray, cluster_sizes: np.ndarray) -> float:
    """Return the mutual information that labels and clusters of these sizes have by chance.

    With the sizes fixed and the rows permuted, n[a, c] is hypergeometric (Vinh, Epps and Bailey,
    2010, equation 24a). Sizes that occur several times are computed once; the probabilities are
    taken outwards from the most likely count by their ratios, as far as they are not negligible,
    and divided by their sum: no factorial is needed, and none loses digits.

    Parameters
    ----------
    label_sizes, cluster_sizes : 1-d int64 arrays
        Positive, of equal sums.

    Returns
    -------
    float
        In nats.
    """
    labels, n_labels = np.unique(label_sizes, return_counts=True)
    clusters, n_clusters = np.unique(cluster_sizes, return_counts=True)
    return float(
        _expected(
            labels.astype(np.float64),
            n_labels,
            clusters.astype(np.float64),
            n_clusters,
            float(label_sizes.sum()),
        )
    )


@njit(nogil=True, cache=True)
def _expected(labels, n_labels, clusters, n_clusters, n):  # type: ignore[no-untyped-def]
    total = 0.0
    for i in range(len(labels)):
        for j in range(len(clusters)):
            a, b = labels[i], clusters[j]
            mode = np.floor((a + 1.0) * (b + 1.0) / (n + 2.0))
            log_chance = np.log(n) - np.log(a) - np.log(b)
            mass = 0.0
            information = 0.0
            weight = 1.0
            count = mode
            while weight > _NEGLIGIBLE and count <= min(a, b):
                mass += weight
                if count > 0.0:
                    information += weight * count * (log_chance + np.log(count))
                weight *= (a - count) * (b - count)
                weight /= (count + 1.0) * (n - a - b + count + 1.0)
                count += 1.0
            weight = 1.0
            count = mode
            while True:
                weight *= count * (n - a - b + count)
                weight /= (a - count + 1.0) * (b - count + 1.0)
                count -= 1.0
                if not weight > _NEGLIGIBLE:
                    break
                mass += weight
                if count > 0.0:
                    information += weight * count * (log_chance + np.log(count))
            total += n_labels[i] * n_clusters[j] * information / (mass * n)
    return total


def main_distances(
    x: np.ndarray,
    labels: np.ndarray,
    codes: np.ndarray,
    main: np.ndarray,
    centres: np.ndarray,
    starts: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Distances of rows to the main cluster of their label, where they are outside it.

    Parameters
    ----------
    x : (n, n_features) float32 array
    labels : (n_runs, n) unsigned integer array
        Cluster of each row in each run.
    codes : (n,) int32 array
        Label of each row; -1 for none.
    main : (n_labels, n_centres) bool array
        Whether a cluster is a main one of the label; at least one in each run.
    centres : (n_centres, n_features) float64 array
    starts : (n_runs + 1,) int64 array

    Returns
    -------
    distance, outside : (n_runs, n) float64 arrays
        Euclidean distance to the centre of the main cluster if the row is outside it, else 0;
        and 1 if it is outside, else 0. With several main clusters the means over them.
    """
    distance = np.zeros(labels.shape)
    outside = np.zeros(labels.shape)
    _main_distances(x, labels, codes, main, centres, starts, distance, outside)
    return distance, outside


@njit(nogil=True, cache=True, fastmath=_SUM)
def _main_distances(x, labels, codes, main, centres, starts, distance, outside):  # type: ignore[no-untyped-def]
    n, n_features = x.shape
    for low in range(0, n, _ROW_BLOCK):
        for run in range(len(starts) - 1):
            for i in range(low, min(low + _ROW_BLOCK, n)):
                code = codes[i]
                if code < 0:
                    continue
                own = starts[run] + np.int64(labels[run, i])
                n_main, n_outside, total = 0, 0, 0.0
                for j in range(starts[run], starts[run + 1]):
                    if main[code, j]:
                        n_main += 1
                        if j != own:
                            n_outside += 1
                            sq = 0.0
                            for f in range(n_features):
                                away = np.float64(x[i, f]) - centres[j, f]
                                sq += away * away
                            total += np.sqrt(sq)
                distance[run, i] = total / n_main
                outside[run, i] = n_outside / n_main
