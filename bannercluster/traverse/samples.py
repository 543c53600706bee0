"""Random samples of the rows of a source."""

from __future__ import annotations

import numpy as np

_KEYS_AT_A_TIME = 1 << 20
_SAMPLE = 1  # stream of random numbers


def sample_rows(n_rows: int, size: int, seed: int) -> np.ndarray:
    """Return the ``size`` rows of lowest random number, sorted; all if there are no more.

    A smaller sample is part of a larger one, and the rows of a store that grew keep their numbers.

    Parameters
    ----------
    n_rows, size, seed : int

    Returns
    -------
    (min(n_rows, size),) int64 array
    """
    generator = np.random.Generator(np.random.PCG64([_SAMPLE, seed]))
    rows, keys = np.empty(0, np.int64), np.empty(0)
    for low in range(0, n_rows, _KEYS_AT_A_TIME):
        high = min(low + _KEYS_AT_A_TIME, n_rows)
        rows = np.concatenate([rows, np.arange(low, high)])
        keys = np.concatenate([keys, generator.random(high - low)])
        if len(rows) > size:
            kept = np.argpartition(keys, size - 1)[:size]
            rows, keys = rows[kept], keys[kept]
    return np.sort(rows)
