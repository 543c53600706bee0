"""A mixture of Gaussian clusters and uniform noise, and the clicks it is fitted to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bannercluster.errors import UsageError

Array = npt.NDArray[np.float64]

PIXEL_VARIANCE = 1 / 12
"""Of a position within its pixel: counts spread a cluster by so much on each axis."""

N_PARAMETERS = 6
"""Free parameters that a component adds: a weight, two coordinates, three covariances."""


@dataclass(frozen=True)
class Points:
    """Weighted points; equal points are one with their number as its weight.

    Parameters
    ----------
    xy : (n, 2) float64 array
    weights : (n,) float64 array
        Positive.
    side : float or None
        Clicks are seen on the square 0 ... side only, and noise is uniform on it. None: clicks are
        seen everywhere and there is no noise.
    """

    xy: Array
    weights: Array
    side: float | None

    @classmethod
    def of_counts(cls, counts: npt.NDArray[np.integer]) -> Points:
        """Take a square heatmap (y, x) of counts: the middles of its filled pixels.

        Raises
        ------
        UsageError
            If it is not square.
        """
        if counts.ndim != 2 or counts.shape[0] != counts.shape[1] or not len(counts):
            raise UsageError(
                f"got counts of shape {counts.shape}, expected a square heatmap (y, x): give one"
            )
        y, x = np.nonzero(counts)
        xy = np.stack([x, y], axis=1).astype(np.float64) + 0.5
        return cls(xy, counts[y, x].astype(np.float64), float(len(counts)))

    @property
    def n_clicks(self) -> float:
        """Sum of the weights."""
        return float(self.weights.sum())


@dataclass(frozen=True)
class Mixture:
    """A mixture with k components and noise.

    Parameters
    ----------
    weights : (k,) float64 array
        Shares of all clicks, those that fall off the canvas included.
    means : (k, 2) float64 array
        (x, y) in px.
    covariances : (k, 2, 2) float64 array
        In px^2, of binned positions: `PIXEL_VARIANCE` above those of the clicks.
    noise : float
        Share of the noise; ``weights`` and ``noise`` sum to 1.
    """

    weights: Array
    means: Array
    covariances: Array
    noise: float

    @property
    def n_components(self) -> int:
        """The number of components without the noise, k."""
        return len(self.weights)

    @classmethod
    def only_noise(cls) -> Mixture:
        """Return the mixture of k = 0."""
        return cls(np.zeros(0), np.zeros((0, 2)), np.zeros((0, 2, 2)), 1.0)

    def without(self, index: int) -> Mixture:
        """Remove a component; its clicks go to the noise until they are shared out by a fit."""
        keep = np.arange(self.n_components) != index
        return Mixture(
            self.weights[keep],
            self.means[keep],
            self.covariances[keep],
            self.noise + float(self.weights[index]),
        )

    def with_one(self, share: float, mean: Array, covariance: Array) -> Mixture:
        """Add a component that takes its share from all others."""
        left = 1 - share
        return Mixture(
            np.append(self.weights * left, share),
            np.concatenate([self.means, mean[None]]),
            np.concatenate([self.covariances, covariance[None]]),
            self.noise * left,
        )

    def with_split(self, index: int) -> Mixture:
        """Replace a component by two along its longer axis, with the same mean and spread there."""
        values, vectors = np.linalg.eigh(self.covariances[index])
        reach = 0.7 * np.sqrt(values[1])
        shift = reach * vectors[:, 1]
        narrow = self.covariances[index] - np.outer(shift, shift)
        weights, means = self.weights.copy(), self.means.copy()
        covariances = self.covariances.copy()
        weights[index] /= 2
        means[index] += shift
        covariances[index] = narrow
        return Mixture(
            np.append(weights, weights[index]),
            np.concatenate([means, (means[index] - 2 * shift)[None]]),
            np.concatenate([covariances, narrow[None]]),
            self.noise,
        )

    def with_merged(self, first: int, second: int) -> Mixture:
        """Replace two components by one with their joint weight, mean and covariance."""
        share = self.weights[first] / (self.weights[first] + self.weights[second])
        gap = self.means[first] - self.means[second]
        weights, means = self.weights.copy(), self.means.copy()
        covariances = self.covariances.copy()
        weights[first] += weights[second]
        means[first] = share * means[first] + (1 - share) * means[second]
        covariances[first] = share * covariances[first] + (1 - share) * covariances[second]
        covariances[first] += share * (1 - share) * np.outer(gap, gap)
        keep = np.arange(self.n_components) != second
        return Mixture(weights[keep], means[keep], covariances[keep], self.noise)


def bic(log_likelihood: float, n_components: int, n_clicks: float) -> float:
    """Bayesian information criterion (Schwarz 1978): less is better."""
    return -2 * log_likelihood + N_PARAMETERS * n_components * float(np.log(max(n_clicks, 1.0)))
