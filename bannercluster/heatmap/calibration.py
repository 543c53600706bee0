"""Scores on the scale of healthy heatmaps of the same grid and number of clicks."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy.special import polygamma, psi

from bannercluster.errors import DataError
from bannercluster.heatmap.nulls import LADDER, NullScores

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]

_LEAST_SD = 1e-3
_N_GROUPS = 20
"""Groups of references; those of one group are calibrated on the others."""

_LEAST_REFERENCES = 8
"""References, of all grids together, that it takes to calibrate a number of clicks."""


@dataclass(frozen=True, eq=False)
class Calibration:
    """Location and scale of every score on healthy heatmaps, by grid and number of clicks.

    Parameters
    ----------
    location, log_scale : ndarray of shape (n_grids + 1, n_levels, n_scores), float64
        The last row is of a grid that nothing is known of: the mean over grids.
    """

    location: Array
    log_scale: Array

    @property
    def most_clicks(self) -> int:
        """Clicks up to which it holds: a heatmap of more is thinned to them."""
        return LADDER[self.location.shape[1] - 1]

    def z(self, values: Array, grid: Index, n_clicks: Array) -> Array:
        """Return calibrated scores: (s - location) / scale, interpolated in log N.

        Parameters
        ----------
        values : ndarray of shape (n, n_scores)
        grid : ndarray of shape (n,), int64
            -1 for a grid that was not calibrated.
        n_clicks : ndarray of shape (n,)
        """
        low, share = position(n_clicks, self.location.shape[1])
        high = np.minimum(low + 1, self.location.shape[1] - 1)
        share = share[:, None]
        location = (1 - share) * self.location[grid, low] + share * self.location[grid, high]
        log_scale = (1 - share) * self.log_scale[grid, low] + share * self.log_scale[grid, high]
        found: Array = (values - location) / np.exp(log_scale)
        return found


def position(n_clicks: Array, n_levels: int) -> tuple[Index, Array]:
    """Return where numbers of clicks lie on the ladder: the level below, and the share above."""
    ladder = np.log(np.array(LADDER[:n_levels], float))
    place = np.interp(np.log(np.maximum(n_clicks, 1.0)), ladder, np.arange(n_levels))
    low = np.floor(place).astype(np.int64)
    return low, place - low


def calibrate(null: NullScores, n_grids: int) -> tuple[Calibration, Array]:
    """Calibrate scores on left-out references.

    Locations and variances of grids are shrunk towards their mean over grids, as far as chance
    explains their differences (empirical Bayes); where a grid has few references of so many
    clicks, towards what the level below it says.

    Returns
    -------
    calibration : Calibration
    z : ndarray of shape (n, n_scores)
        Of the left-out references, each calibrated without itself.

    Raises
    ------
    DataError
        If there are no left-out references.
    """
    levels = [_References.of(null, level, n_grids) for level in range(n_calibrated(null))]
    everything = [level.moments() for level in levels]
    pool = _Pool.of(null, everything)
    whole = _curves(pool, everything)
    z = np.empty_like(null.values)
    n_clicks = np.array(LADDER, float)[null.level]
    group = null.reference % _N_GROUPS
    for nth in np.unique(group).tolist():
        out = group == nth
        others = [level.moments(level.reference % _N_GROUPS != nth) for level in levels]
        z[out] = _curves(pool, others).z(null.values[out], null.grid[out], n_clicks[out])
    return whole, z


def calibrate_pooled(null: NullScores) -> Calibration:
    """Calibrate scores for any grid: by the mean and the spread over all, none with its own.

    Parameters
    ----------
    null : NullScores
        Of grids with as few references as those that it is for.

    Returns
    -------
    calibration : Calibration
        Of one row, for the grid number -1.
    """
    levels = [null.values[null.level == nth] for nth in range(n_calibrated(null))]
    location = np.stack([one.mean(axis=0) for one in levels])
    scale = np.stack([np.maximum(one.std(axis=0), _LEAST_SD) for one in levels])
    return Calibration(location[None], np.log(scale)[None])


def pooled_z(null: NullScores, calibration: Calibration) -> Array:
    """Return the left-out references that ``calibrate_pooled`` has seen, calibrated by it."""
    n_clicks = np.array(LADDER, float)[null.level]
    return calibration.z(null.values, np.full(len(null.values), -1), n_clicks)


def n_calibrated(null: NullScores) -> int:
    """Return how many levels of the ladder have references enough."""
    known = np.unique(np.stack([null.level, null.grid, null.reference]), axis=1)
    number = np.bincount(known[0], minlength=len(LADDER))
    if not number[0]:
        raise DataError(
            "no grid has two references: one to make its profile of, and one to see what healthy "
            "heatmaps score; give two or more of at least one grid"
        )
    return int((number >= min(_LEAST_REFERENCES, number[0])).sum())


@dataclass(frozen=True, eq=False)
class _Pool:
    """What all grids say of a level, each array of shape (n_levels, n_scores).

    Parameters
    ----------
    location, log_scale
        Means over grids.
    between : ndarray
        Variance of the means of references about their grid's.
    tau, log_tau
        Variance over grids of the location and of the log scale, chance taken off.
    carry, log_carry
        How much of a grid's difference from the mean goes on from the level below.
    """

    location: Array
    log_scale: Array
    between: Array
    tau: Array
    log_tau: Array
    carry: Array
    log_carry: Array

    @classmethod
    def of(cls, null: NullScores, levels: list[_Moments]) -> _Pool:
        shape = (len(levels), null.values.shape[1])
        made = {name: np.zeros(shape) for name in cls.__dataclass_fields__}
        before = None
        for level, here in enumerate(levels):
            known = here.n_references > 0
            judged = here.n_references > 1
            made["location"][level] = here.mean[known].mean(axis=0)
            degrees = np.maximum(here.n_references[judged] - 1, 1)[:, None]
            if judged.any():
                made["between"][level] = (here.between[judged] * degrees).sum(
                    axis=0
                ) / degrees.sum()
                logs = here.log_scale[judged]
                made["log_scale"][level] = _mean_log(here.variance[judged], degrees)
                chance = _log_chance(here.degrees[judged]).mean(axis=0)
                made["log_tau"][level] = np.maximum(logs.var(axis=0) - chance, 0)
            elif before is None or not made["between"][level - 1].any():
                # Grids with two references: their one comparison says nothing of its own spread.
                # The reference and the one compared with it play the same part, so that half of
                # the variance over grids is the profile's, and half the other domain's.
                half = null.values[null.level == level].var(axis=0) / 2
                made["between"][level] = half
                made["log_scale"][level] = 0.5 * np.log(np.maximum(1.5 * half, _LEAST_SD**2))
            else:
                made["between"][level] = made["between"][level - 1]
                made["log_scale"][level] = made["log_scale"][level - 1]
            chance = (made["between"][level] / here.n_references[known][:, None]).mean(axis=0)
            variance = here.mean[known].var(axis=0)
            made["tau"][level] = np.maximum(variance - chance, 0)
            if before is not None:
                both = (before.n_references > 1) & judged
                made["carry"][level] = _slope(before.mean[both], here.mean[both])
                made["log_carry"][level] = _slope(before.log_scale[both], here.log_scale[both])
            before = here
        return cls(**made)


@dataclass(frozen=True, eq=False)
class _References:
    """Left-out references of a level, in the order of their grids, each with its repeats.

    Parameters
    ----------
    n_grids : int
    grid, reference, n_repeats : ndarray of shape (n,), int64
    mean, within : ndarray of shape (n, n_scores), float64
        Mean of the repeats of a reference, and the sum of the squares of their differences to it.
    """

    n_grids: int
    grid: Index
    reference: Index
    n_repeats: Index
    mean: Array
    within: Array

    @classmethod
    def of(cls, null: NullScores, level: int, n_grids: int) -> _References:
        own = np.flatnonzero(null.level == level)
        own = own[np.lexsort((null.reference[own], null.grid[own]))]
        grid, reference, values = null.grid[own], null.reference[own], null.values[own]
        is_other = (grid[1:] != grid[:-1]) | (reference[1:] != reference[:-1])
        first = np.flatnonzero(np.append(True, is_other))
        number = np.diff(first, append=len(own))
        mean = np.add.reduceat(values, first) / number[:, None]
        within = np.add.reduceat((values - np.repeat(mean, number, axis=0)) ** 2, first)
        return cls(n_grids, grid[first], reference[first], number, mean, within)

    def moments(self, chosen: npt.NDArray[np.bool_] | slice = slice(None)) -> _Moments:
        """Return the moments of some of them by grid."""
        grid, n_repeats = self.grid[chosen], self.n_repeats[chosen]
        number = np.bincount(grid, minlength=self.n_grids)
        known, several = number > 0, number > 1
        n = number[known][:, None]
        repeats = np.bincount(grid, n_repeats, minlength=self.n_grids)[known][:, None] / n

        def summed(each: Array) -> Array:
            first = np.cumsum(number)[known] - number[known]
            found: Array = np.add.reduceat(each, first) if len(first) else each
            return found

        def by_grid(found: Array, of: npt.NDArray[np.bool_], otherwise: float = 0.0) -> Array:
            whole = np.full((self.n_grids, self.mean.shape[1]), otherwise)
            whole[of] = found[of[known]]
            return whole

        mean = summed(self.mean[chosen]) / n
        away = self.mean[chosen] - np.repeat(mean, number[known], axis=0)
        between = summed(away**2) / np.maximum(n - 1, 1)
        within = summed(self.within[chosen]) / np.maximum(n * (repeats - 1), 1)
        variance = between + within * (1 - 1 / repeats)
        share = np.clip(between / np.maximum(variance, 1e-12), 1 / repeats, 1)
        return _Moments(
            number,
            by_grid(mean, known),
            by_grid(between, several),
            by_grid(variance, several),
            by_grid((n - 1) / share, several, otherwise=1.0),
        )


@dataclass(frozen=True, eq=False)
class _Moments:
    """Of the null scores of a level, by grid.

    Parameters
    ----------
    n_references : ndarray of shape (n_grids,), int64
    mean, between, variance, degrees : ndarray of shape (n_grids, n_scores), float64
        Mean of a grid; variance of the means of its references; variance of one heatmap; degrees
        of freedom of that. The variances are known of two references or more.
    """

    n_references: Index
    mean: Array
    between: Array
    variance: Array
    degrees: Array

    @cached_property
    def log_scale(self) -> Array:
        """Log of the standard deviation.

        That of an estimated variance is low on average, by the mean of log chi-square.
        """
        low = psi(self.degrees / 2) - np.log(self.degrees / 2)
        found: Array = 0.5 * (np.log(np.maximum(self.variance, _LEAST_SD**2)) - low)
        return found


def _mean_log(variance: Array, degrees: npt.NDArray[np.int64]) -> Array:
    """Return the log of the root of the pooled variance."""
    pooled = (variance * degrees).sum(axis=0) / degrees.sum()
    log: Array = 0.5 * np.log(np.maximum(pooled, _LEAST_SD**2))
    return log


def _log_chance(degrees: Array) -> Array:
    """Return the variance of the log of an estimated standard deviation, by degrees of freedom."""
    chance: Array = 0.25 * polygamma(1, degrees / 2)
    return chance


def _degrees_of(chance: Array) -> Array:
    """Return the degrees of freedom at which a log standard deviation varies so much.

    The inverse of ``_log_chance`` for a prior, as in G. K. Smyth, "Linear models and empirical
    Bayes methods" (2004); by the first two terms of the trigamma function's expansion, which errs
    by less than a tenth where it matters.
    """
    target = np.maximum(4 * chance, 1e-4)
    half = (1 + np.sqrt(1 + 2 * target)) / (2 * target)
    degrees: Array = 2 * half
    return degrees


def _slope(before: Array, here: Array) -> Array:
    """Return the regression over grids of a level's differences on those of the level below."""
    if len(before) < 3:
        return np.zeros(before.shape[1])
    away = before - before.mean(axis=0)
    slope = (away * (here - here.mean(axis=0))).sum(axis=0) / np.maximum(
        (away**2).sum(axis=0), 1e-12
    )
    clipped: Array = np.clip(slope, 0, 1)
    return clipped


