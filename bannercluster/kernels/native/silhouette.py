"""Compiled CPU loops of the silhouettes: what is needed beside the products with the means.

As in :mod:`bannercluster.kernels.native`: no GIL, one thread, inner loops over whole slices so that
the compiler makes vector code of them. The twin for other devices is in
:mod:`bannercluster.kernels.silhouette`.
"""

from __future__ import annotations

import numpy as np
from numba import njit

_SUM = {"reassoc", "contract", "nsz"}
_ROW_BLOCK = 512
_FEATURE_BLOCK = 256


@njit(nogil=True, cache=True, fastmath=_SUM)
def centre(x, mean, pole, y, bits, sq, norm, along):  # type: ignore[no-untyped-def]
    """Subtract the mean; round to bfloat16; take the norms and the product with the pole.

    ``x`` (n, F) float32, ``mean`` (F,) float32, ``pole`` (F,) float64 or no values where cosines
    are not asked for; written: ``y`` (n, F) float32, ``bits`` (n, F) uint16 bfloat16 bits or (0, F)
    where they are not needed, ``sq`` (n,) float64 ``|y|^2``, ``norm`` and ``along`` (n,) float64
    ``|x|`` and ``<x, pole>``.
    """
    n, n_features = x.shape
    words = y.view(np.uint32)
    for i in range(n):
        row = x[i]
        out = y[i]
        total = 0.0
        for f in range(n_features):
            value = row[f] - mean[f]
            out[f] = value
            total += np.float64(value) * np.float64(value)
        sq[i] = total
        if bits.shape[0] > 0:
            word = words[i]
            low = bits[i]
            for f in range(n_features):
                even = np.uint32(0x7FFF) + ((word[f] >> np.uint32(16)) & np.uint32(1))
                low[f] = np.uint16((word[f] + even) >> np.uint32(16))
        if pole.shape[0] > 0:
            own = 0.0
            dot = 0.0
            for f in range(n_features):
                value64 = np.float64(row[f])
                own += value64 * value64
                dot += value64 * pole[f]
            norm[i] = np.sqrt(own)
            along[i] = dot


@njit(nogil=True, cache=True, fastmath=_SUM)
def norms(x, shift, sq):  # type: ignore[no-untyped-def]
    """Write |x|^2, |x - shift|^2 and whether x is zero: ``sq`` (n, 3) float64, ``shift`` (F,)."""
    for i in range(x.shape[0]):
        row = x[i]
        own = 0.0
        away = 0.0
        for f in range(row.shape[0]):
            value = np.float64(row[f])
            gap = value - shift[f]
            own += value * value
            away += gap * gap
        sq[i, 0] = own
        sq[i, 1] = away
        sq[i, 2] = 0.0 if own > 0.0 else 1.0


@njit(nogil=True, cache=True)
def score(  # type: ignore[no-untyped-def]
    cross, rest, base, noise, labels, starts, counts, offset, spread, scores, sums, own_distance
):
    """Score rows from their products with the means of all clusters.

    Parameters
    ----------
    cross : (n_centres, n) float32 or float64
    rest : (n_centres, n) float32, or (0, n)
        Added to ``cross``. The mean distance of a row to the rows of a cluster is proportional to
        ``base + offset - cross - rest``.
    base, noise : (n,) float64
        Mean distances up to ``noise`` are taken for 0.
    labels : (n_runs, n) unsigned integer
    starts : (n_runs + 1,) int64
    counts : (n_centres,) int64
    offset : (n_centres,), of the type of ``cross``
    spread : (n_centres,) float64, or no values
        Variance of each cluster: what its mean distance holds beside the squared distance to its
        mean.
    scores : (n_runs, n) float32, out
    sums : (n_runs,) float64, added to
    own_distance : (n_centres,) float64, added to
        Distance of the rows to the mean of their own cluster; only where ``spread`` has values.
    """
    n = cross.shape[1]
    best = np.empty(n, cross.dtype)
    own = np.empty(n, cross.dtype)
    mine = np.empty(n, np.int32)
    infinity = np.asarray(np.inf).astype(cross.dtype).item()
    for r in range(starts.shape[0] - 1):
        first = starts[r]
        last = starts[r + 1]
        occupied = 0
        for j in range(first, last):
            occupied += int(counts[j] > 0)
        label = labels[r]
        for i in range(n):
            best[i] = infinity
            own[i] = infinity
            mine[i] = label[i]
        for j in range(first, last):
            if counts[j] == 0:
                continue
            index = np.int32(j - first)
            limit = offset[j]
            product = cross[j]
            if rest.shape[0] > 0:
                extra = rest[j]
                for i in range(n):
                    value = limit - (product[i] + extra[i])
                    other = infinity if mine[i] == index else value
                    own[i] = value if mine[i] == index else own[i]
                    best[i] = other if other < best[i] else best[i]
            else:
                for i in range(n):
                    value = limit - product[i]
                    other = infinity if mine[i] == index else value
                    own[i] = value if mine[i] == index else own[i]
                    best[i] = other if other < best[i] else best[i]
        total = 0.0
        for i in range(n):
            at = first + mine[i]
            near = base[i] + np.float64(own[i])
            if spread.shape[0] > 0:
                own_distance[at] += np.sqrt(max(2.0 * near - spread[at], 0.0))
            far = base[i] + np.float64(best[i])
            size = np.float64(counts[at])
            near = 0.0 if near <= noise[i] else near * (size / max(size - 1.0, 1.0))
            far = 0.0 if far <= noise[i] else far
            largest = max(near, far)
            found = 0.0
            if occupied < 2:
                found = np.nan
            elif size > 1.0 and largest > 0.0:
                found = (far - near) / largest
            scores[r, i] = found
            total += found
        sums[r] += total


