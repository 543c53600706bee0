"""What the classes share: rows, and a walker over rows in memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from bannercluster.bench.generators import embedding_rows
from bannercluster.runtime.devices import n_cores
from bannercluster.runtime.executor import ThreadExecutor
from bannercluster.traverse.sources import ArraySource
from bannercluster.traverse.walk import Walker

N_FEATURES = 1_792


@contextmanager
def walker_over(rows: np.ndarray) -> Iterator[Walker]:
    """Walk rows in memory on all cores; prepared rows are kept between passes."""
    with ThreadExecutor(n_cores()) as executor:
        yield Walker(ArraySource(rows), executor, cache_nbytes=8 << 30)


def nearest_float64(rows: np.ndarray, centres: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Nearest centres (n,) and squared distances (n,) the plain way."""
    wide = rows.astype(np.float64)
    sq_dist = ((wide**2).sum(1)[:, None] - 2 * wide @ centres.T) + (centres**2).sum(1)
    return sq_dist.argmin(1), np.maximum(sq_dist.min(1), 0.0)


class OnRows:
    """Base: generated rows of the size, made once for each combination of parameters."""

    params: tuple[tuple[int, ...], ...] = ((30_000, 100_000), (N_FEATURES,))
    param_names = ("n_rows", "n_features")
    toy: tuple[int, ...] = (2_000, 24)
    timeout = 600

    def setup(self, n_rows: int, n_features: int) -> None:
        self.rows = embedding_rows(n_rows, n_features)
