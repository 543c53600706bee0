"""Compiled CPU product of rows with a matrix, each row as if it were alone."""

from __future__ import annotations

from numba import njit

_ROW_BLOCK = 8


@njit(nogil=True, cache=True, fastmath={"contract"})
def row_products(x, matrix, out):  # type: ignore[no-untyped-def]
    """Write ``x @ matrix``: ``x`` (n, F), ``matrix`` (F, d), ``out`` (n, d), float32.

    Libraries add in another order where there are fewer rows, or at the edges of a block. Here
    every row is added feature by feature: its bits do not depend on the rows beside it.
    """
    n, n_features = x.shape
    for low in range(0, n, _ROW_BLOCK):
        high = min(n, low + _ROW_BLOCK)
        out[low:high] = 0.0
        for f in range(n_features):
            column = matrix[f]
            for i in range(low, high):
                value = x[i, f]
                own = out[i]
                for c in range(own.shape[0]):
                    own[c] += value * column[c]
