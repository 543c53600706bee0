"""Scans over windows: too many clicks (overlays) and too few (dead zones).

The scan statistic is that of M. Kulldorff, "A spatial scan statistic" (1997): the largest
binomial log likelihood ratio over windows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bannercluster.heatmap.binning import N_BINS, Counts
from bannercluster.heatmap.statistics.axes import window_sums
from bannercluster.heatmap.statistics.fitting import Fit, FitTables
from bannercluster.heatmap.statistics.native import Float32, matrix_products

Array = npt.NDArray[np.float64]

_SPOTS = (1, 2, 3, 5)
_ZONES = (
    *((8, 8), (12, 12), (12, 24), (24, 12), (18, 18), (24, 24)),
    *((36, 18), (18, 36), (36, 36), (27, 50), (50, 27)),
)
_STRIDE = 2
_TINY = 1e-12


def spot_excess(counts: Counts, density: Array) -> Array:
    """Return the signed root of the largest likelihood ratio of an excess in a small square.

    Parameters
    ----------
    counts : ndarray of shape (n, 64, 64)
    density : ndarray of shape (64, 64) or (n, 64, 64)

    Returns
    -------
    scores : ndarray of shape (n,), float64
    """
    cells = counts.astype(np.float64)
    n_clicks = cells.sum(axis=(1, 2))[:, None, None]
    best = np.zeros(len(cells))
    for size in _SPOTS:
        share = window_sums(cells, size, size) / n_clicks
        expected = np.clip(window_sums(density, size, size), _TINY, 1 - _TINY)
        if expected.ndim == 2:
            expected = np.broadcast_to(expected, share.shape)
        high = share > expected
        f, p = share[high], expected[high]
        ratio = np.zeros(share.shape)
        ratio[high] = f * np.log(f / p) + np.maximum(1 - f, 0) * np.log(
            np.maximum(1 - f, _TINY) / (1 - p)
        )
        best = np.maximum(best, 2 * n_clicks[:, 0, 0] * ratio.max(axis=(1, 2)))
    scores: Array = np.sqrt(best)
    return scores


@dataclass(frozen=True, eq=False)
class ZoneTables:
    """Large windows of a profile.

    Parameters
    ----------
    probability : ndarray of shape (W,), float64
    along, square : ndarray of shape (M, W), float32
        The windows in the directions of healthy variation, and their squares.
    """

    probability: Array
    along: Float32
    square: Float32

    @classmethod
    def of(cls, tables: FitTables) -> ZoneTables:
        """Make the tables of a profile."""
        probability = _zones(tables.density.reshape(1, N_BINS, N_BINS))[0]
        along = _zones(tables.back.astype(np.float64).reshape(-1, N_BINS, N_BINS))
        along -= tables.offset[:, None] * probability
        return cls(probability, along.astype(np.float32), (along**2).astype(np.float32))


def zone_deficits(tables: ZoneTables, counts: Counts, fitted: Fit) -> tuple[Array, Array]:
    """Return the deficit of clicks in large windows, healthy variation fitted beside it.

    Returns
    -------
    largest : ndarray of shape (n,), float64
        Of all windows, in standard deviations.
    averaged : ndarray of shape (n,), float64
        Log of the mean over windows of the likelihood ratio that the deviation stands for.
    """
    n_clicks = fitted.n_clicks[:, None]
    share = _zones(counts.astype(np.float64)) / n_clicks
    missing = tables.probability - share + matrix_products(fitted.shrunk, tables.along)
    p = tables.probability
    variance = p * (1 - p) - matrix_products(fitted.shrinkage, tables.square)
    # A window that should have less than a click cannot miss one.
    information = np.maximum(variance, 1e-4 * p) + 0.5 / n_clicks**2
    signal = np.maximum(np.sqrt(n_clicks) * missing / np.sqrt(information), 0)
    largest = signal.max(axis=1)
    half = 0.5 * np.minimum(signal, 37.0) ** 2
    return largest, np.log(np.exp(half).mean(axis=1))


def _zones(cells: Array) -> Array:
    """Return the sums over the large windows, shape (n, W)."""
    sums = [
        window_sums(cells, height, width)[:, ::_STRIDE, ::_STRIDE].reshape(len(cells), -1)
        for height, width in _ZONES
    ]
    return np.concatenate(sums, axis=1)
