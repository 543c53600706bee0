"""Principal components of a feature block."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import scipy.linalg
from sklearn.utils.extmath import randomized_svd
from threadpoolctl import threadpool_limits

from bannercluster.errors import ConfigError
from bannercluster.heatmap.pictures.checks import FloatArray, checked_block, signed

RANDOMIZED_SIDE: Final = 1_500
"""Of the shorter side of a block: larger ones are decomposed by a randomised method."""

# What rounding leaves of a constant feature is no variance.
_ROUNDING = 1e-12


@dataclass(frozen=True)
class Components:
    """Principal components.

    Parameters
    ----------
    coordinates : (n, n_components) float64 array
        By falling variance; columns beyond the rank are zero. In each, the entry of largest size
        is positive.
    shares : (n_components,) float64 array
        Share of the whole variance; 0 where all rows are equal.
    axes : (n_components, n_features) float64 array
        Unit vectors; zero beyond the rank.
    mean : (n_features,) float64 array
    """

    coordinates: FloatArray
    shares: FloatArray
    axes: FloatArray
    mean: FloatArray


def principal_components(
    block: npt.ArrayLike, n_components: int = 2, *, seed: int = 0
) -> Components:
    """Decompose a feature block, or heatmaps, which are flattened.

    Up to `RANDOMIZED_SIDE` rows or features the decomposition is complete. Above, it is that of
    Halko, Martinsson and Tropp (2011) with seven power iterations, whose bits follow from the seed.
    Signs are fixed, so that equal rows in equal order give equal pictures.

    Parameters
    ----------
    block : (n, ...) array of numbers
        Not scaled: counts are better passed as square roots of shares.
    n_components : int
        At least 1; may be more than there are rows or features.
    seed : int
        Of the randomised decomposition.

    Raises
    ------
    ConfigError
        If `n_components` is below 1.
    DataError
        If a value is not finite, or the block is empty.
    """
    if n_components < 1:
        raise ConfigError(f"n_components is {n_components}, expected at least 1")
    rows = checked_block(block)
    mean = rows.mean(axis=0)
    centred = rows - mean
    whole = float(np.square(centred).sum())
    n_found = min(n_components, *rows.shape)
    with threadpool_limits(1, "blas"):
        left, sizes, axes = _decomposed(centred, n_found, seed)
    level = float(np.abs(rows).max())
    kept = sizes > _ROUNDING * level * np.sqrt(rows.size)
    sizes = np.where(kept, sizes, 0.0)
    sign = signed(left)
    out = Components(
        coordinates=np.zeros((len(rows), n_components)),
        shares=np.zeros(n_components),
        axes=np.zeros((n_components, rows.shape[1])),
        mean=mean,
    )
    out.coordinates[:, :n_found] = left * sizes * sign
    out.axes[:n_found] = np.where(kept[:, None], axes * sign[:, None], 0.0)
    if kept.any():
        out.shares[:n_found] = np.square(sizes) / whole
    return out


def _decomposed(
    centred: FloatArray, n_components: int, seed: int
) -> tuple[FloatArray, FloatArray, FloatArray]:
    if min(centred.shape) <= RANDOMIZED_SIDE:
        left, sizes, axes = scipy.linalg.svd(centred, full_matrices=False)
    else:
        left, sizes, axes = randomized_svd(
            centred, n_components, n_iter=7, n_oversamples=20, random_state=seed
        )
    return left[:, :n_components], sizes[:n_components], axes[:n_components]
