"""Compiled parts of the statistics, in which each heatmap is as if alone."""

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


@njit(nogil=True, cache=True, fastmath={"contract"})
def zone_ratios(counts, density, edges, inside, log_kept, shares, out):  # type: ignore[no-untyped-def]
    """Write the log likelihood ratios of zones that lose shares of their clicks.

    Parameters
    ----------
    counts, density : ndarray of shape (65, 65)
        Cumulative.
    edges : ndarray of shape (n, 2, 4), int64
        Of three boxes along x and along y.
    inside : ndarray of shape (n, 3, 3)
    log_kept : ndarray of shape (n, 3, 3, n_shares)
    shares : ndarray of shape (n_shares,)
    out : ndarray of shape (n, n_shares)
    """
    n_clicks = counts[-1, -1]
    for zone in range(edges.shape[0]):
        x, y = edges[zone, 0], edges[zone, 1]
        own = out[zone]
        own[:] = 0.0
        mass = 0.0
        for row in range(3):
            top, bottom = y[row], y[row + 1]
            for column in range(3):
                left, right = x[column], x[column + 1]
                here = density[bottom, right] - density[top, right]
                here -= density[bottom, left] - density[top, left]
                mass += inside[zone, row, column] * here
                clicks = counts[bottom, right] - counts[top, right]
                clicks -= counts[bottom, left] - counts[top, left]
                if clicks > 0.0:
                    for share in range(shares.shape[0]):
                        own[share] += clicks * log_kept[zone, row, column, share]
        for share in range(shares.shape[0]):
            own[share] -= n_clicks * np.log1p(-shares[share] * min(mass, 1.0))
