"""Healthy variation: what one domain makes of a layout."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bannercluster.heatmap.simulator.config import SimulatorConfig
from bannercluster.heatmap.simulator.density import Density
from bannercluster.heatmap.simulator.layouts import Layout

Array = npt.NDArray[np.float64]

DEVICES = ("desktop", "mobile")


@dataclass(frozen=True, eq=False)
class Domain:
    """A domain that shows a layout.

    Parameters
    ----------
    density : Density
        Of its clicks over all days. Components: the elements of the layout as they are clicked
        with pointers, then with fingers, then the background.
    day_share : ndarray of shape (n_components, n_days)
        Share of a component's clicks that fall on each day; rows sum to one.
    """

    density: Density
    day_share: Array

    def device_of(self, component: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Return whether clicks were made with a finger (1) or a pointer (0), by component."""
        n_elements = (len(self.density.weight) - 1) // 2
        return (component >= n_elements).astype(np.int64)


def draw_domain(rng: np.random.Generator, layout: Layout, config: SimulatorConfig) -> Domain:
    """Draw a healthy domain."""
    n = len(layout.log_weight)
    log_weight = layout.log_weight + config.domain_spread * rng.normal(size=n)
    steps = config.day_spread * rng.normal(size=(config.n_days, n))
    by_day = log_weight + np.cumsum(steps, axis=0)  # (day, element)
    busy = rng.dirichlet(np.full(config.n_days, 20.0))
    mobile = rng.beta(*config.mobile_share)
    fingers = config.mobile_spread * rng.normal(size=n)
    centre = layout.centre + config.jitter * rng.normal(size=2)
    centre = centre + 0.5 * config.jitter * rng.normal(size=(n, 2))
    background = np.exp(rng.uniform(*np.log(config.background)))
    clicks = np.concatenate(
        [
            (1 - background) * (1 - mobile) * _shares(by_day),
            (1 - background) * mobile * _shares(by_day + fingers),
            np.full((config.n_days, 1), background),
        ],
        axis=1,
    )
    clicks = busy[:, None] * clicks  # (day, component)
    weight = clicks.sum(axis=0)
    pointers = Density.spots(weight[:n], centre, layout.sd)
    density = Density.mix(
        [
            (weight[:n].sum(), pointers),
            (
                weight[n : 2 * n].sum(),
                Density.spots(weight[n : 2 * n], centre, layout.sd * config.mobile_blur),
            ),
            (weight[-1], Density.box((0.0, 0.0), (1.0, 1.0))),
        ]
    )
    return Domain(density, (clicks / weight).T)


def _shares(log_weight: Array) -> Array:
    """Return the share of the clicks of each day that each element draws."""
    raised = np.exp(log_weight - log_weight.max(axis=1, keepdims=True))
    shares: Array = raised / raised.sum(axis=1, keepdims=True)
    return shares
