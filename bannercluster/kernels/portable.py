"""The loops of :mod:`bannercluster.kernels.native` on torch tensors, for any device.

On CUDA these are what runs; on CPU they are the check of the compiled loops. Sums are exact
multiples of a grid in float64, so atomic additions in any order give the same bits.
"""

from __future__ import annotations

from itertools import pairwise

import torch


def scale_rows(x: torch.Tensor) -> None:
    """Divide each float32 row in place by its Euclidean norm, taken in float64."""
    sq = x.double().square().sum(dim=1)
    factor = torch.where(sq > 0, sq.rsqrt(), torch.ones_like(sq))
    x.copy_((x.double() * factor[:, None]).float())


def bfloat16_operand(
    x: torch.Tensor, mean: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return the operand, its norms and the norms of what rounding lost; see the native twin."""
    operand = (x - mean).to(torch.bfloat16)
    rounded = operand.double()
    lost = (x.double() - mean.double()) - rounded
    norms = rounded.square().sum(dim=1).sqrt() * (1 + 1e-6)
    residuals = lost.square().sum(dim=1).sqrt() * (1 + 1e-6)
    return operand, norms.float(), residuals.float()


def scan(
    scores: torch.Tensor,
    starts: list[int],
    half_sq: torch.Tensor,
    score_rounding: float,
    slack: torch.Tensor,
    norms: torch.Tensor,
    residuals: torch.Tensor,
    rests: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return labels int64 and thresholds float32, both (n_runs, n); ``-inf`` where certain."""
    labels, flagged = [], []
    for run, (first, last) in enumerate(pairwise(starts)):
        score = scores[first:last]
        value = half_sq[first:last, None] - score
        best, label = value.min(dim=0)
        own = (half_sq[first:last][label] - best).abs()
        limit = (
            best
            + score_rounding * own
            + slack[run, 0] * residuals
            + slack[run, 1] * norms
            + slack[run, 2] * rests
            + slack[run, 3]
            + slack[run, 4] * (norms + rests) * (norms + rests)
        )
        lower = value - score_rounding * score.abs()
        certain = (~(lower > limit)).sum(dim=0) <= 1
        labels.append(label)
        flagged.append(torch.where(certain, torch.full_like(limit, -torch.inf), limit))
    return torch.stack(labels), torch.stack(flagged)


def recheck(
    x: torch.Tensor,
    centres: torch.Tensor,
    starts: list[int],
    tie: float,
    flagged: torch.Tensor,
    labels: torch.Tensor,
) -> int:
    """Decide the flagged labels in place by float64 distances; returns how many there were."""
    checked = 0
    for run, (first, last) in enumerate(pairwise(starts)):
        rows = torch.nonzero(flagged[run] != -torch.inf).squeeze(1)
        checked += len(rows)
        # Bounded temporaries: at most 2**22 float64 differences at once.
        step = max(1, (1 << 22) // ((last - first) * x.shape[1]))
        for part in torch.split(rows, step):
            gap = x[part].double()[:, None, :] - centres[None, first:last]
            sq_dist = gap.square().sum(dim=2)
            near = sq_dist <= sq_dist.amin(dim=1, keepdim=True) * (1 + tie)
            labels[run, part] = near.to(torch.uint8).argmax(dim=1)
    return checked


def add_rows(
    x: torch.Tensor,
    old: torch.Tensor | None,
    new: torch.Tensor,
    starts: list[int],
    grid: float,
    sums: torch.Tensor,
    counts: torch.Tensor,
) -> int:
    """Move rows that changed their cluster between the float64 ``sums``; returns the changes."""
    on_grid = (x.double() * grid).round() / grid
    changes = 0
    for run, first in enumerate(starts[:-1]):
        moved = (
            torch.arange(x.shape[0], device=x.device)
            if old is None
            else torch.nonzero(old[run] != new[run]).squeeze(1)
        )
        changes += len(moved)
        values = on_grid[moved]
        one = torch.ones(len(moved), dtype=counts.dtype, device=counts.device)
        target = first + new[run, moved].long()
        sums.index_add_(0, target, values)
        counts.index_add_(0, target, one)
        if old is not None:
            source = first + old[run, moved].long()
            sums.index_add_(0, source, values, alpha=-1)
            counts.index_add_(0, source, one, alpha=-1)
    return changes
