"""Principal components and cosine similarity against slow references, and hard inputs."""

from __future__ import annotations

import numpy as np
import pytest

from bannercluster.errors import ConfigError, DataError
from bannercluster.heatmap.pictures import pca
from bannercluster.heatmap.pictures.pca import principal_components
from bannercluster.heatmap.pictures.similarity import cosine_to_anchor, mean_anchor


def block(n=30, n_features=7, seed=0):
    own = np.random.default_rng(seed)
    return own.standard_normal((n, n_features)) * np.arange(1, n_features + 1) + 3.0


def test_components_are_those_of_the_covariance():
    rows = block()
    found = principal_components(rows, 3)
    values, axes = np.linalg.eigh(np.cov(rows.T))
    np.testing.assert_allclose(found.shares, values[::-1][:3] / values.sum(), rtol=1e-10)
    np.testing.assert_allclose(np.abs(found.axes), np.abs(axes[:, ::-1][:, :3].T), atol=1e-10)
    np.testing.assert_allclose(found.coordinates, (rows - found.mean) @ found.axes.T, atol=1e-10)


def test_signs_do_not_depend_on_the_decomposition(monkeypatch):
    rows = block(60, 40)
    plain = principal_components(rows, 2)
    monkeypatch.setattr(pca, "RANDOMIZED_SIDE", 10)
    drawn = principal_components(rows, 2, seed=5)
    np.testing.assert_allclose(drawn.coordinates, plain.coordinates, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(drawn.shares, plain.shares, rtol=1e-6)
    again = principal_components(rows, 2, seed=5)
    assert again.coordinates.tobytes() == drawn.coordinates.tobytes()
    assert (plain.coordinates[np.abs(plain.coordinates).argmax(axis=0), [0, 1]] > 0).all()


def test_heatmaps_are_flattened():
    counts = np.random.default_rng(1).poisson(2.0, (12, 8, 8)).astype(np.uint32)
    one = principal_components(counts)
    other = principal_components(counts.reshape(12, 64))
    np.testing.assert_array_equal(one.coordinates, other.coordinates)


@pytest.mark.parametrize("shape", [(1, 4), (2, 4), (3, 1)])
def test_few_rows_or_features_leave_zeros(shape):
    found = principal_components(block(*shape), 4)
    assert found.coordinates.shape == (shape[0], 4)
    rank = min(shape[0] - 1, shape[1])
    assert (found.coordinates != 0).any(axis=0).sum() == rank
    assert found.shares.sum() == pytest.approx(float(rank > 0))


@pytest.mark.parametrize("value", [0.0, 0.1, 1e6])
def test_equal_rows_have_no_components(value):
    found = principal_components(np.full((9, 5), value))
    assert not found.coordinates.any()
    assert not found.shares.any()
    assert np.isfinite(found.axes).all()


def test_what_cannot_be_decomposed_is_refused():
    rows = block()
    with pytest.raises(ConfigError, match="n_components"):
        principal_components(rows, 0)
    rows[3, 3] = np.nan
    with pytest.raises(DataError, match="row 3"):
        principal_components(rows)


def test_cosine_is_that_of_the_angle():
    rows, anchor = block(), block(1)[0]
    wanted = [r @ anchor / np.sqrt((r @ r) * (anchor @ anchor)) for r in rows]
    np.testing.assert_allclose(cosine_to_anchor(rows, anchor), wanted, rtol=1e-12)
    np.testing.assert_allclose(cosine_to_anchor(rows, np.tile(anchor, (30, 1))), wanted, rtol=1e-12)
    np.testing.assert_allclose(cosine_to_anchor(1e200 * rows, anchor), wanted, rtol=1e-12)
    assert (cosine_to_anchor(rows, rows) <= 1.0).all()


@pytest.mark.parametrize("n_features", [7, 2048])
def test_a_row_has_the_same_bits_alone(n_features):
    rows, anchor = block(30, n_features), block(1, n_features, seed=1)[0]
    alone = [cosine_to_anchor(rows[nth : nth + 1], anchor)[0] for nth in range(30)]
    assert cosine_to_anchor(rows, anchor).tolist() == alone
    columns_first = np.asfortranarray(rows)
    assert cosine_to_anchor(columns_first, anchor).tolist() == alone


def test_rows_without_direction_are_not_similar():
    rows = np.array([[0.0, 0.0], [1.0, 0.0]])
    np.testing.assert_array_equal(cosine_to_anchor(rows, [2.0, 0.0]), [0.0, 1.0])
    np.testing.assert_array_equal(cosine_to_anchor(rows, [0.0, 0.0]), [0.0, 0.0])


def test_anchors():
    rows = block()
    healthy = np.arange(30) < 4
    np.testing.assert_allclose(mean_anchor(rows, healthy), rows[:4].mean(axis=0))
    with pytest.raises(DataError, match="healthy"):
        mean_anchor(rows, np.zeros(30, bool))
    with pytest.raises(DataError, match="shape"):
        mean_anchor(rows, np.ones(3, bool))
    with pytest.raises(DataError, match="anchor has the shape"):
        cosine_to_anchor(rows, np.ones(3))
