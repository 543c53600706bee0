"""Cosine similarity of feature vectors to an anchor."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bannercluster.errors import DataError
from bannercluster.heatmap.pictures.checks import FloatArray, checked_block


def mean_anchor(block: npt.ArrayLike, healthy: npt.ArrayLike) -> FloatArray:
    """Return the mean of the rows that are known to be healthy.

    Parameters
    ----------
    block : (n, n_features) array of numbers
    healthy : (n,) array of bool

    Raises
    ------
    DataError
        If no row is healthy, the lengths differ, or a value is not finite.
    """
    rows, chosen = checked_block(block), np.asarray(healthy, dtype=bool)
    if chosen.shape != (len(rows),):
        raise DataError(f"healthy has the shape {chosen.shape}, expected ({len(rows)},)")
    if not chosen.any():
        raise DataError("no row is marked as healthy: an anchor needs at least one")
    mean: FloatArray = rows[chosen].mean(axis=0)
    return mean


def cosine_to_anchor(block: npt.ArrayLike, anchor: npt.ArrayLike) -> FloatArray:
    """Cosine of the angle between each row and its anchor, not centred.

    Parameters
    ----------
    block : (n, n_features) array of numbers
    anchor : (n_features,) or (n, n_features) array of numbers
        One for all rows, or one a row (of its grid).

    Returns
    -------
    (n,) float64 array
        From -1 to 1; 0 where a row or its anchor is all zeros, which has no direction.

    Raises
    ------
    DataError
        If a value is not finite, or the shapes do not fit.
    """
    rows = checked_block(block)
    given = np.asarray(anchor)
    towards = checked_block(given[None] if given.ndim == 1 else given, "the anchor")
    if towards.shape[1] != rows.shape[1] or len(towards) not in (1, len(rows)):
        raise DataError(
            f"the anchor has the shape {given.shape}, expected ({rows.shape[1]},) or {rows.shape}"
        )
    # Sums along contiguous rows: a row alone has the bits that it has among others.
    cosine: FloatArray = (_unit(rows) * _unit(towards)).sum(axis=1).clip(-1.0, 1.0)
    return cosine


def _unit(rows: FloatArray) -> FloatArray:
    size = np.abs(rows).max(axis=1, keepdims=True)
    scaled = np.divide(rows, size, out=np.zeros_like(rows), where=size > 0.0)  # no overflow
    norm = np.sqrt(np.square(scaled).sum(axis=1, keepdims=True))
    unit: FloatArray = np.divide(scaled, norm, out=np.zeros_like(scaled), where=norm > 0.0)
    return unit
