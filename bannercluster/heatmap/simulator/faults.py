"""The eleven ways in which a banner breaks, as what they do to the density of its clicks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from bannercluster.heatmap.simulator.config import Range, SimulatorConfig
from bannercluster.heatmap.simulator.density import Density

Array = npt.NDArray[np.float64]

Fault = Literal[
    "squeeze",
    "overflow",
    "offset",
    "dead_zone",
    "overlay",
    "edges",
    "close_button",
    "wrong_layout",
    "lattice",
    "uniform",
    "burst",
]

FAULTS: tuple[Fault, ...] = get_args(Fault)


Touch = Callable[[Density], Density]
"""From the density of healthy clicks to that of touched ones."""


@dataclass(frozen=True, eq=False)
class Broken:
    """A banner with a fault.

    Parameters
    ----------
    healthy : Density
        Of the clicks that the fault does not touch.
    fault : str
    share : float
        Share of the clicks that it touches.
    severity : float
        How far the fault goes, from 0 (mildest of its range) to 1.
    touch : callable or None
        What makes the density of the clicks that it touches of the healthy one; None where the
        clicks in ``dead`` are lost.
    dead : pair of ndarray of shape (2,) or None
        Corners of the zone that loses its clicks.
    """

    healthy: Density
    fault: Fault
    share: float
    severity: float
    touch: Touch | None
    dead: tuple[Array, Array] | None = None

    @property
    def touched(self) -> Density | None:
        """Density of the clicks that the fault touches."""
        return None if self.touch is None else self.touch(self.healthy)

    def bin_probabilities(self) -> Array:
        """Return the probability of each bin, shape (64, 64)."""
        healthy, touched = self.healthy.bin_probabilities(), self.touched
        if touched is not None:
            return (1 - self.share) * healthy + self.share * touched.bin_probabilities()
        left = healthy - self.share * self.healthy.bin_probabilities(self.dead)
        kept: Array = np.maximum(left, 0) / left.sum()
        return kept

    def sample(
        self, rng: np.random.Generator, n: int
    ) -> tuple[Array, npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
        """Draw clicks: where they are, the healthy component behind each, and which are touched.

        A touched click has the component of a healthy one drawn for it, so that it has a device
        and a day; a click that a dead zone swallowed is drawn again.
        """
        clicks, component = self.healthy.sample(rng, n)
        touched = rng.random(n) < self.share
        elsewhere = self.touched
        if elsewhere is not None:
            clicks[touched] = elsewhere.sample(rng, int(touched.sum()))[0]
            return clicks, component, touched
        lost = np.flatnonzero(touched & self.swallows(clicks))
        while len(lost):
            clicks[lost], component[lost] = self.healthy.sample(rng, len(lost))
            touched[lost] = rng.random(len(lost)) < self.share
            lost = lost[touched[lost] & self.swallows(clicks[lost])]
        return clicks, component, touched

    def swallows(self, clicks: Array) -> npt.NDArray[np.bool_]:
        """Return which clicks, shape (n, 2), a dead zone loses where the fault touches them."""
        if self.dead is None:
            return np.zeros(len(clicks), bool)
        low, high = self.dead
        inside: npt.NDArray[np.bool_] = (clicks >= low) & (clicks < high)
        swallowed: npt.NDArray[np.bool_] = np.all(inside, axis=1)
        return swallowed


@dataclass(frozen=True, eq=False)
class Setting:
    """What a fault is drawn for.

    Parameters
    ----------
    healthy : Density
        Of the banner before it broke.
    others : sequence of Density
        Of healthy banners of other grids.
    n_clicks : int
        Clicks that will be drawn: more clicks are more bursts.
    """

    healthy: Density
    others: tuple[Density, ...]
    n_clicks: int


@dataclass(frozen=True, eq=False)
class _Draw:
    """The random numbers of one fault, and the ranges that they are drawn from."""

    rng: np.random.Generator
    share: float
    severity: float
    config: SimulatorConfig

    def along(self, values: Range, mildest: Literal["low", "high"] = "low") -> float:
        """Return the value at the severity, log-spaced between the ends of a range."""
        low, high = np.log(values)
        where = self.severity if mildest == "low" else 1 - self.severity
        return float(np.exp(low + where * (high - low)))


def break_banner(
    rng: np.random.Generator, fault: Fault, setting: Setting, config: SimulatorConfig
) -> Broken:
    """Draw a fault of a kind for a healthy banner."""
    share = float(rng.uniform(*config.share))
    severity = float(rng.random())
    draw = _Draw(rng, share, severity, config)
    if fault == "dead_zone":
        return Broken(setting.healthy, fault, share, severity, None, _dead_zone(draw))
    return Broken(setting.healthy, fault, share, severity, _TOUCHED[fault](draw, setting))


def _squeeze(draw: _Draw, setting: Setting) -> Touch:
    """Shrink to a corner; each axis by its own factor, one of them by the severity's."""
    del setting
    scale = np.full(2, draw.along(draw.config.squeeze, mildest="high"))
    scale[draw.rng.integers(2)] = draw.rng.uniform(scale[0], draw.config.squeeze[1])
    corner = draw.rng.integers(2, size=2)
    return _moving(scale, corner * (1 - scale))


