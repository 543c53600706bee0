"""Features of a trained network, the same bits for a heatmap alone and among others."""

from __future__ import annotations

import numpy as np
import torch
from safetensors.torch import save

from bannercluster.encoders.torch_encoder import single_threaded_workers
from bannercluster.heatmap.binning import Counts
from bannercluster.heatmap.networks.backbones import check_counts
from bannercluster.heatmap.networks.blocks import FeatureBlock, Features
from bannercluster.heatmap.networks.checkpoint import plain
from bannercluster.heatmap.networks.encoder import HeatmapEncoder, SimclrNetwork
from bannercluster.heatmap.networks.training import Trained
from bannercluster.store.fingerprint import content_id

N_BATCH = 8
"""Heatmaps of a batch, always. One by one they take twice the time, and 64 at once no less."""


def encode(encoder: HeatmapEncoder, counts: Counts, *, threads: int = 1) -> Features:
    """Compute features before the projection head.

    Libraries choose their loops by the size of a batch and by the number of threads, and other
    loops round differently. So a batch has one size, filled up with empty heatmaps, and one thread
    computes it.

    Parameters
    ----------
    encoder : HeatmapEncoder
        On the CPU.
    counts : ndarray of shape (n_samples, 64, 64), uint32
    threads : int
        Batches computed at the same time. Changes no bit.

    Returns
    -------
    ndarray of shape (n_samples, n_features), float32

    Raises
    ------
    UsageError
        If the counts have another shape.
    """
    check_counts(counts)
    features = np.empty((len(counts), encoder.n_features), np.float32)

    def compute(low: int) -> None:
        part = counts[low : low + N_BATCH]
        batch = torch.zeros(N_BATCH, *counts.shape[1:])
        batch[: len(part)] = torch.from_numpy(part.astype(np.float32))
        with torch.inference_mode():
            features[low : low + len(part)] = encoder(batch)[: len(part)].numpy()

    was_training = encoder.training
    encoder.eval()
    with single_threaded_workers(threads) as pool:
        for _ in pool.map(compute, range(0, len(counts), N_BATCH)):
            pass
    encoder.train(was_training)
    return features


def simclr_block(trained: Trained, counts: Counts, *, threads: int = 1) -> FeatureBlock:
    """Compute the feature block of a network that `simclr` has trained.

    Parameters
    ----------
    trained : Trained
    counts : ndarray of shape (n_samples, 64, 64), uint32
    threads : int

    Returns
    -------
    FeatureBlock
        ``config_sha256`` is the fingerprint of the training: network, batches, data, steps.
    """
    network = trained.network
    if not isinstance(network, SimclrNetwork):
        raise TypeError(f"a {type(network).__name__} is no SimclrNetwork; train it by simclr.py")
    weights = save(plain(network.state_dict()))
    features = encode(network.encoder, counts, threads=threads)
    return FeatureBlock("simclr", features, content_id(weights).hex(), trained.fingerprint)
