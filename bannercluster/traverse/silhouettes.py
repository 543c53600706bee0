"""Silhouettes of all runs in two passes, and the separation of the clusters from what they sum."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from bannercluster.kernels.native import silhouette as native
from bannercluster.kernels.silhouette import ClusterMeans, Precision, silhouette_scores
from bannercluster.kernels.stack import Stack
from bannercluster.traverse.walk import Tile

_NOISE = 2.0**-44
"""Share of the squared distances below which a variance is taken for 0."""


@dataclass
class Moments:
    """Per-cluster counts, sums and sums of squared norms, of rows and of unit rows.

    Parameters
    ----------
    counts : (n_centres,) int64 array
    sums : (n_centres, n_features) float64 array
    sum_sq : (n_centres,) float64 array
    unit_sums : (n_centres, n_features) float64 array
        The array ``sums`` itself where the rows are unit rows already.
    n_unit : (n_centres,) float64 array
        Sum of squared norms of the unit rows: the number of rows that are not zero.
    sum_sq_shifted : (n_centres,) float64 array
        Sum of the squared distances of the rows to ``shift``: unlike ``sum_sq`` exact enough for
        the variance of clusters that lie far from the origin.
    shift : (n_features,) float64 array
    n_zero : (n_centres,) int64 array
        Rows that are zero.
    """

    counts: np.ndarray
    sums: np.ndarray
    sum_sq: np.ndarray
    unit_sums: np.ndarray
    n_unit: np.ndarray
    sum_sq_shifted: np.ndarray
    shift: np.ndarray
    n_zero: np.ndarray

    @property
    def means(self) -> np.ndarray:
        """(n_centres, n_features) float64; NaN for empty clusters."""
        with np.errstate(invalid="ignore"):
            means: np.ndarray = self.sums / self.counts[:, None]
        return means

    @property
    def spread(self) -> np.ndarray:
        """(n_centres,) float64: mean squared distance of the rows of a cluster to its mean.

        NaN for empty clusters; exactly 0 where it is 0 but for rounding.
        """
        with np.errstate(invalid="ignore"):
            around = self.sum_sq_shifted / self.counts
        spread = around - np.square(self.means - self.shift).sum(axis=1)
        return np.where(spread <= _NOISE * around, 0.0, spread)

    def of(self, own: slice) -> Moments:
        """Return the moments of some of the clusters."""
        return Moments(
            self.counts[own],
            self.sums[own],
            self.sum_sq[own],
            self.unit_sums[own],
            self.n_unit[own],
            self.sum_sq_shifted[own],
            self.shift,
            self.n_zero[own],
        )


@dataclass(frozen=True)
class ClusterMoments:
    """Reducer to :class:`Moments`: all that silhouettes and inertia need of the final labels."""

    stack: Stack

    @cached_property
    def _shift(self) -> np.ndarray:
        """A place among the rows: the mean of the centres."""
        shift: np.ndarray = self.stack.centres.mean(axis=0)
        return shift

    def start(self) -> Moments:
        """Return the moments of no rows."""
        k, n_features = self.stack.centres.shape
        sums = np.zeros((k, n_features))
        unit = self.stack.recipe.normalize == "l2"
        return Moments(
            counts=np.zeros(k, np.int64),
            sums=sums,
            sum_sq=np.zeros(k),
            unit_sums=sums if unit else np.zeros((k, n_features)),
            n_unit=np.zeros(k),
            sum_sq_shifted=np.zeros(k),
            shift=self._shift,
            n_zero=np.zeros(k, np.int64),
        )

    def add(self, state: Moments, tile: Tile) -> None:
        """Add a tile."""
        assert tile.labels is not None  # noqa: S101 - a pass with this reducer has centres
        x = tile.rows.x.cpu().numpy()
        facts = np.empty((len(x), 3))
        native.norms(x, self._shift, facts)
        unit = self.stack.recipe.normalize == "l2"
        length = np.sqrt(facts[:, 0])
        factor = np.divide(1.0, length, out=np.zeros_like(length), where=length > 0.0)
        found = np.zeros((len(state.counts), 3))
        native.add_members(
            x,
            factor[:0] if unit else factor,
            facts,
            tile.labels,
            self.stack.starts,
            state.counts,
            state.sums,
            state.unit_sums,
            found,
        )
        zero = found[:, 2].astype(np.int64)
        state.sum_sq += found[:, 0]
        state.sum_sq_shifted += found[:, 1]
        state.n_zero += zero
        members = np.zeros(len(found), np.int64)
        for run, (first, last) in enumerate(pairwise(self.stack.starts)):
            members[first:last] = np.bincount(tile.labels[run], minlength=last - first)
        state.n_unit += found[:, 0] if unit else members - zero

    def merge(self, left: Moments, right: Moments) -> Moments:
        """Add."""
        sums = left.sums + right.sums
        unit = self.stack.recipe.normalize == "l2"
        return Moments(
            left.counts + right.counts,
            sums,
            left.sum_sq + right.sum_sq,
            sums if unit else left.unit_sums + right.unit_sums,
            left.n_unit + right.n_unit,
            left.sum_sq_shifted + right.sum_sq_shifted,
            left.shift,
            left.n_zero + right.n_zero,
        )


@dataclass(frozen=True)
class RowBootstrap:
    """Weights that resample rows: Poisson(1) numbers that belong to the global row number.

    The weights of a row depend on the seed, the replicate and the row's number only, so that all
    models of an evaluation are weighted alike, however the rows are cut and walked. (Poisson
    bootstrap: independent weights instead of a multinomial draw; Chamandy et al., 2012.)

    Parameters
    ----------
    n_replicates : int
    seed : int
    """

    n_replicates: int
    seed: int

    def weights(self, start: int, n: int) -> np.ndarray:
        """(n_replicates, n) float32: weights of the rows ``start`` to ``start + n``."""
        found = np.empty((self.n_replicates, n), np.float32)
        native.poisson(np.uint64(self.seed % 2**64), start, _poisson_thresholds(), found)
        return found


def _poisson_thresholds() -> np.ndarray:
    """(13,) float32: where 32 random bits pass the Poisson(1) distribution function.

    Above 12 lie 6e-11 of all draws.
    """
    mass = [math.exp(-1.0) / math.factorial(i) for i in range(13)]
    return (2.0**32 * np.cumsum(mass)).astype(np.float32)


@dataclass
class SilhouetteSums:
    """Sums of the silhouettes of each run.

    Parameters
    ----------
    euclidean, cosine : (n_runs,) float64 array
        Squared Euclidean and cosine. NaN in runs with one occupied cluster; cosines are NaN too
        where a row is zero, because it has no direction (Spark refuses such rows).
    replicates_euclidean, replicates_cosine : (n_replicates, n_runs) float64 array or None
        Sums of weight times score; None without a bootstrap.
    replicate_weights : (n_replicates,) float64 array or None
        Sums of the weights.
    own_distance : (n_centres,) float64 array
        Sum of the Euclidean distances of the rows of a cluster to its mean.
    """

    euclidean: np.ndarray
    cosine: np.ndarray
    replicates_euclidean: np.ndarray | None
    replicates_cosine: np.ndarray | None
    replicate_weights: np.ndarray | None
    own_distance: np.ndarray


@dataclass(frozen=True)
class Silhouettes:
    """Reducer to :class:`SilhouetteSums`, given the moments of the same labels.

    Parameters
    ----------
    stack : Stack
    moments : Moments
    bootstrap : RowBootstrap or None
    precision : {"float64", "float32", "split"} or None
        Of the products (:mod:`bannercluster.kernels.silhouette`); None chooses.
    """

    stack: Stack
    moments: Moments
    bootstrap: RowBootstrap | None = None
    precision: Precision | None = None

    def __post_init__(self) -> None:
        # Chosen here, once for all workers. Small products: threads would wait for each other.
        with threadpool_limits(1, "blas"):
            _ = self._clusters.plan, self._clusters.operands, self._clusters.longest

    @cached_property
    def _clusters(self) -> ClusterMeans:
        found = self.moments
        empty = found.counts == 0
        unit_means = None
        if self.stack.recipe.normalize != "l2":
            unit_means = found.unit_sums / np.maximum(found.counts, 1)[:, None]
        return ClusterMeans(
            self.stack.starts,
            found.counts,
            np.where(empty[:, None], 0.0, found.means),
            np.where(empty, 0.0, found.spread),
            unit_means,
            self.precision,
        )

    def start(self) -> SilhouetteSums:
        """Return the sums of no rows."""
        n_runs, n_centres = self.stack.n_runs, len(self.stack.centres)
        sums = SilhouetteSums(
            np.zeros(n_runs), np.zeros(n_runs), None, None, None, np.zeros(n_centres)
        )
        if self.bootstrap is None:
            return sums
        b = self.bootstrap.n_replicates
        return replace(
            sums,
            replicates_euclidean=np.zeros((b, n_runs)),
            replicates_cosine=np.zeros((b, n_runs)),
            replicate_weights=np.zeros(b),
        )

    def add(self, state: SilhouetteSums, tile: Tile) -> None:
        """Add a tile."""
        assert tile.labels is not None  # noqa: S101 - a pass with this reducer has centres
        scores = silhouette_scores(tile.rows.x, tile.labels, self._clusters)
        no_cosine = np.nan if self.moments.n_zero.any() else 0.0
        state.euclidean += scores.euclidean_sums
        state.cosine += scores.cosine_sums + no_cosine
        state.own_distance += scores.own_distance
        if self.bootstrap is None:
            return
        weights = torch.from_numpy(self.bootstrap.weights(tile.start, tile.labels.shape[1]))
        euclidean = torch.mm(weights, torch.from_numpy(scores.euclidean).T).numpy()
        cosine = euclidean
        if scores.cosine is not scores.euclidean:
            cosine = torch.mm(weights, torch.from_numpy(scores.cosine).T).numpy()
        state.replicates_euclidean = _sum(state.replicates_euclidean, euclidean)
        state.replicates_cosine = _sum(state.replicates_cosine, cosine + no_cosine)
        of_weights = weights.sum(dim=1, dtype=torch.float64).numpy()
        state.replicate_weights = _sum(state.replicate_weights, of_weights)

    def merge(self, left: SilhouetteSums, right: SilhouetteSums) -> SilhouetteSums:
        """Add."""
        return SilhouetteSums(
            left.euclidean + right.euclidean,
            left.cosine + right.cosine,
            _sum(left.replicates_euclidean, right.replicates_euclidean),
            _sum(left.replicates_cosine, right.replicates_cosine),
            _sum(left.replicate_weights, right.replicate_weights),
            left.own_distance + right.own_distance,
        )


def _sum(left: np.ndarray | None, right: np.ndarray | None) -> np.ndarray | None:
    return None if left is None or right is None else left + right


def calinski_harabasz(moments: Moments, starts: np.ndarray) -> np.ndarray:
    """Variance between clusters over the variance within, per degree of freedom.

    Calinski and Harabasz (1974), with k the number of occupied clusters.

    Parameters
    ----------
    moments : Moments
    starts : (n_runs + 1,) int64 array

    Returns
    -------
    (n_runs,) float64 array
        NaN where it is not defined: fewer than two occupied clusters, no more rows than clusters,
        or no variance within any cluster (scikit-learn calls that 1).
    """
    found = np.full(len(starts) - 1, np.nan)
    for run, own in enumerate(_occupied(moments, starts)):
        sizes, k, n = moments.counts[own], len(own), int(moments.counts[own].sum())
        within = float(sizes @ moments.spread[own])
        if k < 2 or n <= k or not within > 0.0:
            continue
        away = moments.means[own] - moments.shift
        between = float(sizes @ np.square(away - sizes @ away / n).sum(axis=1))
        found[run] = between / within * (n - k) / (k - 1)
    return found


def davies_bouldin(moments: Moments, own_distance: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Mean over the clusters of the largest ratio of two clusters' radii to their distance.

    Davies and Bouldin (1979); the radius of a cluster is the mean Euclidean distance of its rows
    to its mean. Empty clusters are left out.

    Parameters
    ----------
    moments : Moments
    own_distance : (n_centres,) float64 array
        From :class:`SilhouetteSums`.
    starts : (n_runs + 1,) int64 array

    Returns
    -------
    (n_runs,) float64 array
        NaN where it is not defined: fewer than two occupied clusters, or two with the same mean.
    """
    found = np.full(len(starts) - 1, np.nan)
    for run, own in enumerate(_occupied(moments, starts)):
        if len(own) < 2:
            continue
        radius = own_distance[own] / moments.counts[own]
        means = moments.means[own]
        ratios = np.zeros((len(own), len(own)))
        for j in range(len(own)):
            distance = np.sqrt(np.square(means - means[j]).sum(axis=1))
            distance[j] = np.inf
            with np.errstate(divide="ignore", invalid="ignore"):
                ratios[j] = np.where(distance > 0.0, (radius + radius[j]) / distance, np.nan)
        found[run] = ratios.max(axis=1).mean()
    return found


def _occupied(moments: Moments, starts: np.ndarray) -> list[np.ndarray]:
    """Numbers of the occupied clusters of each run."""
    return [
        first + np.flatnonzero(moments.counts[first:last] > 0) for first, last in pairwise(starts)
    ]
