"""Compiled CPU loops: what one tile needs beside its matrix product, fused and without temporaries.

Every function here has a twin in :mod:`bannercluster.kernels.portable` written with torch
operations (used on CUDA), and both must agree to the bit; the tests hold them to it. All release
the GIL and run on one thread: parallelism lies in the tiles, never inside one.

Sums over features are re-associated by the compiler into vector lanes, always in the same way, so a
value depends on its inputs and the instruction set only.
"""

from __future__ import annotations

import numpy as np
from numba import njit

_SUM = {"reassoc", "contract", "nsz"}
_ROW_BLOCK = 512


@njit(nogil=True, cache=True, fastmath=_SUM)
def sq_norms(x, out):  # type: ignore[no-untyped-def]
    """Squared Euclidean norm of each row, accumulated in float64; ``x`` (n, F), ``out`` (n,)."""
    for i in range(x.shape[0]):
        total = 0.0
        for f in range(x.shape[1]):
            value = np.float64(x[i, f])
            total += value * value
        out[i] = total


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

    ``x`` (n, F) float32, ``sq`` (n,) float64 their squared norms, ``total`` (F,) float64, added to.
    Returns the largest absolute value.
    """
    largest = np.float32(0.0)
    for i in range(x.shape[0]):
        if not np.isfinite(sq[i]):
            continue
        row = x[i]
        top = np.float32(0.0)
        for f in range(row.shape[0]):
            total[f] += np.float64(row[f])
            top = max(top, abs(row[f]))
        largest = max(largest, top)
    return largest


@njit(nogil=True, cache=True)
def scan(  # type: ignore[no-untyped-def]
    scores, starts, half_sq, score_rounding, slack, norms, residuals, rests, labels, flagged
):
    """Best centre of each row in each run from rounded scores; say where rounding could matter.

    Parameters
    ----------
    scores : (n_centres, n) float32
        Rounded products ``<x_i, c_j>``, one row a centre.
    starts : (n_runs + 1,) int64
        Centres of run ``r`` are ``starts[r]:starts[r + 1]``.
    half_sq : (n_centres,) float32
        ``|c_j|^2 / 2``.
    score_rounding : float32
        Relative rounding of one score as stored.
    slack : (n_runs, 5) float32
        Bound of the other errors of a difference of two values of a run: ``slack[r]`` times
        ``(residual_i, norm_i, rest_i, 1, (norm_i + rest_i)^2)``.
    norms, residuals, rests : (n,) float32
    labels : (n_runs, n) unsigned integer, out
    flagged : (n_runs, n) float32, out
        Threshold up to which a centre is still a candidate, or ``-inf`` where the label is certain.
        NaN, from scores beyond float32, makes every centre a candidate.
    """
    n = scores.shape[1]
    best = np.empty(_ROW_BLOCK, np.float32)
    label = np.empty(_ROW_BLOCK, np.int32)
    limit = np.empty(_ROW_BLOCK, np.float32)
    count = np.empty(_ROW_BLOCK, np.int32)
    # Every inner loop runs over whole slices: that is what the compiler turns into vector code.
    for low in range(0, n, _ROW_BLOCK):
        high = min(n, low + _ROW_BLOCK)
        size = high - low
        residual = residuals[low:high]
        norm = norms[low:high]
        rest = rests[low:high]
        for r in range(starts.shape[0] - 1):
            first = starts[r]
            last = starts[r + 1]
            offset = half_sq[first]
            score = scores[first, low:high]
            for i in range(size):
                best[i] = offset - score[i]
                label[i] = 0
            for j in range(first + 1, last):
                offset = half_sq[j]
                index = np.int32(j - first)
                score = scores[j, low:high]
                for i in range(size):
                    value = offset - score[i]
                    label[i] = index if value < best[i] else label[i]
                    best[i] = value if value < best[i] else best[i]
            by_residual, by_norm, by_rest = slack[r, 0], slack[r, 1], slack[r, 2]
            constant, by_sq = slack[r, 3], slack[r, 4]
            for i in range(size):
                own = abs(half_sq[first + label[i]] - best[i])
                whole = norm[i] + rest[i]
                limit[i] = (
                    best[i]
                    + score_rounding * own
                    + by_residual * residual[i]
                    + by_norm * norm[i]
                    + by_rest * rest[i]
                    + constant
                    + by_sq * whole * whole
                )
                count[i] = 0
            for j in range(first, last):
                offset = half_sq[j]
                score = scores[j, low:high]
                for i in range(size):
                    lower = offset - score[i] - score_rounding * abs(score[i])
                    count[i] += np.int32(not lower > limit[i])
            found = labels[r, low:high]
            flag = flagged[r, low:high]
            for i in range(size):
                found[i] = label[i]
                flag[i] = limit[i] if count[i] > 1 else -np.inf


@njit(nogil=True, cache=True, fastmath=_SUM)
def _sq_dist(x, c):  # type: ignore[no-untyped-def]
    total = 0.0
    for f in range(x.shape[0]):
        gap = np.float64(x[f]) - c[f]
        total += gap * gap
    return total


@njit(nogil=True, cache=True)
def recheck(  # type: ignore[no-untyped-def]
    x,
    centres,
    scores,
    starts,
    half_sq,
    score_rounding,
    slack,
    pairs,
    pair_starts,
    norms,
    residuals,
    rests,
    tie,
    flagged,
    labels,
):
    """Decide the flagged labels by float64 distances among their candidates.

    A candidate must pass the bound of its own pair with the best centre first: ``pairs``
    (n_pairs, 3) float32 holds for centres ``b, j`` of run ``r`` at ``pair_starts[r] + b k + j``
    what ``slack[r, :3]`` is the largest of. The rest as in :func:`scan`; ``x`` (n, F) float32,
    ``centres`` (n_centres, F) float64. Distances that differ by less than the relative ``tie``
    count as equal; the lower index wins. Returns the number of (row, run) pairs decided so.
    """
    most = 0
    for r in range(starts.shape[0] - 1):
        most = max(most, starts[r + 1] - starts[r])
    distance = np.empty(most, np.float64)
    checked = 0
    # Row by row: a row flagged in several runs is read from memory once.
    for i in range(x.shape[0]):
        for r in range(starts.shape[0] - 1):
            limit = flagged[r, i]
            if limit == -np.inf:
                continue
            first = starts[r]
            k = starts[r + 1] - first
            best = np.int64(labels[r, i])
            upper = half_sq[first + best] - scores[first + best, i]
            upper += score_rounding * abs(scores[first + best, i])
            whole = norms[i] + rests[i]
            upper += slack[r, 3] + slack[r, 4] * whole * whole
            nearest = np.inf
            for j in range(k):
                score = scores[first + j, i]
                lower = half_sq[first + j] - score - score_rounding * abs(score)
                distance[j] = np.inf
                pair = pairs[pair_starts[r] + best * k + j]
                own = upper + pair[0] * residuals[i] + pair[1] * norms[i] + pair[2] * rests[i]
                if j != best and not (lower > limit or lower > own):
                    distance[j] = _sq_dist(x[i], centres[first + j])
                    nearest = min(nearest, distance[j])
            if nearest == np.inf:
                continue
            checked += 1
            distance[best] = _sq_dist(x[i], centres[first + best])
            nearest = min(nearest, distance[best])
            for j in range(k):
                if distance[j] <= nearest * (1.0 + tie):
                    labels[r, i] = j
                    break
    return checked


@njit(nogil=True, cache=True)
def nearest(x, centres, tie, label, distance, margin):  # type: ignore[no-untyped-def]
    """Nearest centre, its distance, and how much farther the second nearest is, in float64.

    ``x`` (n, F) float32, ``centres`` (k, F) float64; ``label`` (n,) int32, ``distance`` and
    ``margin`` (n,) float32 are written. Ties as in :func:`recheck`. ``margin`` is NaN where there
    is one centre.
    """
    k = centres.shape[0]
    sq = np.empty(k, np.float64)
    for i in range(x.shape[0]):
        best = np.inf
        for j in range(k):
            sq[j] = _sq_dist(x[i], centres[j])
            best = min(best, sq[j])
        own = 0
        while sq[own] > best * (1.0 + tie):
            own += 1
        second = np.inf
        for j in range(k):
            if j != own:
                second = min(second, sq[j])
        label[i] = own
        distance[i] = np.float32(np.sqrt(sq[own]))
        margin[i] = np.float32(np.sqrt(second) - np.sqrt(sq[own])) if k > 1 else np.nan


@njit(nogil=True, cache=True)
def add_rows(x, runs, old, new, starts, grid, sums, counts):  # type: ignore[no-untyped-def]
    """Move rows that changed their cluster from the old cluster's sum to the new one's.

    Parameters
    ----------
    x : (n, F) float32
    runs : int64
        Number of runs.
    old, new : (n_runs, n) unsigned integer
        ``old`` has no columns where nothing was assigned yet: then every row is added.
    starts : (n_runs + 1,) int64
    grid : float64
        A power of two; values are rounded to multiples of ``1 / grid``, so that float64 additions
        are exact.
    sums : (n_centres, F) float64, in and out
    counts : (n_centres,) int64, in and out

    Returns
    -------
    int
        Number of (row, run) pairs that changed.
    """
    n = x.shape[0]
    n_centres = sums.shape[0]
    fresh = old.shape[1] == 0
    # Adding and taking away 1.5 * 2**52 / grid rounds to the nearest multiple of 1 / grid.
    magic = 6755399441055744.0 / grid
    ends = np.empty(n_centres, np.int64)
    moves = np.empty(2 * runs * _ROW_BLOCK, np.int32)  # row to add, or -1 - row to take away
    changes = 0
    # A block of rows fits the cache; its moves are sorted by centre, so that each sum is
    # fetched once a block.
    for low in range(0, n, _ROW_BLOCK):
        high = min(n, low + _ROW_BLOCK)
        ends[:] = 0
        for r in range(runs):
            first = starts[r]
            for i in range(low, high):
                if fresh:
                    ends[first + new[r, i]] += 1
                elif old[r, i] != new[r, i]:
                    ends[first + new[r, i]] += 1
                    ends[first + old[r, i]] += 1
        total = 0
        for j in range(n_centres):
            size = ends[j]
            ends[j] = total
            total += size
        for r in range(runs):
            first = starts[r]
            for i in range(low, high):
                if fresh or old[r, i] != new[r, i]:
                    changes += 1
                    target = first + new[r, i]
                    moves[ends[target]] = i
                    ends[target] += 1
                    if not fresh:
                        source = first + old[r, i]
                        moves[ends[source]] = -1 - i
                        ends[source] += 1
        at = 0
        for j in range(n_centres):
            if ends[j] > at:
                counts[j] += _add_moves(x, moves[at : ends[j]], magic, sums[j])
                at = ends[j]
    return changes


# Contraction may only fuse the product with a sign, which is exact.
@njit(nogil=True, cache=True, fastmath={"contract"})
def _add_moves(x, moves, magic, target):  # type: ignore[no-untyped-def]
    """Add the rows of ``moves`` to one sum, four in one sweep; returns the change of its count."""
    count = 0
    at = 0
    while at + 4 <= moves.shape[0]:
        a, b, c, d = moves[at], moves[at + 1], moves[at + 2], moves[at + 3]
        sign_a, sign_b, sign_c, sign_d = 1.0, 1.0, 1.0, 1.0
        if a < 0:
            a, sign_a = -1 - a, -1.0
        if b < 0:
            b, sign_b = -1 - b, -1.0
        if c < 0:
            c, sign_c = -1 - c, -1.0
        if d < 0:
            d, sign_d = -1 - d, -1.0
        count += int(sign_a + sign_b + sign_c + sign_d)
        row_a, row_b, row_c, row_d = x[a], x[b], x[c], x[d]
        for f in range(target.shape[0]):
            first = ((row_a[f] * sign_a + magic) - magic) + ((row_b[f] * sign_b + magic) - magic)
            second = ((row_c[f] * sign_c + magic) - magic) + ((row_d[f] * sign_d + magic) - magic)
            target[f] += first + second
        at += 4
    while at < moves.shape[0]:
        a, sign_a = moves[at], 1.0
        if a < 0:
            a, sign_a = -1 - a, -1.0
        count += int(sign_a)
        row_a = x[a]
        for f in range(target.shape[0]):
            target[f] += (row_a[f] * sign_a + magic) - magic
        at += 1
    return count
