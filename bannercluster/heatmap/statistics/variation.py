"""How healthy domains differ from the profile of their grid, beyond chance: a normal law.

A domain re-weights the elements, moves them all and each a little, makes them wider or narrower
and has more or less background. Each is a direction in the space of densities; the variances of
the five kinds are shared by all elements and all grids, so that a grid with one reference has
them too.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass

import numpy as np
import numpy.typing as npt

from bannercluster.heatmap.binning import CENTRES
from bannercluster.heatmap.statistics.axes import slot_density
from bannercluster.heatmap.statistics.elements import Elements
from bannercluster.heatmap.statistics.spread import VariationSpread

Array = npt.NDArray[np.float64]

_NEGLIGIBLE = 1e-6
"""Variance of a direction, relative to Poisson's of one click: shows at a million clicks."""


@dataclass(frozen=True, eq=False)
class Variation:
    """Orthogonal directions of healthy variation, in bins whitened by Poisson's law.

    Parameters
    ----------
    direction : ndarray of shape (M, 4096), float64
        Rows orthonormal.
    variance : ndarray of shape (M,), float64
        Of the whitened density ``(counts / N - p) / sqrt(p)`` along each, Poisson's 1 / N not
        included.
    """

    direction: Array
    variance: Array

    @classmethod
    def of(
        cls, density: Array, elements: Elements, spread: VariationSpread, inflation: float
    ) -> Variation:
        """Return the variation of a grid; ``inflation`` adds that of the mean of references."""
        columns, kind = directions(density, elements)
        sd = np.array(astuple(spread))[kind]
        scaled = columns * sd[:, None] * np.sqrt(inflation)
        variance, rotation = np.linalg.eigh(scaled @ scaled.T)
        kept = variance > _NEGLIGIBLE
        variance, rotation = variance[kept], rotation[:, kept]
        return cls((rotation.T @ scaled) / np.sqrt(variance)[:, None], variance)

    def shrinkage(self, n_clicks: Array) -> Array:
        """Return how much of a heatmap's difference is its domain's, shape (n, M)."""
        share: Array = self.variance / (self.variance + 1 / n_clicks[:, None])
        return share


def directions(density: Array, elements: Elements) -> tuple[Array, npt.NDArray[np.int64]]:
    """Return what a unit of each kind of variation does to the whitened density.

    Returns
    -------
    columns : ndarray of shape (5 K + 3, 4096), float64
    kind : ndarray of shape (5 K + 3,), int64
        Index of the field of ``VariationSpread``.
    """
    parts = elements.responsibilities()[:-1] * density
    mass = parts.sum(axis=(1, 2), keepdims=True)
    away_x = (CENTRES - elements.centre[:, :1])[:, None, :] / elements.sd[:, 0, None, None]
    away_y = (CENTRES - elements.centre[:, 1:])[:, :, None] / elements.sd[:, 1, None, None]
    moved_x = parts * away_x / elements.sd[:, 0, None, None]
    moved_y = parts * away_y / elements.sd[:, 1, None, None]
    kinds = [
        parts - mass * density,
        np.stack([moved_x.sum(axis=0), moved_y.sum(axis=0)]),
        np.concatenate([moved_x, moved_y]),
        np.concatenate([parts * (away_x**2 - 1), parts * (away_y**2 - 1)]),
        (slot_density() - density)[None],
    ]
    kind = np.repeat(np.arange(5), [len(one) for one in kinds])
    columns = np.concatenate(kinds).reshape(len(kind), -1)
    flat = density.ravel()
    columns = columns - columns.sum(axis=1, keepdims=True) * flat
    return columns / np.sqrt(flat), kind
