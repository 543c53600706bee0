import numpy as np
import pytest

from bannercluster.errors import UsageError
from bannercluster.heatmap.binning import EDGES, N_BINS, bin_clicks
from bannercluster.heatmap.networks.rendering import RenderConfig, bootstrapped, picture

BOOTSTRAP = RenderConfig("bootstrap", "linear")


def heatmap(n_clicks, seed=0):
    rng = np.random.default_rng(seed)
    return bin_clicks(np.array([[0.3, 0.6]]) + 0.05 * rng.normal(size=(n_clicks, 2)))


@pytest.mark.parametrize("scale", ["sqrt", "log", "linear"])
@pytest.mark.parametrize("recipe", ["counts", "bootstrap"])
def test_an_image_is_bright_where_clicks_are(recipe, scale):
    image = picture(heatmap(3000), RenderConfig(recipe, scale), 224)
    assert image.shape == (224, 224, 3)
    assert image.dtype == np.uint8
    assert image.max() == 255
    assert (image == image[:, :, :1]).all()
    grey = image[:, :, 0].astype(float)
    y, x = (np.average(np.arange(224), weights=grey.sum(axis=axis)) for axis in (1, 0))
    expected = (np.array([0.3, 0.6]) - EDGES[0]) / (EDGES[-1] - EDGES[0]) * 224
    assert [x, y] == pytest.approx(expected, abs=3)


def test_scales_at_the_size_of_the_heatmap():
    counts = np.zeros((N_BINS, N_BINS), np.uint32)
    counts[2, 3], counts[4, 5] = 100, 25
    for scale, shade in (("sqrt", 127.5), ("linear", 63.75), ("log", 255 * 3.2581 / 4.6151)):
        image = picture(counts, RenderConfig("counts", scale), N_BINS)
        assert image[2, 3, 0] == 255
        assert image[4, 5, 0] == pytest.approx(shade, abs=0.51)
        assert np.count_nonzero(image[:, :, 0]) == 2


@pytest.mark.parametrize("config", [RenderConfig(), BOOTSTRAP])
def test_a_heatmap_without_clicks_is_black(config):
    image = picture(np.zeros((N_BINS, N_BINS), np.uint32), config, 96)
    assert image.shape == (96, 96, 3)
    assert not image.any()


def test_one_click_is_defined():
    counts = np.zeros((N_BINS, N_BINS), np.uint32)
    counts[20, 30] = 1
    assert picture(counts, RenderConfig(), 224).max() == 255
    grey = picture(counts, BOOTSTRAP, 224)[:, :, 0].astype(float)
    # One click becomes a Gaussian of the bandwidth: 0.02 of the slot are 3.73 pixels.
    x = np.arange(224)
    mean = np.average(x, weights=grey.sum(axis=0))
    sd = np.sqrt(np.average((x - mean) ** 2, weights=grey.sum(axis=0)))
    assert sd == pytest.approx(0.02 * 224 / 1.2, rel=0.05)


def test_the_bootstrap_is_a_kernel_density_estimate_and_hides_the_number_of_clicks():
    """Its variance is that of the clicks plus the square of the bandwidth, from any number."""
    rng = np.random.default_rng(0)
    clicks = rng.normal(0.5, 0.1, (300, 2))
    drawn = bootstrapped(clicks, 50_000, 0.03, rng)
    assert drawn.shape == (50_000, 2)
    assert drawn.mean(axis=0) == pytest.approx(clicks.mean(axis=0), abs=0.003)
    assert drawn.var(axis=0) == pytest.approx(clicks.var(axis=0) + 0.03**2, rel=0.03)
    assert len(bootstrapped(clicks[:7], 50_000, 0.03, rng)) == 50_000
    assert len(bootstrapped(clicks, 100, 0.03, rng)) == 100
    assert len(bootstrapped(clicks[:0], 100, 0.03, rng)) == 0


def test_the_image_of_a_heatmap_is_a_function_of_its_counts():
    counts = heatmap(200)
    first, again = picture(counts, BOOTSTRAP, 224), picture(counts.copy(), BOOTSTRAP, 224)
    np.testing.assert_array_equal(first, again)
    other = picture(counts, RenderConfig("bootstrap", "linear", seed=1), 224)
    assert (first != other).any()


def test_configs_that_cannot_be_meant_are_refused():
    with pytest.raises(UsageError, match="at least 1 click"):
        RenderConfig(n_bootstrap=0)
    with pytest.raises(UsageError, match="noise of -1"):
        RenderConfig(bandwidth=-1)
