"""KMeans of dask-ml on threads; a fit ends with the inertia, the labels are never asked for."""

from __future__ import annotations

from typing import Any

import dask
import dask.array as da
import numpy as np
from dask_ml.cluster import KMeans

DISTRIBUTIONS = ("dask-ml", "dask", "distributed", "scikit-learn", "numpy")

CHUNK_ROWS = 20_000


def prepare(rows: np.ndarray, n_threads: int) -> Any:
    """Return the fit of these rows."""
    dask.config.set(scheduler="threads", num_workers=n_threads)
    array = da.from_array(rows, chunks=(CHUNK_ROWS, -1))

    def fit(inits: list[np.ndarray], max_iter: int, tol: float) -> list[tuple[Any, Any, int]]:
        found = []
        for init in inits:
            model = KMeans(len(init), init=init, max_iter=max_iter, tol=tol).fit(array)
            found.append((model.cluster_centers_, None, model.n_iter_))
        return found

    return fit
