"""From scores to p-values that hold, and from p-values to alerts within a budget."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bannercluster.heatmap.calibration import position

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]

_ENOUGH = 1_500
"""Scores from which on a level has a tail of its own: fifteen of them lie in the last percent."""


@dataclass(frozen=True, eq=False)
class ConformalNull:
    """Scores of healthy heatmaps by number of clicks.

    Parameters
    ----------
    levels : tuple of ndarray
        Sorted scores of each level of the ladder; where they are few, with those beside it.
    """

    levels: tuple[Array, ...]

    @classmethod
    def of(cls, scores: Array, level: Index, n_levels: int) -> ConformalNull:
        """Gather the scores of left-out references.

        The threshold of a rare event needs many of them. Scores are standardised by grid and
        clicks, so that tails on levels beside each other are alike, if not the same: a level with
        few scores takes those of its neighbours too.

        Parameters
        ----------
        scores : ndarray of shape (n,)
        level : ndarray of shape (n,), int64
            Index into ``LADDER``.
        """
        own = [scores[level == nth] for nth in range(n_levels)]
        return cls(
            tuple(
                np.sort(own[nth] if len(own[nth]) >= _ENOUGH else scores[abs(level - nth) <= 1])
                for nth in range(n_levels)
            )
        )

    def p_values(self, scores: Array, n_clicks: Array) -> Array:
        """Return the share of healthy heatmaps with scores as large, itself counted.

        V. Vovk, A. Gammerman, G. Shafer, "Algorithmic Learning in a Random World" (2005); between
        levels, logarithms are interpolated in log N.

        Parameters
        ----------
        scores, n_clicks : ndarray of shape (n,)

        Returns
        -------
        p : ndarray of shape (n,), float64
            In (0, 1].
        """
        by_level = np.stack(
            [
                (1 + len(null) - np.searchsorted(null, scores, side="left")) / (1 + len(null))
                for null in self.levels
            ]
        )
        low, share = position(n_clicks, len(self.levels))
        high = np.minimum(low + 1, len(self.levels) - 1)
        rows = np.arange(len(scores))
        logs = (1 - share) * np.log(by_level[low, rows]) + share * np.log(by_level[high, rows])
        p: Array = np.exp(logs)
        return p


def benjamini_hochberg(p: Array) -> Array:
    """Return the false discovery rate at which each row would be an alert, NaN where p is.

    Y. Benjamini, Y. Hochberg, "Controlling the false discovery rate" (1995).

    Parameters
    ----------
    p : ndarray of shape (n,)
        NaN rows are not tested.

    Returns
    -------
    q : ndarray of shape (n,), float64
    """
    q = np.full(len(p), np.nan)
    tested = np.flatnonzero(~np.isnan(p))
    if not len(tested):
        return q
    order = tested[np.argsort(p[tested], kind="stable")]
    scaled = p[order] * len(order) / np.arange(1, len(order) + 1)
    q[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    return q
