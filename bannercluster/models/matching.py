"""Which cluster of a refit is which cluster of its predecessor, and in what order clusters stand.

A number means the same cluster for as long as the cluster is there: the clusters of a refit take
the numbers of the predecessor's clusters that they lie nearest to, all together, by the assignment
of least total squared distance (the Hungarian method).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from bannercluster.errors import UsageError


@dataclass(frozen=True)
class Matching:
    """The clusters of a fit in the order of their predecessor's.

    Parameters
    ----------
    order : (k,) int64 array
        ``order[c]`` is the fitted cluster that gets the number ``c``.
    distances : (k,) float64 array
        Euclidean distance from the predecessor's centre to the new one of the same number.
    moved : (k,) float64 array
        ``distances`` as a multiple of half the distance from the predecessor's centre to its
        nearest other centre. Below 1 the predecessor itself would assign the new centre to this
        cluster. NaN where there is no other centre, or one at the same place.
    same : (k,) bool array
        Whether it is the same cluster: ``moved`` below 1; at k = 1 always; where another centre of
        the predecessor lies at the same place, only if the centre has not moved.
    """

    order: np.ndarray
    distances: np.ndarray
    moved: np.ndarray
    same: np.ndarray


def match(predecessor: np.ndarray, centres: np.ndarray) -> Matching:
    """Match the clusters of a fit to those of its predecessor.

    Parameters
    ----------
    predecessor, centres : (k, n_features) float64 array
        In the space of the same prepared rows.

    Raises
    ------
    UsageError
        If the shapes differ.
    """
    if predecessor.shape != centres.shape:
        raise UsageError(
            f"clusters of shape {centres.shape} cannot be matched to a predecessor's of shape "
            f"{predecessor.shape}; expected as many clusters and features"
        )
    # cdist takes differences: close centres far from the origin lose no digits.
    sq_dist = cdist(predecessor, centres, "sqeuclidean")
    _, order = linear_sum_assignment(sq_dist)
    distances = np.sqrt(sq_dist[np.arange(len(order)), order])
    if len(order) == 1:
        return Matching(order, distances, np.full(1, np.nan), np.ones(1, bool))
    between = cdist(predecessor, predecessor)
    np.fill_diagonal(between, np.inf)
    reach = between.min(axis=1) / 2
    apart = reach > 0
    moved = np.full(len(order), np.nan)
    moved[apart] = distances[apart] / reach[apart]
    same = np.where(apart, distances < reach, distances == 0)
    return Matching(order, distances, moved, same)


def by_size(sizes: Sequence[int] | np.ndarray, centres: np.ndarray) -> np.ndarray:
    """Return an order that no seed decides: by falling size, then by the values of the centres.

    Parameters
    ----------
    sizes : (k,) int
    centres : (k, n_features) float64 array

    Returns
    -------
    (k,) int64 array
        The fitted cluster that gets each number.
    """
    ranked = sorted(range(len(sizes)), key=lambda c: (-int(sizes[c]), centres[c].tolist()))
    return np.array(ranked, np.int64)
