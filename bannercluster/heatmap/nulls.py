"""Scores of references that were left out: what healthy heatmaps of a grid score."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

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
    grid: int,
    references: Counts,
    score: Callable[[Counts, Counts], Array],
    *,
    profile_of_one: bool = False,
) -> NullScores | None:
    """Score the references of a grid, each against a profile made without it.

    Parameters
    ----------
    grid : int
    references : ndarray of shape (r, 64, 64), uint32
        In the order of their content.
    score : callable
        From the references of a profile and heatmaps to scores (n, n_scores).
    profile_of_one : bool
        Make the profile of the first reference alone: what grids with one reference have.

    Returns
    -------
    scores : NullScores or None
        None with fewer than two references: nothing is left to make a profile of.
    """
    n = len(references)
    if n < 2:
        return None
    folds = np.arange(n) % min(_N_FOLDS, n)
    if profile_of_one:
        folds = np.minimum(np.arange(n), 1)
    parts = []
    for fold in [1] if profile_of_one else np.unique(folds).tolist():
        left_out = np.flatnonzero(folds == fold)
        drawn = [
            (number, level, thinned(references[number], n_clicks, repeat))
            for number in left_out.tolist()
            for level, n_clicks in enumerate(LADDER)
            if n_clicks <= references[number].sum(dtype=np.int64)
            for repeat in range(_REPEATS[level])
        ]
        counts = np.stack([one for _, _, one in drawn])
        parts.append(
            NullScores(
                values=score(references[folds != fold], counts),
                grid=np.full(len(drawn), grid),
                fold=np.full(len(drawn), fold),
                # Two references are compared once, each the other's profile: that counts as one.
                reference=np.array([number if n > 2 else 0 for number, _, _ in drawn]),
                level=np.array([level for _, level, _ in drawn]),
            )
        )
    return NullScores.concatenated(parts)
