"""A network that compares a heatmap with the density of its grid's references.

It learns what a likelihood ratio would need an integral for: which differences are another
audience (whole elements that draw more or fewer clicks) and which are a fault (clicks that moved,
gathered or went missing across elements). It sees no layout but through the reference, so it can be
shown one that it never learned from.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn import functional

from bannercluster.encoders.torch_encoder import single_threaded_workers
from bannercluster.heatmap.binning import CENTRES, N_BINS, Counts
from bannercluster.heatmap.simulator.faults import FAULTS
from bannercluster.heatmap.statistics.profile import GridProfile
from bannercluster.heatmap.statistics.scores import ScoreFunction

Array = npt.NDArray[np.float64]

N_BATCH = 8
"""Heatmaps of a batch, always: libraries round differently for other sizes."""

_N_INPUTS = 8
_N_GROUPS = 4


@dataclass(frozen=True)
class Compared:
    """What the network says of heatmaps.

    Parameters
    ----------
    evidence : ndarray of shape (n,), float64
        Log odds of broken against healthy, at even odds before.
    fault : ndarray of shape (n, 11), float64
        Probability of each of ``FAULTS``, if it is broken.
    """

    evidence: Array
    fault: Array


class ComparisonNetwork(nn.Module):
    """A small residual network over differences at four resolutions.

    Parameters
    ----------
    width : int
        Channels of the first stage; the third has four times as many.
    """

    depth: torch.Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.register_buffer("depth", _depth(), persistent=False)
        self.stem = nn.Sequential(
            nn.Conv2d(_N_INPUTS, width, 3, stride=2, padding=1, bias=False),
            nn.GroupNorm(_N_GROUPS, width),
            nn.ReLU(),
        )
        self.body = nn.Sequential(
            _Residual(width, width, 1),
            _Residual(width, 2 * width, 2),
            _Residual(2 * width, 2 * width, 1),
            _Residual(2 * width, 4 * width, 2),
            _Residual(4 * width, 4 * width, 1),
        )
        self.head = nn.Sequential(
            nn.Linear(8 * width + 1, 96), nn.ReLU(), nn.Linear(96, 1 + len(FAULTS))
        )

    def forward(self, counts: torch.Tensor, density: torch.Tensor) -> torch.Tensor:
        """Compute log odds and logits of the faults, (n, 12), of (n, 64, 64) counts and densities.

        The densities are positive everywhere.
        """
        seen = self.inputs(counts, density)
        features = self.body(self.stem(seen.contiguous(memory_format=torch.channels_last))).float()
        size = seen[:, -1, 0, :1]
        pooled = torch.cat([features.mean(dim=(2, 3)), features.amax(dim=(2, 3)), size], dim=1)
        answer: torch.Tensor = self.head(pooled)
        return answer

    def inputs(self, counts: torch.Tensor, density: torch.Tensor) -> torch.Tensor:
        """Return what the first layer sees, (n, 8, 64, 64)."""
        seen, density = counts[:, None], density[:, None]
        n_clicks = seen.sum(dim=(2, 3), keepdim=True)
        expected = n_clicks * density
        size = (n_clicks.clamp_min(1).log() / 5 - 1).expand_as(density)
        planes = [torch.asinh(density * (N_BINS**2 / 4))]
        for side in (1, 2, 4, 8):
            found, wanted = _pooled(seen, side), _pooled(expected, side)
            residual = torch.asinh((found - wanted) / (wanted + 0.5).sqrt())
            planes.append(_enlarged(residual, side))
        found, wanted = _pooled(seen, 2), _pooled(expected, 2)
        planes.append(_enlarged(((found + 1) / (wanted + 1)).log(), 2))
        return torch.cat([*planes, self.depth.expand_as(density), size], dim=1)


def compare(
    network: ComparisonNetwork, counts: Counts, density: Array, *, threads: int = 1
) -> Compared:
    """Compare heatmaps with the density of their references.

    Parameters
    ----------
    network : ComparisonNetwork
        On the CPU, in evaluation mode.
    counts : ndarray of shape (n, 64, 64), uint32
    density : ndarray of shape (64, 64) or (n, 64, 64), float64
        Positive, sums to one.
    threads : int
        Batches computed at the same time. Changes no bit.

    Returns
    -------
    Compared
        The same bits for a heatmap alone and among others.
    """
    answers = np.empty((len(counts), 1 + len(FAULTS)), np.float32)
    densities = np.broadcast_to(density, counts.shape)

    def compute(low: int) -> None:
        part = slice(low, min(low + N_BATCH, len(counts)))
        batch = torch.zeros(N_BATCH, N_BINS, N_BINS)
        wanted = torch.full((N_BATCH, N_BINS, N_BINS), 1 / N_BINS**2)
        n = part.stop - low
        batch[:n] = torch.from_numpy(counts[part].astype(np.float32))
        wanted[:n] = torch.from_numpy(densities[part].astype(np.float32))
        with torch.inference_mode():
            answers[part] = network(batch, wanted)[:n].numpy()

    with single_threaded_workers(threads) as pool:
        for _ in pool.map(compute, range(0, len(counts), N_BATCH)):
            pass
    found = answers.astype(np.float64)
    raised = np.exp(found[:, 1:] - found[:, 1:].max(axis=1, keepdims=True, initial=-np.inf))
    return Compared(found[:, 0], raised / raised.sum(axis=1, keepdims=True))


def comparison_scores(network: ComparisonNetwork) -> ScoreFunction:
    """Return the evidence of a network as a score of heatmaps against their grid's profile."""

    def score(profile: GridProfile, counts: Counts) -> Array:
        return compare(network, counts, profile.density).evidence

    return score


class _Residual(nn.Module):
    """Two 3 x 3 convolutions and a short cut beside them."""

    def __init__(self, n_in: int, n_out: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(n_in, n_out, 3, stride=stride, padding=1, bias=False)
        self.second = nn.Conv2d(n_out, n_out, 3, padding=1, bias=False)
        self.norms = nn.ModuleList([nn.GroupNorm(_N_GROUPS, n_out) for _ in range(2)])
        same = n_in == n_out and stride == 1
        self.beside = nn.Identity() if same else nn.Conv2d(n_in, n_out, 1, stride, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        inner = functional.relu(self.norms[0](self.first(x)))
        return functional.relu(self.norms[1](self.second(inner)) + self.beside(x))


def _pooled(values: torch.Tensor, side: int) -> torch.Tensor:
    return functional.avg_pool2d(values, side) * side**2


def _enlarged(values: torch.Tensor, side: int) -> torch.Tensor:
    return values if side == 1 else functional.interpolate(values, scale_factor=float(side))


def _depth() -> torch.Tensor:
    """Return how far each bin lies inside the slot, negative in the ring, (1, 1, 64, 64)."""
    axis = torch.from_numpy(np.minimum(CENTRES, 1 - CENTRES)).float()
    return 4 * torch.minimum(axis[:, None], axis[None, :])[None, None]
