"""Ratios of timings taken in turns."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Spread:
    """Median, smallest and largest of some values."""

    median: float
    lowest: float
    highest: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Summarise at least one value."""
        return cls(statistics.median(values), min(values), max(values))


def ratios(ours_s: Sequence[float], theirs_s: Sequence[float], restarts: int) -> Spread:
    """Summarise the ratio of each round: the peer's one restart scaled to all of them, over ours.

    Parameters
    ----------
    ours_s : sequence of float
        All restarts of every k, a round each.
    theirs_s : sequence of float
        One restart of every k, in the same rounds.
    restarts : int
    """
    return Spread.of(
        [restarts * theirs / ours for ours, theirs in zip(ours_s, theirs_s, strict=True)]
    )
