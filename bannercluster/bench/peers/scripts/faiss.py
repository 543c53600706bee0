"""Clustering of faiss on all rows; its training ends without the labels of the last centres."""

from __future__ import annotations

from typing import Any

import faiss
import numpy as np

DISTRIBUTIONS = ("faiss-cpu", "numpy")


def prepare(rows: np.ndarray, n_threads: int) -> Any:
    """Return the fit of these rows."""
    faiss.omp_set_num_threads(n_threads)

    def fit(inits: list[np.ndarray], max_iter: int, _tol: float) -> list[tuple[Any, Any, int]]:
        found = []
        for init in inits:
            # By default faiss takes at most 256 rows a centre: all of them are to be used.
            model = faiss.Kmeans(
                rows.shape[1], len(init), niter=max_iter, max_points_per_centroid=len(rows)
            )
            model.train(rows, init_centroids=init)
            found.append((model.centroids, None, max_iter))
        return found

    return fit
