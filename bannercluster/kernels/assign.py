"""The nearest centre of each row in each run, as float64 arithmetic would have it.

One matrix product in low precision finds the label of almost every row for certain; the few rows
for which its rounding could matter are decided by float64 distances. So the label is a function
of the row and the centres alone: not of the precision of the product, the tile, the batch or the
device.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np
import torch

from bannercluster.kernels import portable
from bannercluster.kernels.native import labels as native
from bannercluster.kernels.products import float32_product
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
        Told the number of (row, run) pairs that the product of the operands left undecided.

    Returns
    -------
    (n_runs, n) uint8 or uint16 array
        Index of the nearest centre within its run; the lowest where several are equally near
        (relative difference of squared distances under 2**-40).
    """
    if rows.operand.device.type != "cpu":
        labels_, checked = _assign_portable(rows, stack)
        labels = labels_.cpu().numpy().astype(stack.label_dtype)
    else:
        labels = np.empty((stack.n_runs, len(rows.norms)), stack.label_dtype)
        checked = 0
        # Whole kibirows, as many as keep the scores in the cache.
        size = max(1, _CACHED_SCORES // (len(stack.centres) << 10)) << 10
        for low in range(0, labels.shape[1], size):
            own = slice(low, low + size)
            checked += _assign_block(rows, stack, own, labels[:, own])
    if on_checked is not None:
        on_checked(int(checked))
    return labels


def _assign_block(rows: Rows, stack: Stack, own: slice, labels: np.ndarray) -> int:
    """Assign a block of rows whose scores fit the cache; returns how many took all features."""
    operand = rows.operand[own]
    n = len(operand)
    low_precision = operand.dtype == torch.bfloat16
    if low_precision:
        scores = _scratch("scores", (len(stack.centres), n), operand.dtype)
        torch.mm(stack.operand, operand.T, out=scores)
    else:
        scores = float32_product(stack.operand, operand)
    bits = scores.view(torch.uint16 if low_precision else torch.uint32).numpy()
    shift = np.uint32(16 if low_precision else 0)
    flagged = _scratch("flagged", (stack.n_runs, n), torch.float32).numpy()
    operands = rows.operands(own)
    native.scan(bits, shift, stack.arrays, operands, labels, flagged)
    given = (bits, shift, stack.arrays, operands, TIE, flagged, labels)
    if rows.values is not None:
        checked, _ = native.recheck(rows.values[own].numpy(), _NOWHERE, *given)
        return int(checked)
    _, left = native.recheck(_NO_VALUES, np.full(n, -1, np.int64), *given)
    if left:
        wanted = np.zeros(len(rows.norms), bool)
        wanted[own] = (flagged != -np.inf).any(axis=0)
        x, place = rows.some(wanted)
        native.recheck(x, place[own], *given)
    return int(left)


_NO_VALUES = np.empty((0, 0), np.float32)
_CACHED_SCORES = 1 << 18
_NOWHERE = np.empty(0, np.int64)
_local = threading.local()


def _scratch(name: str, shape: tuple[int, int], dtype: torch.dtype) -> torch.Tensor:
    """Return memory of this thread, not cleared: fresh pages for every block would cost more."""
    kept: dict[tuple[str, torch.dtype], torch.Tensor] = _local.__dict__.setdefault("kept", {})
    size = shape[0] * shape[1]
    found = kept.get((name, dtype))
    if found is None or found.numel() < size:
        found = kept[name, dtype] = torch.empty(size, dtype=dtype)
    return found[:size].view(shape)


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
