"""Which points count as one, and which distances an unfolding keeps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial.distance import cdist

from bannercluster.errors import DataError
from bannercluster.heatmap.pictures.checks import FloatArray

IntArray = npt.NDArray[np.int64]

SAME_POINT = 1e-6
"""Of the largest distance: what is nearer counts as the same point."""


@dataclass(frozen=True)
class NeighbourGraph:
    """A connected graph over distinct points, and the lengths of its edges.

    Parameters
    ----------
    place : (n,) int64 array
        Distinct point of each row.
    weights : (n_points,) float64 array
        Rows at each distinct point.
    representatives : (n_points,) int64 array
        First row at each distinct point.
    first, second : (n_edges,) int64 arrays
        Ends of each edge, ``first < second``, in order.
    sq_dist : (n_edges,) float64 array
        Squared lengths, above 0.
    n_neighbors : int
        Neighbours of each point: what was asked for, or one less than there are points.
    n_bridges : int
        Edges that were added to connect the graph.
    """

    place: IntArray
    weights: FloatArray
    representatives: IntArray
    first: IntArray
    second: IntArray
    sq_dist: FloatArray
    n_neighbors: int
    n_bridges: int

    @property
    def n_points(self) -> int:
        """Number of distinct points."""
        return len(self.weights)

    @property
    def n_edges(self) -> int:
        """Number of edges."""
        return len(self.first)


def neighbour_graph(points: FloatArray, n_neighbors: int, *, wide: bool = False) -> NeighbourGraph:
    """Connect each distinct point to its nearest neighbours, and the graph to one component.

    Two points are joined if one is among the `n_neighbors` nearest of the other. Components are
    then joined by the shortest edge between any two of them, again and again (Kruskal), until one
    is left. Rows nearer than `SAME_POINT` of the largest distance are one point, whose weight is
    their number: a repeated row would otherwise be its own neighbour, and squared lengths that
    differ by more than twelve digits are beyond float64.

    Parameters
    ----------
    points : (n, n_features) float64 array
    n_neighbors : int
        At least 1.
    wide : bool
        Join also the neighbours of each point to one another, as Weinberger and Saul (2004) do:
        angles are kept too.

    Raises
    ------
    DataError
        If the squared distances are too large for float64.
    """
    dist = _distances(points)
    place, representatives = _distinct(dist)
    weights = np.bincount(place).astype(np.float64)
    dist = dist[np.ix_(representatives, representatives)]
    n = len(representatives)
    k = min(n_neighbors, n - 1)
    joined = _joined(dist, k, wide=wide)
    n_bridges = _connect(joined, dist)
    first, second = np.nonzero(np.triu(joined))
    return NeighbourGraph(
        place, weights, representatives, first, second, dist[first, second] ** 2, k, n_bridges
    )


def _distances(points: FloatArray) -> FloatArray:
    centred = points - points.mean(axis=0)
    with np.errstate(over="ignore"):
        dist: FloatArray = cdist(centred, centred)
        largest = float(dist.max()) ** 2
    if not np.isfinite(largest):
        raise DataError(
            "the features are so large that their squared distances overflow float64: scale them"
        )
    return dist


def _distinct(dist: FloatArray) -> tuple[IntArray, IntArray]:
    """Give each row its distinct point, and each distinct point its first row."""
    reach = SAME_POINT * float(dist.max())
    _, labels = connected_components(csr_array(dist <= reach), directed=False)
    _, representatives, place = np.unique(labels, return_index=True, return_inverse=True)
    order = np.argsort(representatives)  # distinct points in the order of their first rows
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return rank[place].astype(np.int64), representatives[order].astype(np.int64)


def _joined(dist: FloatArray, k: int, *, wide: bool) -> npt.NDArray[np.bool_]:
    n = len(dist)
    others = dist.copy()
    np.fill_diagonal(others, np.inf)
    nearest = np.argsort(others, axis=1, kind="stable")[:, :k]
    chosen = np.zeros((n, n), dtype=bool)
    chosen[np.arange(n)[:, None], nearest] = True
    joined = chosen | chosen.T
    if wide:
        common = csr_array(chosen.astype(np.int32))
        joined |= (common.T @ common).toarray() > 0
    np.fill_diagonal(joined, val=False)
    return joined


def _connect(joined: npt.NDArray[np.bool_], dist: FloatArray) -> int:
    n_bridges = 0
    while True:
        n_components, labels = connected_components(csr_array(joined), directed=False)
        if n_components == 1:
            return n_bridges
        between = np.where(labels[:, None] == labels, np.inf, dist)
        a, b = np.unravel_index(int(between.argmin()), between.shape)
        joined[a, b] = joined[b, a] = True
        n_bridges += 1
