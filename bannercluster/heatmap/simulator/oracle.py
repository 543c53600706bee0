"""The likelihood ratio that nobody can beat: a known fault on a known layout, seen by a stranger.

How a healthy domain varies is no knowledge of anyone's, so the likelihoods under *broken* and under
*healthy* are integrals over it: over the weights of the elements, the devices, the background and
the jitter, with the simulator's own prior. They are taken by Laplace's method (MacKay 2003,
*Information Theory, Inference, and Learning Algorithms*, chapter 27).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from bannercluster.heatmap.binning import EDGES, N_BINS, Counts
from bannercluster.heatmap.simulator.config import SimulatorConfig
from bannercluster.heatmap.simulator.density import Density
from bannercluster.heatmap.simulator.faults import Broken, Touch
from bannercluster.heatmap.simulator.layouts import Layout

Array = npt.NDArray[np.float64]

_LEAST = 1e-12
_MOST_BACKGROUND = -0.05  # log share: a step of the search may go too far
_MOST_STEPS = 30
_LEAST_STEP = 2e-4  # of the length that is promised to be best
_CONVERGED = 1e-6  # nats that a step promises


@dataclass(frozen=True, eq=False)
class Oracle:
    """Who knows the layout and the laws of the simulator.

    Parameters
    ----------
    layout : Layout
    config : SimulatorConfig
    """

    layout: Layout
    config: SimulatorConfig

    def log_likelihood_ratio(self, counts: Counts, broken: Broken) -> float:
        """Return the log likelihood ratio of counts, with this fault against without, in nats.

        Parameters
        ----------
        counts : ndarray of shape (64, 64), uint32
        broken : Broken
            What the oracle looks for: kind, share and parameters; not the banner's own density.
        """
        return float(self.log_likelihood_ratios(counts, [broken])[0])

    @property
    def usual(self) -> Density:
        """The healthy density of a domain in the middle of the prior."""
        model = _Variation.of(self.layout, self.config)
        return model.density(model.mean)[0]

    def healthy_probabilities(self, counts: Counts) -> Array:
        """Return the bins of the most probable healthy domain with these counts, (4096,)."""
        model = _Variation.of(self.layout, self.config)
        seen = counts.astype(np.float64).ravel()
        _, theta = _log_evidence(model, seen, None, (model.mean,), _CONVERGED)
        return model.bins(theta, None)[0]

    def log_likelihood_ratios(
        self, counts: Counts, faults: Sequence[Broken], precision: float = _CONVERGED
    ) -> Array:
        """Return the log likelihood ratio of counts for each of some faults, in nats.

        Parameters
        ----------
        counts : ndarray of shape (64, 64), uint32
        faults : sequence of Broken
        precision : float
            In nats, of each.
        """
        model = _Variation.of(self.layout, self.config)
        seen = counts.astype(np.float64).ravel()
        healthy, theta = _log_evidence(model, seen, None, (model.mean,), precision)
        return np.array(
            [
                # From the mode without a fault it is mostly a few steps, unless that is another
                # audience which looks like the fault.
                _log_evidence(model, seen, _Effect.of(one), (theta, model.mean), precision)[0]
                - healthy
                for one in faults
            ]
        )


def _log_evidence(
    model: _Variation,
    seen: Array,
    effect: _Effect | None,
    starts: Sequence[Array],
    precision: float,
) -> tuple[float, Array]:
    """Return the log probability of counts but for a constant, and the mode of the variation.

    The mode is looked for from the most probable start. Many places are looked at, and slopes are
    taken of few: they cost five times as much.
    """

    def log_posterior(theta: Array) -> float:
        return model.log_posterior(theta, seen, model.probabilities(theta, effect))

    n_clicks = seen.sum()
    value, theta = max(((log_posterior(one), one) for one in starts), key=lambda pair: pair[0])
    for nth in range(_MOST_STEPS + 1):
        probabilities, jacobian = model.bins(theta, effect)
        gradient = jacobian @ (seen / probabilities) - model.precision * (theta - model.mean)
        hessian = n_clicks * (jacobian / probabilities) @ jacobian.T + np.diag(model.precision)
        step = np.linalg.solve(hessian, gradient)
        if nth == _MOST_STEPS or gradient @ step < 2 * precision:
            break
        length = 1.0
        while (better := log_posterior(theta + length * step)) <= value and length > _LEAST_STEP:
            length /= 2
        if better <= value:
            break
        value, theta = better, theta + length * step
    return value - 0.5 * float(np.linalg.slogdet(hessian)[1]), theta


@dataclass(frozen=True, eq=False)
class _Effect:
    """A fault as the oracle knows it.

    Parameters
    ----------
    broken : Broken
    motion : ndarray of shape (2, 2) or None
        How touched clicks follow healthy ones; None where they do not.
    elsewhere : ndarray of shape (4096,) or None
        The bins of touched clicks that follow nothing.
    """

    broken: Broken
    motion: Array | None
    elsewhere: Array | None

    @classmethod
    def of(cls, broken: Broken) -> _Effect:
        if broken.touch is None:
            return cls(broken, None, None)
        motion, touched = _motion(broken.touch), broken.touched
        if motion is not None or touched is None:
            return cls(broken, motion, None)
        return cls(broken, None, touched.bin_probabilities().ravel())


@dataclass(frozen=True, eq=False)
class _Variation:
    """The prior of a domain on a layout, as independent normal laws of unbounded parameters.

    In this order: log weight of each element for pointers, what fingers add to it, logit of the
    share of fingers, log share of the background, shift of all, shift of each element.
    """

    layout: Layout
    config: SimulatorConfig
    mean: Array
    precision: Array

    @classmethod
    def of(cls, layout: Layout, config: SimulatorConfig) -> _Variation:
        n = len(layout.log_weight)
        # A random walk's mean over its days has a third of the variance of its end.
        drift = config.day_spread**2 * config.n_days / 3
        log_background = np.log(config.background)
        fingers = np.asarray(config.mobile_share)
        mean = np.concatenate(
            [
                layout.log_weight,
                np.zeros(n),
                [np.log(fingers[0] / fingers[1]), log_background.mean()],
                np.zeros(2 + 2 * n),
            ]
        )
        sd = np.concatenate(
            [
                np.full(n, np.sqrt(config.domain_spread**2 + drift)),
                np.full(n, config.mobile_spread),
                # Of the logit of a beta law, to first order; of a log-uniform law.
                [np.sqrt((1 / fingers).sum()), np.ptp(log_background) / np.sqrt(12)],
                np.full(2, config.jitter),
                np.full(2 * n, 0.5 * config.jitter),
            ]
        )
        return cls(layout, config, mean, 1 / sd**2)

    def log_posterior(self, theta: Array, seen: Array, probabilities: Array) -> float:
        deviation = theta - self.mean
        prior = -0.5 * float(deviation @ (self.precision * deviation))
        return float(seen @ np.log(probabilities)) + prior

    def probabilities(self, theta: Array, effect: _Effect | None) -> Array:
        """Return the probabilities of the bins, (4096,)."""
        density, _ = self.density(theta)
        if effect is None:
            found = density.bin_probabilities().ravel()
        elif effect.elsewhere is not None:
            share = effect.broken.share
            healthy = density.bin_probabilities().ravel()
            found = (1 - share) * healthy + share * effect.elsewhere
        else:
            found = replace(effect.broken, healthy=density).bin_probabilities().ravel()
        return np.maximum(found, _LEAST)

    def bins(self, theta: Array, effect: _Effect | None) -> tuple[Array, Array]:
        """Return the probabilities of the bins, (4096,), and their slopes, (n_parameters, 4096)."""
        density, weight_slopes = self.density(theta)
        found, slopes = self._masses(density, weight_slopes, np.eye(2), None)
        if effect is not None:
            found, slopes = self._broken(density, weight_slopes, effect, found, slopes)
        return np.maximum(found, _LEAST), slopes

    def _broken(
        self,
        density: Density,
        weight_slopes: Array,
        effect: _Effect,
        healthy: Array,
        healthy_slopes: Array,
    ) -> tuple[Array, Array]:
        """Return the bins with a fault, and their slopes."""
        broken, share = effect.broken, effect.broken.share
        if broken.touch is None:
            lost, lost_slopes = self._masses(density, weight_slopes, np.eye(2), broken.dead)
            kept, kept_slopes = healthy - share * lost, healthy_slopes - share * lost_slopes
            total, total_slopes = kept.sum(), kept_slopes.sum(axis=1, keepdims=True)
            return kept / total, (kept_slopes - kept / total * total_slopes) / total
        if effect.elsewhere is not None:
            still = (1 - share) * healthy_slopes
            return (1 - share) * healthy + share * effect.elsewhere, still
        motion = np.eye(2) if effect.motion is None else effect.motion
        moved, moved_slopes = self._masses(broken.touch(density), weight_slopes, motion, None)
        slopes = (1 - share) * healthy_slopes + share * moved_slopes
        return (1 - share) * healthy + share * moved, slopes

    def density(self, theta: Array) -> tuple[Density, Array]:
        """Return the density of the clicks, and the slopes of its weights, (n_parameters, K)."""
        layout, n = self.layout, len(self.layout.log_weight)
        pointers, fingers = _softmax(theta[:n]), _softmax(theta[:n] + theta[n : 2 * n])
        mobile = float(expit(theta[2 * n]))
        background = float(np.exp(min(theta[2 * n + 1], _MOST_BACKGROUND)))
        shift = theta[2 * n + 2 : 2 * n + 4] + theta[2 * n + 4 :].reshape(n, 2)
        ink = 1 - background
        weight = np.concatenate(
            [ink * (1 - mobile) * pointers, ink * mobile * fingers, [background]]
        )
        slopes = np.zeros((len(theta), 2 * n + 1))
        by_pointer = ink * (1 - mobile) * (np.diag(pointers) - np.outer(pointers, pointers))
        by_finger = ink * mobile * (np.diag(fingers) - np.outer(fingers, fingers))
        slopes[:n, :n], slopes[:n, n : 2 * n] = by_pointer, by_finger
        slopes[n : 2 * n, n : 2 * n] = by_finger
        slopes[2 * n, :n] = -ink * mobile * (1 - mobile) * pointers
        slopes[2 * n, n : 2 * n] = ink * mobile * (1 - mobile) * fingers
        if theta[2 * n + 1] < _MOST_BACKGROUND:
            slopes[2 * n + 1] = -background * weight / ink
            slopes[2 * n + 1, -1] = background
        centre = layout.centre + shift
        box = Density.box((0.0, 0.0), (1.0, 1.0))
        density = Density(
            weight,
            np.concatenate([centre, centre, box.low]),
            np.concatenate([centre, centre, box.high]),
            np.concatenate([layout.sd, layout.sd * self.config.mobile_blur, box.sd]),
        )
        return density, slopes

    def _masses(
        self,
        density: Density,
        weight_slopes: Array,
        motion: Array,
        within: tuple[Array, Array] | None,
    ) -> tuple[Array, Array]:
        """Return the bins of a density that moves with the elements, and their slopes."""
        n, weight = len(self.layout.log_weight), density.weight[:, None]
        mass_x, mass_y = (density.bin_masses(axis, within) for axis in (0, 1))
        slope_x, slope_y = (_location_slopes(density, axis, within) for axis in (0, 1))
        grids = (mass_y[:, :, None] * mass_x[:, None, :]).reshape(len(weight), -1)
        slopes = np.zeros((len(weight_slopes), grids.shape[1]))
        slopes[: 2 * n + 2] = weight_slopes[: 2 * n + 2] @ grids
        # An element is two components, and each is moved along both axes by a column of the matrix.
        across = _by_element((slope_x, mass_x), n)
        for axis in (0, 1):
            along = weight * mass_y * motion[0, axis], weight * slope_y * motion[1, axis]
            own = (_by_element(along, n).transpose(0, 2, 1) @ across).reshape(n, -1)
            slopes[2 * n + 4 + axis :: 2] = own
            slopes[2 * n + 2 + axis] = own.sum(axis=0)
        return density.weight @ grids, slopes


def _by_element(masses: Sequence[Array], n: int) -> Array:
    """Return the masses of the components of n elements side by side, (n, 2 * n_masses, 64)."""
    return np.stack([part for one in masses for part in (one[:n], one[n : 2 * n])], axis=1)


def _motion(touch: Touch) -> Array | None:
    """Return the matrix by which touched clicks follow healthy ones; None where they do not."""
    at = [
        touch(Density.spots(np.ones(1), np.array([point]), np.full((1, 2), 1e-3)))
        for point in ((0.0, 0.0), (1.0, 0.0), (0.0, 1.0))
    ]
    if at[0] is at[1]:
        return None
    return np.stack([at[1].low[0] - at[0].low[0], at[2].low[0] - at[0].low[0]], axis=1)


def _location_slopes(density: Density, axis: int, within: tuple[Array, Array] | None) -> Array:
    """Return the slope of each bin's mass in the place of its spot, (K, 64); 0 for boxes."""
    edges = EDGES.copy()
    edges[0], edges[-1] = -np.inf, np.inf
    if within is not None:
        edges = np.clip(edges, within[0][axis], within[1][axis])
    slopes = np.zeros((len(density.weight), N_BINS))
    moving = (density.high[:, axis] - density.low[:, axis] <= 1e-12) & (density.sd[:, axis] > 0)
    sd = density.sd[moving, axis][:, None]
    z = (np.clip(edges, -50.0, 50.0) - density.low[moving, axis][:, None]) / sd
    heights = np.exp(-0.5 * np.minimum(z * z, 1400.0)) / (np.sqrt(2 * np.pi) * sd)
    slopes[moving] = -np.diff(heights, axis=1)
    return slopes


def _softmax(values: Array) -> Array:
    raised = np.exp(values - values.max())
    shares: Array = raised / raised.sum()
    return shares
