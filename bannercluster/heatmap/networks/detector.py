"""A residual network from a heatmap to evidence for a cluster in each cell of 4 x 4 px.

It sees the counts twice, as square roots (whose noise is the same everywhere) and as the logarithm
of the density (which does not depend on the number of clicks), at 224 px folded into cells, works
at three resolutions, and answers at the first. Without a layer over the whole canvas the same
weights look for clusters everywhere: each cluster of each image is a lesson.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

from bannercluster.errors import UsageError

CELL_PX = 4
"""Side of a cell."""

_COARSEST = 4  # cells per side of the coarsest resolution's own cells


@dataclass(frozen=True)
class DetectorConfig:
    """Size of the network.

    Parameters
    ----------
    n_pixels : int
        Of each side of a heatmap; a multiple of 16.
    widths : tuple of int
        Channels at cells of 4, 8 and 16 px.
    depths : tuple of int
        Residual blocks downwards at 4, 8 and 16 px, upwards at 8 and 4 px.
    """

    n_pixels: int = 224
    widths: tuple[int, int, int] = (32, 64, 96)
    depths: tuple[int, int, int, int, int] = (2, 3, 2, 1, 1)

    def __post_init__(self) -> None:
        step = CELL_PX * _COARSEST
        if self.n_pixels < step or self.n_pixels % step:
            raise UsageError(
                f"n_pixels is {self.n_pixels}, expected a multiple of {step}: choose the nearest"
            )

    @property
    def n_cells(self) -> int:
        """Cells of each side."""
        return self.n_pixels // CELL_PX


class Detector(nn.Module):
    """The network.

    Parameters
    ----------
    config : DetectorConfig
    n_outputs : int
        Values for each cell.
    bias : float
        What all of them are at first, nearly.
    """

    def __init__(self, config: DetectorConfig, n_outputs: int, bias: float = 0.0) -> None:
        super().__init__()
        fine, middle, coarse = config.widths
        self.stem = nn.Conv2d(2 * CELL_PX**2 + 1, fine, 3, padding=1)
        self.down_fine = _blocks(fine, config.depths[0])
        self.to_middle = nn.Conv2d(fine, middle, 2, stride=2)
        self.down_middle = _blocks(middle, config.depths[1])
        self.to_coarse = nn.Conv2d(middle, coarse, 2, stride=2)
        self.coarse = _blocks(coarse, config.depths[2])
        self.from_coarse = nn.Conv2d(coarse, middle, 1)
        self.up_middle = _blocks(middle, config.depths[3])
        self.from_middle = nn.Conv2d(middle, fine, 1)
        self.up_fine = _blocks(fine, config.depths[4])
        self.head = nn.Conv2d(fine, n_outputs, 1)
        nn.init.normal_(self.head.weight, std=0.01)
        nn.init.constant_(self.head.get_parameter("bias"), bias)
        self.to(memory_format=torch.channels_last)

    def forward(self, counts: torch.Tensor) -> torch.Tensor:
        """Return (n, n_outputs, cells, cells) float32 of (n, 1, side, side) float32 counts."""
        fine = self.down_fine(functional.relu(self.stem(_seen(counts))))
        middle = self.down_middle(functional.relu(self.to_middle(fine)))
        coarse = self.coarse(functional.relu(self.to_coarse(middle)))
        middle = self.up_middle(middle + _twice(self.from_coarse(coarse)))
        fine = self.up_fine(fine + _twice(self.from_middle(middle)))
        answer: torch.Tensor = self.head(fine)
        return answer.float()


class _Block(nn.Module):
    """Two convolutions beside an identity, which is all the block is at first."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.first_norm = nn.BatchNorm2d(width)
        self.second = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.second_norm = nn.BatchNorm2d(width)
        nn.init.zeros_(self.second_norm.weight)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        inner = functional.relu(self.first_norm(self.first(x)))
        return functional.relu(x + self.second_norm(self.second(inner)))


def _blocks(width: int, depth: int) -> nn.Sequential:
    return nn.Sequential(*[_Block(width) for _ in range(depth)])


def _twice(x: torch.Tensor) -> torch.Tensor:
    return functional.interpolate(x, scale_factor=2.0, mode="nearest")


def _seen(counts: torch.Tensor) -> torch.Tensor:
    """Return (n, 33, cells, cells): roots and log densities of each cell, log of all clicks."""
    n_pixels = counts.shape[-1] ** 2
    # No click at all: density 0 everywhere, as if there were one click somewhere else.
    n_clicks = counts.sum(dim=(1, 2, 3), keepdim=True).clamp(min=1.0)
    pair = torch.cat([counts.sqrt(), torch.log1p(counts * (n_pixels / n_clicks))], dim=1) / 2
    folded = functional.pixel_unshuffle(pair, CELL_PX)
    cells = folded.shape[-1]
    level = (n_clicks.log() / 4 - 2).expand(-1, 1, cells, cells)
    return torch.cat([folded, level], dim=1).contiguous(memory_format=torch.channels_last)
