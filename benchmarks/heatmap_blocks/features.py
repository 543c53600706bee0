"""The blocks: from counts to features."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter

from bannercluster.encoders import resolve_engine
from bannercluster.heatmap.binning import Counts
from bannercluster.heatmap.networks.backbones import (
    OFFLINE,
    RESNET,
    USERS_BASELINE,
    VIT,
    BackboneConfig,
    load_backbone,
)
from bannercluster.heatmap.networks.embedding import encode
from bannercluster.heatmap.networks.encoder import SimclrNetwork
from bannercluster.heatmap.networks.rendering import RenderConfig
from bannercluster.heatmap.networks.simclr import (
    SimclrConfig,
    build,
    train_on_banners,
    train_on_heatmaps,
)
from bannercluster.heatmap.networks.training import Trained, TrainingConfig
from bannercluster.heatmap.simulator.benchmark import BenchmarkConfig, draw_grids, simulate_grid
from bannercluster.heatmap.simulator.config import SimulatorConfig
from benchmarks.heatmap_blocks.material import CLICKS
from benchmarks.heatmap_blocks.scoring import Features, sketched

Make = Callable[[Counts], Features]
"""Features (n, k) of heatmaps (n, 64, 64)."""

Ids = npt.NDArray[np.int64]

BACKBONES: Mapping[str, tuple[BackboneConfig, ...]] = {
    "resnet50": (BackboneConfig(RESNET),),
    "vit": (BackboneConfig(VIT), USERS_BASELINE),
}
"""The users' networks, whose weights have to be given."""

_OFFLINE = (
    BackboneConfig(OFFLINE),
    BackboneConfig(OFFLINE, render=RenderConfig("bootstrap", "linear")),
    BackboneConfig(OFFLINE, "positions"),
)

_SMOOTHING = 1.5
"""Bins: what the small encoder smooths by too."""

_SKETCH = 4_096
"""Numbers kept of features of all positions."""

_N_SOURCES = 16
_MORE_GRIDS, _REFERENCES_OF_MORE, _SEED_OF_MORE = 200, 4, 4_021


@dataclass(frozen=True)
class Variant:
    """A way to train SimCLR.

    Parameters
    ----------
    recipe : {"users", "corrected"}
    config : SimclrConfig
    n_more_grids : int
        Grids simulated for it alone, of the training families; 0: it learns from those that
        combinations are taught on.
    """

    recipe: str
    config: SimclrConfig
    n_more_grids: int = 0

    def trained(self, references: list[Counts], folder: str) -> Trained:
        """Train it, or load it where it is finished.

        Parameters
        ----------
        references : list of ndarray of shape (r, 64, 64), uint32
            Healthy heatmaps of each grid; the users' recipe needs none.
        folder : str
        """
        if self.recipe == "users":
            return train_on_banners(self.config, folder=folder)
        used = more_references(self.n_more_grids) if self.n_more_grids else references
        grid: Ids = np.repeat(np.arange(len(used)), [len(one) for one in used])
        return train_on_heatmaps(np.concatenate(used), grid, self.config, folder=folder)


def more_references(n_grids: int) -> list[Counts]:
    """Simulate healthy heatmaps of so many grids of the training families."""
    simulator = SimulatorConfig(references=_REFERENCES_OF_MORE)
    config = BenchmarkConfig((n_grids, 0, 0), 0, 0, CLICKS, _SEED_OF_MORE, simulator)
    grids = draw_grids(config)
    return [simulate_grid(config, grids, number).counts for number in range(n_grids)]


