"""A network that compares a heatmap with its grid's references, and with its own healthy density.

It learns what a likelihood ratio would need an integral for: which differences are another
audience (whole elements that draw more or fewer clicks) and which are a fault (clicks that moved,
gathered or went missing across elements). Most of the first is taken away before it looks: beside
the density of the references it is shown the density that a healthy domain with these clicks most
probably has. It sees no layout but through them, so it can be shown one that it never learned from.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from scipy.special import logsumexp
from torch import nn
from torch.nn import functional

from bannercluster.encoders.torch_encoder import single_threaded_workers
from bannercluster.heatmap.binning import CENTRES, N_BINS, Counts
from bannercluster.heatmap.simulator.faults import FAULTS
from bannercluster.heatmap.statistics.domains import KINDS, DomainFits
from bannercluster.heatmap.statistics.profile import GridProfile
from bannercluster.heatmap.statistics.scores import ScoreFunction

Array = npt.NDArray[np.float64]

N_BATCH = 8
"""Heatmaps of a batch, always: libraries round differently for other sizes."""

N_TURNS = 8
"""Ways to turn and mirror a square."""

_SIDES = (1, 2, 4, 8)
"""Squares, in bins, over which clicks are compared with what was expected."""

_N_INPUTS = 2 * (len(_SIDES) + 2) + 2
_N_GROUPS = 4


@dataclass(frozen=True)
class Compared:
    """What the network says of heatmaps.

    Parameters
    ----------
    log_odds : ndarray of shape (n, 11), float64
        Of each of ``FAULTS`` against *healthy*, as often as the lessons had them.
    """

    log_odds: Array

    @property
    def evidence(self) -> Array:
        """Log odds of *broken* against *healthy*, (n,)."""
        evidence: Array = logsumexp(self.log_odds, axis=1)
        return evidence

    @property
    def fault(self) -> Array:
        """Probability of each of ``FAULTS``, if it is broken, (n, 11)."""
        fault: Array = np.exp(self.log_odds - self.evidence[:, None])
        return fault


class ComparisonNetwork(nn.Module):
    """A small residual network over differences at four resolutions.

    Parameters
    ----------
    width : int
        Channels of the first stage; the third has four times as many.
    n_turns : int
        Ways to turn and mirror a heatmap that ``compare`` shows it, of eight.
    """

    depth: torch.Tensor

    def __init__(self, width: int, n_turns: int = N_TURNS) -> None:
        super().__init__()
        self.n_turns = n_turns
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
            nn.Linear(8 * width + 1 + len(KINDS), 96), nn.ReLU(), nn.Linear(96, 1 + len(FAULTS))
        )

    def forward(
        self,
        counts: torch.Tensor,
        density: torch.Tensor,
        own: torch.Tensor,
        deviation: torch.Tensor,
    ) -> torch.Tensor:
        """Compute logits of *healthy* and of the faults, (n, 12).

        Parameters
        ----------
        counts : (n, 64, 64) float tensor
        density, own : (n, 64, 64) float tensor
            Of the references and each heatmap's own healthy one; positive everywhere.
        deviation : (n, 5) float tensor
            How unusual the healthy domain is, see ``DomainFits``.
        """
        return self.answer(self.inputs(counts, density, own), deviation)

    def answer(self, seen: torch.Tensor, deviation: torch.Tensor) -> torch.Tensor:
        """Compute the logits of what ``inputs`` returns, (n, 12)."""
        features = self.body(self.stem(seen.contiguous(memory_format=torch.channels_last))).float()
        seen_whole = [torch.asinh(deviation), seen[:, -1, 0, :1]]
        pooled = [features.mean(dim=(2, 3)), features.amax(dim=(2, 3)), *seen_whole]
        answer: torch.Tensor = self.head(torch.cat(pooled, dim=1))
        return answer

    def inputs(
        self, counts: torch.Tensor, density: torch.Tensor, own: torch.Tensor
    ) -> torch.Tensor:
        """Return what the first layer sees, (n, 14, 64, 64)."""
        seen = counts[:, None]
        n_clicks = seen.sum(dim=(2, 3), keepdim=True)
        planes = []
        for healthy in (density[:, None], own[:, None]):
            planes.append(torch.asinh(healthy * (N_BINS**2 / 4)))
            expected = n_clicks * healthy
            for side in _SIDES:
                found, wanted = _pooled(seen, side), _pooled(expected, side)
                residual = torch.asinh((found - wanted) / (wanted + 0.5).sqrt())
                planes.append(_enlarged(residual, side))
            found, wanted = _pooled(seen, 2), _pooled(expected, 2)
            planes.append(_enlarged(((found + 1) / (wanted + 1)).log(), 2))
        size = (n_clicks.clamp_min(1).log() / 5 - 1).expand_as(seen)
        return torch.cat([*planes, self.depth.expand_as(seen), size], dim=1)


def compare(
    network: ComparisonNetwork,
    counts: Counts,
    density: Array,
    fits: DomainFits,
    *,
    threads: int = 1,
) -> Compared:
    """Compare heatmaps with the density of their references and with their own healthy ones.

    Each is shown in several ways to turn and mirror a square, as the lessons were, and its
    probabilities are the means of the answers.

    Parameters
    ----------
    network : ComparisonNetwork
        On the CPU, in evaluation mode.
    counts : ndarray of shape (n, 64, 64), uint32
    density : ndarray of shape (64, 64) or (n, 64, 64), float64
        Positive, sums to one.
    fits : DomainFits
        Of these heatmaps.
    threads : int
        Batches computed at the same time. Changes no bit.

    Returns
    -------
    Compared
        The same bits for a heatmap alone and among others.
    """
    answers = np.empty((len(counts), 1 + len(FAULTS)))
    densities = np.broadcast_to(density, counts.shape)
    inputs: tuple[npt.NDArray[Any], ...] = (counts, densities, fits.density, fits.deviation)
    # What fills a batch up: no clicks, on a flat density.
    flat = np.full((N_BINS, N_BINS), 1 / N_BINS**2)
    idle = (np.zeros((N_BINS, N_BINS)), flat, flat, np.zeros(len(KINDS)))

    def compute(low: int) -> None:
        part = slice(low, min(low + N_BATCH, len(counts)))
        n = part.stop - low
        batch = []
        for values, filling in zip(inputs, idle, strict=True):
            whole = np.broadcast_to(filling, (N_BATCH, *filling.shape)).astype(np.float32)
            whole[:n] = values[part]
            batch.append(torch.from_numpy(whole))
        *maps, deviation = batch
        with torch.inference_mode():
            seen = network.inputs(*maps)
            logits = [
                network.answer(turned(seen, turn), deviation) for turn in range(network.n_turns)
            ]
            log_shares = torch.stack(logits).double().log_softmax(dim=2)
            answers[part] = log_shares.logsumexp(dim=0)[:n].numpy()

    with single_threaded_workers(threads) as pool:
        for _ in pool.map(compute, range(0, len(counts), N_BATCH)):
            pass
    return Compared(answers[:, 1:] - answers[:, :1])


def comparison_scores(network: ComparisonNetwork) -> ScoreFunction:
    """Return a network's scores of heatmaps against their grid's profile.

    They are its evidence, then the log odds of each of ``FAULTS``: (n, 12).
    """

    def score(profile: GridProfile, counts: Counts, fits: DomainFits) -> Array:
        compared = compare(network, counts, profile.density, fits)
        return np.concatenate([compared.evidence[:, None], compared.log_odds], axis=1)

    return score


def turned(planes: torch.Tensor, turn: int) -> torch.Tensor:
    """Return squares, the last two dimensions, turned or mirrored in one of eight ways."""
    if turn & 1:
        planes = planes.flip(-2)
    if turn & 2:
        planes = planes.flip(-1)
    return planes.transpose(-1, -2) if turn & 4 else planes


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
