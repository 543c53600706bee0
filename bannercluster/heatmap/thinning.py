"""Fewer clicks of a heatmap, as if its domain had been seen for a shorter time."""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt

from bannercluster.heatmap.binning import Counts


def content_key(counts: Counts) -> bytes:
    """Return the SHA-256 of a heatmap's counts: what its random numbers are seeded by."""
    return hashlib.sha256(np.ascontiguousarray(counts, "<u4").tobytes()).digest()


def content_order(counts: Counts) -> npt.NDArray[np.int64]:
    """Return the order of heatmaps (n, 64, 64) by their content, which no reordering changes."""
    keys = [content_key(one) for one in counts]
    return np.array(sorted(range(len(keys)), key=keys.__getitem__), np.int64)


def thinned(counts: Counts, n_clicks: int, repeat: int = 0) -> Counts:
    """Return so many of a heatmap's clicks, drawn without replacement.

    Parameters
    ----------
    counts : ndarray of shape (64, 64), uint32
        At least ``n_clicks`` of them.
    repeat : int
        Another number draws other clicks; the same number the same ones, always.
    """
    words = np.frombuffer(content_key(counts), "<u4").tolist()
    rng = np.random.default_rng(np.random.SeedSequence([*words, n_clicks, repeat]))
    flat = counts.ravel().astype(np.int64)
    drawn = rng.multivariate_hypergeometric(flat, n_clicks, method="marginals")
    return drawn.reshape(counts.shape).astype(np.uint32)


def thinned_to(counts: Counts, most: int) -> Counts:
    """Return heatmaps (n, 64, 64), those of more clicks than so many thinned to them."""
    fewer = counts.copy()
    for nth in np.flatnonzero(counts.sum(axis=(1, 2), dtype=np.int64) > most).tolist():
        fewer[nth] = thinned(counts[nth], most)
    return fewer
