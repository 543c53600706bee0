"""Distances against slow, obvious forms of them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import wasserstein_distance

from bannercluster.heatmap.binning import CENTRES
from bannercluster.heatmap.statistics.axes import pooled, remapping, uniform_axis, window_sums
from bannercluster.heatmap.statistics.distances import (
    Slices,
    chi_square,
    cosine,
    kernel_discrepancy,
    sliced_wasserstein,
)

from .healthy import generator, heatmap, profile, sample


def test_pooled_and_window_sums_are_sums() -> None:
    cells = generator(1).random((2, 64, 64))
    assert pooled(cells, 8)[1, 2, 3] == pytest.approx(cells[1, 16:24, 24:32].sum())
    assert window_sums(cells, 5, 9)[1, 7, 11] == pytest.approx(cells[1, 7:12, 11:20].sum())
    assert window_sums(cells, 5, 9).shape == (2, 60, 56)


@pytest.mark.parametrize(("scale", "shift"), [(1.0, 0.0), (0.4, 0.6), (1.7, -0.7), (1.0, 0.25)])
def test_remapping_moves_clicks(scale: float, shift: float) -> None:
    shares = remapping(scale, shift)
    np.testing.assert_allclose(shares.sum(axis=0), 1.0)
    law = uniform_axis(0.2, 0.7)
    moved = shares @ law
    mean = float((law * CENTRES).sum())
    inside = scale * 0.7 + shift < 1.1 and scale * 0.2 + shift > -0.1
    if inside:
        assert moved @ CENTRES == pytest.approx(scale * mean + shift, abs=1e-3)
    else:
        assert moved[0] > 0.1


def test_chi_square_is_pearsons() -> None:
    counts, density = sample(), profile().density
    n_clicks = int(counts[4].sum())
    expected = n_clicks * density
    by_hand = np.sqrt((((counts[4] - expected) ** 2) / (expected + 0.5)).sum())
    assert chi_square(counts, density)[4, 0] == pytest.approx(by_hand)
    own, due = pooled(counts[4].astype(float), 4), pooled(expected, 4)
    by_hand = np.sqrt(((own - due) ** 2 / (due + 0.5)).sum())
    assert chi_square(counts, density)[4, 2] == pytest.approx(by_hand)


def test_kernel_discrepancy_is_a_sum_over_pairs_of_bins() -> None:
    density = profile().density
    counts = sample()[3:4]
    # The squared norm of a difference smoothed with sd h is a sum over pairs with a kernel of
    # sd 2^0.5 h; bins away from the border, so that reflection at it plays no part.
    inner = np.zeros((64, 64))
    block = (counts[0] / counts.sum() - density)[20:44, 20:44]
    inner[20:44, 20:44] = block - block.mean()
    places = np.argwhere(inner != 0)
    weights = inner[places[:, 0], places[:, 1]]
    sq_dist = ((places[:, None, :] - places[None, :, :]) ** 2).sum(axis=-1)
    kernel = np.exp(-sq_dist / (4 * 3.0**2)) / (4 * np.pi * 3.0**2)
    by_hand = (weights[:, None] * weights[None, :] * kernel).sum()
    wide = density + 0.01 * np.abs(inner).max()
    found = kernel_discrepancy(_as_counts(wide + inner), wide / wide.sum())
    assert np.exp(found[0, 1]) * wide.sum() ** 2 == pytest.approx(by_hand, rel=0.03)


def _as_counts(density: np.ndarray) -> np.ndarray:
    """Return so many clicks that rounding does not show."""
    return np.round(density / density.sum() * 4e9).astype(np.uint32)[None]


def test_cosine_of_the_anchor_is_extreme_and_of_another_is_not() -> None:
    density = profile().density
    anchors = np.stack([density, density[::-1]])
    scores = cosine(_as_counts(density), anchors)
    assert scores[0, 0] < -9
    assert scores[0, 1] > -3


def test_sliced_wasserstein_is_the_mean_over_projections() -> None:
    density = profile().density
    counts = heatmap(density[::-1], 3_000, 8)[None]
    x, y = np.meshgrid(CENTRES, CENTRES)
    distances = [
        wasserstein_distance(
            (x * np.cos(a) + y * np.sin(a)).ravel(),
            (x * np.cos(a) + y * np.sin(a)).ravel(),
            counts[0].ravel(),
            density.ravel(),
        )
        for a in np.pi * np.arange(12) / 12
    ]
    found = np.exp(sliced_wasserstein(counts, density, Slices()))
    assert found[0] == pytest.approx(np.mean(distances), rel=0.03)
