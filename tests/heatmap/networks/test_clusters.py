"""The users' generator: seeded, and distributed as its docstring says."""

import numpy as np
import pytest

from bannercluster.errors import UsageError
from bannercluster.heatmap.networks.clusters import (
    ClusterConfig,
    cluster_image,
    cluster_images,
)

SOME = ClusterConfig(n_clicks=(500, 3000))
FIRST_DAY = (14, 1992, 29689)


def test_an_image_is_a_function_of_seed_and_index():
    (alone,) = cluster_images(SOME, 3, 7, 8)
    among = cluster_images(SOME, 3, 5, 9)[2]
    assert np.array_equal(alone.counts, among.counts)
    assert np.array_equal(alone.centres, among.centres)
    assert not np.array_equal(alone.counts, cluster_image(SOME, 4, 7).counts)


def test_the_bits_are_those_of_the_first_day():
    """Test seeds are only fixed if the generator is."""
    image = cluster_image(ClusterConfig(n_clicks=(2000, 2000)), 20_261_122, 1)
    assert (image.n_clusters, int(image.counts.sum()), int(image.counts.argmax())) == FIRST_DAY


def test_numbers_stay_within_their_ends():
    images = cluster_images(SOME, 1, 0, 120)
    assert {image.n_clusters for image in images} <= set(range(21))
    assert len({image.n_clusters for image in images}) >= 18
    for image in images:
        n_drawn = int(image.n_drawn.sum()) + image.n_noise
        assert 500 <= n_drawn <= 3000
        assert 0.9 * n_drawn <= image.counts.sum() <= n_drawn
        assert image.counts.shape == (224, 224)
        assert image.counts.dtype == np.uint32
        sd = np.sqrt(np.linalg.eigvalsh(image.covariances))
        assert (sd >= 1 - 1e-9).all()
        assert (sd <= 10 + 1e-9).all()
        assert ((image.centres >= 10) & (image.centres <= 214)).all()
        if image.n_clusters == 0:
            assert image.n_noise == n_drawn


def test_clicks_have_the_moments_of_their_cluster():
    one = ClusterConfig(max_clusters=1, n_clicks=(40_000, 40_000), noise_share=(0, 0), margin_px=60)
    image = next(found for i in range(9) if (found := cluster_image(one, 0, i)).n_clusters)
    y, x = np.mgrid[:224, :224] + 0.5
    share = image.counts / image.counts.sum()
    mean = np.array([(share * x).sum(), (share * y).sum()])
    np.testing.assert_allclose(mean, image.centres[0], atol=0.2)
    covariance = np.cov(np.stack([x.ravel(), y.ravel()]), fweights=image.counts.ravel().astype(int))
    np.testing.assert_allclose(
        covariance, image.covariances[0] + np.eye(2) / 12, atol=0.03 * np.trace(covariance)
    )


def test_noise_has_its_share():
    noisy = ClusterConfig(n_clicks=(4000, 4000), noise_share=(0.2, 0.2))
    images = [image for image in cluster_images(noisy, 0, 0, 40) if image.n_clusters]
    assert np.mean([image.n_noise for image in images]) == pytest.approx(800, rel=0.03)


def test_no_clicks_at_all():
    image = cluster_image(ClusterConfig(n_clicks=(0, 0)), 0, 1)
    assert image.counts.sum() == 0


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"n_clicks": (9, 3)}, r"n_clicks is \(9, 3\)"),
        ({"sd_px": (0.0, 2.0)}, r"sd_px \(0.0, 2.0\)"),
        ({"noise_share": (0.1, 1.2)}, r"noise_share \(0.1, 1.2\)"),
        ({"margin_px": 112.0}, "a margin of 112.0 px"),
        ({"max_clusters": -1}, "got -1 clusters"),
    ],
)
def test_distributions_that_cannot_be_meant(wrong, message):
    with pytest.raises(UsageError, match=message):
        ClusterConfig(**wrong)
