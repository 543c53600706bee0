"""The location network: where the click clusters of a heatmap are, 0 to 6 of them.

Every cell of the detector is a slot that may hold a cluster: existence, centre, log sd. Trained by
Hungarian matching, or as the users did by the Chamfer distance of six points (the baseline).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch

from bannercluster.heatmap.mixtures.em import EmConfig, fit
from bannercluster.heatmap.mixtures.model import PIXEL_VARIANCE, Mixture, Points
from bannercluster.heatmap.mixtures.path import PathConfig
from bannercluster.heatmap.mixtures.truth import pruned
from bannercluster.heatmap.networks.clusters import ClusterConfig, cluster_images
from bannercluster.heatmap.networks.detector import CELL_PX, Detector, DetectorConfig
from bannercluster.heatmap.networks.prediction import answers
from bannercluster.heatmap.networks.set_losses import (
    SetWeights,
    Slots,
    Wanted,
    chamfer_loss,
    hungarian_loss,
)
from bannercluster.heatmap.networks.training import Batch, Moment, TrainingConfig, seeded, train

_RARE = -6.5  # logit of a cell at first
_USUAL_LOG_SD = 1.6  # of a cluster of 5 px
_N_OUTPUTS = 4  # existence, x, y, log sd
_NOISE = 0.15  # share of noise that the refinement starts with


@dataclass(frozen=True)
class LocationConfig:
    """All that decides a location network.

    Parameters
    ----------
    clusters : ClusterConfig
    detector : DetectorConfig
    training : TrainingConfig
    loss : {"hungarian", "chamfer"}
    weights : SetWeights
    n_batch : int
    n_refinements : int
        Steps of EM, at most, from the network's centres on the heatmap's own clicks; the network
        finds the clusters, the clicks say to a fraction of a px where they are. Then clusters are
        merged or removed while BIC falls: the network may see one twice. Of Hungarian networks
        only, and no part of the training.
    """

    clusters: ClusterConfig = field(
        default_factory=lambda: ClusterConfig(max_clusters=6, n_clicks=(400, 60_000))
    )
    detector: DetectorConfig = field(default_factory=DetectorConfig)
    training: TrainingConfig = field(
        default_factory=lambda: TrainingConfig(
            n_steps=800,
            learning_rate=3e-3,
            n_warmup=50,
            ema_decay=0.99,
            precision="auto",
            checkpoint_every=100,
        )
    )
    loss: Literal["hungarian", "chamfer"] = "hungarian"
    weights: SetWeights = field(default_factory=SetWeights)
    n_batch: int = 16
    n_refinements: int = 100

    @classmethod
    def small(
        cls, loss: Literal["hungarian", "chamfer"] = "hungarian", n_steps: int = 800
    ) -> LocationConfig:
        """Return the profile for two cores."""
        config = cls(loss=loss)
        return replace(config, training=replace(config.training, n_steps=n_steps))

    @classmethod
    def full(
        cls, loss: Literal["hungarian", "chamfer"] = "hungarian", device: str = "cuda"
    ) -> LocationConfig:
        """Return the profile for a GPU."""
        config = cls(loss=loss)
        training = replace(config.training, n_steps=40_000, ema_decay=0.9995, device=device)
        detector = DetectorConfig(widths=(64, 128, 192), depths=(3, 4, 4, 2, 2))
        return replace(config, detector=detector, training=training, n_batch=64)


@dataclass(frozen=True)
class Located:
    """The clusters that were found in one heatmap, surest first.

    Parameters
    ----------
    centres : (k, 2) float64 array
        (x, y) in px.
    log_sd : (k,) float64 array
        Logarithm of the standard deviation in px, geometric mean over the axes.
    existence : (k,) float64 array
        Probabilities; 1 where the network knows no existence (Chamfer).
    """

    centres: npt.NDArray[np.float64]
    log_sd: npt.NDArray[np.float64]
    existence: npt.NDArray[np.float64]


@dataclass(frozen=True)
class LocationNetwork:
    """A trained location network.

    Parameters
    ----------
    network : torch.nn.Module
    config : LocationConfig
    history : tuple of Moment
    fingerprint : str
    """

    network: torch.nn.Module
    config: LocationConfig
    history: tuple[Moment, ...]
    fingerprint: str

    def predict(
        self, counts: npt.NDArray[np.integer], *, threads: int = 1, refine: bool = True
    ) -> list[Located]:
        """Locate the clusters of heatmaps; a heatmap's answer does not depend on the others.

        A Hungarian network gives the slots of an existence of at least one half, six at most; a
        Chamfer network gives six points for whatever has a click. Without clicks there is nothing.

        Parameters
        ----------
        counts : (n, side, side) integer array
        threads : int
        refine : bool
            Whether to end with the steps of EM and the merging.

        Raises
        ------
        UsageError
            If the counts have another shape, or one is negative.
        """
        found = []
        for heatmap, answer in zip(
            counts, answers(self.network, counts, threads=threads), strict=True
        ):
            if not heatmap.any():
                found.append(_nothing())
            elif self.config.loss == "chamfer":
                points = slot_points(torch.from_numpy(answer)[None])[0].double().numpy()
                found.append(Located(points, np.full(len(points), np.nan), np.ones(len(points))))
            else:
                chosen = _chosen(answer, self.config.clusters.max_clusters)
                found.append(_refined(heatmap, chosen, self.config) if refine else chosen)
        return found


def train_location_network(
    config: LocationConfig,
    *,
    folder: str | None = None,
    on_step: Callable[[int, float], None] | None = None,
) -> LocationNetwork:
    """Train a location network, go on with it, or load it where it is finished.

    Raises
    ------
    UsageError, StoreError
        As `train`.
    """
    seed = config.training.seed
    # The canvas's diagonal: the most that two points can be apart.
    lonely_px = config.clusters.n_pixels * float(np.sqrt(2))

    def batches(step: int) -> Batch:
        return location_batch(config.clusters, seed, step, config.n_batch)

    def loss(
        network: torch.nn.Module, batch: Batch
    ) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        counts, *true = batch
        wanted = Wanted(*true)
        if config.loss == "chamfer":
            value = chamfer_loss(slot_points(network(counts)), wanted, lonely_px)
            return value / config.clusters.max_clusters, {}
        slots = cell_slots(network(counts))
        alive = (slots.existence > 0).sum(dim=1)
        exact = (alive == wanted.present.sum(dim=1)).float().mean()
        return hungarian_loss(slots, wanted, config.weights), {"exact": exact}

    if config.loss == "chamfer":
        network = seeded(lambda: Detector(config.detector, config.clusters.max_clusters), seed)
    else:
        network = seeded(lambda: Detector(config.detector, _N_OUTPUTS, _RARE), seed)
    apart = ("training", "n_refinements")
    recipe = {key: value for key, value in asdict(config).items() if key not in apart}
    trained = train(
        network,
        batches,
        loss,
        config.training,
        recipe=recipe,
        folder=folder,
        name=f"location-{config.loss}",
        on_step=on_step,
    )
    return LocationNetwork(trained.network, config, trained.history, trained.fingerprint)


def location_batch(config: ClusterConfig, seed: int, step: int, n_batch: int) -> Batch:
    """Return counts (n, 1, side, side) of a step, then what `Wanted` takes, float32 and bool."""
    images = cluster_images(config, seed, step * n_batch, (step + 1) * n_batch)
    counts = np.stack([image.counts for image in images]).astype(np.float32)
    centres = np.zeros((n_batch, config.max_clusters, 2), np.float32)
    log_sd = np.zeros((n_batch, config.max_clusters), np.float32)
    present = np.zeros((n_batch, config.max_clusters), bool)
    for index, image in enumerate(images):
        k = image.n_clusters
        centres[index, :k] = image.centres
        log_sd[index, :k] = np.log(np.linalg.det(image.covariances)) / 4
        present[index, :k] = True
    return (
        torch.from_numpy(counts)[:, None],
        torch.from_numpy(centres),
        torch.from_numpy(log_sd),
        torch.from_numpy(present),
    )


def cell_slots(answer: torch.Tensor) -> Slots:
    """Read (n, 4, cells, cells) outputs as one slot for each cell."""
    side = answer.shape[-1]
    middles = (torch.arange(side, device=answer.device) + 0.5) * CELL_PX
    y, x = torch.meshgrid(middles, middles, indexing="ij")
    # The bias of existence is shared by the outputs at first: it is taken out of the others.
    shift = (answer[:, 1:3] - _RARE) * CELL_PX
    centres = torch.stack([x + shift[:, 0], y + shift[:, 1]], dim=-1)
    log_sd = answer[:, 3] - _RARE + _USUAL_LOG_SD
    return Slots(answer[:, 0].flatten(1), centres.flatten(1, 2), log_sd.flatten(1))


def slot_points(answer: torch.Tensor) -> torch.Tensor:
    """Read (n, s, cells, cells) outputs as s points, (n, s, 2): means under a softmax."""
    side = answer.shape[-1]
    share = torch.softmax(answer.flatten(2), dim=2).view_as(answer)
    middles = (torch.arange(side, device=answer.device) + 0.5) * CELL_PX
    x, y = (share.sum(dim=2) * middles).sum(dim=2), (share.sum(dim=3) * middles).sum(dim=2)
    return torch.stack([x, y], dim=2)


def _nothing() -> Located:
    return Located(np.zeros((0, 2)), np.zeros(0), np.zeros(0))


def _chosen(answer: npt.NDArray[np.float32], most: int) -> Located:
    """Return the slots that exist, surest first."""
    slots = cell_slots(torch.from_numpy(answer)[None])
    existence = slots.existence[0].double().numpy()
    order = np.argsort(-existence, kind="stable")[:most]
    order = order[existence[order] >= 0]
    return Located(
        slots.centres[0].double().numpy()[order],
        slots.log_sd[0].double().numpy()[order],
        1 / (1 + np.exp(-existence[order])),
    )


def _refined(heatmap: npt.NDArray[np.integer], chosen: Located, config: LocationConfig) -> Located:
    """Move centres and deviations by steps of EM on the clicks; keep what the clicks support."""
    k = len(chosen.centres)
    if not k or not config.n_refinements:
        return chosen
    variance = np.exp(2 * np.clip(chosen.log_sd, 0.0, 3.0)) + PIXEL_VARIANCE
    start = Mixture(
        np.full(k, (1 - _NOISE) / k), chosen.centres, variance[:, None, None] * np.eye(2), _NOISE
    )
    em = EmConfig(n_steps=config.n_refinements)
    fitted = pruned(heatmap, fit(Points.of_counts(heatmap), start, em), PathConfig(em=em))
    mixture = fitted.mixture
    spread = mixture.covariances - PIXEL_VARIANCE * np.eye(2)
    # A cluster is as sure as the slot that is nearest to where it came to lie.
    away = np.hypot(*(mixture.means[:, None] - chosen.centres[None]).transpose(2, 0, 1))
    existence = chosen.existence[away.argmin(axis=1)] if len(away) else np.zeros(0)
    order = np.argsort(-existence, kind="stable")
    log_sd = np.log(np.linalg.det(spread)) / 4
    return Located(mixture.means[order], log_sd[order], existence[order])
