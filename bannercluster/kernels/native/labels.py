"""Compiled CPU loops that label rows: from rounded scores, decided where these leave doubt."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit

from bannercluster.kernels.native.lanes import as_float32

_SUM = {"reassoc", "contract", "nsz"}
_ROW_BLOCK = 512
DOT_BLOCK = 256
"""Products that :func:`recheck` sums in float32 before it goes over to float64."""

_GAMMA = (DOT_BLOCK + 8) * 2.0**-24 / (1 - (DOT_BLOCK + 8) * 2.0**-24)
X_ROUNDING = 2 * (_GAMMA + 2.0**-24) * (1 + 1e-6)
"""Bound of the error of a difference of two such products, relative to |x| and the larger |c|."""


class Centres(NamedTuple):
    """What the loops know of the centres of a pass: the arrays of a ``Stack``, by their names."""

    starts: Any  # (n_runs + 1,) int64: those of run r are starts[r]:starts[r + 1]
    half_sq: Any  # (n_centres,) float32: half the squared norms, as the rounded products see them
    score_rounding: Any  # float32: relative rounding of one product as stored
    slack: Any  # (n_runs, 5) float32: see `scan`
    pairs: Any  # (n_pairs, 3) float32: see `recheck`
    pair_starts: Any  # (n_runs + 1,) int64
    wide: Any  # (n_centres, m) float32: what the products see of the centres, hardly rounded
    wide_half_sq: Any  # (n_centres,) float64
    wide_pairs: Any  # (n_pairs, 3) float32
    rounded: Any  # (n_centres, F) float32: the centres themselves
    own_half_sq: Any  # (n_centres,) float64
    largest_norm: Any  # (n_runs,) float64
    exact: Any  # (n_centres, F) float64
    mean_norm: Any  # float64: of what was subtracted from the rows before they were rounded


class Operands(NamedTuple):
    """What the loops know of prepared rows beside their values: the arrays of ``Rows``."""

    norms: Any  # (n,) float32
    residuals: Any  # (n,) float32
    rests: Any  # (n,) float32
    wide: Any  # (n, m) float32; m = 0 where nothing is projected
    rounding: Any  # float64: relative error of `wide`


@njit(nogil=True, cache=True)
def scan(bits, shift, centres, rows, labels, flagged):  # type: ignore[no-untyped-def]
    """Best centre of each row in each run from rounded scores; say where rounding could matter.

    Parameters
    ----------
    bits : (n_centres, n) uint16 or uint32
        Bits of the rounded products ``<x_i, c_j>``, one row a centre: of bfloat16 values with
        ``shift`` 16, of float32 values with ``shift`` 0.
    shift : uint32
    centres : Centres
        ``slack[r]`` times ``(residual_i, norm_i, rest_i, 1, (norm_i + rest_i)^2)`` bounds the other
        errors of a difference of two values of run ``r``.
    rows : Operands
    labels : (n_runs, n) unsigned integer, out
    flagged : (n_runs, n) float32, out
        Threshold up to which a centre is still a candidate, or ``-inf`` where the label is certain.
        NaN, from scores beyond float32, makes every centre a candidate.
    """
    starts, half_sq, slack = centres.starts, centres.half_sq, centres.slack
    score_rounding = centres.score_rounding
    n = bits.shape[1]
    most = 0
    for r in range(starts.shape[0] - 1):
        most = max(most, starts[r + 1] - starts[r])
    word = np.empty((most, _ROW_BLOCK), np.uint32)
    scores = word.view(np.float32)
    best = np.empty(_ROW_BLOCK, np.float32)
    label = np.empty(_ROW_BLOCK, np.int32)
    limit = np.empty(_ROW_BLOCK, np.float32)
    count = np.empty(_ROW_BLOCK, np.int32)
    # Every inner loop runs over whole slices: that is what the compiler turns into vector code.
    for low in range(0, n, _ROW_BLOCK):
        high = min(n, low + _ROW_BLOCK)
        size = high - low
        residual = rows.residuals[low:high]
        norm = rows.norms[low:high]
        rest = rows.rests[low:high]
        for r in range(starts.shape[0] - 1):
            first = starts[r]
            k = starts[r + 1] - first
            for j in range(k):
                source = bits[first + j, low:high]
                target = word[j]
                for i in range(size):
                    target[i] = np.uint32(source[i]) << shift
            offset = half_sq[first]
            score = scores[0]
            for i in range(size):
                best[i] = offset - score[i]
                label[i] = 0
            for j in range(1, k):
                offset = half_sq[first + j]
                index = np.int32(j)
                score = scores[j]
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
            for j in range(k):
                offset = half_sq[first + j]
                score = scores[j]
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


@njit(nogil=True, cache=True, fastmath=_SUM)
def _dot(x, c):  # type: ignore[no-untyped-def]
    """Product of two float32 vectors: float32 within blocks of ``DOT_BLOCK``, float64 above."""
    total = 0.0
    for low in range(0, x.shape[0], DOT_BLOCK):
        high = min(x.shape[0], low + DOT_BLOCK)
        own, other = x[low:high], c[low:high]
        part = np.float32(0.0)
        for f in range(high - low):
            part += own[f] * other[f]
        total += np.float64(part)
    return total


@njit(nogil=True, cache=True)
def _narrow(  # type: ignore[no-untyped-def]
    values, candidates, n_candidates, bounds, k, by_residual, by_norm, by_rest, constant
):
    """Keep the candidates that may still be as near as the best one, which comes first.

    ``bounds`` (k * k, 3) float32 of the run: what the three factors are multiplied with. Returns
    how many are left.
    """
    best = 0
    for c in range(1, n_candidates):
        if values[c] < values[best]:
            best = c
    candidates[0], candidates[best] = candidates[best], candidates[0]
    values[0], values[best] = values[best], values[0]
    row = candidates[0] * k
    left = 1
    for c in range(1, n_candidates):
        pair = bounds[row + candidates[c]]
        bound = pair[0] * by_residual + pair[1] * by_norm + pair[2] * by_rest + constant
        if not values[c] - values[0] > bound:
            candidates[left] = candidates[c]
            left += 1
    return left


@njit(nogil=True, cache=True)
def recheck(x, place, bits, shift, centres, rows, tie, flagged, labels):  # type: ignore[no-untyped-def]
    """Decide the flagged labels: ever fewer candidates by ever dearer arithmetic.

    1. The rounded scores again, each candidate against the bound of its own pair with the best:
       ``pairs`` holds for centres ``b, j`` of run ``r`` at ``pair_starts[r] + b k + j`` what
       ``slack[r, :3]`` is the largest of.
    2. Where the rows are projected, float32 products of the projections, off by at most
       ``wide_pairs`` times (``rounding`` |y|, |z|, |rest|).
    3. float32 products of all features, ``x`` (n, F) float32 with ``rounded``, off by at most
       ``X_ROUNDING |x| max|c|``.
    4. float64 distances to ``exact``. Those that differ by less than the relative ``tie`` count as
       equal; the lower index wins.

    ``place`` (n,) int64 is the row of ``x`` that holds row i, or -1 where it is not at hand: such
    pairs stay flagged. An empty ``place`` means that ``x`` holds every row. ``flagged`` is set to
    ``-inf`` for all pairs that are decided. The rest as in :func:`scan`. Returns the number of
    (row, run) pairs that took all features, and the number of those left flagged.
    """
    starts, half_sq, slack, pairs = centres.starts, centres.half_sq, centres.slack, centres.pairs
    score_rounding, pair_starts = centres.score_rounding, centres.pair_starts
    norms, residuals, rests = rows.norms, rows.residuals, rows.rests
    n_runs = starts.shape[0] - 1
    most = 0
    for r in range(n_runs):
        most = max(most, starts[r + 1] - starts[r])
    values = np.empty(most, np.float64)
    candidates = np.empty(most, np.int64)
    checked = 0
    left = 0
    everywhere = place.shape[0] == 0
    projected = rows.wide.shape[1] > 0
    # Row by row: a row flagged in several runs is read from memory once.
    for i in range(norms.shape[0]):
        at = np.int64(i) if everywhere else place[i]
        whole = np.float64(norms[i]) + np.float64(residuals[i]) + np.float64(rests[i])
        for r in range(n_runs):
            limit = flagged[r, i]
            if limit == -np.inf:
                continue
            first = starts[r]
            k = starts[r + 1] - first
            own_pairs = slice(pair_starts[r], pair_starts[r + 1])
            best = np.int64(labels[r, i])
            constant = np.float64(slack[r, 3]) + np.float64(slack[r, 4]) * whole * whole
            score = as_float32(np.uint32(np.uint32(bits[first + best, i]) << shift))
            upper = half_sq[first + best] - score + score_rounding * abs(score) + constant
            candidates[0] = best
            n = 1
            for j in range(k):
                score = as_float32(np.uint32(np.uint32(bits[first + j, i]) << shift))
                lower = half_sq[first + j] - score - score_rounding * abs(score)
                pair = pairs[pair_starts[r] + best * k + j]
                own = upper + pair[0] * residuals[i] + pair[1] * norms[i] + pair[2] * rests[i]
                if j != best and not (lower > limit or lower > own):
                    candidates[n] = j
                    n += 1
            if n > 1 and projected:
                for c in range(n):
                    j = first + candidates[c]
                    values[c] = centres.wide_half_sq[j] - _dot(rows.wide[i], centres.wide[j])
                norm = np.float64(norms[i]) + np.float64(residuals[i])
                n = _narrow(
                    values,
                    candidates,
                    n,
                    centres.wide_pairs[own_pairs],
                    k,
                    rows.rounding * whole,
                    norm,
                    np.float64(rests[i]),
                    constant,
                )
            labels[r, i] = candidates[0]
            if n > 1:
                checked += 1
                if at < 0:
                    # The threshold that any first step passes: all of it is done again.
                    flagged[r, i] = np.inf
                    left += 1
                    continue
                for c in range(n):
                    j = first + candidates[c]
                    values[c] = centres.own_half_sq[j] - _dot(x[at], centres.rounded[j])
                length = whole + centres.mean_norm
                nothing = constant + X_ROUNDING * length * centres.largest_norm[r]
                n = _narrow(values, candidates, n, pairs[own_pairs], k, 0.0, 0.0, 0.0, nothing)
                labels[r, i] = candidates[0]
            if n > 1:
                nearest = np.inf
                for c in range(n):
                    values[c] = _sq_dist(x[at], centres.exact[first + candidates[c]])
                    nearest = min(nearest, values[c])
                own_best = np.int64(k)
                for c in range(n):
                    if values[c] <= nearest * (1.0 + tie):
                        own_best = min(own_best, candidates[c])
                if own_best < k:
                    labels[r, i] = own_best
            flagged[r, i] = -np.inf
    return checked, left


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
