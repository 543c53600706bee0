"""Mixtures of every number: proposals, ways up and down, BIC, and the ceiling from the truth."""

import numpy as np
import pytest

from bannercluster.heatmap.mixtures.em import EmConfig, Fit, fit
from bannercluster.heatmap.mixtures.model import Mixture, Points
from bannercluster.heatmap.mixtures.path import PathConfig, fit_path, smaller
from bannercluster.heatmap.mixtures.peaks import expected_counts, peaks
from bannercluster.heatmap.mixtures.truth import fit_from_truth, pruned

SIDE = 64
CENTRES = np.array([[12.0, 15.0], [40.0, 20.0], [30.0, 50.0]])


def counts_of(centres, sd, sizes, n_noise=100, seed=0):
    rng = np.random.default_rng(seed)
    parts = [rng.normal(centre, sd, (n, 2)) for centre, n in zip(centres, sizes, strict=True)]
    clicks = np.concatenate([*parts, rng.uniform(0, SIDE, (n_noise, 2))]).astype(int)
    clicks = clicks[((clicks >= 0) & (clicks < SIDE)).all(axis=1)]
    counts = np.zeros((SIDE, SIDE), np.int64)
    np.add.at(counts, (clicks[:, 1], clicks[:, 0]), 1)
    return counts


@pytest.fixture(scope="module")
def three():
    return counts_of(CENTRES, 3.0, (300, 500, 200))


@pytest.fixture(scope="module")
def path(three):
    return fit_path(three)


def test_three_apart_are_three(path):
    assert path.chosen == 3
    found = path.fits[3].mixture
    order = np.argsort(found.means[:, 0])
    np.testing.assert_allclose(found.means[order], CENTRES[[0, 2, 1]], atol=0.6)
    assert found.noise == pytest.approx(100 / 1100, abs=0.04)


def test_more_components_are_likelier(path):
    values = [one.log_likelihood for one in path.fits]
    assert [one.mixture.n_components for one in path.fits] == list(range(len(values)))
    assert (np.diff(values) > -0.1).all()


def test_bic_counts_six_parameters_a_component(three, path):
    k, n = 2, three.sum()
    assert path.bic[k] == pytest.approx(-2 * path.fits[k].log_likelihood + 6 * k * np.log(n))


def test_two_that_overlap_are_split():
    """No peak of the clicks tells them apart, only their shape."""
    counts = counts_of(np.array([[29.0, 32.0], [35.0, 32.0]]), (2.0, 4.0), (4000, 4000))
    assert fit_path(counts).chosen == 2


def test_noise_alone_is_nothing():
    assert fit_path(counts_of(np.zeros((0, 2)), 1.0, (), n_noise=2000)).chosen == 0


@pytest.mark.parametrize("n", [0, 1])
def test_no_click_and_one_click(n):
    counts = np.zeros((SIDE, SIDE), np.int64)
    counts[3, 4] = n
    found = fit_path(counts)
    assert found.chosen == 0
    assert len(found.fits) == 1


def test_all_clicks_in_one_pixel_are_one_cluster():
    counts = np.zeros((SIDE, SIDE), np.int64)
    counts[3, 4] = 900
    assert fit_path(counts, PathConfig(most_components=3)).chosen == 1


def test_expected_counts_add_up_and_match_the_density():
    mixture = Mixture(
        np.array([0.6]), np.array([[20.0, 30.0]]), np.array([[[9.0, 3.0], [3.0, 5.0]]]), 0.4
    )
    found = expected_counts(mixture, 500.0, SIDE)
    assert found.sum() == pytest.approx(500)
    gap = np.array([25.5, 31.5]) - mixture.means[0]
    square = gap @ np.linalg.inv(mixture.covariances[0]) @ gap
    density = np.exp(-square / 2) / (2 * np.pi * np.sqrt(np.linalg.det(mixture.covariances[0])))
    assert found[31, 25] == pytest.approx(500 * (0.6 * density + 0.4 / SIDE**2), rel=1e-3)


