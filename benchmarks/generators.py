"""Rows to measure with: seeded, made in place, shaped like features of real banners."""

from __future__ import annotations

import numpy as np

_TILE = 16_384


def embedding_rows(
    n_rows: int, n_features: int = 1_792, *, seed: int = 0, dtype: str = "float32"
) -> np.ndarray:
    """Rows like pooled features of a network: skewed, non-negative, correlated, without gaps.

    A continuum of latent styles in 24 dimensions with decaying spread, mixed from 40 overlapping
    centres, is mapped to all features, shifted and rectified as the last activation of a network
    does it, and blurred with noise. Clusters run into each other, so Lloyd's iterations go on for
    long: on 300,000 x 1,792 rows no run of k = 5, 10 or 15 converges before 20 iterations.

    Parameters
    ----------
    n_rows, n_features : int
    seed : int
    dtype : {"float32", "float16"}

    Returns
    -------
    (n_rows, n_features) array
        The values are exactly representable in float16 in either dtype.
    """
    generator = np.random.Generator(np.random.PCG64(seed))
    n_latent = 24
    spread = (1.0 / np.sqrt(1.0 + np.arange(n_latent))).astype(np.float32)
    styles = generator.standard_normal((40, n_latent), dtype=np.float32) * spread * 1.5
    mixing = generator.standard_normal((n_latent, n_features), dtype=np.float32)
    mixing *= generator.gamma(2.0, 0.5, n_features).astype(np.float32) * 0.12
    shift = (generator.standard_normal(n_features) * 0.15).astype(np.float32)
    rows = np.empty((n_rows, n_features), dtype)
    for low in range(0, n_rows, _TILE):
        size = min(_TILE, n_rows - low)
        own = np.random.Generator(np.random.PCG64([seed, low]))
        latent = styles[own.integers(len(styles), size=size)]
        latent = latent + own.standard_normal((size, n_latent), dtype=np.float32) * spread
        values = latent @ mixing + shift
        values += own.standard_normal((size, n_features), dtype=np.float32) * 0.15
        np.maximum(values, 0.05 * values, out=values)
        rows[low : low + size] = values.astype(np.float16)
    return rows
