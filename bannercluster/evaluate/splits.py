"""Splits of a sample into two halves and a held-out part."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_SHARES = (0.4, 0.4, 0.2)
_SPLIT = 2  # stream of random numbers


@dataclass(frozen=True)
class Split:
    """Places in a sample: sorted int64 arrays that share none.

    Parameters
    ----------
    halves : tuple of two arrays
        What two models are fitted on: 40 % each.
    heldout : array
        What both are compared on: 20 %.
    """

    halves: tuple[np.ndarray, np.ndarray]
    heldout: np.ndarray


def split(n: int, owner: np.ndarray | None, seed: tuple[int, int]) -> Split:
    """Split a sample at random.

    Owners are dealt out in random order, each with all its places to the part that lacks most of
    its share, so one that is larger than a share leaves the parts uneven.

    Parameters
    ----------
    n : int
        Size of the sample.
    owner : (n,) integer array or None
        Places of one owner stay together; -1, or None for all, is a place on its own.
    seed : tuple of int
        Of all splits, and the number of this one.
    """
    generator = np.random.Generator(np.random.PCG64([_SPLIT, *seed]))
    if owner is None:
        owner = np.full(n, -1)
    single = owner < 0
    # Owners from 0 on, places without one behind them.
    _, group = np.unique(
        np.where(single, owner.max(initial=0) + 1 + np.arange(n), owner), return_inverse=True
    )
    sizes = np.bincount(group).tolist()
    lacks = [share * n for share in _SHARES]
    part_of = np.empty(len(sizes), np.int64)
    for one in generator.permutation(len(sizes)).tolist():
        part = max(range(3), key=lacks.__getitem__)
        lacks[part] -= sizes[one]
        part_of[one] = part
    parts = [np.flatnonzero(part_of[group] == part) for part in range(3)]
    return Split((parts[0], parts[1]), parts[2])