@njit(nogil=True, cache=True)
def add_members(  # type: ignore[no-untyped-def]
    x, factor, sq, labels, starts, counts, sums, scaled_sums, sum_sq
):
    """Add each row, and the row times a factor of its own, to the sums of its cluster in each run.

    ``x`` (n, F) float32, ``factor`` (n,) float64 or no values, ``sq`` (n, q) float64, ``labels``
    (n_runs, n), ``starts`` (n_runs + 1,) int64; added to: ``counts`` (n_centres,) int64, ``sums``
    and ``scaled_sums`` (n_centres, F) float64 (the second only where there are factors), ``sum_sq``
    (n_centres, q) float64. Blocks of rows and features stay in the cache, their rows sorted by
    cluster.
    """
    n, n_features = x.shape
    n_runs = labels.shape[0]
    n_centres = sums.shape[0]
    begins = np.empty(n_centres + 1, np.int64)
    fill = np.empty(n_centres, np.int64)
    members = np.empty(n_runs * _ROW_BLOCK, np.int64)
    for low in range(0, n, _ROW_BLOCK):
        high = min(n, low + _ROW_BLOCK)
        begins[:] = 0
        for r in range(n_runs):
            for i in range(low, high):
                j = starts[r] + labels[r, i]
                begins[j + 1] += 1
                for q in range(sq.shape[1]):
                    sum_sq[j, q] += sq[i, q]
        for j in range(n_centres):
            counts[j] += begins[j + 1]
            begins[j + 1] += begins[j]
            fill[j] = begins[j]
        for r in range(n_runs):
            for i in range(low, high):
                j = starts[r] + labels[r, i]
                members[fill[j]] = i
                fill[j] += 1
        for f in range(0, n_features, _FEATURE_BLOCK):
            own = x[:, f : f + _FEATURE_BLOCK]
            for j in range(n_centres):
                rows = members[begins[j] : begins[j + 1]]
                if rows.shape[0] == 0:
                    continue
                _add(own, rows, sums[j, f : f + _FEATURE_BLOCK])
            # In a loop of its own: the sums of one kind fit the cache, those of both do not.
            for j in range(n_centres if factor.shape[0] > 0 else 0):
                rows = members[begins[j] : begins[j + 1]]
                if rows.shape[0] > 0:
                    _add_scaled(own, rows, factor, scaled_sums[j, f : f + _FEATURE_BLOCK])


@njit(nogil=True, cache=True)
def _add(x, rows, target):  # type: ignore[no-untyped-def]
    at = 0
    while at + 4 <= rows.shape[0]:
        a, b, c, d = x[rows[at]], x[rows[at + 1]], x[rows[at + 2]], x[rows[at + 3]]
        for f in range(target.shape[0]):
            left = np.float64(a[f]) + np.float64(b[f])
            right = np.float64(c[f]) + np.float64(d[f])
            target[f] += left + right
        at += 4
    while at < rows.shape[0]:
        a = x[rows[at]]
        for f in range(target.shape[0]):
            target[f] += np.float64(a[f])
        at += 1


@njit(nogil=True, cache=True, fastmath={"contract"})
def _add_scaled(x, rows, factor, target):  # type: ignore[no-untyped-def]
    at = 0
    while at + 4 <= rows.shape[0]:
        a, b, c, d = x[rows[at]], x[rows[at + 1]], x[rows[at + 2]], x[rows[at + 3]]
        p, q = factor[rows[at]], factor[rows[at + 1]]
        r, s = factor[rows[at + 2]], factor[rows[at + 3]]
        for f in range(target.shape[0]):
            left = np.float64(a[f]) * p + np.float64(b[f]) * q
            right = np.float64(c[f]) * r + np.float64(d[f]) * s
            target[f] += left + right
        at += 4
    while at < rows.shape[0]:
        a = x[rows[at]]
        one = factor[rows[at]]
        for f in range(target.shape[0]):
            target[f] += np.float64(a[f]) * one
        at += 1


@njit(nogil=True, cache=True)
def poisson(seed, start, thresholds, weights):  # type: ignore[no-untyped-def]
    """Poisson(1) weights of rows, by their global number.

    ``seed`` uint64, ``start`` the global number of the first row, ``thresholds`` (m,) float32: the
    distribution function times 2**32, ``weights`` (n_replicates, n) float32, written. The numbers
    are the finalizer of SplitMix64 (Steele, Lea, Flood 2014) over a counter of replicate and row.
    """
    for b in range(weights.shape[0]):
        own = weights[b]
        stream = _mix(np.uint64(seed) + np.uint64(0x9E3779B97F4A7C15) * np.uint64(b + 1))
        for i in range(weights.shape[1]):
            counter = stream + np.uint64(0x9E3779B97F4A7C15) * np.uint64(start + i + 1)
            drawn = np.float32(np.int64(_mix(counter) >> np.uint64(32)))
            weight = np.float32(0.0)
            for t in range(thresholds.shape[0]):
                weight += np.float32(1.0) if drawn >= thresholds[t] else np.float32(0.0)
            own[i] = weight


@njit(nogil=True, cache=True, inline="always")
def _mix(z):  # type: ignore[no-untyped-def]
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))
