"""Dask collections of rows, for libraries that compute on Dask themselves."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import dask
import dask.array
import numpy as np

from bannercluster.runtime.dask_executor import DaskExecutor
from bannercluster.runtime.executor import Executor


@contextlib.contextmanager
def computing_on(executor: Executor) -> Iterator[None]:
    """Let Dask collections compute on the workers of an executor.

    Parameters
    ----------
    executor
        Without Dask its number of threads is used.
    """
    if isinstance(executor, DaskExecutor):
        with executor.as_current():
            yield
    else:
        with dask.config.set(scheduler="threads", num_workers=executor.n_workers):
            yield


def row_blocks(
    read: Callable[[int, int], np.ndarray], n_rows: int, n_features: int, block_rows: int
) -> Any:
    """Return rows as a Dask array, held in the memory of the workers.

    A block that is lost with its worker is read again.

    Parameters
    ----------
    read
        Returns rows ``start:stop``, (n, n_features) float32; runs on the workers.
    n_rows, n_features, block_rows : int

    Returns
    -------
    (n_rows, n_features) float32 dask.array.Array
    """
    blocks = []
    for low in range(0, n_rows, block_rows):
        high = min(low + block_rows, n_rows)
        values = dask.delayed(read, pure=False)(low, high)
        blocks.append(dask.array.from_delayed(values, (high - low, n_features), np.float32))
    return dask.array.concatenate(blocks).persist()
