"""Compiled product of counts with a table: empty bins cost nothing, each heatmap is as if alone."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from bannercluster.kernels.native.products import row_products

Float32 = npt.NDArray[np.float32]


def table_products(counts: npt.NDArray[np.uint32], table: Float32) -> npt.NDArray[np.float64]:
    """Return ``counts @ table``, the same bits for a heatmap whatever is beside it.

    Parameters
    ----------
    counts : ndarray of shape (n, 64, 64), uint32
    table : ndarray of shape (4096, k), float32

    Returns
    -------
    products : ndarray of shape (n, k), float64
        Added in float64 over the bins in their order.
    """
    flat = np.ascontiguousarray(counts.reshape(len(counts), -1))
    products = np.zeros((len(counts), table.shape[1]))
    _add_products(flat, table, products)
    return products


def matrix_products(rows: npt.NDArray[np.float64], matrix: Float32) -> npt.NDArray[np.float64]:
    """Return ``rows @ matrix`` in float32, each row as if it were alone."""
    products = np.empty((len(rows), matrix.shape[1]), np.float32)
    row_products(np.ascontiguousarray(rows, np.float32), matrix, products)
    return products.astype(np.float64)


@njit(nogil=True, cache=True, fastmath={"contract"})
def _add_products(counts, table, out):  # type: ignore[no-untyped-def]
    n, n_cells = counts.shape
    n_columns = table.shape[1]
    for i in range(n):
        own = out[i]
        for cell in range(n_cells):
            if counts[i, cell]:
                value = np.float64(counts[i, cell])
                row = table[cell]
                for column in range(n_columns):
                    own[column] += value * row[column]
