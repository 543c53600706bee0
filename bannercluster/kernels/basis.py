"""A basis that holds what tells centres apart.

Any orthonormal basis gives the same labels; this one leaves few of them to be decided in float64.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bannercluster.kernels.rows import BASIS_ERROR


def separating_directions(runs: Sequence[np.ndarray], n_dims: int) -> np.ndarray | None:
    """Return the directions in which the centres of the same run differ most.

    The right singular vectors of the centres less the mean of their run.

    Parameters
    ----------
    runs : sequence of (k, n_features) float64 arrays
    n_dims : int

    Returns
    -------
    (n_features, n_dims) float32 array or None
        Fewer columns where there are fewer centres; None where float32 could not hold them
        orthonormal enough.
    """
    differences = np.vstack([centres - centres.mean(axis=0) for centres in runs])
    _, _, directions = np.linalg.svd(differences, full_matrices=False)
    basis: np.ndarray = np.ascontiguousarray(directions[:n_dims].T, dtype=np.float32)
    wide = basis.astype(np.float64)
    error = float(np.linalg.norm(wide.T @ wide - np.eye(basis.shape[1])))
    return basis if error <= BASIS_ERROR else None
