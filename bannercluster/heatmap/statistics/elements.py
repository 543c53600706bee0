"""The elements of a layout, found in the healthy density, and how domains vary them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter, maximum_filter

from bannercluster.heatmap.binning import CENTRES, EDGES
from bannercluster.heatmap.statistics.axes import normal_axis, slot_density

Array = npt.NDArray[np.float64]

_MOST = 24
_LEAST_SD = 0.006
_WIDTH = float(EDGES[1] - EDGES[0])
_FIRST_STEPS = 40
_MORE_STEPS = 15
_UNEXPLAINED = 0.004
"""A spot with less than this share of the clicks left over is not worth an element."""


@dataclass(frozen=True, eq=False)
class Elements:
    """Normal spots and a uniform background on the slot: a mixture fitted to a density.

    Parameters
    ----------
    weight : ndarray of shape (K,), float64
        Shares of the spots; what is missing from one is the background's.
    centre, sd : ndarray of shape (K, 2), float64
        x before y, in widths of the slot.
    """

    weight: Array
    centre: Array
    sd: Array

    @classmethod
    def of(cls, density: Array) -> Elements:
        """Find the elements of a density of shape (64, 64) by EM, from its peaks."""
        found = cls._with_spots(None, _peaks(gaussian_filter(density, 1.0, mode="nearest")))
        found = found.refined(density, _FIRST_STEPS)
        for _ in range(3):
            left = gaussian_filter(density - found.densities().sum(axis=0), 1.5)
            spots = _peaks(left)[: _MOST - len(found.weight)]
            mass = 2 * np.pi * (1.5**2 + 2.0**2) * left[spots[:, 0], spots[:, 1]]
            spots = spots[mass > _UNEXPLAINED][:4]
            if not len(spots):
                break
            found = cls._with_spots(found, spots).refined(density, _MORE_STEPS)
        return found

    @classmethod
    def _with_spots(cls, own: Elements | None, cells: npt.NDArray[np.int64]) -> Elements:
        """Add spots at bins (row, column), each of a fair share of the clicks."""
        centre = np.stack([CENTRES[cells[:, 1]], CENTRES[cells[:, 0]]], axis=1)
        sd = np.full_like(centre, 2 * _WIDTH)
        if own is None:
            return cls(np.full(len(cells), 0.85 / len(cells)), centre, sd)
        new = np.full(len(cells), 0.01)
        weight = np.concatenate([own.weight * (1 - new.sum()), new])
        return cls(weight, np.concatenate([own.centre, centre]), np.concatenate([own.sd, sd]))

    def densities(self) -> Array:
        """Return the share of each bin's probability by part, shape (K + 1, 64, 64), slot last."""
        x = normal_axis(self.centre[:, 0], self.sd[:, 0])
        y = normal_axis(self.centre[:, 1], self.sd[:, 1])
        spots = self.weight[:, None, None] * y[:, :, None] * x[:, None, :]
        background = max(1 - self.weight.sum(), 1e-3) * slot_density()
        return np.concatenate([spots, background[None]])

    def responsibilities(self) -> Array:
        """Return which part the clicks of a bin belong to, shape (K + 1, 64, 64); sums to one."""
        parts = self.densities() + 1e-12
        shares: Array = parts / parts.sum(axis=0)
        return shares

    def refined(self, density: Array, n_steps: int) -> Elements:
        """Return the elements after some steps of EM."""
        own = self
        for _ in range(n_steps):
            mass = own.responsibilities()[:-1] * density
            weight = np.maximum(mass.sum(axis=(1, 2)), 1e-9)
            by_x, by_y = mass.sum(axis=1) / weight[:, None], mass.sum(axis=2) / weight[:, None]
            centre = np.stack([by_x @ CENTRES, by_y @ CENTRES], axis=1)
            square = np.stack([by_x @ CENTRES**2, by_y @ CENTRES**2], axis=1) - centre**2
            sd = np.sqrt(np.maximum(square - _WIDTH**2 / 12, _LEAST_SD**2))
            own = Elements(weight, centre, sd)
        return own


def _peaks(density: Array) -> npt.NDArray[np.int64]:
    """Return the bins (row, column) that exceed their neighbours, the highest first."""
    top = (density == maximum_filter(density, 5)) & (density > density.max() * 0.02)
    cells = np.argwhere(top)
    order = np.argsort(-density[cells[:, 0], cells[:, 1]], kind="stable")
    chosen: npt.NDArray[np.int64] = cells[order][:_MOST]
    return chosen
