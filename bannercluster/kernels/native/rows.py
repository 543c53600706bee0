"""Compiled CPU loops that prepare rows: norms, scaling, bfloat16 operands, statistics."""

from __future__ import annotations

import numpy as np
from numba import njit

from bannercluster.kernels.native.lanes import as_float32

_SUM = {"reassoc", "contract", "nsz"}


@njit(nogil=True, cache=True, fastmath=_SUM)
def _sq_norm(row):  # type: ignore[no-untyped-def]
    total = 0.0
    for f in range(row.shape[0]):
        value = np.float64(row[f])
        total += value * value
    return total


@njit(nogil=True, cache=True, fastmath=_SUM)
def sq_norms(x, out):  # type: ignore[no-untyped-def]
    """Squared Euclidean norm of each row, accumulated in float64; ``x`` (n, F), ``out`` (n,)."""
    for i in range(x.shape[0]):
        out[i] = _sq_norm(x[i])


@njit(nogil=True, cache=True)
def scale_rows(x, sq):  # type: ignore[no-untyped-def]
    """Divide each float32 row in place by the square root of ``sq``; zero rows stay zero."""
    for i in range(x.shape[0]):
        if sq[i] > 0.0:
            factor = 1.0 / np.sqrt(sq[i])
            for f in range(x.shape[1]):
                x[i, f] = np.float32(np.float64(x[i, f]) * factor)


@njit(nogil=True, cache=True, fastmath=_SUM)
def bfloat16_operand(x, mean, operand, norms, residuals):  # type: ignore[no-untyped-def]
    """Round ``x - mean`` to bfloat16 and measure what the rounding lost.

    ``x`` (n, F) float32, ``mean`` (F,) float32, ``operand`` (n, F) uint16 (bfloat16 bits, round to
    nearest even), ``norms`` and ``residuals`` (n,) float32: Euclidean norms of the operand and of
    ``(x - mean) - operand``, rounded up.
    """
    n, n_features = x.shape
    bits = np.empty(n_features, np.uint32)
    values = bits.view(np.float32)
    for i in range(n):
        row = x[i]
        out = operand[i]
        for f in range(n_features):
            values[f] = row[f] - mean[f]
        for f in range(n_features):
            word = bits[f]
            word = word + np.uint32(0x7FFF) + ((word >> np.uint32(16)) & np.uint32(1))
            out[f] = np.uint16(word >> np.uint32(16))
            bits[f] = word & np.uint32(0xFFFF0000)
        norm = 0.0
        lost = 0.0
        for f in range(n_features):
            rounded = np.float64(values[f])
            gap = (np.float64(row[f]) - np.float64(mean[f])) - rounded
            norm += rounded * rounded
            lost += gap * gap
        norms[i] = np.float32(np.sqrt(norm) * (1.0 + 1e-6))
        residuals[i] = np.float32(np.sqrt(lost) * (1.0 + 1e-6))


@njit(nogil=True, cache=True)
def stats(x, sq, total):  # type: ignore[no-untyped-def]
    """Sum rows and find their largest value; rows that are not finite are left out.

    ``x`` (n, F) float32, ``sq`` (n,) float64, out: their squared norms, ``total`` (F,) float64,
    added to. Returns the largest absolute value.
    """
    bits = x.view(np.uint32)
    largest = np.uint32(0)
    for i in range(x.shape[0]):
        row = x[i]
        sq[i] = _sq_norm(row)
        if not np.isfinite(sq[i]):
            continue
        # Bits of positive floats are in the order of their values, and compare in vector code.
        word = bits[i]
        top = np.uint32(0)
        for f in range(row.shape[0]):
            total[f] += np.float64(row[f])
            top = max(top, word[f] & np.uint32(0x7FFFFFFF))
        largest = max(largest, top)
    return as_float32(largest)
