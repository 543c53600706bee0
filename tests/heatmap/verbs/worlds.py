"""A small world and a small model, and the commands run on them."""

from __future__ import annotations

import json
from types import MappingProxyType

import pytest

from bannercluster.cli.main import main
from bannercluster.config import Settings
from bannercluster.heatmap.networks.comparing import ComparisonConfig
from bannercluster.heatmap.networks.training import TrainingConfig
from bannercluster.heatmap.recipes import ModelRecipe
from bannercluster.heatmap.simulator.benchmark import BenchmarkConfig
from bannercluster.heatmap.simulator.config import SimulatorConfig
from bannercluster.heatmap.verbs import train

WORLD = ("--grids", "3", "--healthy", "5", "--domains", "6", "--max-clicks", "300")


def small_recipe(seed: int = 0) -> ModelRecipe:
    """A model that is made in a second, and is bad."""
    return ModelRecipe(
        ComparisonConfig(
            n_grids=2,
            healthy=1,
            clicks=(60,),
            references=(2, 5),
            width=4,
            n_batch=8,
            seed=seed,
            training=TrainingConfig(
                n_steps=6, n_warmup=2, ema_decay=0.5, checkpoint_every=2, history_every=2
            ),
        ),
        BenchmarkConfig(
            grids=(3, 0, 0),
            healthy=3,
            clicks=(60,),
            seed=seed + 1,
            simulator=SimulatorConfig(references=3, reference_clicks=(400, 900)),
        ),
    )


def use_small_recipe(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the profiles smaller ones."""
    profiles = dict.fromkeys(("small", "full"), small_recipe)
    monkeypatch.setattr(train, "PROFILES", MappingProxyType(profiles))


def with_network(model: str) -> Settings:
    """Settings that train the network too, into a folder."""
    settings = Settings().replace("paths", origin="test", heatmap_model=model)
    return settings.replace("heatmap_train", origin="test", network="comparison")


def run(capsys: pytest.CaptureFixture[str], *command: str):
    """Run `bc heatmap`; return the exit code, the result as JSON, and what was said."""
    code = main(["heatmap", *command, "--json", "--quiet"])
    out, err = capsys.readouterr()
    return code, json.loads(out) if out else None, err
