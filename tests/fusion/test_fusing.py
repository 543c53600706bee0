"""Rows of images and texts, and what stands in for a text that is not there."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.linear_model import Ridge
from sklearn.metrics import adjusted_mutual_info_score

from bannercluster.errors import DataError
from bannercluster.fusion.fusing import PENALTIES, Axes, Expected, Fusion, unit


def related(n, f=30, g=12, noise=0.3, seed=0, image_noise=None):
    """Images and texts of common groups; and the groups."""
    rng = np.random.default_rng(seed)
    groups = rng.integers(4, size=n)
    image_noise = noise if image_noise is None else image_noise
    images = rng.normal(size=(4, f))[groups] + image_noise * rng.normal(size=(n, f))
    texts = rng.normal(size=(4, g))[groups] + noise * rng.normal(size=(n, g))
    return images.astype(np.float32), texts.astype(np.float32), groups


def all_of(fusion, images, texts):
    return fusion(images, texts, np.ones(len(images), bool))


@pytest.mark.parametrize("weight", [0.0, 0.5, 1.0, 3.0])
def test_squared_distances_are_weighted_means(weight):
    images, texts, _ = related(40)
    rows = all_of(Fusion(weight), images, texts).astype(np.float64)
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, rtol=1e-6)
    x, y = unit(images).astype(np.float64), unit(texts).astype(np.float64)

    def sq(values):
        return np.square(values[:, None] - values[None]).sum(axis=2)

    expected = (sq(x) + weight**2 * sq(y)) / (1 + weight**2)
    np.testing.assert_allclose(sq(rows), expected, atol=1e-6)


def test_length_of_a_vector_does_not_count():
    images, texts, _ = related(20)
    longer = all_of(Fusion(1.0), 5 * images, 0.1 * texts)
    np.testing.assert_allclose(longer, all_of(Fusion(1.0), images, texts), atol=1e-6)


@pytest.mark.parametrize(("n", "f"), [(200, 30), (25, 30)])
@pytest.mark.parametrize("penalty", [PENALTIES[0], PENALTIES[6], PENALTIES[-1]])
def test_expected_text_is_that_of_ridge_regression(monkeypatch, n, f, penalty):
    monkeypatch.setattr("bannercluster.fusion.fusing.PENALTIES", (penalty,))
    images, texts, _ = related(n, f)
    x, y = unit(images), unit(texts)
    found = Expected.of(x, y)
    spread = np.square(x - x.mean(axis=0, dtype=np.float64)).sum() / f
    slow = Ridge(alpha=penalty * spread, solver="svd").fit(x.astype(float), y.astype(float))
    np.testing.assert_allclose(found(x), slow.predict(x.astype(float)), atol=2e-5)


@pytest.mark.parametrize(("n", "f"), [(200, 30), (25, 30)])
def test_penalty_is_that_of_the_lowest_cross_validation_score(n, f):
    images, texts, _ = related(n, f, noise=1.5)
    x, y = unit(images).astype(float), unit(texts).astype(float)
    x, y = x - x.mean(axis=0), y - y.mean(axis=0)
    spread = np.square(x).sum() / f
    scores = {}
    for penalty in PENALTIES:
        hat = x @ np.linalg.solve(x.T @ x + penalty * spread * np.eye(f), x.T)
        degrees = n - 1 - np.trace(hat)
        scores[penalty] = np.square(y - hat @ y).sum() / degrees**2 if degrees > 0 else np.inf
    assert Expected.of(unit(images), unit(texts)).penalty == min(scores, key=scores.get)


def test_components_are_the_principal_ones():
    images, texts, _ = related(100)
    fusion = Fusion.fit(images, texts, weight=1.0, image_components=5, text_components=3)
    rows = all_of(fusion, images, texts)
    assert rows.shape == (100, 8)
    slow = PCA(5, svd_solver="full").fit(unit(images).astype(float))
    assert fusion.image_axes.share == pytest.approx(slow.explained_variance_ratio_.sum(), abs=1e-6)
    expected = unit(slow.transform(unit(images))) / np.sqrt(2)
    np.testing.assert_allclose(np.abs(rows[:, :5]), np.abs(expected), atol=1e-5)


def test_too_many_components():
    images, texts, _ = related(6)
    with pytest.raises(DataError, match=r"9 components of the image vectors .* span 5 dimensions"):
        Fusion.fit(images, texts, weight=1.0, image_components=9)


@pytest.mark.parametrize("components", [0, 4])
def test_a_row_is_the_same_bits_in_any_company(components):
    images, texts, _ = related(150, f=333, g=77)
    has_text = np.random.default_rng(1).random(150) < 0.5
    fusion = Fusion.fit(images, texts, weight=1.0, image_components=components)
    whole = fusion(images, texts, has_text)
    alone = [fusion(images[i : i + 1], texts[i : i + 1], has_text[i : i + 1]) for i in range(150)]
    np.testing.assert_array_equal(np.concatenate(alone), whole)
    backwards = fusion(images[::-1], texts[::-1], has_text[::-1])[::-1]
    np.testing.assert_array_equal(backwards, whole)


def test_rows_without_a_text_are_not_pulled_together():
    """They would be by zeros: then clusters tell who has a text."""
    images, texts, groups = related(600, noise=0.5, seed=3, image_noise=2.0)
    has_text = np.random.default_rng(2).random(600) < 0.6
    fusion = Fusion.fit(images[has_text], texts[has_text], weight=1.0)

    def about(rows):
        found = KMeans(4, n_init=5, random_state=0).fit_predict(rows)
        own = adjusted_mutual_info_score(groups[~has_text], found[~has_text])
        return adjusted_mutual_info_score(has_text, found), own

    zeros = np.concatenate([unit(images), unit(texts) * has_text[:, None]], axis=1)
    by_zeros, group_by_zeros = about(zeros)
    by_expected, group_by_expected = about(fusion(images, texts, has_text))
    assert by_zeros > 0.1
    assert by_expected < 0.02
    assert group_by_expected > group_by_zeros


@pytest.mark.parametrize("n", [1, 2, 3, 20])
def test_text_that_was_never_missing_and_is_now(n):
    """Also where next to nothing is known, what stands in is a text of length one."""
    images, texts, _ = related(n)
    fusion = Fusion.fit(images, texts, weight=1.0)
    row = fusion(images, texts, np.arange(n) != 0)[0]
    half = row[images.shape[1] :]
    np.testing.assert_allclose(np.linalg.norm(half), np.sqrt(0.5), rtol=1e-6)


def test_models_of_earlier_versions_may_know_no_text():
    images, texts, _ = related(20)
    fusion = replace(Fusion.fit(images, texts, weight=1.0), expected=None)
    with pytest.raises(DataError, match=r"1 banners have no text, .*`bc cluster`"):
        fusion(images, texts, np.arange(20) != 3)


def test_same_images_let_expect_the_mean():
    texts = unit(np.random.default_rng(0).normal(size=(9, 4)))
    found = Expected.of(unit(np.ones((9, 5))), texts)
    np.testing.assert_allclose(found(unit(np.ones((1, 5))))[0], texts.mean(axis=0), atol=1e-6)


def test_zero_vectors_stay_zero():
    rows = all_of(Fusion(1.0), np.zeros((1, 3)), np.ones((1, 4)))
    np.testing.assert_allclose(rows[0], [0, 0, 0, *[0.5 / np.sqrt(2)] * 4], atol=1e-7)


def test_saved_and_read():
    images, texts, _ = related(50)
    has_text = np.arange(50) % 3 > 0
    fusion = Fusion.fit(images, texts, weight=0.7, image_components=6, text_components=2)
    again = Fusion.of_arrays(fusion.arrays())
    np.testing.assert_array_equal(again(images, texts, has_text), fusion(images, texts, has_text))
    assert again.image_axes.share == fusion.image_axes.share
    bare = Fusion.of_arrays(Fusion(2.0).arrays())
    assert (bare.weight, bare.image_axes, bare.expected) == (2.0, None, None)


def test_nothing_to_fit_on():
    with pytest.raises(DataError, match="no banner has both"):
        Fusion.fit(np.empty((0, 3)), np.empty((0, 3)), weight=1.0)


def test_axes_of_rows_that_are_all_the_same():
    with pytest.raises(DataError, match="span 0 dimensions"):
        Axes.of(np.ones((5, 3), np.float32), 1, "text")
