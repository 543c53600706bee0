"""Expectation-maximisation with weights, uniform noise and clicks that fell off the canvas.

Clicks off the canvas are missing data: each step adds to a component what it must have lost there
(Dempster, Laird and Rubin 1977, section 4.2), so a cluster that the edge cuts is one Gaussian.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bannercluster.errors import DataError
from bannercluster.heatmap.mixtures.loops import add_points, moments_beyond
from bannercluster.heatmap.mixtures.model import Array, Mixture, Points

_LEAST_CLICKS = 1e-3  # a component with less has nothing to take a mean of: it stays where it is


@dataclass(frozen=True)
class EmConfig:
    """When a fit ends, and what a component may shrink to.

    Parameters
    ----------
    n_steps : int
        At most.
    tolerance : float
        A fit has converged when a step adds less to the log likelihood.
    least_sd, most_sd : float
        Ends of the standard deviation along any axis, px. The least keeps a component off a single
        pixel; the most, where it is known, keeps one from lying over several clusters.
    """

    n_steps: int = 200
    tolerance: float = 0.01
    least_sd: float = 0.7
    most_sd: float = float("inf")


@dataclass(frozen=True)
class Fit:
    """A fitted mixture.

    Parameters
    ----------
    mixture : Mixture
    log_likelihood : float
        Natural; of the density per px^2 at the clicks, given that they are on the canvas.
    n_steps : int
    converged : bool
    """

    mixture: Mixture
    log_likelihood: float
    n_steps: int
    converged: bool


def fit(points: Points, start: Mixture, config: EmConfig | None = None) -> Fit:
    """Improve a mixture until its likelihood rises no more.

    Parameters
    ----------
    points : Points
    start : Mixture
    config : EmConfig, optional

    Returns
    -------
    Fit
        With the log likelihood of the mixture that it holds.

    Raises
    ------
    DataError
        If there is neither noise nor a component: nothing explains the points.
    """
    config = config or EmConfig()
    mixture = start if points.side is not None else _without_noise(start)
    if not len(points.weights):
        return Fit(mixture, 0.0, 0, converged=True)
    before = -np.inf
    for step in range(config.n_steps + 1):
        sums, beyond, log_likelihood = _expected(points, mixture)
        if log_likelihood - before < config.tolerance:
            return Fit(mixture, log_likelihood, step, converged=True)
        if step < config.n_steps:
            mixture = _maximised(points, mixture, sums, beyond, config)
        before = log_likelihood
    return Fit(mixture, log_likelihood, config.n_steps, converged=False)


def log_likelihood(points: Points, mixture: Mixture) -> float:
    """Log likelihood of a mixture as it stands; 0 without clicks."""
    return _expected(points, mixture)[2] if len(points.weights) else 0.0


def _without_noise(mixture: Mixture) -> Mixture:
    total = mixture.weights.sum()
    if not total > 0:
        raise DataError(
            "got a mixture without components for points without a canvas, expected at least one "
            "component: nothing else explains the points"
        )
    return Mixture(mixture.weights / total, mixture.means, mixture.covariances, 0.0)


def _expected(points: Points, mixture: Mixture) -> tuple[Array, Array, float]:
    """Return sums over the clicks on the canvas and off it, (k, 6) each, and the likelihood.

    A row holds weight, x, y, xx, xy and yy, relative to the component's mean.
    """
    k = mixture.n_components
    sums, beyond = np.zeros((k, 6)), np.zeros((k, 6))
    precisions = np.linalg.inv(mixture.covariances) if k else np.zeros((0, 2, 2))
    with np.errstate(divide="ignore"):  # a share of 0 is a log of -inf, and never wins
        scale = np.log(mixture.weights) - 0.5 * np.log(np.linalg.det(mixture.covariances))
        noise = np.log(mixture.noise)
    noise = -np.inf if points.side is None else noise - 2 * np.log(points.side)
    constants = scale - np.log(2 * np.pi)
    value = add_points(
        points.xy, points.weights, constants, mixture.means, precisions, float(noise), sums
    )
    if points.side is not None:
        moments_beyond(mixture.means, mixture.covariances, precisions, points.side, beyond)
        n_clicks = points.n_clicks
        seen = mixture.noise + float(mixture.weights @ (1 - beyond[:, 0]))
        value -= n_clicks * np.log(seen)
        beyond *= (mixture.weights * n_clicks / seen)[:, None]
    return sums, beyond, float(value)


def _maximised(
    points: Points, mixture: Mixture, sums: Array, beyond: Array, config: EmConfig
) -> Mixture:
    """Return the mixture that the sums are best explained by."""
    n_clicks = points.n_clicks
    noise = 0.0 if points.side is None else max(n_clicks - float(sums[:, 0].sum()), 0.0)
    total = sums + beyond
    everything = total[:, 0].sum() + noise
    shares = total[:, 0] / everything
    filled = total[:, 0] > _LEAST_CLICKS
    mean = total[:, 1:] / np.where(filled, total[:, 0], 1.0)[:, None]
    shift = np.where(filled[:, None], mean[:, :2], 0.0)
    second = np.empty((len(total), 2, 2))
    second[:, 0, 0] = mean[:, 2] - shift[:, 0] ** 2
    second[:, 1, 1] = mean[:, 4] - shift[:, 1] ** 2
    second[:, 0, 1] = second[:, 1, 0] = mean[:, 3] - shift[:, 0] * shift[:, 1]
    covariances = np.where(filled[:, None, None], second, mixture.covariances)
    means = mixture.means + shift
    return Mixture(shares, means, _within(covariances, config), noise / everything)


def _within(covariances: Array, config: EmConfig) -> Array:
    """Bring the eigenvalues of (k, 2, 2) covariances between the ends."""
    least, most = config.least_sd**2, config.most_sd**2
    half = (covariances[:, 0, 0] + covariances[:, 1, 1]) / 2
    gap = np.hypot((covariances[:, 0, 0] - covariances[:, 1, 1]) / 2, covariances[:, 0, 1])
    beyond = (half - gap < least) | (half + gap > most)
    if not beyond.any():
        return covariances
    values, vectors = np.linalg.eigh(covariances)
    kept = np.clip(values, least, most)
    found: Array = (vectors * kept[:, None, :]) @ vectors.transpose(0, 2, 1)
    return np.where(beyond[:, None, None], found, covariances)
