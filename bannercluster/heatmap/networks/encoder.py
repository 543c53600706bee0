"""The network of SimCLR: counts in, features out, and a projection on top of it for training.

Position is the signal, and a mean over positions throws it away. So the input carries the
coordinates of its bins, and the last map is flattened and not pooled.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import nn
from torch.nn import functional

from bannercluster.heatmap.binning import N_BINS

_N_INPUTS = 4  # density, smoothed density, x, y
_BLUR_SD = 1.5  # bins
_N_GROUPS = 8
_RESNET_PX = 128  # side of ResNet-50's input: its last map is 4 x 4


class HeatmapEncoder(nn.Module):
    """Features of raw counts.

    The number of clicks is taken out first: the network sees densities, as they are and smoothed,
    under a logarithm, and the coordinates of the bins. Zero clicks are a density of zero.

    Parameters
    ----------
    kind : {"small", "resnet50"}
        ``small``: a stem and two residual blocks, 64 to 8 bins a side, 0.4 million weights; for
        CPUs. ``resnet50``: timm's, untrained, on the heatmap enlarged to 128.
    n_features : int
    """

    blur: torch.Tensor
    place: torch.Tensor

    def __init__(self, kind: Literal["small", "resnet50"], n_features: int) -> None:
        super().__init__()
        self.n_features = n_features
        self.register_buffer("blur", _blur(), persistent=False)
        self.register_buffer("place", _place(), persistent=False)
        self.body = _small() if kind == "small" else _ResNet50()
        n_channels, side = (16, 8) if kind == "small" else (64, 4)
        self.out = nn.Linear(n_channels * side**2, n_features)

    def forward(self, counts: torch.Tensor) -> torch.Tensor:
        """Compute features (n, n_features) of counts (n, 64, 64), float32."""
        x = self.body(self.inputs(counts))
        features: torch.Tensor = self.out(x.flatten(1))
        return features

    def inputs(self, counts: torch.Tensor) -> torch.Tensor:
        """Return what the first layer sees: (n, 4, 64, 64) float32."""
        n_clicks = counts.sum(dim=(1, 2), keepdim=True).clamp_min(1)
        # 1 where clicks are spread evenly over all bins.
        density = counts * (N_BINS**2 / n_clicks)
        with torch.autocast(counts.device.type, enabled=False):  # a sum of up to 50,000 clicks
            smooth = self.blur @ density @ self.blur.T
        seen = torch.stack([density, smooth], dim=1).log1p()
        return torch.cat([seen, self.place.expand(len(counts), -1, -1, -1)], dim=1)


class SimclrNetwork(nn.Module):
    """An encoder and its projection head: two layers, used in training only.

    Parameters
    ----------
    encoder : HeatmapEncoder
    n_projection : int
    """

    def __init__(self, encoder: HeatmapEncoder, n_projection: int) -> None:
        super().__init__()
        width = encoder.n_features
        self.encoder = encoder
        self.head = nn.Sequential(
            nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, n_projection)
        )

    def forward(self, counts: torch.Tensor) -> torch.Tensor:
        """Compute projections (n, n_projection) of counts (n, 64, 64), float32."""
        projected: torch.Tensor = self.head(self.encoder(counts))
        return projected


class _Residual(nn.Module):
    """Two 3 x 3 convolutions that halve the side, and a short cut beside them.

    Group norm and not batch norm: the features of a heatmap shall depend on no other, in training
    too, where statistics of the batch would tell a view which others it came with.
    """

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(n_in, n_out, 3, stride=2, padding=1, bias=False)
        self.second = nn.Conv2d(n_out, n_out, 3, padding=1, bias=False)
        self.beside = nn.Conv2d(n_in, n_out, 1, bias=False)
        self.norms = nn.ModuleList([nn.GroupNorm(_N_GROUPS, n_out) for _ in range(2)])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        inner = functional.relu(self.norms[0](self.first(x)))
        inner = self.norms[1](self.second(inner))
        return functional.relu(inner + self.beside(functional.avg_pool2d(x, 2)))


class _ResNet50(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        import timm

        self.network = timm.create_model(
            "resnet50", pretrained=False, in_chans=_N_INPUTS, num_classes=0, global_pool=""
        )
        self.narrow = nn.Conv2d(2048, 64, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        large = functional.interpolate(
            x, size=(_RESNET_PX, _RESNET_PX), mode="bilinear", align_corners=False
        )
        narrow: torch.Tensor = self.narrow(self.network(large))
        return narrow


def _small() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(_N_INPUTS, 32, 5, stride=2, padding=2, bias=False),
        nn.GroupNorm(_N_GROUPS, 32),
        nn.ReLU(),
        _Residual(32, 64),
        _Residual(64, 128),
        nn.Conv2d(128, 16, 1),
    )


def _blur() -> torch.Tensor:
    """Return the (64, 64) matrix of a Gaussian filter along an axis; rows sum to one."""
    at = torch.arange(N_BINS, dtype=torch.float64)
    weight = torch.exp(-((at[:, None] - at[None, :]) ** 2) / (2 * _BLUR_SD**2))
    return (weight / weight.sum(dim=1, keepdim=True)).float()


def _place() -> torch.Tensor:
    """Return the coordinates of the bins from -1 to 1, (1, 2, 64, 64)."""
    axis = torch.linspace(-1, 1, N_BINS)
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    return torch.stack([x, y])[None]
