"""Clicks on the very same places, or on places at equal distances: bots and bursts."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.ndimage import uniform_filter

from bannercluster.heatmap.binning import EDGES, N_BINS, Counts

Array = npt.NDArray[np.float64]

_STEPS: Array = np.geomspace(2.0, 9.0, 80)
"""Distances of the points of a lattice that are looked for, in bins."""

_WAVES = np.exp(2j * np.pi * np.arange(N_BINS)[:, None] / _STEPS)


def collisions(counts: Counts, density: Array) -> Array:
    """Return the log of the pairs of clicks in one bin, over those that are due, (n,).

    The unbiased estimate of the sum of p^2 (E. H. Simpson, 1949), as a ratio to the density's.
    """
    cells = counts.astype(np.float64)
    n_clicks = cells.sum(axis=(1, 2))
    pairs = (cells * (cells - 1)).sum(axis=(1, 2))
    due = n_clicks * (n_clicks - 1) * (density**2).sum(axis=(-2, -1))
    scores: Array = np.log((pairs + 0.5) / (due + 0.5))
    return scores


def local_dispersion(counts: Counts) -> Array:
    """Return the log of the pairs of clicks in one bin, over those in bins beside it, (n,).

    Real clicks scatter: a lattice or a burst puts more in a bin than beside it.
    """
    cells = counts.astype(np.float64)
    own = (cells * (cells - 1)).sum(axis=(1, 2))
    around = uniform_filter(cells, (0, 3, 3), mode="constant") * 9 - cells
    beside = (cells * around).sum(axis=(1, 2)) / 8
    scores: Array = np.log((own + 0.5) / (beside + 0.5))
    return scores


def ring_share(counts: Counts, density: Array) -> Array:
    """Return the clicks outside the slot, in standard deviations above what is due, (n,)."""
    inside = (EDGES[1:] > 0) & (EDGES[:-1] < 1)
    ring = ~np.logical_and.outer(inside, inside)
    due = density[ring].sum()
    n_clicks = counts.sum(axis=(1, 2), dtype=np.float64)
    own = counts[:, ring].sum(axis=1, dtype=np.float64)
    scores: Array = (own - n_clicks * due) / np.sqrt(n_clicks * due + 0.5)
    return scores


def periodicity(counts: Counts, density: Array) -> Array:
    """Return the log of the largest power of clicks at equal distances along both axes, (n,).

    The periodogram (A. Schuster, 1898) of the sums over rows and over columns, less the
    density's, in units of Poisson's noise.
    """
    cells = counts.astype(np.float64)
    n_clicks = cells.sum(axis=(1, 2))
    difference = cells / n_clicks[:, None, None] - density
    power = np.zeros((len(cells), len(_STEPS)))
    for axis in (1, 2):
        sums = difference.sum(axis=axis)
        power += np.stack([np.abs(row @ _WAVES) ** 2 for row in sums])
    scores: Array = np.log(n_clicks * power.max(axis=1) + 1e-3)
    return scores
