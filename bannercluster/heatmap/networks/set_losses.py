"""Losses between sets of centres: Hungarian set prediction, and the Chamfer distance beside it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from scipy.optimize import linear_sum_assignment
from torch.nn import functional


@dataclass(frozen=True)
class SetWeights:
    """What counts how much, in units of the cross entropy of existence.

    Parameters
    ----------
    centre_per_px : float
    log_sd : float
    """

    centre_per_px: float = 0.5
    log_sd: float = 0.3


@dataclass(frozen=True)
class Slots:
    """What a network says of n heatmaps, s slots each.

    Parameters
    ----------
    existence : (n, s) float tensor
        Logits.
    centres : (n, s, 2) float tensor
        (x, y) in px.
    log_sd : (n, s) float tensor
        Logarithm of the standard deviation in px (the geometric mean over the axes).
    """

    existence: torch.Tensor
    centres: torch.Tensor
    log_sd: torch.Tensor


@dataclass(frozen=True)
class Wanted:
    """The true clusters of n heatmaps, at most m each.

    Parameters
    ----------
    centres : (n, m, 2) float tensor
    log_sd : (n, m) float tensor
    present : (n, m) bool tensor
        Which of the rows are clusters.
    """

    centres: torch.Tensor
    log_sd: torch.Tensor
    present: torch.Tensor


def hungarian_loss(slots: Slots, wanted: Wanted, weights: SetWeights) -> torch.Tensor:
    """Loss of Hungarian set prediction (Carion et al. 2020), mean over the heatmaps.

    Each cluster is matched with a slot of its own such that the sum of costs is least; a pair costs
    ``centre_per_px * |centre - slot centre|_1 + log_sd * |difference of log sd| - logit``. The loss
    is the cross entropy of existence of all slots, matched ones against 1 and others against 0,
    plus the first two terms of the matched pairs. Without a cluster all slots are to be empty.

    Returns
    -------
    scalar tensor
    """
    target = torch.zeros_like(slots.existence)
    shape = slots.existence.new_zeros(())
    for index in range(len(target)):
        there = wanted.present[index]
        if not bool(there.any()):
            continue
        gap = (wanted.centres[index][there][:, None] - slots.centres[index][None]).abs().sum(dim=2)
        spread = (wanted.log_sd[index][there][:, None] - slots.log_sd[index][None]).abs()
        cost = weights.centre_per_px * gap + weights.log_sd * spread
        own = matched((cost - slots.existence[index][None]).detach().cpu().numpy())
        rows, columns = (torch.from_numpy(part).to(target.device) for part in own)
        target[index, columns] = 1.0
        shape = shape + cost[rows, columns].sum()
    entropy = functional.binary_cross_entropy_with_logits(slots.existence, target, reduction="sum")
    return (entropy + shape) / len(target)


def matched(
    cost: npt.NDArray[np.floating],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return rows and columns of the assignment of least total cost, each used once."""
    rows, columns = linear_sum_assignment(cost)
    return rows.astype(np.int64), columns.astype(np.int64)


def chamfer_loss(predicted: torch.Tensor, wanted: Wanted, lonely_px: float) -> torch.Tensor:
    """Mean over the heatmaps of the Chamfer distance of predicted points to the true centres.

    c(A, B) = sum over a of the distance to the nearest b + sum over b of that to the nearest a.
    That is undefined where one set is empty. Here a point that has no counterpart at all costs
    ``lonely_px``, whatever its place; two empty sets are 0 apart.

    Parameters
    ----------
    predicted : (n, s, 2) float tensor
        All of them points: Chamfer knows no existence.
    wanted : Wanted
    lonely_px : float
        The diagonal of the canvas is the most that two points can be apart.

    Returns
    -------
    scalar tensor
    """
    total = predicted.new_zeros(())
    for index in range(len(predicted)):
        true = wanted.centres[index][wanted.present[index]].to(predicted.dtype)
        total = total + chamfer(true, predicted[index], lonely_px)
    return total / max(len(predicted), 1)


def chamfer(first: torch.Tensor, second: torch.Tensor, lonely_px: float) -> torch.Tensor:
    """Chamfer distance of two sets of points, (n, 2) and (m, 2); see `chamfer_loss`."""
    if not len(first) or not len(second):
        return second.new_tensor(lonely_px * (len(first) + len(second)))
    # The root has no gradient at 0: a point that is met exactly is not to be moved.
    square = (first[:, None] - second[None]).square().sum(dim=2)
    gap = torch.where(square > 0, square.clamp(min=1e-12).sqrt(), square)
    return gap.amin(dim=1).sum() + gap.amin(dim=0).sum()