def _overflow(draw: _Draw, setting: Setting) -> Touch:
    """Grow from a corner, beyond the slot."""
    del setting
    scale = np.full(2, draw.along(draw.config.overflow))
    if draw.rng.random() < 0.5:
        scale[draw.rng.integers(2)] = 1.0
    corner = draw.rng.integers(2, size=2)
    return _moving(scale, corner * (1 - scale))


def _offset(draw: _Draw, setting: Setting) -> Touch:
    del setting
    angle = draw.rng.uniform(0, 2 * np.pi)
    length = draw.along(draw.config.offset)
    return _moving(np.ones(2), length * np.array([np.cos(angle), np.sin(angle)]))


def _dead_zone(draw: _Draw) -> tuple[Array, Array]:
    area = draw.along(draw.config.dead_area)
    aspect = np.exp(draw.rng.uniform(-1, 1))
    size = np.minimum([np.sqrt(area * aspect), np.sqrt(area / aspect)], 1.0)
    size[np.argmin(size)] = min(1.0, area / size.max())
    low = draw.rng.uniform(0, 1 - size + 1e-12)
    return low, low + size


def _overlay(draw: _Draw, setting: Setting) -> Touch:
    del setting
    sd = draw.along(draw.config.overlay_sd, mildest="high")
    centre = draw.rng.uniform(0.05, 0.95, (1, 2))
    return _always(Density.spots(np.ones(1), centre, np.full((1, 2), sd)))


def _edges(draw: _Draw, setting: Setting) -> Touch:
    del setting
    band = draw.along(draw.config.edge_band, mildest="high")
    boxes = (
        ((0.0, 0.0), (1.0, band)),
        ((0.0, 1 - band), (1.0, 1.0)),
        ((0.0, 0.0), (band, 1.0)),
        ((1 - band, 0.0), (1.0, 1.0)),
    )
    chosen = draw.rng.permutation(4)[: draw.rng.integers(1, 5)]
    return _always(Density.mix([(1.0, Density.box(*boxes[nth])) for nth in chosen]))


def _close_button(draw: _Draw, setting: Setting) -> Touch:
    del setting
    sd = draw.along(draw.config.corner_sd, mildest="high")
    inset = draw.rng.uniform(0.02, 0.05, 2)
    corner = draw.rng.integers(2, size=2)
    centre = np.where(corner == 1, 1 - inset, inset)[None]
    return _always(Density.spots(np.ones(1), centre, np.full((1, 2), sd)))


def _wrong_layout(draw: _Draw, setting: Setting) -> Touch:
    """Show the pattern of another grid, or the own one mirrored or transposed."""
    kind = draw.rng.choice(["other", "mirrored", "transposed"])
    if kind == "other" and setting.others:
        return _always(setting.others[draw.rng.integers(len(setting.others))])
    if kind == "transposed":
        return Density.transposed
    scale = np.array([(-1.0, 1.0), (1.0, -1.0), (-1.0, -1.0)][draw.rng.integers(3)])
    return _moving(scale, (scale < 0).astype(float))


def _lattice(draw: _Draw, setting: Setting) -> Touch:
    """Click on the points of a lattice, each again and again: a bot."""
    del setting
    step = draw.along(draw.config.lattice_step)
    start = draw.rng.uniform(0, step, 2)
    x, y = (np.arange(first, 1.0, step) for first in start)
    points = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    weight = draw.rng.gamma(2.0, size=len(points))
    return _always(Density.spots(weight, points, np.zeros_like(points)))


def _uniform(draw: _Draw, setting: Setting) -> Touch:
    del draw, setting
    return _always(Density.box((0.0, 0.0), (1.0, 1.0)))


def _burst(draw: _Draw, setting: Setting) -> Touch:
    """Click many times on one place in anger, where a healthy click would be."""
    n_bursts = draw.share * setting.n_clicks / draw.along(draw.config.burst_clicks)
    places, _ = setting.healthy.sample(draw.rng, max(1, round(n_bursts)))
    sd = np.full_like(places, draw.config.burst_sd)
    return _always(Density.spots(draw.rng.gamma(2.0, size=len(places)), places, sd))


def _moving(scale: Array, shift: Array) -> Touch:
    def move(healthy: Density) -> Density:
        return healthy.moved(scale, shift)

    return move


def _always(density: Density) -> Touch:
    def touch(healthy: Density) -> Density:
        del healthy
        return density

    return touch


_TOUCHED: dict[Fault, Callable[[_Draw, Setting], Touch]] = {
    "squeeze": _squeeze,
    "overflow": _overflow,
    "offset": _offset,
    "overlay": _overlay,
    "edges": _edges,
    "close_button": _close_button,
    "wrong_layout": _wrong_layout,
    "lattice": _lattice,
    "uniform": _uniform,
    "burst": _burst,
}
