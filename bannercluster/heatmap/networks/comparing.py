"""Lessons of the comparison network: simulated heatmaps beside references, turned about."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from threadpoolctl import threadpool_limits
from torch.nn import functional

from bannercluster.heatmap.binning import N_BINS, Counts
from bannercluster.heatmap.networks.comparison import N_TURNS, ComparisonNetwork, turned
from bannercluster.heatmap.networks.training import Batch, Trained, TrainingConfig, seeded, train
from bannercluster.heatmap.references import profiles_of, references_of
from bannercluster.heatmap.simulator.benchmark import (
    BenchmarkConfig,
    Drawn,
    draw_grids,
    draw_of_grid,
    simulate_grid,
)
from bannercluster.heatmap.simulator.faults import FAULTS, Fault
from bannercluster.heatmap.statistics.domains import KINDS
from bannercluster.heatmap.statistics.profile import GridProfile

Array = npt.NDArray[np.float64]

Each = Callable[[Callable[[Any], Any], Iterable[Any]], Iterable[Any]]
"""What applies a function to items one by one: ``map``, or that of a pool."""

_VERSION = 3  # raise it when the same config makes another network

_UNIT = float(N_BINS**2)
"""Densities are kept in half precision, in units of that of a flat one."""


@dataclass(frozen=True)
class ComparisonConfig:
    """What the network learns from, and how.

    Parameters
    ----------
    n_grids : int
        Simulated grids of the training families; other ones than the benchmark's, which have
        other seeds.
    healthy : int
        Healthy domains of each grid and number of clicks. Each is shown once: a network would
        learn by heart those that come again.
    clicks : tuple of int
    references : tuple of int
        Numbers of references behind the density that a heatmap is compared with, drawn evenly.
    without : tuple of str
        Faults that it never sees.
    width, n_batch : int
    n_turns : int
        Ways to turn a heatmap that the trained network is shown; no matter of its training.
    seed : int
        Of lessons and initial weights.
    training : TrainingConfig
    """

    n_grids: int = 600
    healthy: int = 12
    clicks: tuple[int, ...] = (20, 35, 60, 100, 180, 300, 1000, 2200, 5000, 16_000, 50_000)
    references: tuple[int, ...] = (2, 4, 10, 16, 20, 20, 20, 20)
    without: tuple[Fault, ...] = ()
    width: int = 24
    n_batch: int = 64
    n_turns: int = N_TURNS
    seed: int = 1_000
    training: TrainingConfig = field(
        default_factory=lambda: TrainingConfig(
            n_steps=12_000, learning_rate=2e-3, n_warmup=300, precision="auto"
        )
    )

    @classmethod
    def small(cls) -> ComparisonConfig:
        """Return what two cores train in about two minutes."""
        training = TrainingConfig(
            n_steps=500, learning_rate=2e-3, n_warmup=50, ema_decay=0.99, precision="auto"
        )
        return cls(
            n_grids=40,
            healthy=10,
            clicks=(20, 60, 300, 2_000, 50_000),
            width=16,
            n_turns=1,
            training=training,
        )

    @property
    def lessons(self) -> BenchmarkConfig:
        """What the heatmaps to learn from are drawn by."""
        return BenchmarkConfig(
            grids=(self.n_grids, 0, 0),
            healthy=self.healthy * len(self.clicks),
            clicks=self.clicks,
            seed=self.seed,
        )

    @property
    def n_heatmaps(self) -> int:
        """Heatmaps to learn from."""
        n_faults = len(FAULTS) - len(self.without)
        return self.n_grids * len(self.clicks) * (self.healthy + n_faults)


@dataclass(frozen=True, eq=False)
class Lessons:
    """Heatmaps, and the healthy densities to compare them with.

    Parameters
    ----------
    counts : ndarray of shape (n, 64, 64), uint32
    own : ndarray of shape (n, 64, 64), float16
        Each heatmap's own healthy density, times 4096.
    deviation : ndarray of shape (n, 5), float32
        How unusual a domain that is, see ``DomainFits``.
    label : ndarray of shape (n,), int64
        0 where healthy, else 1 + the number of the fault in ``FAULTS``.
    place : ndarray of shape (n,), int64
        Of the density of its references in ``density``.
    density : ndarray of shape (n_grids * n_choices, 64, 64), float32
        Of each grid, behind each number of references.
    """

    counts: Counts
    own: npt.NDArray[np.float16]
    deviation: npt.NDArray[np.float32]
    label: npt.NDArray[np.int64]
    place: npt.NDArray[np.int64]
    density: npt.NDArray[np.float32]

    @classmethod
    def simulated(
        cls,
        config: ComparisonConfig,
        on_grid: Callable[[int], None] | None = None,
        each: Each = map,
    ) -> Lessons:
        """Simulate them, some milliseconds each.

        Parameters
        ----------
        config : ComparisonConfig
        on_grid : callable, optional
            Called after each grid with their number.
        each : callable
            Applies a function to grids one by one, in order: ``map``, or that of a pool.
        """
        # The matrices are small: threads of the library would only wait for one another.
        with threadpool_limits(1, "blas"):
            numbers = range(config.n_grids)
            drawn = list(each(_references, [(config, number) for number in numbers]))
            ids = np.repeat([f"{number:05d}" for number in numbers], [len(one) for one in drawn])
            references = references_of(
                np.concatenate(drawn), ids.astype(object), np.ones(len(ids), bool)
            )
            profiles = profiles_of(references)
            tasks = [
                _Task(config, number, replace(profiles[name], others=()), references[name])
                for number, name in enumerate(profiles)
            ]
            parts = []
            for number, part in enumerate(each(_lessons_of, tasks)):
                parts.append(part)
                if on_grid is not None:
                    on_grid(number + 1)
        n_densities = len(parts[0].density)
        moved = [
            replace(part, place=part.place + number * n_densities)
            for number, part in enumerate(parts)
        ]
        return cls(
            *(np.concatenate([getattr(part, one.name) for part in moved]) for one in fields(cls))
        )

    def batch(self, config: ComparisonConfig, step: int) -> Batch:
        """Return counts, densities, deviations and labels of a step; pure."""
        rng = np.random.default_rng(np.random.SeedSequence([config.seed, 1, step]))
        chosen = rng.integers(len(self.label), size=config.n_batch)
        drawn = (
            self.counts[chosen].astype(np.float32),
            self.density[self.place[chosen]],
            self.own[chosen].astype(np.float32) / _UNIT,
        )
        maps = [torch.from_numpy(one) for one in drawn]
        for nth, turn in enumerate(rng.integers(N_TURNS, size=config.n_batch).tolist()):
            for one in maps:
                one[nth] = turned(one[nth], turn).clone()
        whole = self.deviation[chosen], self.label[chosen]
        return (*maps, *(torch.from_numpy(one) for one in whole))


@dataclass(frozen=True, eq=False)
class _Task:
    """A grid to make lessons of."""

    config: ComparisonConfig
    number: int
    profile: GridProfile
    references: Counts


def _references(task: tuple[ComparisonConfig, int]) -> Counts:
    config, number = task
    alone = replace(config.lessons, healthy=0, faulty=0)
    drawn = simulate_grid(alone, draw_grids(alone), number)
    references: Counts = drawn.counts[drawn.reference]
    return references


def _lessons_of(task: _Task) -> Lessons:
    config, number, whole = task.config, task.number, task.profile
    drawn = list(_taught(config, number))
    counts = np.stack(
        [one.draw_counts((one.fault or one.domain.density).bin_probabilities()) for one in drawn]
    )
    rng = np.random.default_rng(np.random.SeedSequence([config.seed, 2, number]))
    choices = rng.choice(config.references, size=len(drawn))
    numbers = np.unique(config.references)
    own = np.empty(counts.shape, np.float16)
    deviation = np.empty((len(drawn), len(KINDS)), np.float32)
    densities = []
    for n in numbers.tolist():
        profile = whole
        if n < len(task.references):
            profile = GridProfile.of(
                task.references[:n], spread=whole.spread, elements=whole.elements
            )
        rows = choices == n
        fits = profile.domains.fit(counts[rows])
        own[rows], deviation[rows] = fits.density * _UNIT, fits.deviation
        densities.append(profile.density.astype(np.float32))
    return Lessons(
        counts=counts,
        own=own,
        deviation=deviation,
        label=np.array([FAULTS.index(one.fault.fault) + 1 if one.fault else 0 for one in drawn]),
        place=np.searchsorted(numbers, choices),
        density=np.stack(densities),
    )


def _taught(config: ComparisonConfig, number: int) -> Iterator[Drawn]:
    """Draw the heatmaps of a grid: a healthy domain at one number of clicks, and all faults."""
    lessons, n_references = config.lessons, config.lessons.simulator.references
    for one in draw_of_grid(lessons, draw_grids(lessons), number):
        if one.fault is not None:
            is_taught = one.fault.fault not in config.without
        else:
            shown_at = config.clicks[(one.number - n_references) % len(config.clicks)]
            is_taught = not one.reference and one.n_clicks == shown_at
        if is_taught:
            yield one


def train_comparison(
    config: ComparisonConfig,
    *,
    folder: str | None = None,
    lessons: Lessons | None = None,
    on_grid: Callable[[int], None] | None = None,
    on_step: Callable[[int, float], None] | None = None,
    each: Each = map,
) -> Trained:
    """Train the network, or go on where a killed run was, or load what is finished.

    Parameters
    ----------
    config : ComparisonConfig
    folder : str, optional
        Where networks lie.
    lessons : Lessons, optional
        Those of the config, where they are there already.
    on_grid, on_step : callable, optional
        Called after each simulated grid with their number, and with steps and loss.
    each : callable
        What simulates the grids, see ``Lessons.simulated``.
    """
    network = seeded(lambda: ComparisonNetwork(config.width, config.n_turns), config.seed)

    @cache
    def learned() -> Lessons:
        # When the first step asks: a network that is finished needs none.
        return lessons or Lessons.simulated(config, on_grid, each)

    others = ("training", "n_turns")
    recipe = {key: value for key, value in asdict(config).items() if key not in others}
    return train(
        network,
        lambda step: learned().batch(config, step),
        comparison_loss,
        config.training,
        recipe={**recipe, "version": _VERSION, "lessons": asdict(config.lessons)},
        folder=folder,
        name="comparison",
        on_step=on_step,
    )


def comparison_loss(
    network: torch.nn.Module, batch: Batch
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """Return the cross entropy of what a heatmap is: healthy, or broken by one of the faults."""
    *seen, label = batch
    return functional.cross_entropy(network(*seen).float(), label), {}
