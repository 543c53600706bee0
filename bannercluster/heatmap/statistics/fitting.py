"""A heatmap's own healthy density: the profile, varied as its domain most probably varies it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bannercluster.heatmap.binning import N_BINS, Counts
from bannercluster.heatmap.statistics.native import Float32, matrix_products, table_products
from bannercluster.heatmap.statistics.variation import Variation

Array = npt.NDArray[np.float64]

_LEAST_SHARE = 0.1
"""The fit never takes more than nine tenths of a bin's probability away."""


@dataclass(frozen=True, eq=False)
class FitTables:
    """What the fit of heatmaps to a profile needs.

    Parameters
    ----------
    density : ndarray of shape (4096,), float64
    variation : Variation
    forward : ndarray of shape (4096, M), float32
        From shares of clicks to coordinates along the variation.
    offset : ndarray of shape (M,), float64
        Coordinates of the profile itself.
    back : ndarray of shape (M, 4096), float32
        From coordinates to differences of density.
    """

    density: Array
    variation: Variation
    forward: Float32
    offset: Array
    back: Float32

    @classmethod
    def of(cls, density: Array, variation: Variation) -> FitTables:
        """Make the tables of a profile."""
        flat = density.ravel()
        root = np.sqrt(flat)
        forward = (variation.direction / root).T
        return cls(
            density=flat,
            variation=variation,
            forward=np.ascontiguousarray(forward, np.float32),
            offset=variation.direction @ root,
            back=np.ascontiguousarray(variation.direction * root, np.float32),
        )


@dataclass(frozen=True, eq=False)
class Fit:
    """Heatmaps fitted to a profile.

    Parameters
    ----------
    n_clicks : ndarray of shape (n,), float64
    shrinkage, shrunk : ndarray of shape (n, M), float64
        How much of each coordinate is the domain's, and that part of the coordinates.
    density : ndarray of shape (n, 64, 64), float64
        Most probable healthy density of each.
    explained : ndarray of shape (n,), float64
        What the fit takes off the squared whitened difference, in units of Poisson's variance.
    surprise : ndarray of shape (n,), float64
        Squared length of the coordinates in standard deviations, over their number.
    """

    n_clicks: Array
    shrinkage: Array
    shrunk: Array
    density: Array
    explained: Array
    surprise: Array


def fit(tables: FitTables, counts: Counts) -> Fit:
    """Fit the healthy variation of each heatmap: the posterior mean under normal laws.

    Coordinates have the prior variance of the variation and Poisson's 1 / N on top (Wiener's
    filter in whitened bins; Woodbury's identity makes it a product with M directions).
    """
    n_clicks = counts.sum(axis=(1, 2), dtype=np.float64)
    coordinates = table_products(counts, tables.forward) / n_clicks[:, None] - tables.offset
    shrinkage = tables.variation.shrinkage(n_clicks)
    shrunk = shrinkage * coordinates
    change = matrix_products(shrunk, tables.back)
    density = np.maximum(tables.density + change, _LEAST_SHARE * tables.density)
    density /= density.sum(axis=1, keepdims=True)
    variance = tables.variation.variance + 1 / n_clicks[:, None]
    return Fit(
        n_clicks=n_clicks,
        shrinkage=shrinkage,
        shrunk=shrunk,
        density=density.reshape(-1, N_BINS, N_BINS),
        explained=n_clicks * (coordinates * shrunk).sum(axis=1),
        surprise=(coordinates**2 / variance).mean(axis=1),
    )
