"""First centres that both sides of a comparison start from."""

from __future__ import annotations

import numpy as np

from bannercluster.kernels.rows import Normalize, normalized, to_float32

KS = (5, 10, 15)


def first_centres(
    rows: np.ndarray, n_restarts: int, normalize: Normalize = "none"
) -> dict[int, list[np.ndarray]]:
    """Rows drawn by chance, normalised as the sweep will: (k, n_features) float64 a restart."""
    own = np.random.Generator(np.random.PCG64(1))

    def drawn(k: int) -> np.ndarray:
        some = to_float32(rows[own.choice(len(rows), k, replace=False)])
        return normalized(some, normalize).numpy().astype(np.float64)

    return {k: [drawn(k) for _ in range(n_restarts)] for k in KS}
