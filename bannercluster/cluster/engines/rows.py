"""All rows in the memory of this process, for libraries that take an array."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bannercluster.kernels.rows import Normalize, normalized, to_float32
from bannercluster.traverse.segments import TILE_ROWS
from bannercluster.traverse.sources import RowSource


@dataclass(frozen=True)
class ReadRows:
    """Reads normalised rows; goes to any worker.

    Parameters
    ----------
    source : RowSource
    normalize : {"l2", "none"}
    """

    source: RowSource
    normalize: Normalize

    def __call__(self, start: int, stop: int) -> np.ndarray:
        """Return rows ``start:stop``: (n, n_features) float32, a copy."""
        stored = np.array(self.source.read(start, stop))
        rows: np.ndarray = normalized(to_float32(stored), self.normalize).numpy()
        return rows


def all_rows(source: RowSource, normalize: Normalize) -> np.ndarray:
    """Return all rows: (n_rows, n_features) float32."""
    read = ReadRows(source, normalize)
    rows = np.empty((source.n_rows, source.n_features), np.float32)
    for low in range(0, source.n_rows, TILE_ROWS):
        high = min(low + TILE_ROWS, source.n_rows)
        rows[low:high] = read(low, high)
    return rows
