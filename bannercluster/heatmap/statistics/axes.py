"""Sums over bins, and laws of one axis as probabilities of its bins."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

from bannercluster.heatmap.binning import EDGES, N_BINS

Array = npt.NDArray[np.float64]

FARTHEST = 7.0
"""Standard deviations at which normal laws end. What lies beyond is nothing beside the least
probability of a bin, and a float that has no digits left for so small a number costs a processor a
hundred times as much."""

_FAR = 1e3
"""Where the edge's bins end: clicks beyond the ring are counted in them."""


def pooled(cells: Array, size: int) -> Array:
    """Return the sums over squares of ``size`` bins, shape (..., 64 / size, 64 / size)."""
    blocks = cells.reshape(*cells.shape[:-2], N_BINS // size, size, N_BINS // size, size)
    sums: Array = blocks.sum(axis=(-3, -1))
    return sums


def cumulative(cells: Array) -> Array:
    """Return the sums of all bins above and to the left, shape (..., 65, 65)."""
    total = np.zeros((*cells.shape[:-2], N_BINS + 1, N_BINS + 1))
    total[..., 1:, 1:] = cells.cumsum(axis=-2).cumsum(axis=-1)
    return total


def window_sums(cells: Array, height: int, width: int) -> Array:
    """Return the sums over all windows, shape (..., 65 - height, 65 - width)."""
    total = cumulative(cells)
    upper, lower = total[..., height:, :], total[..., :-height, :]
    sums: Array = (
        upper[..., width:] - upper[..., :-width] - lower[..., width:] + lower[..., :-width]
    )
    return sums


def open_edges() -> Array:
    """Return the edges of the bins with the outer ones moved outwards, shape (65,)."""
    edges = EDGES.copy()
    edges[0], edges[-1] = -_FAR, _FAR
    return edges


def remapping(scale: float, shift: float) -> Array:
    """Return where the clicks of each bin go under ``scale * position + shift``.

    Returns
    -------
    shares : ndarray of shape (64, 64), float64
        Entry (i, j): the share of bin j that lands in bin i, clicks taken as uniform within a
        bin. Columns sum to one.
    """
    low, high = EDGES[:-1] * scale + shift, EDGES[1:] * scale + shift
    edges = open_edges()
    overlap = np.minimum(high, edges[1:, None]) - np.maximum(low, edges[:-1, None])
    shares: Array = np.clip(overlap, 0, None) / (high - low)
    return shares


def uniform_axis(low: float, high: float) -> Array:
    """Return the probabilities of the bins under the uniform law, shape (64,)."""
    overlap = np.clip(np.minimum(EDGES[1:], high) - np.maximum(EDGES[:-1], low), 0, None)
    probabilities: Array = overlap / overlap.sum()
    return probabilities


def normal_axis(mean: Array, sd: Array) -> Array:
    """Return the probabilities of the bins under normal laws, shape (K, 64) for (K,) of each.

    They end at seven standard deviations, as in ``fisher``.
    """
    standard = (open_edges() - mean[:, None]) / sd[:, None]
    below = ndtr(standard)
    below[standard < -FARTHEST], below[standard > FARTHEST] = 0.0, 1.0
    probabilities: Array = np.diff(below, axis=1)
    return probabilities


def slot_density() -> Array:
    """Return the uniform law on the slot, shape (64, 64)."""
    axis = uniform_axis(0.0, 1.0)
    return np.outer(axis, axis)
