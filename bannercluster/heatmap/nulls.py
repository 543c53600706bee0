"""Scores of references that were left out: what healthy heatmaps of a grid score."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from bannercluster.heatmap.binning import Counts
from bannercluster.heatmap.thinning import thinned

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]

LADDER = (1, 5, 20, 50, 100, 300, 1_000, 3_000, 5_000, 10_000, 20_000, 50_000)
"""Numbers of clicks that references are thinned to. They are dense where the scores' healthy level
rises steeply with the clicks, that is where domains differ by more than chance."""

_N_FOLDS = 5
_REPEATS = (2, 2, 4, 4, 4, 4, 3, 1, 1, 1, 1, 1)
"""Heatmaps thinned of one reference, by level: of few clicks they differ by chance anyway."""


_REPEATS_OF_FEW = (1, 1, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1)


@dataclass(frozen=True, eq=False)
class NullScores:
    """Scores of left-out, thinned references, one entry of each array per heatmap.

    Parameters
    ----------
    values : ndarray of shape (n, n_scores), float64
    grid, fold, reference, level : ndarray of shape (n,), int64
        Number of the grid, of the fold that was left out, of the reference within the grid, and
        index into ``LADDER``.
    """

    values: Array
    grid: Index
    fold: Index
    reference: Index
    level: Index

    @classmethod
    def concatenated(cls, parts: list[NullScores]) -> NullScores:
        """Return the scores of several grids."""
        return cls(
            np.concatenate([part.values for part in parts]),
            np.concatenate([part.grid for part in parts]),
            np.concatenate([part.fold for part in parts]),
            np.concatenate([part.reference for part in parts]),
            np.concatenate([part.level for part in parts]),
        )


def null_scores(
    grid: int, references: Counts, score: Callable[[Counts, Counts], Array]
) -> NullScores | None:
    """Score the references of a grid, each against a profile made without it.

    Parameters
    ----------
    grid : int
    references : ndarray of shape (r, 64, 64), uint32
        In the order of their content.
    score : callable
        From the references of a profile and heatmaps to scores (n, n_scores).

    Returns
    -------
    scores : NullScores or None
        None with fewer than two references: nothing is left to make a profile of.
    """
    n = len(references)
    if n < 2:
        return None
    folds = np.arange(n) % min(_N_FOLDS, n)
    # Two references are compared once, each the other's profile: that counts as one.
    numbers = np.arange(n) if n > 2 else np.zeros(n, np.int64)
    parts = [
        _left_out(grid, fold, numbers[folds == fold], references[folds == fold], _REPEATS, own)
        for fold in np.unique(folds).tolist()
        for own in [partial(score, references[folds != fold])]
    ]
    return NullScores.concatenated(parts)


def null_scores_of_few(grid: int, left_out: Counts, score: Callable[[Counts], Array]) -> NullScores:
    """Score references of a grid that are not among the few that its profile was made of.

    Parameters
    ----------
    grid : int
    left_out : ndarray of shape (r, 64, 64), uint32
    score : callable
        From heatmaps to scores (n, n_scores).
    """
    return _left_out(grid, 0, np.arange(len(left_out)), left_out, _REPEATS_OF_FEW, score)


def _left_out(
    grid: int,
    fold: int,
    numbers: Index,
    left_out: Counts,
    repeats: tuple[int, ...],
    score: Callable[[Counts], Array],
) -> NullScores:
    """Score references thinned to each number of clicks that they have."""
    drawn = [
        (number, level, thinned(counts, n_clicks, repeat))
        for number, counts in zip(numbers.tolist(), left_out, strict=True)
        for level, n_clicks in enumerate(LADDER)
        if n_clicks <= counts.sum(dtype=np.int64)
        for repeat in range(repeats[level])
    ]
    return NullScores(
        values=score(np.stack([one for _, _, one in drawn])),
        grid=np.full(len(drawn), grid),
        fold=np.full(len(drawn), fold),
        reference=np.array([number for number, _, _ in drawn]),
        level=np.array([level for _, level, _ in drawn]),
    )
