"""scikit-learn's KMeans, ``algorithm="lloyd"``; a fit ends with the labels of its centres."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.cluster import KMeans

DISTRIBUTIONS = ("scikit-learn", "numpy", "scipy")


def prepare(rows: np.ndarray, _n_threads: int) -> Any:
    """Return the fit of these rows; OMP_NUM_THREADS says on how many threads."""

    def fit(inits: list[np.ndarray], max_iter: int, tol: float) -> list[tuple[Any, Any, int]]:
        found = []
        for init in inits:
            model = KMeans(
                len(init), init=init, n_init=1, max_iter=max_iter, tol=tol, algorithm="lloyd"
            ).fit(rows)
            found.append((model.cluster_centers_, model.labels_, model.n_iter_))
        return found

    return fit
