"""EM against scikit-learn's, against a slow one, and where clicks fall off the canvas."""

import math

import numpy as np
import pytest
from sklearn.mixture import GaussianMixture

from bannercluster.errors import DataError, UsageError
from bannercluster.heatmap.mixtures.em import EmConfig, fit, log_likelihood
from bannercluster.heatmap.mixtures.model import PIXEL_VARIANCE, Mixture, Points, bic

TO_THE_END = EmConfig(n_steps=3000, tolerance=1e-9, least_sd=1e-3)


def blobs(seed=0, n=300):
    rng = np.random.default_rng(seed)
    parts = [
        rng.normal((20, 30), (3, 2), (n, 2)),
        rng.normal((26, 33), (2, 4), (n, 2)),
        rng.normal((50, 10), (5, 5), (n, 2)),
    ]
    return np.concatenate(parts)


def start():
    return Mixture(
        np.array([0.3, 0.3, 0.4]),
        np.array([[18.0, 30.0], [28.0, 33.0], [45.0, 12.0]]),
        np.stack([np.eye(2) * 16.0] * 3),
        0.0,
    )


def sklearn_fit(xy, mixture):
    theirs = GaussianMixture(
        mixture.n_components, tol=1e-13, max_iter=3000, reg_covar=0,
        weights_init=mixture.weights, means_init=mixture.means,
        precisions_init=np.linalg.inv(mixture.covariances),
    )  # fmt: skip
    return theirs.fit(xy)


def test_it_ends_where_scikit_learn_does():
    xy = blobs()
    ours = fit(Points(xy, np.ones(len(xy)), None), start(), TO_THE_END)
    theirs = sklearn_fit(xy, start())
    assert ours.converged
    assert ours.log_likelihood == pytest.approx(theirs.score(xy) * len(xy), rel=1e-9)
    np.testing.assert_allclose(ours.mixture.weights, theirs.weights_, rtol=1e-4)
    np.testing.assert_allclose(ours.mixture.means, theirs.means_, rtol=1e-4)
    np.testing.assert_allclose(ours.mixture.covariances, theirs.covariances_, rtol=1e-3, atol=1e-3)
    assert ours.mixture.noise == pytest.approx(0, abs=1e-12)
    assert bic(ours.log_likelihood, 3, len(xy)) == pytest.approx(
        # They count free weights, we one for each component: the noise takes up the rest.
        theirs.bic(xy) + math.log(len(xy))
    )


def test_weights_are_repetitions():
    xy = np.round(blobs(1))
    distinct, times = np.unique(xy, axis=0, return_counts=True)
    assert times.max() > 1
    config = EmConfig(n_steps=5, tolerance=-np.inf)
    for side in (None, 64.0):
        repeated = fit(Points(xy, np.ones(len(xy)), side), start(), config)
        weighted = fit(Points(distinct, times.astype(float), side), start(), config)
        assert weighted.log_likelihood == pytest.approx(repeated.log_likelihood, rel=1e-12)
        np.testing.assert_allclose(weighted.mixture.means, repeated.mixture.means, rtol=1e-10)


def slow_step(xy, weights, mixture, side):
    """One step, in the order of the textbook; the likelihood before it."""
    total, value = np.zeros((mixture.n_components, 6)), 0.0
    for point, weight in zip(xy, weights, strict=True):
        parts = []
        for share, mean, covariance in zip(
            mixture.weights, mixture.means, mixture.covariances, strict=True
        ):
            gap = point - mean
            square = gap @ np.linalg.inv(covariance) @ gap
            parts.append(
                share * math.exp(-square / 2) / (2 * math.pi * math.sqrt(np.linalg.det(covariance)))
            )
        density = sum(parts) + mixture.noise / side**2
        value += weight * math.log(density)
        for j, part in enumerate(parts):
            own = weight * part / density
            total[j] += own * np.array(
                [1, *point, point[0] ** 2, point[0] * point[1], point[1] ** 2]
            )
    shares = total[:, 0] / weights.sum()
    moments = total[:, 1:] / total[:, :1]
    means = moments[:, :2]
    second = moments[:, [2, 3, 3, 4]].reshape(-1, 2, 2)
    return value, shares, means, second - means[:, :, None] * means[:, None, :]


