"""Digest -> number for tens of millions of digests, in 24 bytes each."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class _Run(NamedTuple):
    """Sorted by the first half of the digest."""

    high: np.ndarray
    low: np.ndarray
    value: np.ndarray


class DigestMap:
    """Numbers by 128-bit digest; grows by whole batches.

    Batches are kept as sorted runs, and runs of like size are merged, so that adding n digests
    costs O(n log n) in all and a look-up a binary search in a few runs.
    """

    def __init__(self) -> None:
        self._runs: list[_Run] = []

    def __len__(self) -> int:
        return sum(len(run.value) for run in self._runs)

    def add(self, digests: np.ndarray, values: np.ndarray) -> None:
        """Add digests that are not there yet, none of them twice.

        Parameters
        ----------
        digests : (n, 2) uint64 array
        values : (n,) int64 array
            None of them negative.
        """
        if not len(digests):
            return
        new = _sorted(_Run(digests[:, 0], digests[:, 1], np.asarray(values, np.int64)))
        while self._runs and len(self._runs[-1].value) <= 2 * len(new.value):
            old = self._runs.pop()
            new = _sorted(_Run(*(np.concatenate(pair) for pair in zip(old, new, strict=True))))
        self._runs.append(new)

    def find(self, digests: np.ndarray) -> np.ndarray:
        """Return the number of each digest, -1 where there is none.

        Parameters
        ----------
        digests : (n, 2) uint64 array

        Returns
        -------
        (n,) int64 array
        """
        order = np.argsort(digests[:, 0])  # neighbours in the run are neighbours in the cache
        high, low = digests[order, 0], digests[order, 1]
        found = np.full(len(digests), -1, np.int64)
        for run in self._runs:
            place = np.searchsorted(run.high, high)
            waiting = np.arange(len(high))
            while len(waiting):
                place, waiting = _inside(place, waiting, len(run.high))
                at = place[waiting]
                waiting = waiting[run.high[at] == high[waiting]]
                same = run.low[place[waiting]] == low[waiting]
                found[waiting[same]] = run.value[place[waiting[same]]]
                waiting = waiting[~same]  # only the first half agrees: look at the next entry
                place[waiting] += 1
        out = np.empty_like(found)
        out[order] = found
        return out


def _inside(place: np.ndarray, waiting: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    return place, waiting[place[waiting] < size]


def _sorted(run: _Run) -> _Run:
    order = np.argsort(run.high, kind="stable")
    return _Run(run.high[order], run.low[order], run.value[order])


def halves(digests: np.ndarray) -> np.ndarray:
    """Return the first 16 bytes of digests as two numbers.

    Parameters
    ----------
    digests : (n, >= 16) uint8 array

    Returns
    -------
    (n, 2) uint64 array
    """
    first = np.ascontiguousarray(digests[:, :16])
    return first.view(np.uint64).reshape(len(digests), 2)


def first_of_each(digests: np.ndarray) -> np.ndarray:
    """Return for each digest the place of its first occurrence.

    Parameters
    ----------
    digests : (n, 2) uint64 array

    Returns
    -------
    (n,) int64 array
    """
    n = len(digests)
    if not n:
        return np.empty(0, np.int64)
    order = np.lexsort((digests[:, 1], digests[:, 0]))  # stable: equal ones keep their order
    high, low = digests[order, 0], digests[order, 1]
    begins = np.empty(n, bool)
    begins[0] = True
    begins[1:] = (high[1:] != high[:-1]) | (low[1:] != low[:-1])
    first = np.empty(n, np.int64)
    first[order] = order[begins][np.cumsum(begins) - 1]
    return first
