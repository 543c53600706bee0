"""The nearest centre of each row in each run, as float64 arithmetic would have it.

One matrix product in low precision finds the label of almost every row for certain; the few rows
for which its rounding could matter are decided by float64 distances. So the label is a function
of the row and the centres alone: not of the precision of the product, the tile, the batch or the
device.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from bannercluster.kernels import native, portable
from bannercluster.kernels.rows import Rows
from bannercluster.kernels.stack import TIE, Stack


def assign(rows: Rows, stack: Stack, on_checked: Callable[[int], None] | None = None) -> np.ndarray:
    """Assign rows to their nearest centres.

    Parameters
    ----------
    rows : Rows
        Prepared with ``stack.recipe``.
    stack : Stack
    on_checked : callable, optional
        Told the number of (row, run) pairs that had to be decided in float64.

    Returns
    -------
    (n_runs, n) uint8 or uint16 array
        Index of the nearest centre within its run; the lowest where several are equally near
        (relative difference of squared distances under 2**-40).
    """
    if rows.x.device.type != "cpu":
        labels_, checked = _assign_portable(rows, stack)
        labels = labels_.cpu().numpy().astype(stack.label_dtype)
    else:
        scores = torch.mm(stack.operand, rows.operand.T).float().numpy()
        labels = np.empty((stack.n_runs, scores.shape[1]), stack.label_dtype)
        flagged = np.empty(labels.shape, np.float32)
        native.scan(
            scores,
            stack.starts,
            stack.half_sq,
            stack.score_rounding,
            stack.slack,
            rows.norms.numpy(),
            rows.residuals.numpy(),
            rows.rests.numpy(),
            labels,
            flagged,
        )
        checked = native.recheck(
            rows.x.numpy(),
            stack.centres,
            scores,
            stack.starts,
            stack.half_sq,
            stack.score_rounding,
            stack.slack,
            stack.pairs,
            stack.pair_starts,
            rows.norms.numpy(),
            rows.residuals.numpy(),
            rows.rests.numpy(),
            TIE,
            flagged,
            labels,
        )
    if on_checked is not None:
        on_checked(int(checked))
    return labels


def _assign_portable(rows: Rows, stack: Stack) -> tuple[torch.Tensor, int]:
    device = rows.x.device
    starts = [int(start) for start in stack.starts]
    scores = torch.mm(stack.operand.to(device), rows.operand.T).float()
    labels, flagged = portable.scan(
        scores,
        starts,
        torch.from_numpy(stack.half_sq).to(device),
        float(stack.score_rounding),
        torch.from_numpy(stack.slack).to(device),
        rows.norms,
        rows.residuals,
        rows.rests,
    )
    centres = torch.from_numpy(stack.centres).to(device)
    return labels, portable.recheck(rows.x, centres, starts, TIE, flagged, labels)
