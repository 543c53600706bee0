"""What a model of broken banners is made from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from types import MappingProxyType
from typing import Any

from bannercluster.heatmap.networks.comparing import ComparisonConfig
from bannercluster.heatmap.simulator.benchmark import BenchmarkConfig
from bannercluster.heatmap.simulator.config import SimulatorConfig
from bannercluster.store.fingerprint import fingerprint

_VERSION = 8  # raise it when the same recipe makes another model

_LESSON_SEED = 2_000
"""Of the heatmaps that teach the combination: neither the benchmark's grids nor the network's."""

_NETWORK_SEED = 1_000


@dataclass(frozen=True)
class ModelRecipe:
    """All that decides a model.

    Parameters
    ----------
    comparison : ComparisonConfig or None
        Of the network beside the statistics; None: no network.
    lessons : BenchmarkConfig
        Heatmaps of the training families that teach the combination.
    """

    comparison: ComparisonConfig | None
    lessons: BenchmarkConfig

    @classmethod
    def small(cls, seed: int = 0) -> ModelRecipe:
        """Return what two cores make in some minutes."""
        lessons = BenchmarkConfig(
            grids=(24, 0, 0),
            healthy=5,
            clicks=(20, 50, 300, 3_000, 20_000),
            seed=_LESSON_SEED + seed,
            simulator=SimulatorConfig(references=8),
        )
        return cls(replace(ComparisonConfig.small(), seed=_NETWORK_SEED + seed), lessons)

    @classmethod
    def full(cls, seed: int = 0) -> ModelRecipe:
        """Return what a GPU, or many cores, make."""
        comparison = replace(ComparisonConfig(), seed=_NETWORK_SEED + seed)
        lessons = BenchmarkConfig(grids=(120, 0, 0), healthy=15, faulty=3, seed=_LESSON_SEED + seed)
        return cls(comparison, lessons)

    @property
    def fingerprint(self) -> str:
        """SHA-256 (hex) of the recipe."""
        return fingerprint({"version": _VERSION, **self.as_json()})

    def as_json(self) -> dict[str, Any]:
        """Return the recipe as JSON has it."""
        network = None
        if self.comparison is not None:
            training = asdict(self.comparison.training)
            for name in ("device", "checkpoint_every", "history_every"):  # change no result
                training.pop(name)
            network = {**asdict(self.comparison), "training": training}
        return {"network": network, "lessons": asdict(self.lessons)}


PROFILES: Mapping[str, Callable[[int], ModelRecipe]] = MappingProxyType(
    {"small": ModelRecipe.small, "full": ModelRecipe.full}
)
"""Recipes of a seed, by the name of the profile."""
