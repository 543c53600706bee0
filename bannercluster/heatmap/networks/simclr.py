"""SimCLR on heatmaps: an encoder, a projection head, a contrastive loss.

Two ways to make batches. `heatmap_batches` is the corrected one: a batch has heatmaps of different
grids, two disjoint thinnings of each as positives, and the same heatmaps shifted, mirrored and
rescaled as negatives. `banner_batches` is the users' recipe on synthetic banners. The features are
those before the projection head, as in the paper.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, cast

import numpy as np
import numpy.typing as npt
import torch

from bannercluster.errors import UsageError
from bannercluster.heatmap.binning import Counts
from bannercluster.heatmap.networks.backbones import check_counts
from bannercluster.heatmap.networks.banners import BannerConfig, draw_batch
from bannercluster.heatmap.networks.contrastive import nt_xent, supervised_contrastive
from bannercluster.heatmap.networks.encoder import HeatmapEncoder, SimclrNetwork
from bannercluster.heatmap.networks.training import (
    Batch,
    Batches,
    Trained,
    TrainingConfig,
    seeded,
    train,
)
from bannercluster.heatmap.networks.views import CHANGES, ViewConfig, negatives, positives
from bannercluster.store.fingerprint import content_id

Ids = npt.NDArray[np.int64]


@dataclass(frozen=True)
class SimclrConfig:
    """Network, batches and training.

    Parameters
    ----------
    encoder : {"small", "resnet50"}
        See `HeatmapEncoder`.
    n_features : int
        Length of a feature vector.
    n_projection : int
        Width of the projection, in which views are compared.
    loss : {"nt_xent", "supervised"}
        ``nt_xent``: views of one heatmap are positives. ``supervised``: views of all heatmaps of a
        grid are, and each changed heatmap is a class of its own with two views.
    temperature : float
    n_sources : int
        Heatmaps of a batch. With n changes a batch has (2 + n) times as many views, with the
        supervised loss (2 + 2n) times.
    n_changes : int
        Changed copies of each heatmap, 0 to 3: shift, flip, rescale in turn, from step to step.
    views : ViewConfig
    banners : BannerConfig
    training : TrainingConfig
    """

    encoder: Literal["small", "resnet50"] = "small"
    n_features: int = 128
    n_projection: int = 64
    loss: Literal["nt_xent", "supervised"] = "nt_xent"
    temperature: float = 0.1
    n_sources: int = 24
    n_changes: int = 3
    views: ViewConfig = field(default_factory=ViewConfig)
    banners: BannerConfig = field(default_factory=BannerConfig)
    training: TrainingConfig = field(default_factory=lambda: TrainingConfig(n_steps=600))

    def __post_init__(self) -> None:
        if self.n_sources < 2 or not 0 <= self.n_changes <= len(CHANGES):
            raise UsageError(
                f"a batch of {self.n_sources} heatmaps with {self.n_changes} changes each; "
                f"expected 2 heatmaps or more, and 0 to {len(CHANGES)} changes"
            )


SMALL = SimclrConfig()
"""For two cores: 600 steps of 0.27 s processor time."""

FULL = SimclrConfig(
    encoder="resnet50",
    n_features=512,
    n_projection=128,
    n_sources=128,
    training=TrainingConfig(
        n_steps=10_000, n_warmup=500, precision="bfloat16", device="cuda", checkpoint_every=500
    ),
)
"""For a GPU; not run yet on one."""


def train_on_heatmaps(
    counts: Counts,
    grid_id: Ids,
    config: SimclrConfig,
    *,
    folder: str | None = None,
    on_step: Callable[[int, float], None] | None = None,
) -> Trained:
    """Train on healthy heatmaps with the corrected views.

    Parameters
    ----------
    counts : ndarray of shape (n_samples, 64, 64), uint32
    grid_id : ndarray of shape (n_samples,), int64
        Layout of each.
    config : SimclrConfig
    folder : str, optional
        Where the network and its checkpoints lie; the same call goes on where it was killed.
    on_step : callable, optional
        Called with the steps done and the loss.

    Raises
    ------
    UsageError
        If the arrays do not fit together, or have fewer than two grids.
    StoreError
        As `train`.
    """
    batches = heatmap_batches(counts, grid_id, config)
    data = content_id(counts.astype("<u4").tobytes() + grid_id.astype("<i8").tobytes()).hex()
    return _train(batches, config, {"views": asdict(config.views), "data": data}, folder, on_step)


def train_on_banners(
    config: SimclrConfig,
    *,
    folder: str | None = None,
    on_step: Callable[[int, float], None] | None = None,
) -> Trained:
    """Train by the users' recipe, on synthetic banners; see `banners`.

    Parameters
    ----------
    config, folder, on_step
        As `train_on_heatmaps`; `n_sources`, `n_changes` and `views` play no part. Two instances
        of a class are positives, with either loss.
    """
    batches = banner_batches(config)
    return _train(batches, config, {"banners": asdict(config.banners)}, folder, on_step)


def heatmap_batches(counts: Counts, grid_id: Ids, config: SimclrConfig) -> Batches:
    """Return the batches of the corrected recipe as a function of the step.

    A batch has one heatmap each of `n_sources` grids; of all grids, and then again of all in
    another order, where there are fewer.

    Returns
    -------
    callable
        step -> (views (n, 64, 64) float32, source (n,) int64, grid (n,) int64). Source and grid of
        a changed view are -1 with NT-Xent; with the supervised loss each is a class of its own.
    """
    check_counts(counts)
    if grid_id.shape != (len(counts),):
        raise UsageError(f"{len(counts)} heatmaps with grids {grid_id.shape}; expected one each")
    members = [np.flatnonzero(grid_id == grid) for grid in np.unique(grid_id)]
    if len(members) < 2:
        raise UsageError(
            f"the heatmaps are of {len(members)} grids; expected two or more, to compare"
        )

    def batch(step: int) -> Batch:
        rng = np.random.default_rng(np.random.SeedSequence([config.training.seed, step]))
        rounds = -(-config.n_sources // len(members))
        order = np.concatenate([rng.permutation(len(members)) for _ in range(rounds)])
        views, source, grid = [], [], []
        for number, place in enumerate(order[: config.n_sources]):
            chosen = counts[rng.choice(members[place])]
            own = positives(chosen, config.views, rng)
            views += own
            source += [number] * len(own)
            grid += [int(place)] * len(own)
            for turn in range(config.n_changes):
                change = CHANGES[(step + turn) % len(CHANGES)]
                n_views = 2 if config.loss == "supervised" else 1
                changed = negatives(chosen, change, n_views, config.views, rng)
                label = len(members) + number * len(CHANGES) + turn if n_views == 2 else -1
                views += changed
                source += [label] * n_views
                grid += [label] * n_views
        return (
            torch.from_numpy(np.stack(views).astype(np.float32)),
            torch.tensor(source),
            torch.tensor(grid),
        )

    return batch


def banner_batches(config: SimclrConfig) -> Batches:
    """Return the batches of the users' recipe; see `heatmap_batches` for their form."""

    def batch(step: int) -> Batch:
        rng = np.random.default_rng(np.random.SeedSequence([config.training.seed, step]))
        counts, label = draw_batch(step, config.training.n_steps, config.banners, rng)
        labels = torch.from_numpy(label)
        return torch.from_numpy(counts.astype(np.float32)), labels, labels

    return batch


