"""A heatmap's own healthy density: the elements as its domain most probably re-weighted them.

The profile is the mean over references: its spots are blurred by the shifts of their domains. A
heatmap of many clicks shows one domain, whose spots are sharp and lie elsewhere. Its parameters
(log weights of the elements and of the background, shifts, widths) are found as the mode of their
posterior law by Fisher's scoring; what the mixture of spots does not say of the profile, such as
the form of an element, is kept as a factor of each bin.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

from bannercluster.heatmap.binning import N_BINS, Counts
from bannercluster.heatmap.statistics.axes import open_edges, slot_density
from bannercluster.heatmap.statistics.elements import WIDTHS, Elements
from bannercluster.heatmap.statistics.native import write_slopes
from bannercluster.heatmap.statistics.spread import VariationSpread

Array = npt.NDArray[np.float64]
Float32 = npt.NDArray[np.float32]

_MOST_STEPS = 8
_CONVERGED = 0.05
"""A step that promises less, in nats, is not taken."""

_SHORTEST = 0.1
"""Shares of a step below this are not tried."""

_LEAST_WEIGHT, _LEAST_BACKGROUND = 1e-6, 5e-3
_LEAST_SHARPNESS = 0.4
"""An element is never sharper than this share of its width in the profile."""

_MOST_RATIO = 4.0
_LEAST_PROBABILITY = 1e-9
_LEAST_WIDTH_SD, _MOST_BACKGROUND_SD = 0.05, 1.0

KINDS = ("weight", "background", "shift", "own_shift", "width")
"""Kinds of parameters, in their order."""


@dataclass(frozen=True, eq=False)
class DomainModel:
    """The densities that healthy domains of a grid have.

    Parameters
    ----------
    weight : ndarray of shape (K,), float64
        Of the elements, in clicks of the profile.
    background : float
        Share of the clicks spread over the slot.
    centre, sd : ndarray of shape (K, 2), float64
        Of the elements on one domain: not blurred by the shifts of several. A spot has two halves,
        as in ``Elements``.
    ratio : ndarray of shape (4096,), float64
        The profile over what its elements say.
    prior_sd : ndarray of shape (4 K + 3,), float64
        Of the parameters, whose law is normal about zero: log weights of the elements, log weight
        of the background, common shift (x, y), each element's own shift (x of all, y of all), log
        widths.
    kind : ndarray of shape (4 K + 3,), int64
        Index into ``KINDS``.
    """

    weight: Array
    background: float
    centre: Array
    sd: Array
    ratio: Array
    prior_sd: Array
    kind: npt.NDArray[np.int64]

    @classmethod
    def of(
        cls,
        density: Array,
        elements: Elements,
        spread: VariationSpread,
        *,
        bandwidth: float,
        inflation: float,
    ) -> DomainModel:
        """Make the model of a profile.

        Parameters
        ----------
        density : ndarray of shape (64, 64)
        elements : Elements
            Of the density.
        spread : VariationSpread
        bandwidth : float
            Standard deviation that the density was smoothed by, in widths of the slot.
        inflation : float
            Factor of the variances, for the uncertainty of the profile itself.
        """
        k = len(elements.weight)
        weight = np.maximum(elements.weight, _LEAST_WEIGHT)
        background = max(1 - float(elements.weight.sum()), _LEAST_BACKGROUND)
        blur = spread.shift**2 + spread.own_shift**2 + bandwidth**2
        least = (_LEAST_SHARPNESS * elements.sd) ** 2
        kind = np.repeat(np.arange(5), [k, 1, 2, 2 * k, k])
        by_kind = np.array(
            [
                spread.weight,
                min(spread.background / background, _MOST_BACKGROUND_SD),
                spread.shift,
                spread.own_shift,
                max(spread.width, _LEAST_WIDTH_SD),
            ]
        )
        plain = cls(
            weight=weight,
            background=background,
            centre=elements.centre,
            sd=elements.sd,
            ratio=np.ones(N_BINS * N_BINS),
            prior_sd=np.sqrt(inflation) * by_kind[kind],
            kind=kind,
        )
        flat = density.ravel()
        said = plain.density(np.zeros(len(kind)))
        ratio = np.clip(flat / (0.985 * said + 0.015 * flat), 1 / _MOST_RATIO, _MOST_RATIO)
        sharp = np.sqrt(np.maximum(elements.sd**2 - blur, least))
        return replace(plain, ratio=ratio, sd=sharp)

    def density(self, theta: Array) -> Array:
        """Return the probabilities of the bins, shape (4096,), at parameters, (4 K + 3,)."""
        x, y = self._axes(theta)
        return self._normalised(self._weights(theta), x[0], y[0])[0]

    def fit(self, counts: Counts) -> DomainFits:
        """Fit heatmaps, each by itself.

        Parameters
        ----------
        counts : ndarray of shape (n, 64, 64), uint32
        """
        found = [self._fit(one.ravel().astype(np.float64)) for one in counts]
        starts = np.searchsorted(self.kind, np.arange(len(KINDS)))
        # Row by row: the same bits alone and in a batch.
        energy = [np.add.reduceat((theta / self.prior_sd) ** 2, starts) for theta, _ in found]
        k = len(self.weight)
        background = np.array([theta[k] / self.prior_sd[k] for theta, _ in found])
        density = np.array([one for _, one in found]).reshape(counts.shape)
        return DomainFits(density, np.array(energy).reshape(-1, len(KINDS)), background)

    def squared_deviations(self, counts: Counts) -> Array:
        """Return the expected squares of the parameters, summed over heatmaps, shape (4 K + 3,).

        Under the normal law about each posterior mode.
        """
        total = np.zeros(len(self.prior_sd))
        for one in counts:
            seen = one.ravel().astype(np.float64)
            theta, density = self._fit(seen)
            information = self._information(self._slopes(theta), density, seen.sum())
            total += theta**2 + np.diag(np.linalg.inv(information))
        return total

    def _fit(self, seen: Array) -> tuple[Array, Array]:
        """Return the posterior mode of the parameters, and its density."""
        theta, n_clicks = np.zeros(len(self.prior_sd)), float(seen.sum())
        precision = self.prior_sd**-2.0
        density = self.density(theta)
        value = float(seen @ np.log(density))
        for _ in range(_MOST_STEPS):
            slopes = self._slopes(theta)
            gradient = slopes @ (seen / density).astype(np.float32) - precision * theta
            information = self._information(slopes, density, n_clicks)
            step = np.linalg.solve(information, gradient.astype(np.float64))
            if gradient @ step < 2 * _CONVERGED:
                break
            length = 1.0
            while length > _SHORTEST:
                tried = theta + length * step
                there = self.density(tried)
                better = float(seen @ np.log(there)) - 0.5 * float(tried @ (precision * tried))
                if better > value:
                    break
                length /= 2
            else:
                break
            theta, density, value = tried, there, better
        return theta, density

    def _information(self, slopes: Float32, density: Array, n_clicks: float) -> Array:
        """Return Fisher's information of so many clicks and the prior, (4 K + 3, 4 K + 3)."""
        scaled = slopes * np.sqrt(n_clicks / density).astype(np.float32)
        information: Array = (scaled @ scaled.T).astype(np.float64)
        information[np.diag_indices_from(information)] += self.prior_sd**-2.0
        return information

    def _slopes(self, theta: Array) -> Float32:
        """Return how the probabilities of the bins change with each parameter, (4 K + 3, 4096)."""
        x, y = self._axes(theta)
        weights = self._weights(theta)
        density, total = self._normalised(weights, x[0], y[0])
        slopes = np.empty((len(theta), N_BINS * N_BINS), np.float32)
        narrow = (one.astype(np.float32) for one in (weights, x, y, self.ratio / total, density))
        write_slopes(*narrow, _SLOT.astype(np.float32), slopes)
        return slopes

    def _weights(self, theta: Array) -> Array:
        k = len(self.weight)
        return np.append(self.weight, self.background) * np.exp(np.clip(theta[: k + 1], -9, 9))

    def _axes(self, theta: Array) -> tuple[Array, Array]:
        """Return mass, slope in the centre and slope in the log width of each half spot.

        By axis, each of shape (3, 2, K, 64).
        """
        k = len(self.weight)
        common, own = theta[k + 1 : k + 3], theta[k + 3 : 3 * k + 3].reshape(2, k)
        widening = np.exp(np.clip(theta[3 * k + 3 :], -3, 3))
        x, y = (
            _normal(
                self.centre[:, axis] + common[axis] + own[axis],
                WIDTHS[:, None] * self.sd[:, axis] * widening,
            )
            for axis in (0, 1)
        )
        return x, y

    def _normalised(self, weights: Array, x: Array, y: Array) -> tuple[Array, float]:
        halves = np.tile(weights[:-1] / len(WIDTHS), len(WIDTHS))[:, None]
        spots = (halves * y.reshape(-1, N_BINS)).T @ x.reshape(-1, N_BINS)
        raw = (spots.ravel() + weights[-1] * _SLOT) * self.ratio + _LEAST_PROBABILITY
        total = float(raw.sum())
        return raw / total, total


