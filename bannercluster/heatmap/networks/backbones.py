"""Pretrained networks as feature blocks: heatmaps rendered as images, features before the head.

The networks, their weights and the engines that run them are those of `bannercluster.encoders`:
local or cached weights of timm, those of ``efficientnet_lite0`` out of its package, never random
ones. What made a block is named in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace

import numpy as np
import numpy.typing as npt

from bannercluster.encoders import Encoder, EncoderSpec, load_encoder, resolve_engine
from bannercluster.encoders.spec import Output
from bannercluster.errors import UsageError
from bannercluster.heatmap.binning import N_BINS, Counts
from bannercluster.heatmap.networks.blocks import FeatureBlock, Features
from bannercluster.heatmap.networks.rendering import RenderConfig, picture
from bannercluster.store.fingerprint import fingerprint

VIT = "vit_base_patch16_224.augreg_in21k"
RESNET = "resnet50.a1_in1k"
OFFLINE = "efficientnet_lite0"
"""Its weights come with a package."""


@dataclass(frozen=True)
class BackboneConfig:
    """Which network looks at which image, and what is kept of it.

    Parameters
    ----------
    model : str
        A name of timm: `VIT`, `RESNET`, `OFFLINE` or another.
    output : {"pooled", "mean", "positions"}
        ``pooled``: the features before the head (of a vision transformer the class token: 768; of
        ResNet-50 2,048). ``mean``: the mean of a transformer's patch tokens (768).
        ``positions``: all of them, not pooled: 197 x 768 = 151,296 values of the transformer,
        2,048 x 7 x 7 = 100,352 of ResNet-50.
    render : RenderConfig
    weights : str, optional
        A local safetensors or weights-only torch file. Operational: what counts is its hash.
    engine : {"auto", "openvino", "torch"}
    precision : {"auto", "float32", "bfloat16"}
    device : str
        As in `bannercluster.encoders.resolve_engine`.
    """

    model: str = OFFLINE
    output: Output = "pooled"
    render: RenderConfig = field(default_factory=RenderConfig)
    weights: str | None = None
    engine: str = "auto"
    precision: str = "auto"
    device: str = "auto"

    @property
    def name(self) -> str:
        """Name of the block."""
        return f"{self.model}-{self.output}-{self.render.recipe}"


USERS_BASELINE = BackboneConfig(VIT, "positions", RenderConfig("bootstrap", "linear"))
"""What the users compared heatmaps by: all tokens of a bootstrapped image."""


@dataclass(frozen=True, eq=False)
class Backbone:
    """A network that is loaded, and how its images are made.

    A heatmap's features depend on the heatmap alone: neither on those beside it nor on the number
    of threads.

    Parameters
    ----------
    config : BackboneConfig
    encoder : Encoder
    """

    config: BackboneConfig
    encoder: Encoder

    @property
    def n_features(self) -> int:
        """Values of a heatmap."""
        return self.encoder.n_features

    @property
    def config_sha256(self) -> str:
        """Fingerprint of all but the weights that may change the bits of a feature."""
        info = self.encoder.info
        return fingerprint(
            {
                "model": info.model,
                "output": self.config.output,
                "render": asdict(self.config.render),
                "input_size": info.input_size,
                "mean": info.mean,
                "std": info.std,
                "engine": info.engine,
                "precision": info.precision,
            }
        )

    def batches(self, counts: Counts) -> Iterator[Features]:
        """Yield features of a few heatmaps at a time, in order: for blocks that memory cannot hold.

        Parameters
        ----------
        counts : ndarray of shape (n_samples, 64, 64), uint32

        Yields
        ------
        ndarray of shape (n, n_features), float32

        Raises
        ------
        UsageError
            If the counts have another shape.
        """
        check_counts(counts)
        size = self.encoder.info.input_size
        n_batch = self.encoder.batch_size
        for low in range(0, len(counts), n_batch):
            part = counts[low : low + n_batch]
            yield self.encoder.encode([picture(one, self.config.render, size) for one in part])

    def block(self, counts: Counts) -> FeatureBlock:
        """Compute the features of heatmaps, (n_samples, 64, 64) uint32.

        Raises
        ------
        UsageError
            If the counts have another shape.
        """
        features = np.empty((len(counts), self.n_features), np.float32)
        done = 0
        for part in self.batches(counts):
            features[done : done + len(part)] = part
            done += len(part)
        return FeatureBlock(
            self.config.name, features, self.encoder.info.weights_sha256, self.config_sha256
        )


def load_backbone(config: BackboneConfig, *, threads: int, cache_dir: str) -> Backbone:
    """Load a network for heatmaps.

    Parameters
    ----------
    config : BackboneConfig
    threads : int
        CPU threads. Changes no feature.
    cache_dir : str
        Local folder for exported networks.

    Raises
    ------
    UsageError
        If the model is unknown, or has no such output.
    WeightsError
        If there are no weights here, naming the ways to them.
    EngineError
        If engine, precision or device are not available here.
    """
    engine = resolve_engine(config.engine, config.precision, config.device)
    spec = EncoderSpec(
        config.model,
        config.weights,
        engine.engine,
        engine.precision,
        engine.device,
        config.output,
    )
    encoder = load_encoder(spec, threads=threads, cache_dir=cache_dir)
    chosen = replace(config, engine=engine.engine, precision=engine.precision, device=engine.device)
    return Backbone(chosen, encoder)


def check_counts(counts: npt.NDArray[np.generic]) -> None:
    """Raise UsageError unless counts are (n_samples, 64, 64) unsigned integers."""
    if counts.ndim != 3 or counts.shape[1:] != (N_BINS, N_BINS) or counts.dtype != np.uint32:
        raise UsageError(
            f"counts are {counts.shape} {counts.dtype}; expected (n_samples, {N_BINS}, {N_BINS}) "
            "uint32, as binned"
        )
