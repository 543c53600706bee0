"""Distances of a heatmap from a density: chi-square, kernels, cosine, sliced Wasserstein."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter

from bannercluster.heatmap.binning import CENTRES, N_BINS, Counts
from bannercluster.heatmap.statistics.axes import pooled
from bannercluster.heatmap.statistics.native import Float32, matrix_products

Array = npt.NDArray[np.float64]

SCALES = (1, 2, 4, 8)
"""Sides of the squares of bins that chi-square is taken over."""

BANDWIDTHS = (1.0, 3.0, 6.0)
"""Of the kernels, in bins."""

_COSINE_SD = 1.5
_N_ANGLES = 12
_HALF = 0.5


def chi_square(counts: Counts, density: Array) -> Array:
    """Return the root of Pearson's chi-square at the four scales.

    K. Pearson (1900), with half a click added to what is expected, so that one click where none
    should be is no proof.

    Parameters
    ----------
    counts : ndarray of shape (n, 64, 64)
    density : ndarray of shape (64, 64) or (n, 64, 64)

    Returns
    -------
    scores : ndarray of shape (n, 4), float64
    """
    cells = counts.astype(np.float64)
    expected = cells.sum(axis=(1, 2))[:, None, None] * density
    scores = np.empty((len(cells), len(SCALES)))
    for nth, size in enumerate(SCALES):
        own, due = (cells, expected) if size == 1 else (pooled(cells, size), pooled(expected, size))
        scores[:, nth] = np.sqrt(((own - due) ** 2 / (due + _HALF)).sum(axis=(1, 2)))
    return scores


def kernel_discrepancy(counts: Counts, density: Array) -> Array:
    """Return the log of the squared maximum mean discrepancy for three normal kernels, (n, 3).

    A. Gretton et al., "A kernel two-sample test" (2012); biased form, on binned clicks.
    """
    difference = _shares(counts) - density
    scores = np.empty((len(counts), len(BANDWIDTHS)))
    for nth, bandwidth in enumerate(BANDWIDTHS):
        smooth = _smooth(difference, bandwidth)
        scores[:, nth] = np.log((smooth**2).sum(axis=(1, 2)) + 1e-12)
    return scores


def cosine(counts: Counts, anchors: Array) -> Array:
    """Return how far the smoothed heatmap points away from each anchor, (n, n_anchors).

    Minus Fisher's transform of the users' cosine similarity: larger is more broken.

    Parameters
    ----------
    anchors : ndarray of shape (n_anchors, 64, 64)
    """
    own = _smooth(_shares(counts), _COSINE_SD)
    aim = _smooth(anchors, _COSINE_SD)
    length = np.sqrt((own**2).sum(axis=(1, 2)))
    scores = np.empty((len(counts), len(aim)))
    for nth, one in enumerate(aim):
        inner = (own * one).sum(axis=(1, 2)) / (length * np.sqrt((one**2).sum()))
        scores[:, nth] = -np.arctanh(np.minimum(inner, 1 - 1e-9))
    return scores


class Slices:
    """Directions to slice along, and the order of the bins in each (bins of equal place merged)."""

    def __init__(self) -> None:
        x, y = np.meshgrid(CENTRES, CENTRES)
        matrices = []
        for nth in range(_N_ANGLES):
            angle = np.pi * nth / _N_ANGLES
            place = (x * np.cos(angle) + y * np.sin(angle)).ravel()
            edges = np.linspace(place.min() - 1e-9, place.max() + 1e-9, N_BINS + 1)
            upto = place[:, None] <= edges[None, 1:-1]
            matrices.append(upto * (edges[1] - edges[0]))
        self.table: Float32 = np.concatenate(matrices, axis=1).astype(np.float32)
        """Cumulative shares at 63 places along each direction, times their spacing: (4096, k)."""


def sliced_wasserstein(counts: Counts, density: Array, slices: Slices) -> Array:
    """Return the log of the mean first Wasserstein distance of projections on 12 directions, (n,).

    N. Bonneel et al., "Sliced and Radon Wasserstein barycenters of measures" (2015).
    """
    difference = (_shares(counts) - density).reshape(len(counts), -1)
    distance = np.abs(matrix_products(difference, slices.table)).sum(axis=1) / _N_ANGLES
    scores: Array = np.log(distance + 1e-9)
    return scores


def _shares(counts: Counts) -> Array:
    cells = counts.astype(np.float64)
    shares: Array = cells / cells.sum(axis=(1, 2), keepdims=True)
    return shares


def _smooth(cells: Array, sd: float) -> Array:
    smooth: Array = gaussian_filter(cells, (0, sd, sd), truncate=3.0)
    return smooth
