"""Exact, order-free sums of rows per cluster.

Values are rounded to multiples of ``1 / grid`` with ``n max|x| grid <= 2**52``; then every
partial sum is a multiple of ``1 / grid`` below ``2**52 / grid``, which float64 holds exactly.
Additions cannot round, so a sum is a function of the set of rows: order, tiles, workers, devices
and the path of earlier labels leave no trace, and adding only the rows that moved gives the same
bits as adding all. No value is more than ``2**26`` multiples, so that a few of them add in 32 bits.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch

from bannercluster.kernels import portable
from bannercluster.kernels.native import sums as native
from bannercluster.kernels.rows import Rows
from bannercluster.kernels.stack import Stack


def exact_grid(n_rows: int, largest: float) -> float:
    """Return the finest grid on which ``n_rows`` values up to ``largest`` add without rounding.

    A power of two; values are rounded to multiples of its inverse: at most 2**-26 of the largest
    value up to 33 M rows, about what float32 does to that value, and averaged over a cluster.
    """
    if n_rows < 1 or not largest > 0.0:
        return 1.0
    finest = min(26 - math.ceil(math.log2(largest)), 126)  # itself a float32
    return math.ldexp(1.0, min(finest, 51 - math.ceil(math.log2(n_rows * largest))))


@dataclass
class ClusterSums:
    """Sums and counts of the clusters of a stack; addition of two is exact.

    Parameters
    ----------
    sums : (n_centres, n_features) float64 array
    counts : (n_centres,) int64 array
    """

    sums: np.ndarray
    counts: np.ndarray

    @classmethod
    def zeros(cls, n_centres: int, n_features: int) -> ClusterSums:
        """Return the sums of no rows."""
        return cls(np.zeros((n_centres, n_features)), np.zeros(n_centres, np.int64))

    def move(
        self, rows: Rows, stack: Stack, old: np.ndarray | None, new: np.ndarray, grid: float
    ) -> int:
        """Take rows whose label changed from their old sum and add them to the new one.

        Parameters
        ----------
        rows : Rows
        stack : Stack
        old : (n_runs, n) array or None
            Earlier labels; None adds every row.
        new : (n_runs, n) array
        grid : float
            From :func:`exact_grid`.

        Returns
        -------
        int
            Number of (row, run) pairs that changed.
        """
        device = rows.operand.device
        if device.type == "cpu":
            before = np.empty((new.shape[0], 0), new.dtype) if old is None else old
            wanted = np.ones(new.shape[1], bool) if old is None else (old != new).any(axis=0)
            if not wanted.any():
                return 0
            x, place = rows.some(wanted)
            changes = native.add_rows(
                x, place, stack.n_runs, before, new, stack.starts, grid, self.sums, self.counts
            )
            return int(changes)
        sums = torch.zeros(self.sums.shape, dtype=torch.float64, device=device)
        counts = torch.zeros(self.counts.shape, dtype=torch.int64, device=device)
        changes = portable.add_rows(
            rows.x,
            None if old is None else torch.from_numpy(old.astype(np.int64)).to(device),
            torch.from_numpy(new.astype(np.int64)).to(device),
            [int(start) for start in stack.starts],
            grid,
            sums,
            counts,
        )
        self.sums += sums.cpu().numpy()
        self.counts += counts.cpu().numpy()
        return changes

    def __iadd__(self, other: ClusterSums) -> ClusterSums:
        self.sums += other.sums
        self.counts += other.counts
        return self
