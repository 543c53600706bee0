"""Mixtures for every number of components, and the number that BIC chooses.

Upwards, a component is put where clicks are missing or a component is split, whichever trial is
likeliest after a few steps. Downwards from the largest, two are merged or one is removed. Of both
ways the likelier mixture of each number is kept: greedy ways up get stuck where ways down do not,
and the other way round.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from bannercluster.heatmap.mixtures.em import EmConfig, Fit, fit
from bannercluster.heatmap.mixtures.model import Mixture, Points, bic
from bannercluster.heatmap.mixtures.peaks import expected_counts, peaks


@dataclass(frozen=True)
class PathConfig:
    """How far and how thoroughly mixtures are sought.

    Parameters
    ----------
    most_components : int
    n_peaks, n_splits : int
        Trials of each step upwards: new components at peaks, and components that are split.
    n_merges : int
        Trials of each step downwards: pairs that are merged, and components that are removed.
    n_trial_steps : int
        Steps of EM of a trial.
    surrender : float
        The way up ends when BIC is so much above its best for ``n_worse`` numbers in a row.
    n_worse : int
    em : EmConfig
    n_rounds : int
        How often both ways are gone again, from what they found.
    """

    most_components: int = 22
    n_peaks: int = 3
    n_splits: int = 2
    n_merges: int = 3
    n_trial_steps: int = 6
    surrender: float = 30.0
    n_worse: int = 2
    em: EmConfig = field(default_factory=EmConfig)
    n_rounds: int = 1


@dataclass(frozen=True)
class Path:
    """The best mixture found for each number of components.

    Parameters
    ----------
    fits : tuple of Fit
        Of 0, 1, 2, ... components, as far as it was followed.
    bic : tuple of float
    """

    fits: tuple[Fit, ...]
    bic: tuple[float, ...]

    @property
    def chosen(self) -> int:
        """The number of components of least BIC."""
        return int(np.argmin(self.bic))


def fit_path(counts: npt.NDArray[np.integer], config: PathConfig | None = None) -> Path:
    """Fit mixtures with 0, 1, 2, ... components to a heatmap.

    Parameters
    ----------
    counts : (side, side) integer array
        Axes (y, x). Without clicks, or with one, no component is fitted.
    config : PathConfig, optional

    Returns
    -------
    Path

    Raises
    ------
    UsageError
        If the heatmap is not square.
    """
    config = config or PathConfig()
    points = Points.of_counts(counts)
    fits = [fit(points, Mixture.only_noise(), config.em)]
    best, n_worse = bic(fits[0].log_likelihood, 0, points.n_clicks), 0
    while len(fits) <= config.most_components and points.n_clicks > 1 and n_worse < config.n_worse:
        found = _best(points, _larger(counts, points, fits[-1].mixture, config), config)
        if found is None:
            break
        fits.append(found)
        value = bic(found.log_likelihood, len(fits) - 1, points.n_clicks)
        n_worse = n_worse + 1 if value > best + config.surrender else 0
        best = min(best, value)
    _improve_downwards(points, fits, config)
    for _ in range(config.n_rounds):
        _improve_upwards(counts, points, fits, config)
        _improve_downwards(points, fits, config)
    values = [bic(one.log_likelihood, k, points.n_clicks) for k, one in enumerate(fits)]
    return Path(tuple(fits), tuple(values))


def smaller(mixture: Mixture, n_trials: int) -> list[Mixture]:
    """Return mixtures with one component less: close pairs merged, light components removed."""
    k = mixture.n_components
    gaps = sorted((_gap(mixture, i, j), i, j) for i in range(k) for j in range(i + 1, k))
    merged = [mixture.with_merged(i, j) for _, i, j in gaps[:n_trials]]
    light = np.argsort(mixture.weights, kind="stable")[:n_trials]
    return merged + [mixture.without(int(i)) for i in light]


def best_smaller(points: Points, mixture: Mixture, config: PathConfig) -> Fit | None:
    """Return the likeliest of the mixtures with one component less; None where there is none."""
    return _best(points, smaller(mixture, config.n_merges), config)


def _improve_downwards(points: Points, fits: list[Fit], config: PathConfig) -> None:
    """Replace fits by those that the next larger ones lead down to, where these are likelier."""
    values = [bic(one.log_likelihood, k, points.n_clicks) for k, one in enumerate(fits)]
    # Far below the choice of BIC no better fit changes it.
    last = max(int(np.argmin(values)) - 3, 1)
    for k in range(len(fits) - 2, last - 1, -1):
        found = best_smaller(points, fits[k + 1].mixture, config)
        if found is not None and found.log_likelihood > fits[k].log_likelihood:
            fits[k] = found


def _improve_upwards(
    counts: npt.NDArray[np.integer], points: Points, fits: list[Fit], config: PathConfig
) -> None:
    """Replace fits by those that the next smaller ones lead up to, near the choice of BIC."""
    values = [bic(one.log_likelihood, k, points.n_clicks) for k, one in enumerate(fits)]
    first = max(int(np.argmin(values)) - 2, 0)
    for k in range(first + 1, len(fits)):
        found = _best(points, _larger(counts, points, fits[k - 1].mixture, config), config)
        if found is not None and found.log_likelihood > fits[k].log_likelihood:
            fits[k] = found


def _larger(
    counts: npt.NDArray[np.integer], points: Points, mixture: Mixture, config: PathConfig
) -> list[Mixture]:
    side = len(counts)
    expected = expected_counts(mixture, points.n_clicks, side)
    left = counts - expected
    trials = []
    for _, (x, y), sd in peaks(counts.astype(np.float64), expected, config.n_peaks):
        column, row = int(x), int(y)
        reach = int(np.ceil(2 * sd))
        window = left[
            max(row - reach, 0) : row + reach + 1, max(column - reach, 0) : column + reach + 1
        ]
        share = np.clip(window.sum() / points.n_clicks, 0.005, 0.5)
        mean = np.array([x, y])
        trials.append(mixture.with_one(float(share), mean, np.eye(2) * sd**2))
    order = np.argsort(-_misfit(left, expected, mixture), kind="stable")[: config.n_splits]
    return trials + [mixture.with_split(int(i)) for i in order]


def _misfit(left: np.ndarray, expected: np.ndarray, mixture: Mixture) -> np.ndarray:
    """Return how badly each component's own ground is explained: mean chi-square of a pixel."""
    square = left**2 / (expected + 0.1)
    found = np.zeros(mixture.n_components)
    for index, (mean, covariance) in enumerate(
        zip(mixture.means, mixture.covariances, strict=True)
    ):
        reach = np.ceil(2 * np.sqrt(np.diag(covariance)))
        low = np.clip(np.floor(mean - reach), 0, len(left) - 1).astype(int)
        high = np.clip(np.ceil(mean + reach), 1, len(left)).astype(int)
        found[index] = square[low[1] : high[1], low[0] : high[0]].mean()
    return found


def _gap(mixture: Mixture, first: int, second: int) -> float:
    """Squared Mahalanobis distance of two means, by their mean covariance."""
    gap = mixture.means[first] - mixture.means[second]
    covariance = (mixture.covariances[first] + mixture.covariances[second]) / 2
    return float(gap @ np.linalg.solve(covariance, gap))


def _best(points: Points, trials: list[Mixture], config: PathConfig) -> Fit | None:
    """Run a few steps of all trials, then the likeliest to its end."""
    short = EmConfig(config.n_trial_steps, config.em.tolerance, config.em.least_sd)
    tried = [fit(points, trial, short) for trial in trials]
    if not tried:
        return None
    return fit(points, max(tried, key=lambda one: one.log_likelihood).mixture, config.em)
