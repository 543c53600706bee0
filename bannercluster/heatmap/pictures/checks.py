"""What a feature block must be before a picture is made of it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bannercluster.errors import DataError

FloatArray = npt.NDArray[np.float64]


def checked_block(block: npt.ArrayLike, what: str = "the feature block") -> FloatArray:
    """Return a feature block as float64.

    Parameters
    ----------
    block : (n, ...) array of numbers
        One row a heatmap; further axes are flattened.
    what : str
        How a message names it.

    Returns
    -------
    (n, n_features) float64 array

    Raises
    ------
    DataError
        If there is no row or no feature, or a value is not finite.
    """
    values = np.asarray(block)
    if values.ndim < 2 or 0 in values.shape:
        raise DataError(
            f"{what} has the shape {values.shape}, expected (n, n_features) with at least one of "
            "each: pass one row a heatmap"
        )
    rows: FloatArray = np.ascontiguousarray(values.reshape(len(values), -1), dtype=np.float64)
    finite = np.isfinite(rows).all(axis=1)
    if not finite.all():
        bad = np.flatnonzero(~finite)
        raise DataError(
            f"{what} has values that are not finite in {len(bad)} of {len(rows)} rows (first: row "
            f"{bad[0]}): leave these rows out, or find out which step made them"
        )
    return rows


def signed(axes: FloatArray) -> FloatArray:
    """Turn each column so that its entry of largest size is positive (the first of equals).

    Parameters
    ----------
    axes : (n, n_components) float64 array

    Returns
    -------
    (n_components,) float64 array
        A factor of 1 or -1 for each column.
    """
    size = np.abs(axes)
    # Entries that rounding alone tells apart count as equal, so that the first of them decides.
    first = (size >= size.max(axis=0) * (1 - 1e-9)).argmax(axis=0)
    return np.where(axes[first, np.arange(axes.shape[1])] < 0, -1.0, 1.0)
