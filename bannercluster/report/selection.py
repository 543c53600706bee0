"""Which rows a report shows: nearest, boundary and random banners of a cluster, the map."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.decomposition import PCA

from bannercluster.kernels.rows import Normalize, normalized, to_float32
from bannercluster.models.kmeans import Assigned
from bannercluster.traverse.sources import RowSource


@dataclass(frozen=True)
class Shown:
    """Rows of one cluster, by their global numbers.

    Parameters
    ----------
    n_rows : int
        Rows of the cluster.
    nearest, boundary, random : (n,) int64 arrays
        Nearest to the centre first; of the smallest margin first; drawn without the others.
    """

    n_rows: int
    nearest: np.ndarray
    boundary: np.ndarray
    random: np.ndarray

    @property
    def all(self) -> np.ndarray:
        """All rows that are shown."""
        return np.concatenate([self.nearest, self.boundary, self.random])


def select(assigned: Assigned, k: int, per_cluster: int, seed: int) -> list[Shown]:
    """Choose the rows of each cluster; equal values go by row number, so that a choice repeats.

    Parameters
    ----------
    assigned : Assigned
    k : int
    per_cluster : int
        Rows of each kind.
    seed : int
    """
    shown = []
    order = np.argsort(assigned.cluster_id, kind="stable")
    bounds = np.searchsorted(assigned.cluster_id[order], np.arange(k + 1))
    for cluster in range(k):
        own = order[bounds[cluster] : bounds[cluster + 1]]
        nearest = own[np.argsort(assigned.distance[own], kind="stable")[:per_cluster]]
        margin = assigned.margin[own]
        at_edge = own[np.argsort(margin, kind="stable")] if not np.isnan(margin).any() else own[:0]
        boundary = at_edge[~np.isin(at_edge, nearest)][:per_cluster]
        rest = own[~np.isin(own, np.concatenate([nearest, boundary]))]
        generator = np.random.Generator(np.random.PCG64([seed, k, cluster]))
        size = min(per_cluster, len(rest))
        random = np.sort(generator.choice(rest, size, replace=False)) if size else rest
        shown.append(Shown(len(own), nearest, boundary, random))
    return shown


@dataclass(frozen=True)
class Projection:
    """Rows on the plane of their first two principal components.

    Parameters
    ----------
    rows : (n,) int64 array
    xy : (n, 2) float64 array
    explained : tuple of float
        Share of the variance of the sample along each axis.
    """

    rows: np.ndarray
    xy: np.ndarray
    explained: tuple[float, float]


def project(source: RowSource, normalize: Normalize, n_points: int, seed: int) -> Projection | None:
    """Project a random sample of rows; None where there are fewer than three rows.

    Parameters
    ----------
    source : RowSource
    normalize : {"l2", "none"}
        The space of the models.
    n_points : int
        Most rows of the sample.
    seed : int
    """
    if source.n_rows < 3:
        return None
    generator = np.random.Generator(np.random.PCG64([seed, source.n_rows]))
    size = min(n_points, source.n_rows)
    rows = np.sort(generator.choice(source.n_rows, size, replace=False))
    x = normalized(to_float32(source.gather(rows)), normalize).numpy()
    pca = PCA(2, svd_solver="randomized", random_state=seed)
    xy = pca.fit_transform(x).astype(np.float64)
    first, second = (float(share) for share in pca.explained_variance_ratio_)
    return Projection(rows, xy, (first, second))