def build(config: SimclrConfig) -> SimclrNetwork:
    """Build the network with its initial weights, which are a function of the seed."""

    def fresh() -> torch.nn.Module:
        encoder = HeatmapEncoder(config.encoder, config.n_features)
        return SimclrNetwork(encoder, config.n_projection)

    return cast(SimclrNetwork, seeded(fresh, config.training.seed))


def _train(
    batches: Batches,
    config: SimclrConfig,
    data: dict[str, Any],
    folder: str | None,
    on_step: Callable[[int, float], None] | None,
) -> Trained:
    recipe = {
        "encoder": config.encoder,
        "n_features": config.n_features,
        "n_projection": config.n_projection,
        "loss": config.loss,
        "temperature": config.temperature,
        "n_sources": config.n_sources,
        "n_changes": config.n_changes,
        **data,
    }

    def loss(network: torch.nn.Module, batch: Batch) -> tuple[torch.Tensor, dict[str, Any]]:
        views, source, grid = batch
        projected = network(views)
        if config.loss == "supervised":
            return supervised_contrastive(projected, grid, config.temperature), {}
        return nt_xent(projected, source, config.temperature, group=grid), {}

    return train(
        build(config),
        batches,
        loss,
        config.training,
        recipe=recipe,
        folder=folder,
        name="simclr",
        on_step=on_step,
    )
