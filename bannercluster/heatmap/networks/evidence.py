"""From evidence in each cell to a distribution of the number of clusters, and what teaches both.

The cells are independent coins: the number of heads is Poisson-binomial. The cross entropy of the
true number under it teaches each image as a whole; each true cluster also claims one cell near its
centre, the one that the network itself prefers, so that the network puts one head down for each
cluster and not half of one in each of two cells.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from scipy.optimize import linear_sum_assignment
from torch.nn import functional

from bannercluster.heatmap.networks.detector import CELL_PX

N_COINS = 64
"""Cells that are counted: those with the highest evidence."""

FAR_PER_PX = 0.5
"""What a px between a centre and the middle of a cell costs, in units of a cell's logit."""

_LEAST = 1e-12  # of a probability under a logarithm
_IMPOSSIBLE = 1e6


def count_log_probabilities(logits: torch.Tensor, most: int) -> torch.Tensor:
    """Distribution of the number of clusters, given that it is at most ``most``.

    Parameters
    ----------
    logits : (n, cells, cells) float tensor
    most : int

    Returns
    -------
    (n, most + 1) float tensor
        Logarithms.
    """
    cells = logits.flatten(1)
    coins = torch.sigmoid(cells.topk(min(N_COINS, cells.shape[1]), dim=1).values)
    heads = functional.pad(torch.ones_like(coins[:, :1]), (0, most))
    for index in range(coins.shape[1]):
        head = coins[:, index : index + 1]
        heads = heads * (1 - head) + functional.pad(heads[:, :-1], (1, 0)) * head
    total = heads.sum(dim=1, keepdim=True)
    return torch.log(heads + _LEAST) - torch.log(total + _LEAST * (most + 1))


def claimed_cells(
    logits: npt.NDArray[np.float32], centres: npt.NDArray[np.float64]
) -> npt.NDArray[np.int64]:
    """Give each cluster a cell of its own among the nine around its centre.

    Parameters
    ----------
    logits : (cells, cells) float32 array
        Axes (y, x).
    centres : (k, 2) float64 array
        (x, y) in px, on the canvas.

    Returns
    -------
    (k,) int64 array
        Flat cells, all different; the assignment of least total cost, where a cell costs
        `FAR_PER_PX` times its distance less its logit.
    """
    k, side = len(centres), len(logits)
    if not k:
        return np.zeros(0, np.int64)
    home = (centres // CELL_PX).astype(np.int64)
    step_y, step_x = np.mgrid[-1:2, -1:2].reshape(2, 1, 9)
    y = np.clip(home[:, 1:] + step_y, 0, side - 1)
    x = np.clip(home[:, :1] + step_x, 0, side - 1)
    gap = np.hypot((x + 0.5) * CELL_PX - centres[:, :1], (y + 0.5) * CELL_PX - centres[:, 1:])
    choices, place = np.unique(y * side + x, return_inverse=True)
    cost = np.full((k, max(len(choices), k)), _IMPOSSIBLE)
    cost[np.arange(k)[:, None], place.reshape(k, 9)] = FAR_PER_PX * gap - logits[y, x]
    rows, columns = linear_sum_assignment(cost[:, : len(choices)])
    found = np.full(k, -1, np.int64)
    found[rows] = choices[columns]
    return found[found >= 0]


def claim_loss(logits: torch.Tensor, centres: list[npt.NDArray[np.float64]]) -> torch.Tensor:
    """Cross entropy of each cell with whether a cluster claims it: summed over cells, mean of n.

    Parameters
    ----------
    logits : (n, cells, cells) float tensor
    centres : list of n (k, 2) float64 arrays
    """
    seen = logits.detach().float().cpu().numpy()
    wanted = np.zeros(seen.shape, np.float32)
    for index, some in enumerate(centres):
        wanted[index].reshape(-1)[claimed_cells(seen[index], some)] = 1.0
    target = torch.from_numpy(wanted).to(logits.device)
    summed = functional.binary_cross_entropy_with_logits(logits, target, reduction="sum")
    return summed / len(logits)
