"""Compiled CPU loops that keep the sums of the clusters."""

from __future__ import annotations

import numpy as np
from numba import njit

from bannercluster.kernels.native.lanes import WIDTH, add_listed, to_fixed

_ROW_BLOCK = 512
_LINE = 16  # values of four bytes in a cache line
_MOST_ADDED = 24  # values of at most 2**26 that int32 adds: fewer than 32


@njit(nogil=True, cache=True)
def _aligned(n):  # type: ignore[no-untyped-def]
    """(n, WIDTH) int32 at the start of a cache line: vectors in two take twice the time."""
    memory = np.empty(n * WIDTH + _LINE, np.int32)
    first = (-(memory.ctypes.data // 4)) % _LINE
    return memory[first : first + n * WIDTH].reshape(n, WIDTH)


@njit(nogil=True, cache=True)
def add_rows(x, place, runs, old, new, starts, grid, sums, counts):  # type: ignore[no-untyped-def]
    """Move rows that changed their cluster from the old cluster's sum to the new one's.

    Parameters
    ----------
    x : (n, F) float32
    place : (n,) int64
        Row of ``x`` that holds row i, wherever that changed; empty where ``x`` holds every row.
    runs : int64
        Number of runs.
    old, new : (n_runs, n) unsigned integer
        ``old`` has no columns where nothing was assigned yet: then every row is added.
    starts : (n_runs + 1,) int64
    grid : float64
        A power of two; values are rounded to multiples of ``1 / grid``, at most 2**26 of them, so
        that integer and float64 additions are exact.
    sums : (n_centres, F) float64, in and out
    counts : (n_centres,) int64, in and out

    Returns
    -------
    int
        Number of (row, run) pairs that changed.
    """
    n = new.shape[1]
    n_features = x.shape[1]
    n_centres = sums.shape[0]
    fresh = old.shape[1] == 0
    everywhere = place.shape[0] == 0
    changes = runs * n
    if not fresh:
        changes = 0
        for r in range(runs):
            before, after = old[r], new[r]
            for i in range(n):
                changes += np.int64(before[i] != after[i])
    # Many moves: a block of rows that stays in the cache. Few: all rows that move, so that a sum is
    # fetched once for several of them.
    size = max(1, min(n, _ROW_BLOCK) if changes > 2 * n else n)
    most = min(changes, runs * size)
    moves = np.empty((most, 3), np.int32)  # row, centre that it comes to, centre that it leaves
    ends = np.empty(2 * n_centres, np.int64)  # of the rows that come to a centre, that leave it
    listed = np.empty(2 * most, np.int32)
    slot_of = np.empty(n, np.int32)
    row_of = np.empty(size, np.int64)
    slab = _aligned(size)
    scale = np.float32(grid)
    unit = 1.0 / grid
    wide = n_features - n_features % WIDTH
    for low in range(0, n, size):
        high = min(n, low + size)
        ends[:] = 0
        slot_of[low:high] = -1
        n_moves = 0
        for r in range(runs):
            first = starts[r]
            for i in range(low, high):
                if fresh or old[r, i] != new[r, i]:
                    moves[n_moves, 0] = i
                    moves[n_moves, 1] = first + new[r, i]
                    moves[n_moves, 2] = -1 if fresh else first + old[r, i]
                    n_moves += 1
        n_slots = 0
        for m in range(n_moves):
            i, target, source = moves[m]
            ends[2 * target] += 1
            counts[target] += 1
            if source >= 0:
                ends[2 * source + 1] += 1
                counts[source] -= 1
            if slot_of[i] < 0:
                slot_of[i] = n_slots
                row_of[n_slots] = i if everywhere else place[i]
                n_slots += 1
        total = 0
        for side in range(2 * n_centres):
            here = ends[side]
            ends[side] = total
            total += here
        for m in range(n_moves):
            i, target, source = moves[m]
            listed[ends[2 * target]] = slot_of[i]
            ends[2 * target] += 1
            if source >= 0:
                listed[ends[2 * source + 1]] = slot_of[i]
                ends[2 * source + 1] += 1
        for feature in range(0, wide, WIDTH):
            for slot in range(n_slots):
                to_fixed(x, row_of[slot], feature, scale, slab, slot)
            at = 0
            for side in range(2 * n_centres):
                signed = unit if side % 2 == 0 else -unit
                while at < ends[side]:
                    last = min(ends[side], at + _MOST_ADDED)
                    add_listed(slab, listed, at, last, signed, sums, side // 2, feature)
                    at = last
        if wide < n_features:
            at = 0
            for side in range(2 * n_centres):
                signed = unit if side % 2 == 0 else -unit
                while at < ends[side]:
                    row = x[row_of[listed[at]]]
                    for f in range(wide, n_features):
                        sums[side // 2, f] += np.float64(np.rint(row[f] * scale)) * signed
                    at += 1
    return changes
