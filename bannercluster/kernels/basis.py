"""A basis that holds what tells centres apart.

Any orthonormal basis gives the same labels; this one leaves few of them to be decided in float64.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bannercluster.kernels.rows import BASIS_ERROR

_LEAST = 1e-6  # of the largest singular value: below, a direction is rounding


def separating_directions(
    runs: Sequence[np.ndarray], n_dims: int, rows: np.ndarray | None = None
) -> np.ndarray | None:
    """Return the directions in which the centres of the same run differ most.

    The right singular vectors of the centres less the mean of their run. Where there are fewer of
    them than asked for, the principal directions of what they leave of some rows follow: that is
    where centres move to.

    Parameters
    ----------
    runs : sequence of (k, n_features) float64 arrays
    n_dims : int
    rows : (n, n_features) float32 array, optional

    Returns
    -------
    (n_features, n_dims) float32 array or None
        Fewer columns where there are fewer directions; None where float32 could not hold them
        orthonormal enough.
    """
    differences = np.vstack([centres - centres.mean(axis=0) for centres in runs])
    _, size, directions = np.linalg.svd(differences, full_matrices=False)
    columns = directions[: max(1, np.count_nonzero(size > _LEAST * size[0]))][:n_dims].T
    if rows is not None and columns.shape[1] < n_dims:
        left = rows - rows.mean(axis=0)
        left -= (left @ columns) @ columns.T
        more = _principal_directions(left, min(n_dims, *rows.shape) - columns.shape[1])
        columns, _ = np.linalg.qr(np.hstack([columns, more]))
    basis: np.ndarray = np.ascontiguousarray(columns, dtype=np.float32)
    wide = basis.astype(np.float64)
    error = float(np.linalg.norm(wide.T @ wide - np.eye(basis.shape[1])))
    return basis if error <= BASIS_ERROR else None


def _principal_directions(rows: np.ndarray, n: int) -> np.ndarray:
    """(n_features, n) leading directions of centred rows, by two steps of subspace iteration."""
    generator = np.random.Generator(np.random.PCG64(0))
    found = generator.standard_normal((rows.shape[1], max(n, 0)))
    for _ in range(2):
        found, _ = np.linalg.qr(rows.T @ (rows @ found))
    return found