def test_the_highest_peak_is_where_clicks_are_missing():
    counts = counts_of(CENTRES[:1], 2.0, (200,)).astype(float)
    flat = np.full((SIDE, SIDE), counts.sum() / SIDE**2)
    found = peaks(counts, flat, 3)
    assert np.hypot(*(np.array(found[0][1]) - CENTRES[0])) < 2
    assert [peak[0] for peak in found] == sorted((peak[0] for peak in found), reverse=True)
    assert len(found) <= 3
    # By hand: the excess under the window over the root of its variance.
    z, (x, y), sd = found[0]
    row, column = np.mgrid[:SIDE, :SIDE]
    window = np.exp(-0.5 * ((row + 0.5 - y) ** 2 + (column + 0.5 - x) ** 2) / sd**2)
    slow = (window * (counts - flat)).sum() / np.sqrt((window**2 * flat).sum() + 0.05)
    assert z == pytest.approx(slow, rel=1e-9)


def test_a_merge_keeps_mass_mean_and_spread():
    mixture = Mixture(
        np.array([0.2, 0.5]), np.array([[1.0, 2.0], [4.0, -1.0]]),
        np.array([[[2.0, 0.5], [0.5, 1.0]], [[1.0, 0.0], [0.0, 3.0]]]), 0.3,
    )  # fmt: skip
    merged = mixture.with_merged(0, 1)
    weights = mixture.weights / mixture.weights.sum()
    mean = weights @ mixture.means
    gaps = mixture.means - mean
    wanted = sum(
        w * (c + np.outer(g, g)) for w, c, g in zip(weights, mixture.covariances, gaps, strict=True)
    )
    assert merged.weights.tolist() == pytest.approx([0.7])
    np.testing.assert_allclose(merged.means[0], mean)
    np.testing.assert_allclose(merged.covariances[0], wanted)
    # A split is undone by a merge.
    again = mixture.with_split(1).with_merged(1, 2)
    np.testing.assert_allclose(again.means, mixture.means)
    np.testing.assert_allclose(again.covariances, mixture.covariances, atol=1e-12)
    assert again.weights.sum() + again.noise == pytest.approx(1)


def test_smaller_mixtures_have_one_less(path):
    for one in smaller(path.fits[3].mixture, 2):
        assert one.n_components == 2
        assert one.weights.sum() + one.noise == pytest.approx(1)


def test_truth_keeps_what_the_clicks_support():
    """Two clusters in one place are one to whoever sees the clicks; a third apart stays."""
    centres = np.array([[20.0, 20.0], [20.2, 20.0], [45.0, 45.0]])
    counts = counts_of(centres, 3.0, (150, 150, 300))
    covariances = np.stack([np.eye(2) * 9.0] * 3)
    start = fit_from_truth(counts, centres, covariances, np.array([150, 150, 300]))
    assert start.mixture.n_components == 3
    np.testing.assert_allclose(start.mixture.means[2], centres[2], atol=0.6)
    last = pruned(counts, start)
    assert last.mixture.n_components == 2
    assert isinstance(last, Fit)


def test_truth_with_no_clusters_and_with_a_cluster_without_clicks(three):
    nothing = fit_from_truth(three, np.zeros((0, 2)), np.zeros((0, 2, 2)), np.zeros(0, np.int64))
    assert pruned(three, nothing).mixture.n_components == 0
    some = fit_from_truth(
        three, CENTRES[:1], np.eye(2)[None] * 9.0, np.zeros(1, np.int64), EmConfig(n_steps=50)
    )
    assert some.mixture.weights[0] > 0.1


def test_a_fit_does_not_change_what_it_is_given(three):
    mixture = Mixture(np.array([0.5]), CENTRES[:1].copy(), np.eye(2)[None] * 9.0, 0.5)
    points = Points.of_counts(three)
    before = (mixture.means.copy(), mixture.covariances.copy(), points.weights.copy())
    fit(points, mixture)
    for old, new in zip(before, (mixture.means, mixture.covariances, points.weights), strict=True):
        np.testing.assert_array_equal(old, new)
