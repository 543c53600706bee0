"""The elements of a layout: spots of clicks on a background, as a mixture fitted to a density."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import rel_entr

from bannercluster.heatmap.binning import CENTRES, EDGES
from bannercluster.heatmap.statistics.axes import normal_axis, slot_density

Array = npt.NDArray[np.float64]

_FINGERS = 1.4
WIDTHS: Array = np.array([1.0, _FINGERS]) / np.sqrt((1 + _FINGERS**2) / 2)
"""Standard deviations of the two halves of a spot, pointers and fingers, in those of the whole."""

_LEAST_SD = 0.006
_LEAST_WEIGHT = 1e-9
_LEAST_BACKGROUND = 1e-3
_LEAST_PROBABILITY = 1e-11
_BIN = float(EDGES[1] - EDGES[0])
_SLOT = slot_density()
_POWERS = np.stack([np.ones_like(CENTRES), CENTRES, CENTRES**2], axis=1)


@dataclass(frozen=True, eq=False)
class Elements:
    """Spots and a uniform background on the slot.

    A spot is two normal laws about one centre in equal shares, one 1.4 times as wide as the other,
    since fingers scatter wider than pointers: a single normal law needs a second spot for its
    tails, which is then free to vary as no part of a layout does.

    Parameters
    ----------
    weight : ndarray of shape (K,), float64
        Shares of the spots; what is missing from one is the background's.
    centre, sd : ndarray of shape (K, 2), float64
        x before y, in widths of the slot; the standard deviation of a spot as a whole.
    """

    weight: Array
    centre: Array
    sd: Array

    def __len__(self) -> int:
        return len(self.weight)

    @property
    def background(self) -> float:
        """Share of the clicks that are spread over the slot."""
        return max(1 - float(self.weight.sum()), _LEAST_BACKGROUND)

    def density(self) -> Array:
        """Return the probabilities of the bins, shape (64, 64)."""
        return self._mixed(*self._halves())

    def densities(self) -> Array:
        """Return the share of each bin's probability by part, shape (K + 1, 64, 64), slot last."""
        weight, x, y = self._halves()
        spots = (weight[..., None, None] * y[..., :, None] * x[..., None, :]).sum(axis=0)
        return np.concatenate([spots, self.background * _SLOT[None]])

    def responsibilities(self) -> Array:
        """Return which part the clicks of a bin belong to, shape (K + 1, 64, 64); sums to one."""
        parts = self.densities() + 1e-12
        shares: Array = parts / parts.sum(axis=0)
        return shares

    def divergence(self, density: Array) -> float:
        """Return Kullback's and Leibler's divergence of a density (64, 64) from this one."""
        return float(rel_entr(density, self.density()).sum())

    def refined(self, density: Array, n_steps: int) -> Elements:
        """Return the elements after some steps of EM."""
        own = self
        for _ in range(n_steps):
            own = own._step(density)
        return own

    def _step(self, density: Array) -> Elements:
        weight, x, y = self._halves()
        left = density / self._mixed(weight, x, y)
        # Clicks of each half of each spot, and their moments along both axes: (2, K, 3).
        by_x, by_y = (
            weight[..., None] * (across * (along @ matrix)) @ _POWERS
            for across, along, matrix in ((x, y, left), (y, x, left.T))
        )
        mass = np.maximum(by_x[..., 0].sum(axis=0), _LEAST_WEIGHT)
        # The narrower half says more of where a spot is and how wide.
        told = np.stack([by_x, by_y], axis=-2) / WIDTHS[:, None, None, None] ** 2
        number, first, second = np.moveaxis(told.sum(axis=0), -1, 0)
        number = np.maximum(number, _LEAST_WEIGHT)
        centre = first / number
        square = (second - centre * first) / mass[:, None]
        sd = np.sqrt(np.maximum(square - _BIN**2 / 12, _LEAST_SD**2))
        return Elements(mass, centre, sd)

    def _halves(self) -> tuple[Array, Array, Array]:
        """Return weights (2, K) and masses in the bins of the axes, (2, K, 64), of half spots."""
        x, y = (
            np.stack(
                [normal_axis(self.centre[:, axis], width * self.sd[:, axis]) for width in WIDTHS]
            )
            for axis in (0, 1)
        )
        return np.tile(self.weight / len(WIDTHS), (len(WIDTHS), 1)), x, y

    def _mixed(self, weight: Array, x: Array, y: Array) -> Array:
        n_bins = x.shape[-1]
        spots = (weight[..., None] * y).reshape(-1, n_bins).T @ x.reshape(-1, n_bins)
        mixed: Array = spots + self.background * _SLOT + _LEAST_PROBABILITY
        return mixed
