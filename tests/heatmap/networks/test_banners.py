import numpy as np
import pytest

from bannercluster.heatmap.binning import bin_clicks
from bannercluster.heatmap.networks.banners import (
    BannerConfig,
    broken,
    centres,
    draw_banner,
    draw_batch,
)

FEW = BannerConfig(n_clicks=500)


@pytest.mark.parametrize(
    ("step", "n_views", "labels"), [(0, 16, range(8)), (60, 16, range(8)), (90, 32, range(16))]
)
def test_a_batch_has_two_instances_of_each_class(step, n_views, labels):
    counts, label = draw_batch(step, 100, FEW, np.random.default_rng(0))
    assert counts.shape == (n_views, 64, 64)
    assert counts.dtype == np.uint32
    assert (counts.sum(axis=(1, 2)) == 500).all()
    np.testing.assert_array_equal(label, np.repeat(labels, 2))
    for first, second in zip(counts[::2], counts[1::2], strict=True):
        assert (first != second).any()


@pytest.mark.parametrize("n", range(1, 9))
def test_layouts(n):
    rng = np.random.default_rng(n)
    for layout in ("random", "horizontal", "vertical", "mixed"):
        centre = centres(n, layout, rng)
        assert centre.shape == (n, 2)
        assert ((centre >= 0) & (centre <= 1)).all()
        assert len(np.unique(centre, axis=0)) == n
    across, down = centres(n, "horizontal", rng), centres(n, "vertical", rng)
    assert len(np.unique(across[:, 1])) == len(np.unique(down[:, 0])) == 1
    gaps = np.diff(across[:, 0])
    assert (gaps > 0).all()
    np.testing.assert_allclose(gaps, gaps.mean() if n > 1 else 0)
    if n > 3:
        mixed = centres(n, "mixed", rng)
        assert min(len(np.unique(mixed[:, axis])) for axis in (0, 1)) > 1


def test_a_broken_grid_is_another_one():
    whole = centres(6, "mixed", np.random.default_rng(0))
    before = whole.copy()
    numbers = []
    for seed in range(30):
        found = broken(whole, np.random.default_rng(seed))
        numbers.append(len(found))
        assert len(found) == 7 or np.abs(found - whole).max() > 0.04
    assert set(numbers) == {6, 7}
    np.testing.assert_array_equal(whole, before)


def test_drawn_counts_are_those_of_clicks_that_are_binned():
    """The chances of the bins against clicks drawn one by one, tails and noise included."""
    config = BannerConfig(
        sd_px=(8.0, 8.0), n_clicks=400_000, noise_share=(0.2, 0.2), weight_spread=0.0
    )
    centre = np.array([[0.02, 0.5], [0.6, 0.97]])
    found = draw_banner(centre, config, np.random.default_rng(0))
    rng = np.random.default_rng(1)
    spot = centre[rng.integers(2, size=320_000)] + 8 * 1.2 / 224 * rng.normal(size=(320_000, 2))
    clicks = np.concatenate([spot, rng.uniform(0, 1, (80_000, 2))])
    expected = bin_clicks(clicks)
    # Two Poisson samples of one law: the standardised difference has variance one.
    some = found.astype(float) + expected > 30
    z = (found.astype(float) - expected)[some] / np.sqrt((found.astype(float) + expected)[some])
    assert some.sum() > 500
    assert z.std() == pytest.approx(1, abs=0.12)
    assert np.abs(z).max() < 5.5
    assert (found[:3] == 0).all()  # nothing far outside the slot