@dataclass(frozen=True, eq=False)
class DomainFits:
    """Heatmaps as healthy domains would most probably make them.

    Parameters
    ----------
    density : ndarray of shape (n, 64, 64), float64
    energy : ndarray of shape (n, 5), float64
        Squared deviations of the parameters from the profile, in prior standard deviations, summed
        by kind: how unusual a domain it takes.
    background : ndarray of shape (n,), float64
        Deviation of the log background, in prior standard deviations.
    """

    density: Array
    energy: Array
    background: Array

    @property
    def deviation(self) -> Array:
        """How unusual a domain each heatmap takes, (n, 5): roots of the energies by kind.

        In prior standard deviations; of the background with its sign.
        """
        found = np.sqrt(self.energy)
        found[:, KINDS.index("background")] = self.background
        return found


_SLOT = slot_density().ravel()
_EDGES = open_edges()
_FARTHEST = 38.0
"""Standard deviations beyond which nothing is left."""


def _normal(mean: Array, sd: Array) -> Array:
    """Return the masses of normal laws in the bins, their slopes in mean and in log sd.

    Parameters
    ----------
    mean : ndarray of shape (K,)
    sd : ndarray of shape (2, K)

    Returns
    -------
    masses : ndarray of shape (3, 2, K, 64)
    """
    z = np.clip((_EDGES - mean[:, None]) / sd[..., None], -_FARTHEST, _FARTHEST)
    height = np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi)
    return np.stack(
        [
            np.diff(ndtr(z), axis=-1),
            -np.diff(height, axis=-1) / sd[..., None],
            -np.diff(height * z, axis=-1),
        ]
    )