def _config(n_steps: int, seed: int = 0, **changes: Any) -> SimclrConfig:
    training = TrainingConfig(n_steps, n_warmup=max(1, n_steps // 6), seed=seed)
    return replace(SimclrConfig(n_sources=_N_SOURCES, training=training), **changes)


def main_variants(n_steps: int) -> dict[str, Variant]:
    """Return the trainings that are held to the gate.

    A batch of the users' recipe has two banners of each class, so that a view has one positive:
    both losses are the same number there.
    """
    return {
        "simclr_users": Variant("users", _config(n_steps)),
        "simclr_corrected": Variant("corrected", _config(n_steps)),
        "simclr_corrected_more_grids": Variant("corrected", _config(n_steps), _MORE_GRIDS),
        "simclr_corrected_supervised": Variant("corrected", _config(n_steps, loss="supervised")),
    }


def short_variants(n_steps: int) -> dict[str, Variant]:
    """Return the trainings of few steps, each with one thing changed; the first is the base."""
    return {
        "corrected": Variant("corrected", _config(n_steps)),
        "corrected, other seed": Variant("corrected", _config(n_steps, 1)),
        "temperature 0.05": Variant("corrected", _config(n_steps, temperature=0.05)),
        "temperature 0.5": Variant("corrected", _config(n_steps, temperature=0.5)),
        "1 change as negative": Variant("corrected", _config(n_steps, n_changes=1)),
        "no change as negative": Variant("corrected", _config(n_steps, n_changes=0)),
        "supervised loss": Variant("corrected", _config(n_steps, loss="supervised")),
        f"{_MORE_GRIDS} grids": Variant("corrected", _config(n_steps), _MORE_GRIDS),
        "users' recipe": Variant("users", _config(n_steps)),
        "users' recipe, other seed": Variant("users", _config(n_steps, 1)),
    }


def described(variant: Variant) -> dict[str, object]:
    """Return what a training is made by, but for the recipes of its batches."""
    told = asdict(variant.config)
    for name in ("views", "banners", "training"):
        del told[name]
    training = variant.config.training
    return {
        "recipe": variant.recipe,
        "n_more_grids": variant.n_more_grids,
        "n_steps": training.n_steps,
        "seed": training.seed,
        **told,
    }


def of_network(network: SimclrNetwork) -> Make:
    """Return the features before the projection head."""
    network.eval()
    return lambda counts: encode(network.encoder, counts)


def of_variant(variant: Variant, references: list[Counts], folder: str) -> Make:
    """Train a variant; return its features."""
    network = variant.trained(references, folder).network
    if not isinstance(network, SimclrNetwork):
        raise TypeError(f"a {type(network).__name__} is no SimclrNetwork")
    return of_network(network)


def untrained(seed: int = 0) -> Make:
    """Return the features of the small encoder with its first, random weights."""
    return of_network(build(_config(1, seed)))


def smoothed_counts(counts: Counts) -> Features:
    """Return roots of the smoothed shares of the bins, (n, 4096): no network."""
    shares = counts / np.maximum(counts.sum(axis=(1, 2), keepdims=True), 1)
    smooth = gaussian_filter(shares, (0, _SMOOTHING, _SMOOTHING), mode="nearest")
    return np.sqrt(smooth).reshape(len(counts), -1).astype(np.float32)


def of_backbone(config: BackboneConfig, folder: str) -> Make:
    """Return the features of a pretrained network; of all positions, their sketch."""
    backbone = load_backbone(config, threads=1, cache_dir=folder)
    if config.output != "positions":
        return lambda counts: np.concatenate(list(backbone.batches(counts)))
    return lambda counts: np.concatenate(
        [sketched(part, _SKETCH) for part in backbone.batches(counts)]
    )


def engine(config: BackboneConfig) -> str:
    """Return what runs a pretrained network here, and how precisely."""
    found = resolve_engine(config.engine, config.precision, config.device)
    return f"{found.engine}, {found.precision}"


def backbones(weights: Mapping[str, str]) -> dict[str, BackboneConfig]:
    """Return pretrained blocks by name: those with bundled weights, and those with given ones."""
    given = [
        replace(config, weights=file)
        for name, file in weights.items()
        for config in BACKBONES[name]
    ]
    return {config.name: config for config in (*_OFFLINE, *given)}
