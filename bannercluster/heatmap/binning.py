"""Clicks to counts: the bins of a heatmap, with a ring around the slot."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Counts = npt.NDArray[np.uint32]

N_BINS = 64
"""Bins of an axis."""

MARGIN = 0.1
"""Width of the ring around the slot, as a share of the slot's own width and height."""

EDGES: Array = np.linspace(-MARGIN, 1 + MARGIN, N_BINS + 1)
"""Edges of the bins of an axis, shape (65,), in widths of the slot."""

CENTRES: Array = (EDGES[:-1] + EDGES[1:]) / 2


def bin_of(position: Array) -> npt.NDArray[np.int64]:
    """Return the bin of each position of an axis; what lies beyond the ring goes to its edge."""
    # Within the ring first: a finite position may be so far out that scaling it overflows.
    inside = np.clip(position, EDGES[0], EDGES[-1])
    scaled = (inside - EDGES[0]) * (N_BINS / (EDGES[-1] - EDGES[0]))
    bins: npt.NDArray[np.int64] = np.clip(scaled, 0, N_BINS - 1).astype(np.int64)
    return bins


def bin_clicks(clicks: Array) -> Counts:
    """Count the clicks of one heatmap.

    Parameters
    ----------
    clicks : ndarray of shape (n, 2), float64
        x and y of each, normalised to the slot. All finite.

    Returns
    -------
    counts : ndarray of shape (64, 64), uint32
        Row y, column x.
    """
    cell = bin_of(clicks[:, 1]) * N_BINS + bin_of(clicks[:, 0])
    counts = np.bincount(cell, minlength=N_BINS * N_BINS)
    return counts.reshape(N_BINS, N_BINS).astype(np.uint32)


def n_beyond(clicks: Array) -> int:
    """Return how many clicks lie beyond the ring, and were counted in its edge."""
    low, high = EDGES[0], EDGES[-1]
    return int(((clicks < low) | (clicks > high)).any(axis=1).sum())
