"""The count network: how many click clusters a heatmap has, 0 to 20."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace

import numpy as np
import numpy.typing as npt
import torch

from bannercluster.heatmap.networks.clusters import ClusterConfig, cluster_images
from bannercluster.heatmap.networks.detector import Detector, DetectorConfig
from bannercluster.heatmap.networks.evidence import claim_loss, count_log_probabilities
from bannercluster.heatmap.networks.prediction import answers
from bannercluster.heatmap.networks.training import (
    Batch,
    Moment,
    TrainingConfig,
    seeded,
    train,
)

_NOWHERE = -1.0  # coordinates of clusters that an image does not have, in a batch
_RARE = -5.5  # logit of a cell at first: ten clusters in some 3,000 cells


@dataclass(frozen=True)
class CountConfig:
    """All that decides a count network.

    Parameters
    ----------
    clusters : ClusterConfig
        What it is trained on; the numbers of clicks reach a little beyond those of the tests.
    detector : DetectorConfig
    training : TrainingConfig
    n_batch : int
        Fresh images of a step.
    claim_weight : float
        Of `claim_loss` beside the cross entropy of the count.
    """

    clusters: ClusterConfig = field(default_factory=lambda: ClusterConfig(n_clicks=(400, 60_000)))
    detector: DetectorConfig = field(default_factory=DetectorConfig)
    training: TrainingConfig = field(
        default_factory=lambda: TrainingConfig(
            n_steps=2000,
            learning_rate=3e-3,
            n_warmup=100,
            ema_decay=0.995,
            precision="auto",
            checkpoint_every=100,
        )
    )
    n_batch: int = 16
    claim_weight: float = 0.1

    @classmethod
    def small(cls, n_steps: int = 2000) -> CountConfig:
        """Return the profile for two cores."""
        config = cls()
        return replace(config, training=replace(config.training, n_steps=n_steps))

    @classmethod
    def full(cls, device: str = "cuda") -> CountConfig:
        """Return the profile for a GPU."""
        config = cls()
        training = replace(config.training, n_steps=60_000, ema_decay=0.9995, device=device)
        detector = DetectorConfig(widths=(64, 128, 192), depths=(3, 4, 4, 2, 2))
        return replace(config, detector=detector, training=training, n_batch=64)


@dataclass(frozen=True)
class CountPrediction:
    """What the network says of n heatmaps.

    Parameters
    ----------
    counts : (n,) int64 array
        The likeliest number of clusters.
    probabilities : (n, max_clusters + 1) float32 array
    evidence : (n, cells, cells) float32 array
        Probability that a cell holds a cluster's claim, axes (y, x).
    """

    counts: npt.NDArray[np.int64]
    probabilities: npt.NDArray[np.float32]
    evidence: npt.NDArray[np.float32]


@dataclass(frozen=True)
class CountNetwork:
    """A trained count network.

    Parameters
    ----------
    network : torch.nn.Module
    config : CountConfig
    history : tuple of Moment
    fingerprint : str
    """

    network: torch.nn.Module
    config: CountConfig
    history: tuple[Moment, ...]
    fingerprint: str

    def predict(self, counts: npt.NDArray[np.integer], *, threads: int = 1) -> CountPrediction:
        """Count the clusters of heatmaps; a heatmap's answer does not depend on the others.

        A heatmap without clicks has no cluster: it is not shown to the network.

        Parameters
        ----------
        counts : (n, side, side) integer array
            Raw counts; a side may be any multiple of 16, sizes in px are as in training.
        threads : int

        Raises
        ------
        UsageError
            If the counts have another shape, or one is negative.
        """
        most = self.config.clusters.max_clusters
        logits = answers(self.network, counts, threads=threads)
        if not len(counts):
            logits = np.zeros((0, 1, 1, 1), np.float32)
        log_probabilities = [
            count_log_probabilities(torch.from_numpy(one), most)[0].numpy() for one in logits
        ]
        empty = (
            counts.reshape(len(counts), -1).sum(axis=1) == 0 if len(counts) else np.zeros(0, bool)
        )
        probabilities = np.exp(np.array(log_probabilities, np.float32).reshape(-1, most + 1))
        probabilities[empty] = np.eye(1, most + 1, dtype=np.float32)
        evidence = torch.sigmoid(torch.from_numpy(logits[:, 0])).numpy()
        evidence[empty] = 0.0
        return CountPrediction(probabilities.argmax(axis=1), probabilities, evidence)


def train_count_network(
    config: CountConfig,
    *,
    folder: str | None = None,
    on_step: Callable[[int, float], None] | None = None,
) -> CountNetwork:
    """Train a count network, go on with it, or load it where it is finished.

    Parameters
    ----------
    config : CountConfig
    folder : str, optional
        Where networks lie; nothing is written without.
    on_step : callable, optional
        Called with the steps done and the loss.

    Raises
    ------
    UsageError, StoreError
        As `train`.
    """
    seed = config.training.seed

    def batches(step: int) -> Batch:
        return labelled_batch(config.clusters, seed, step, config.n_batch)

    def loss(
        network: torch.nn.Module, batch: Batch
    ) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        return count_loss(network, batch, config)

    network = seeded(lambda: Detector(config.detector, 1, _RARE), seed)
    recipe = {key: value for key, value in asdict(config).items() if key != "training"}
    trained = train(
        network,
        batches,
        loss,
        config.training,
        recipe=recipe,
        folder=folder,
        name="count",
        on_step=on_step,
    )
    return CountNetwork(trained.network, config, trained.history, trained.fingerprint)


def labelled_batch(config: ClusterConfig, seed: int, step: int, n_batch: int) -> Batch:
    """Return counts (n, 1, side, side) float32 and centres (n, max_clusters, 2) float64 of a step.

    Centres that an image does not have are negative.
    """
    images = cluster_images(config, seed, step * n_batch, (step + 1) * n_batch)
    counts = np.stack([image.counts for image in images]).astype(np.float32)
    centres = np.full((n_batch, config.max_clusters, 2), _NOWHERE)
    for row, image in zip(centres, images, strict=True):
        row[: image.n_clusters] = image.centres
    return torch.from_numpy(counts)[:, None], torch.from_numpy(centres)


def count_loss(
    network: torch.nn.Module, batch: Batch, config: CountConfig
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """Cross entropy of the count and of the claimed cells."""
    counts, centres = batch
    logits = network(counts)[:, 0]
    present = centres[:, :, 0] >= 0
    number = present.sum(dim=1)
    log_probabilities = count_log_probabilities(logits, config.clusters.max_clusters)
    entropy = torch.nn.functional.nll_loss(log_probabilities, number)
    on_host, there = centres.cpu().numpy(), present.cpu().numpy()
    claims = claim_loss(
        logits, [some[is_there] for some, is_there in zip(on_host, there, strict=True)]
    )
    gap = (log_probabilities.argmax(dim=1) - number).abs()
    metrics = {
        "entropy": entropy,
        "claims": claims,
        "exact": (gap == 0).float().mean(),
        "within_one": (gap <= 1).float().mean(),
    }
    return entropy + config.claim_weight * claims, metrics