def _curves(pool: _Pool, levels: list[_Moments]) -> Calibration:
    """Shrink the location and log scale of each grid, level after level."""
    n_levels, n_scores = pool.location.shape
    n_grids = len(levels[0].n_references)
    location = np.zeros((n_grids + 1, n_levels, n_scores))
    log_scale = np.zeros_like(location)
    offset, log_offset = np.zeros((n_grids, n_scores)), np.zeros((n_grids, n_scores))
    for level, here in enumerate(levels):
        n = here.n_references[:, None]
        noise = pool.between[level] / np.maximum(n, 1)
        left = pool.tau[level] * (1 - 0.9 * pool.carry[level] ** 2)
        weight = np.where(n > 0, left / (left + noise + 1e-12), 0)
        prior = pool.carry[level] * offset
        offset = weight * (here.mean - pool.location[level]) + (1 - weight) * prior
        left = pool.log_tau[level] * (1 - 0.9 * pool.log_carry[level] ** 2)
        prior = np.exp(2 * (pool.log_scale[level] + pool.log_carry[level] * log_offset))
        believed = _degrees_of(left)
        seen = np.where(n > 1, here.degrees, 0)
        variance = (believed * prior + seen * here.variance) / (believed + seen)
        log_offset = 0.5 * np.log(np.maximum(variance, _LEAST_SD**2)) - pool.log_scale[level]
        location[:-1, level] = pool.location[level] + offset
        location[-1, level] = pool.location[level]
        log_scale[:-1, level] = pool.log_scale[level] + log_offset
        log_scale[-1, level] = pool.log_scale[level]
    return Calibration(location, log_scale)
