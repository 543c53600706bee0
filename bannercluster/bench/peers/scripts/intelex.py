"""KMeans of scikit-learn-intelex (oneDAL); a fit ends with the labels of its centres."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearnex.cluster import KMeans

DISTRIBUTIONS = ("scikit-learn-intelex", "daal", "scikit-learn", "numpy")


def prepare(rows: np.ndarray, n_threads: int) -> Any:  # noqa: ARG001 - OMP_NUM_THREADS says it
    """Return the fit of these rows."""

    def fit(inits: list[np.ndarray], max_iter: int, tol: float) -> list[tuple[Any, Any, int]]:
        found = []
        for init in inits:
            model = KMeans(
                len(init), init=init, n_init=1, max_iter=max_iter, tol=tol, algorithm="lloyd"
            ).fit(rows)
            found.append((model.cluster_centers_, model.labels_, model.n_iter_))
        return found

    return fit
