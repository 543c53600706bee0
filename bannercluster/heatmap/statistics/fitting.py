"""How much of a heatmap's difference from its profile healthy variation explains, linearly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bannercluster.heatmap.binning import Counts
from bannercluster.heatmap.statistics.native import Float32, table_products
from bannercluster.heatmap.statistics.variation import Variation

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class FitTables:
    """What the fit of heatmaps to a profile needs.

    Parameters
    ----------
    variation : Variation
    forward : ndarray of shape (4096, M), float32
        From shares of clicks to coordinates along the variation.
    offset : ndarray of shape (M,), float64
        Coordinates of the profile itself.
    """

    variation: Variation
    forward: Float32
    offset: Array

    @classmethod
    def of(cls, density: Array, variation: Variation) -> FitTables:
        """Make the tables of a profile."""
        root = np.sqrt(density.ravel())
        forward = np.ascontiguousarray((variation.direction / root).T, np.float32)
        return cls(variation, forward, variation.direction @ root)


@dataclass(frozen=True, eq=False)
class Fit:
    """Heatmaps fitted to a profile along the directions of its variation.

    Parameters
    ----------
    n_clicks : ndarray of shape (n,), float64
    shrinkage : ndarray of shape (n, M), float64
        How much of each coordinate is the domain's.
    explained : ndarray of shape (n,), float64
        What the fit takes off the squared whitened difference, in units of Poisson's variance.
    """

    n_clicks: Array
    shrinkage: Array
    explained: Array


def fit(tables: FitTables, counts: Counts) -> Fit:
    """Fit the healthy variation of each heatmap: the posterior mean under normal laws.

    Coordinates have the prior variance of the variation and Poisson's 1 / N on top (Wiener's
    filter in whitened bins; Woodbury's identity makes it a product with M directions).
    """
    n_clicks = counts.sum(axis=(1, 2), dtype=np.float64)
    coordinates = table_products(counts, tables.forward) / n_clicks[:, None] - tables.offset
    shrinkage = tables.variation.shrinkage(n_clicks)
    return Fit(n_clicks, shrinkage, n_clicks * (shrinkage * coordinates**2).sum(axis=1))
