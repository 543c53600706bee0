"""Lessons of the comparison network: simulated heatmaps beside references, turned about."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import cache

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from bannercluster.heatmap.binning import Counts
from bannercluster.heatmap.networks.comparison import ComparisonNetwork
from bannercluster.heatmap.networks.training import Batch, Trained, TrainingConfig, seeded, train
from bannercluster.heatmap.simulator.benchmark import (
    BenchmarkConfig,
    Heatmaps,
    draw_grids,
    simulate_grid,
)
from bannercluster.heatmap.simulator.faults import FAULTS, Fault
from bannercluster.heatmap.statistics.profile import smoothed

Array = npt.NDArray[np.float64]

_FAULT_SHARE = 0.2
"""Weight of the question which fault it is, beside whether there is one."""

_TURNS = 8
"""Ways to turn and mirror a square."""


@dataclass(frozen=True)
class ComparisonConfig:
    """What the network learns from, and how.

    Parameters
    ----------
    n_grids : int
        Simulated grids of the training families; other ones than the benchmark's, which have
        other seeds.
    healthy : int
        Healthy domains of each grid, at each number of clicks.
    clicks : tuple of int
    references : tuple of int
        Numbers of references behind the density that a heatmap is compared with, drawn evenly.
    without : tuple of str
        Faults that it never sees.
    width, n_batch : int
    seed : int
        Of lessons and initial weights.
    training : TrainingConfig
    """

    n_grids: int = 300
    healthy: int = 12
    clicks: tuple[int, ...] = (20, 35, 60, 100, 180, 300, 1000, 2200, 5000, 16_000, 50_000)
    references: tuple[int, ...] = (2, 3, 5, 10, 20, 20)
    without: tuple[Fault, ...] = ()
    width: int = 16
    n_batch: int = 64
    seed: int = 1_000
    training: TrainingConfig = field(
        default_factory=lambda: TrainingConfig(
            n_steps=8_000, learning_rate=2e-3, n_warmup=300, precision="bfloat16"
        )
    )

    @classmethod
    def small(cls) -> ComparisonConfig:
        """Return what two cores train in about two minutes."""
        training = TrainingConfig(
            n_steps=500, learning_rate=2e-3, n_warmup=50, ema_decay=0.99, precision="bfloat16"
        )
        return cls(n_grids=40, healthy=10, clicks=(20, 60, 300, 2_000, 50_000), training=training)

    @property
    def lessons(self) -> BenchmarkConfig:
        """The heatmaps to learn from."""
        return BenchmarkConfig(
            grids=(self.n_grids, 0, 0), healthy=self.healthy, clicks=self.clicks, seed=self.seed
        )


@dataclass(frozen=True, eq=False)
class Lessons:
    """Heatmaps, and densities to compare them with.

    Parameters
    ----------
    counts : ndarray of shape (n, 64, 64), uint32
    grid : ndarray of shape (n,), int64
    label : ndarray of shape (n,), int64
        0 where healthy, else 1 + the number of the fault in ``FAULTS``.
    density : ndarray of shape (n_grids, n_choices, 64, 64), float32
        Of each grid, behind each number of references.
    """

    counts: Counts
    grid: npt.NDArray[np.int64]
    label: npt.NDArray[np.int64]
    density: npt.NDArray[np.float32]

    @classmethod
    def simulated(
        cls, config: ComparisonConfig, on_grid: Callable[[int], None] | None = None
    ) -> Lessons:
        """Simulate them, a few milliseconds each."""
        lessons = config.lessons
        grids = draw_grids(lessons)
        parts: list[Heatmaps] = []
        densities: list[npt.NDArray[np.float32]] = []
        for grid in grids:
            found = simulate_grid(lessons, grids, grid.number)
            references = found.counts[found.reference]
            densities.append(
                np.stack([_density(references[:number]) for number in config.references])
            )
            taught = ~found.reference & ~np.isin(found.fault, config.without)
            parts.append(found.where(taught))
            if on_grid is not None:
                on_grid(grid.number + 1)
        drawn = Heatmaps.concatenated(parts)
        names = np.array(["", *FAULTS], object)
        label = (drawn.fault[:, None] == names).argmax(axis=1)
        return cls(drawn.counts, drawn.grid, label, np.stack(densities))

    def batch(self, config: ComparisonConfig, step: int) -> Batch:
        """Return counts, densities and labels of a step; pure."""
        rng = np.random.default_rng(np.random.SeedSequence([config.seed, 1, step]))
        chosen = rng.integers(len(self.label), size=config.n_batch)
        choices = rng.integers(len(config.references), size=config.n_batch)
        counts = self.counts[chosen].astype(np.float32)
        density = self.density[self.grid[chosen], choices]
        for nth, turn in enumerate(rng.integers(_TURNS, size=config.n_batch).tolist()):
            counts[nth], density[nth] = _turned(counts[nth], turn), _turned(density[nth], turn)
        return (
            torch.from_numpy(counts),
            torch.from_numpy(density),
            torch.from_numpy(self.label[chosen]),
        )


def train_comparison(
    config: ComparisonConfig,
    *,
    folder: str | None = None,
    lessons: Lessons | None = None,
    on_grid: Callable[[int], None] | None = None,
    on_step: Callable[[int, float], None] | None = None,
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
    """
    network = seeded(lambda: ComparisonNetwork(config.width), config.seed)

    @cache
    def learned() -> Lessons:
        # When the first step asks: a network that is finished needs none.
        return lessons or Lessons.simulated(config, on_grid)

    recipe = {key: value for key, value in asdict(config).items() if key != "training"}
    return train(
        network,
        lambda step: learned().batch(config, step),
        comparison_loss,
        config.training,
        recipe={**recipe, "lessons": asdict(config.lessons)},
        folder=folder,
        name="comparison",
        on_step=on_step,
    )


def comparison_loss(
    network: torch.nn.Module, batch: Batch
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """Return the cross entropy of *broken*, and a share of that of the fault where there is one."""
    counts, density, label = batch
    answer = network(counts, density).float()
    broken = label > 0
    whether = functional.binary_cross_entropy_with_logits(answer[:, 0], broken.float())
    if not broken.any():
        return whether, {"whether": whether}
    which = functional.cross_entropy(answer[broken, 1:], label[broken] - 1)
    return whether + _FAULT_SHARE * which, {"whether": whether, "which": which}


def _density(references: Counts) -> npt.NDArray[np.float32]:
    n_clicks = references.sum(axis=(1, 2), dtype=np.float64)
    mean = (references / n_clicks[:, None, None]).mean(axis=0)
    return smoothed(mean, n_clicks.sum()).astype(np.float32)


def _turned(values: npt.NDArray[np.float32], turn: int) -> npt.NDArray[np.float32]:
    """Return a square turned or mirrored in one of eight ways."""
    if turn & 1:
        values = values[::-1]
    if turn & 2:
        values = values[:, ::-1]
    return values.T.copy() if turn & 4 else values.copy()
