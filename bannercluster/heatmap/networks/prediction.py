"""A network's answer for each heatmap, the same bits alone and among others."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

from bannercluster.encoders.torch_encoder import single_threaded_workers
from bannercluster.errors import UsageError


def answers(
    network: torch.nn.Module, counts: npt.NDArray[np.integer], *, threads: int = 1
) -> npt.NDArray[np.float32]:
    """Run a network on the heatmaps one by one.

    A heatmap is a batch of its own, computed by one thread: neither its neighbours nor the number
    of threads can reach it. (The convolutions of one heatmap fill a core.)

    Parameters
    ----------
    network : torch.nn.Module
        In evaluation mode, on the CPU; takes (1, 1, side, side) float32 counts.
    counts : (n, side, side) integer array
    threads : int
        Heatmaps at a time.

    Returns
    -------
    (n, ...) float32 array

    Raises
    ------
    UsageError
        If the shape is another one, or a count is negative.
    """
    check_counts(counts)

    def one(heatmap: npt.NDArray[np.integer]) -> npt.NDArray[np.float32]:
        with torch.inference_mode():
            seen = torch.from_numpy(heatmap.astype(np.float32))[None, None]
            found: npt.NDArray[np.float32] = network(seen)[0].float().numpy()
        return found

    with single_threaded_workers(threads) as pool:
        found: Sequence[npt.NDArray[np.float32]] = list(pool.map(one, counts))
    return np.stack(found) if found else np.zeros((0,), np.float32)


def check_counts(counts: npt.NDArray[np.integer]) -> None:
    """Raise UsageError unless counts are (n, side, side) integers, none negative."""
    shape_fits = counts.ndim == 3 and counts.shape[1] == counts.shape[2]
    if not shape_fits or counts.dtype.kind not in "iu" or (counts.size and counts.min() < 0):
        raise UsageError(
            f"got counts of shape {counts.shape} and type {counts.dtype}, expected (n, side, side) "
            f"integers, none negative: give raw click counts of square heatmaps"
        )
