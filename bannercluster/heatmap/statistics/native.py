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


@njit(nogil=True, cache=True, fastmath={"contract", "reassoc"})
def write_slopes(weights, x, y, ratio, density, slot, out):  # type: ignore[no-untyped-def]
    """Write how the bins of a domain change with its parameters, see ``DomainModel``; float32.

    Parameters
    ----------
    weights : ndarray of shape (K + 1,)
        Of the elements and the background.
    x, y : ndarray of shape (3, n_halves, K, 64)
        Mass, slope in the centre and in the log width of each half spot, by axis.
    ratio, density, slot : ndarray of shape (4096,)
        Factor of the bins, their probabilities, the background's.
    out : ndarray of shape (4 K + 3, 4096)
    """
    _, n_halves, k, n_bins = x.shape
    out[k : k + 3] = 0.0
    for bin_ in range(n_bins * n_bins):
        out[k, bin_] = weights[k] * slot[bin_] * ratio[bin_]
    for nth in range(k):
        share = weights[nth] / np.float32(n_halves)
        spot, moved_x = out[nth], out[k + 3 + nth]
        moved_y, wider = out[2 * k + 3 + nth], out[3 * k + 3 + nth]
        for row in range(n_bins):
            low = row * n_bins
            for column in range(n_bins):
                by_weight = by_x = by_y = by_width = np.float32(0.0)
                for half in range(n_halves):
                    across, along = x[0, half, nth, column], y[0, half, nth, row]
                    by_weight += along * across
                    by_x += along * x[1, half, nth, column]
                    by_y += y[1, half, nth, row] * across
                    by_width += along * x[2, half, nth, column] + y[2, half, nth, row] * across
                factor = share * ratio[low + column]
                spot[low + column] = factor * by_weight
                moved_x[low + column] = factor * by_x
                moved_y[low + column] = factor * by_y
                wider[low + column] = factor * by_width
        for bin_ in range(n_bins * n_bins):
            out[k + 1, bin_] += moved_x[bin_]
            out[k + 2, bin_] += moved_y[bin_]
    for parameter in range(out.shape[0]):
        own = out[parameter]
        total = np.float32(0.0)
        for bin_ in range(n_bins * n_bins):
            total += own[bin_]
        for bin_ in range(n_bins * n_bins):
            own[bin_] -= total * density[bin_]


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