def test_a_step_with_noise_and_weights():
    rng = np.random.default_rng(3)
    xy = np.concatenate([blobs(2, 40), rng.uniform(0, 64, (60, 2))])
    xy = xy[((xy > 0) & (xy < 64)).all(axis=1)]
    weights = rng.integers(1, 9, len(xy)).astype(float)
    first = Mixture(  # far from the edges: nothing is lost there
        np.array([0.5, 0.2]),
        np.array([[22.0, 31.0], [40.0, 25.0]]),
        np.array([[[9.0, 2.0], [2.0, 8.0]], [[12.0, -1.0], [-1.0, 6.0]]]),
        0.3,
    )
    value, shares, means, covariances = slow_step(xy, weights, first, 64.0)
    points = Points(xy, weights, 64.0)
    assert log_likelihood(points, first) == pytest.approx(value, rel=1e-6)
    found = fit(points, first, EmConfig(n_steps=1, tolerance=-np.inf)).mixture
    np.testing.assert_allclose(found.weights, shares, rtol=1e-5)
    np.testing.assert_allclose(found.means, means, rtol=1e-5)
    np.testing.assert_allclose(found.covariances, covariances, rtol=1e-4, atol=1e-4)
    assert found.noise == pytest.approx(1 - shares.sum(), rel=1e-5)


def test_the_likelihood_never_falls():
    counts = np.zeros((64, 64), np.int64)
    inside = blobs(4).astype(int)
    np.add.at(counts, (inside[:, 1] % 64, inside[:, 0] % 64), 1)
    points, now = Points.of_counts(counts), start().without(1)
    values = []
    for _ in range(25):
        step = fit(points, now, EmConfig(n_steps=1, tolerance=-np.inf))
        values.append(step.log_likelihood)
        now = step.mixture
    assert (np.diff(values) > -1e-6).all()


def test_a_cluster_that_the_edge_cuts():
    """A third of it is lost: with the lost clicks its moments are right, without they are not."""
    rng = np.random.default_rng(5)
    clicks = rng.normal((3.0, 32.0), (6.0, 4.0), (60_000, 2))
    kept = clicks[(clicks > 0).all(axis=1) & (clicks < 64).all(axis=1)]
    counts = np.zeros((64, 64), np.int64)
    np.add.at(counts, (kept[:, 1].astype(int), kept[:, 0].astype(int)), 1)
    points = Points.of_counts(counts)
    first = Mixture(np.array([0.9]), np.array([[6.0, 30.0]]), np.eye(2)[None] * 20, 0.1)
    found = fit(points, first, EmConfig(n_steps=2000, tolerance=1e-6)).mixture
    np.testing.assert_allclose(found.means[0], (3.0, 32.0), atol=0.15)
    wanted = np.diag([36.0, 16.0]) + PIXEL_VARIANCE * np.eye(2)
    np.testing.assert_allclose(found.covariances[0], wanted, atol=0.8)
    assert kept[:, 0].mean() > 4.5  # what a fit to the kept clicks alone would say


def test_deviations_keep_their_ends():
    xy = np.array([[10.0, 10.0], [10.0, 10.0], [40.0, 41.0]])
    points = Points(xy, np.array([5.0, 3.0, 1.0]), None)
    first = Mixture(np.array([0.5, 0.5]), xy[[0, 2]] + 1, np.stack([np.eye(2) * 4] * 2), 0.0)
    found = fit(points, first, EmConfig(least_sd=0.7)).mixture
    np.testing.assert_allclose(found.covariances, np.stack([np.eye(2) * 0.49] * 2), atol=1e-9)
    wide = fit(points, first.without(1), EmConfig(most_sd=3.0)).mixture
    assert np.linalg.eigvalsh(wide.covariances[0]).max() == pytest.approx(9.0)


def test_no_clicks_one_click_and_nothing_that_explains():
    empty = Points.of_counts(np.zeros((8, 8), np.int64))
    assert fit(empty, Mixture.only_noise()).log_likelihood == 0
    assert log_likelihood(empty, start()) == 0
    one = np.zeros((8, 8), np.int64)
    one[2, 3] = 1
    single = Points.of_counts(one)
    assert single.xy.tolist() == [[3.5, 2.5]]
    assert fit(single, Mixture.only_noise()).log_likelihood == pytest.approx(-math.log(64))
    with pytest.raises(DataError, match="at least one component"):
        fit(Points(single.xy, single.weights, None), Mixture.only_noise())


def test_heatmaps_are_square():
    with pytest.raises(UsageError, match=r"shape \(3, 4\)"):
        Points.of_counts(np.zeros((3, 4), np.int64))
