"""The heatmaps that scorers are measured on: grids, domains, faults and clicks, split by grid."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from bannercluster.heatmap.binning import N_BINS, Counts
from bannercluster.heatmap.simulator.config import SimulatorConfig
from bannercluster.heatmap.simulator.density import Density
from bannercluster.heatmap.simulator.domains import Domain, draw_domain
from bannercluster.heatmap.simulator.faults import FAULTS, Broken, Setting, break_banner
from bannercluster.heatmap.simulator.layouts import (
    FAMILIES,
    TRAINING_FAMILIES,
    Family,
    Layout,
    draw_layout,
)

Array = npt.NDArray[np.float64]

Split = Literal["train", "validation", "test"]

SPLITS: tuple[Split, ...] = get_args(Split)

CLICKS = (20, 50, 100, 300, 1_000, 5_000, 50_000)
"""Clicks of the heatmaps of the benchmark."""


@dataclass(frozen=True)
class BenchmarkConfig:
    """How many heatmaps of each kind.

    Parameters
    ----------
    grids : (int, int, int)
        Grids to train on, to choose with, and held out; the last of other layout families.
    healthy : int
        Domains of each grid that are healthy and no references, seen at each number of clicks.
    faulty : int
        Heatmaps of each grid, fault and number of clicks, each of a domain of its own.
    clicks : tuple of int
    seed : int
    simulator : SimulatorConfig
    """

    grids: tuple[int, int, int] = (120, 20, 60)
    healthy: int = 30
    faulty: int = 1
    clicks: tuple[int, ...] = CLICKS
    seed: int = 0
    simulator: SimulatorConfig = field(default_factory=SimulatorConfig)

    @property
    def n_grids(self) -> int:
        """Grids of all splits."""
        return sum(self.grids)


@dataclass(frozen=True, eq=False)
class Heatmaps:
    """Heatmaps with what is known of them, one entry of each array per heatmap.

    Parameters
    ----------
    counts : ndarray of shape (n, 64, 64), uint32
    grid, domain : ndarray of shape (n,), int64
        Number of the grid, and of the domain within it.
    n_clicks : ndarray of shape (n,), int64
    fault : ndarray of shape (n,), object
        Name of the fault, "" where healthy.
    share, severity : ndarray of shape (n,), float64
        Of the fault, NaN where healthy.
    reference : ndarray of shape (n,), bool
        Whether it is known to be healthy.
    split : ndarray of shape (n,), object
    oracle : ndarray of shape (n,), float64
        Log likelihood ratio of the counts, of the fault against no fault, both densities known;
        for a healthy heatmap of a fault drawn for it. NaN for references.
    detectability : ndarray of shape (n,), float64
        Its expectation for a faulty heatmap, in nats: a dead zone where nobody clicks has none.
    """

    counts: Counts
    grid: npt.NDArray[np.int64]
    domain: npt.NDArray[np.int64]
    n_clicks: npt.NDArray[np.int64]
    fault: npt.NDArray[np.object_]
    share: Array
    severity: Array
    reference: npt.NDArray[np.bool_]
    split: npt.NDArray[np.object_]
    oracle: Array
    detectability: Array

    def __len__(self) -> int:
        return len(self.counts)

    @property
    def broken(self) -> npt.NDArray[np.bool_]:
        """Whether a heatmap has a fault."""
        broken: npt.NDArray[np.bool_] = self.fault != ""
        return broken

    def where(self, chosen: npt.NDArray[np.bool_] | npt.NDArray[np.int64]) -> Heatmaps:
        """Return some of them."""
        return Heatmaps(*(getattr(self, one.name)[chosen] for one in fields(self)))

    @classmethod
    def concatenated(cls, parts: list[Heatmaps]) -> Heatmaps:
        """Return heatmaps after one another."""
        return cls(
            *(np.concatenate([getattr(part, one.name) for part in parts]) for one in fields(cls))
        )


@dataclass(frozen=True, eq=False)
class SimulatedGrid:
    """A layout and the part that its heatmaps play."""

    number: int
    split: Split
    layout: Layout


def draw_grids(config: BenchmarkConfig) -> list[SimulatedGrid]:
    """Draw the layouts; families take turns."""
    held_out = tuple(family for family in FAMILIES if family not in TRAINING_FAMILIES)
    grids = []
    for number in range(config.n_grids):
        split = _split_of(number, config.grids)
        families: tuple[Family, ...] = held_out if split == "test" else TRAINING_FAMILIES
        rng = _generator(config, number)
        family = families[number % len(families)]
        layout = draw_layout(rng, f"{family}-{number:03d}", family, config.simulator)
        grids.append(SimulatedGrid(number, split, layout))
    return grids


@dataclass(frozen=True, eq=False)
class Drawn:
    """One heatmap before its clicks are drawn.

    Parameters
    ----------
    number : int
        Of the domain within its grid.
    n_clicks : int
    domain : Domain
    broken : Broken or None
        Its fault; for a healthy heatmap that is no reference, the one that the oracle looks for.
    healthy, reference : bool
    rng : numpy.random.Generator
        For the clicks.
    """

    number: int
    n_clicks: int
    domain: Domain
    broken: Broken | None
    healthy: bool
    reference: bool
    rng: np.random.Generator

    @property
    def fault(self) -> Broken | None:
        """The fault that its clicks show."""
        return None if self.healthy else self.broken

    def draw_counts(self, probabilities: Array) -> Counts:
        """Draw its clicks by the probabilities of the bins, (64, 64), once: it uses up ``rng``."""
        floored = _floored(probabilities)
        found = self.rng.multinomial(self.n_clicks, floored.ravel() / floored.sum())
        return found.reshape(probabilities.shape).astype(np.uint32)


def draw_of_grid(
    config: BenchmarkConfig, grids: list[SimulatedGrid], number: int
) -> Iterator[Drawn]:
    """Draw the heatmaps of a grid: references, healthy ones, and one fault after the other."""
    simulator, layout = config.simulator, grids[number].layout
    others = others_of(config, grids, number)
    for nth in range(simulator.references):
        rng = _generator(config, number, 1, nth)
        n_clicks = round(np.exp(rng.uniform(*np.log(simulator.reference_clicks))))
        yield Drawn(nth, n_clicks, draw_domain(rng, layout, simulator), None, True, True, rng)
    for nth in range(config.healthy):
        domain = draw_domain(_generator(config, number, 2, nth), layout, simulator)
        for level, n_clicks in enumerate(config.clicks):
            rng = _generator(config, number, 2, nth, 1 + level)
            fault = FAULTS[rng.integers(len(FAULTS))]
            broken = break_banner(rng, fault, Setting(domain.density, others, n_clicks), simulator)
            place = simulator.references + nth
            yield Drawn(place, n_clicks, domain, broken, True, False, rng)
    for which, fault in enumerate(FAULTS):
        for nth in range(config.faulty):
            for level, n_clicks in enumerate(config.clicks):
                rng = _generator(config, number, 3, which, nth, level)
                domain = draw_domain(rng, layout, simulator)
                setting = Setting(domain.density, others, n_clicks)
                broken = break_banner(rng, fault, setting, simulator)
                place = (which * config.faulty + nth) * len(config.clicks) + level
                place += simulator.references + config.healthy
                yield Drawn(place, n_clicks, domain, broken, False, False, rng)


def simulate_grid(config: BenchmarkConfig, grids: list[SimulatedGrid], number: int) -> Heatmaps:
    """Draw the heatmaps of a grid as counts, which are multinomial over the bins."""
    drawn = list(draw_of_grid(config, grids, number))
    n = len(drawn)
    counts = np.zeros((n, N_BINS, N_BINS), np.uint32)
    oracle, detectability = np.full(n, np.nan), np.full(n, np.nan)
    for nth, one in enumerate(drawn):
        healthy = _floored(one.domain.density.bin_probabilities())
        shown = healthy
        if one.broken is not None:
            broken = _floored(one.broken.bin_probabilities())
            shown = healthy if one.healthy else broken
        counts[nth] = one.draw_counts(shown)
        if one.broken is not None:
            ratio = np.log(broken / healthy)
            oracle[nth] = float((counts[nth] * ratio).sum())
            detectability[nth] = one.n_clicks * float((broken * ratio).sum())
    faults = [one.fault for one in drawn]
    return Heatmaps(
        counts=counts,
        grid=np.full(n, number),
        domain=np.array([one.number for one in drawn]),
        n_clicks=np.array([one.n_clicks for one in drawn]),
        fault=np.array(["" if one is None else one.fault for one in faults], object),
        share=np.array([np.nan if one is None else one.share for one in faults]),
        severity=np.array([np.nan if one is None else one.severity for one in faults]),
        reference=np.array([one.reference for one in drawn]),
        split=np.full(n, grids[number].split, object),
        oracle=oracle,
        detectability=detectability,
    )


_LEAST = 1e-12
"""A probability that no bin falls below, so that a click in an empty bin is finite evidence."""


def _floored(probabilities: Array) -> Array:
    return np.maximum(probabilities, _LEAST)


def others_of(
    config: BenchmarkConfig, grids: list[SimulatedGrid], number: int
) -> tuple[Density, ...]:
    """Return healthy banners of other grids of the same split: what a wrong layout shows."""
    rng = _generator(config, number, 4)
    pool = [grid for grid in grids if grid.split == grids[number].split and grid.number != number]
    chosen = rng.permutation(len(pool))[:5]
    return tuple(
        draw_domain(rng, pool[nth].layout, config.simulator).density for nth in chosen.tolist()
    )


def _split_of(number: int, sizes: tuple[int, int, int]) -> Split:
    ends = np.cumsum(sizes)
    return SPLITS[int(np.searchsorted(ends, number, side="right"))]


def _generator(config: BenchmarkConfig, *path: int) -> np.random.Generator:
    return np.random.default_rng(np.random.SeedSequence([config.seed, *path]))
