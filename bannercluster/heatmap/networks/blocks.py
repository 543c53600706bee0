"""A block of features: a row per heatmap, and what made it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Features = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class FeatureBlock:
    """Features of heatmaps, as they lie in ``feat/<name>(sample, k)``.

    Parameters
    ----------
    name : str
    features : ndarray of shape (n_samples, k), float32
    weights_sha256 : str
        Of the weights of the network, in hex.
    config_sha256 : str
        Of all else that may change their bits: rendering, output, engine, precision.
    """

    name: str
    features: Features
    weights_sha256: str
    config_sha256: str
