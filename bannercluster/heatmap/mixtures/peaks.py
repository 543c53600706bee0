"""Where a mixture has too few clicks: peaks of what is left, in units of its noise."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy.ndimage import maximum_filter

from bannercluster.heatmap.mixtures.model import Array, Mixture

SCALES_PX = (1.2, 2.5, 5.0, 9.0)
"""Standard deviations of the clusters that are looked for."""


def expected_counts(mixture: Mixture, n_clicks: float, side: int) -> Array:
    """Return the counts (y, x) that a mixture expects of clicks that are all on the canvas."""
    middles = np.arange(side) + 0.5
    found = np.full((side, side), mixture.noise / side**2)
    for weight, mean, covariance in zip(
        mixture.weights, mixture.means, mixture.covariances, strict=True
    ):
        reach = np.ceil(6 * np.sqrt(np.diag(covariance)))
        low = np.clip(np.floor(mean - reach), 0, side).astype(int)
        high = np.clip(np.ceil(mean + reach), 0, side).astype(int)
        dx = middles[low[0] : high[0]] - mean[0]
        dy = middles[low[1] : high[1], None] - mean[1]
        (a, b), (_, c) = np.linalg.inv(covariance)
        scale = weight * np.sqrt(a * c - b * b) / (2 * np.pi)
        square = a * dx * dx + 2 * b * dx * dy + c * dy * dy
        found[low[1] : high[1], low[0] : high[0]] += scale * np.exp(-0.5 * square)
    counts: Array = found * (n_clicks / found.sum())
    return counts


def peaks(
    counts: Array, expected: Array, n_peaks: int
) -> list[tuple[float, tuple[float, float], float]]:
    """Find the places where clicks are missing from the expectation.

    Parameters
    ----------
    counts, expected : (side, side) float64 array
    n_peaks : int
        At most so many, the highest, no two within two standard deviations of the larger one.

    Returns
    -------
    list of (z, (x, y), sd)
        ``z`` is the excess of clicks under a Gaussian window over its standard deviation.
    """
    found: list[tuple[float, tuple[float, float], float]] = []
    for sd in SCALES_PX:
        z = _significance(counts, expected, sd)
        rows, columns = np.nonzero((z == maximum_filter(z, size=2 * round(2 * sd) + 1)) & (z > 0))
        for i in np.argsort(-z[rows, columns], kind="stable")[: 2 * n_peaks]:
            row, column = int(rows[i]), int(columns[i])
            found.append((float(z[row, column]), (column + 0.5, row + 0.5), sd))
    found.sort(key=lambda peak: -peak[0])
    kept: list[tuple[float, tuple[float, float], float]] = []
    for peak in found:
        (x, y), sd = peak[1:]
        if all(np.hypot(x - a, y - b) > 2 * max(sd, other) for _, (a, b), other in kept):
            kept.append(peak)
    return kept[:n_peaks]


def _significance(counts: Array, expected: Array, sd: float) -> Array:
    """Excess under a Gaussian window over the standard deviation of a Poisson expectation."""
    window, squared = _windows(len(counts), sd)
    excess = window @ (counts - expected) @ window
    variance = squared @ expected @ squared
    # The floor keeps a click where nothing is expected from being infinitely significant.
    z: Array = excess / np.sqrt(variance + 0.05 * float(squared.max()) ** 2)
    return z


@lru_cache(maxsize=32)
def _windows(side: int, sd: float) -> tuple[Array, Array]:
    """Matrices (side, side) that multiply by a Gaussian window, and by its square."""
    gap = np.subtract.outer(np.arange(side), np.arange(side))
    window = np.exp(-0.5 * (gap / sd) ** 2)
    return window, window**2
