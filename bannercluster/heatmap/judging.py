"""From raw scores to p-values: calibration, combination and the null of both, as fitted once."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from bannercluster.heatmap.alerts import ConformalNull
from bannercluster.heatmap.calibration import Calibration, calibrate, calibrate_pooled, pooled_z
from bannercluster.heatmap.combination import Combination, tail_sum
from bannercluster.heatmap.nulls import LADDER, NullScores
from bannercluster.heatmap.statistics.scores import SCORE_NAMES
from bannercluster.heatmap.suspects import believed

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]

UNTAUGHT_COST = 4.0
"""What a p-value of the untaught sum is multiplied by before the smaller of the two is taken.

The regression is the better of the two on faults that it was taught: halving its budget for the
other, as the plain minimum does, costs more alerts than unseen faults bring."""


@dataclass(frozen=True, eq=False)
class Judged:
    """What scores say of heatmaps, each array of shape (n,), float64.

    Parameters
    ----------
    p : ndarray
        How many healthy heatmaps look as broken.
    p_taught, p_untaught : ndarray
        The same by the regression alone (NaN where there is none), and by the sum of tails.
    log_odds : ndarray
        Of the regression; the sum of tails where there is none.
    tails : ndarray
        The sum of tails.
    """

    p: Array
    p_taught: Array
    p_untaught: Array
    log_odds: Array
    tails: Array


@dataclass(frozen=True, eq=False)
class Judge:
    """Calibrated scores, their combination, and what healthy heatmaps make of it.

    Parameters
    ----------
    calibration : Calibration
        Of the scores.
    combination : Combination or None
    standard : Calibration
        Of the combined scores: grids with wider tails do not get more alerts.
    parts : tuple of ConformalNull
        Of each combined score.
    whole : ConformalNull
        Of the smaller of their p-values.
    suspects : frozenset of (int, int)
        Grid and number of the references that look broken, and do not count.
    """

    calibration: Calibration
    combination: Combination | None
    standard: Calibration
    parts: tuple[ConformalNull, ...]
    whole: ConformalNull
    suspects: frozenset[tuple[int, int]] = frozenset()

    @classmethod
    def fit(cls, null: NullScores, n_grids: int, combination: Combination | None) -> Judge:
        """Fit on the scores of left-out references; those that look broken do not count."""
        suspects: frozenset[tuple[int, int]] = frozenset()
        if combination is not None:
            null, suspects = believed(null, n_grids, combination)
        calibration, z = calibrate(null, n_grids)
        n_clicks = np.array(LADDER, float)[null.level]
        combined = replace(null, values=_combined(combination, z, n_clicks))
        standard, scores = calibrate(combined, n_grids)
        return cls._of(null, calibration, combination, standard, scores, suspects)

    @classmethod
    def pooled(cls, null: NullScores, combination: Combination | None) -> Judge:
        """Fit to grids of which too little is known to calibrate each by itself.

        It judges heatmaps with the grid number -1.
        """
        calibration = calibrate_pooled(null)
        n_clicks = np.array(LADDER, float)[null.level]
        z = pooled_z(null, calibration)
        combined = replace(null, values=_combined(combination, z, n_clicks))
        standard = calibrate_pooled(combined)
        return cls._of(null, calibration, combination, standard, pooled_z(combined, standard))

    @classmethod
    def _of(
        cls,
        null: NullScores,
        calibration: Calibration,
        combination: Combination | None,
        standard: Calibration,
        scores: Array,
        suspects: frozenset[tuple[int, int]] = frozenset(),
    ) -> Judge:
        n_levels = calibration.location.shape[1]
        n_clicks = np.array(LADDER, float)[null.level]
        parts = tuple(ConformalNull.of(one, null.level, n_levels) for one in scores.T)
        smaller = -np.log(_smaller(_p_values(parts, scores, n_clicks)))
        whole = ConformalNull.of(smaller, null.level, n_levels)
        return cls(calibration, combination, standard, parts, whole, suspects)

    def judge(self, z: Array, grid: Index, n_clicks: Array) -> Judged:
        """Judge heatmaps by their calibrated scores.

        Parameters
        ----------
        z : ndarray of shape (n, n_scores)
        grid : ndarray of shape (n,), int64
        n_clicks : ndarray of shape (n,)
        """
        raw = _combined(self.combination, z, n_clicks)
        p_values = _p_values(self.parts, self.standard.z(raw, grid, n_clicks), n_clicks)
        p = self.whole.p_values(-np.log(_smaller(p_values)), n_clicks)
        taught = p_values[1] if len(p_values) > 1 else np.full(len(z), np.nan)
        return Judged(p, taught, p_values[0], raw[:, -1], raw[:, 0])


def _combined(combination: Combination | None, z: Array, n_clicks: Array) -> Array:
    """Return the sum of tails and, where taught, the log odds: shape (n, 1 or 2).

    The tails beside a regression are those of the statistics: a network was taught too.
    """
    if combination is None:
        return tail_sum(z)[:, None]
    tails = tail_sum(z[:, : len(SCORE_NAMES)])
    return np.stack([tails, combination.log_odds(z, n_clicks)], axis=1)


def _p_values(parts: tuple[ConformalNull, ...], scores: Array, n_clicks: Array) -> Array:
    return np.stack(
        [part.p_values(own, n_clicks) for part, own in zip(parts, scores.T, strict=True)]
    )


def _smaller(p_values: Array) -> Array:
    """Return the smaller p-value, the untaught one made dearer where there are both."""
    if len(p_values) == 1:
        alone: Array = p_values[0]
        return alone
    smaller: Array = np.minimum(p_values[1], UNTAUGHT_COST * p_values[0])
    return smaller
