import numpy as np
import pytest
from sklearn.decomposition import PCA

from bannercluster.models.kmeans import Assigned
from bannercluster.report.selection import project, select
from bannercluster.traverse.sources import ArraySource


@pytest.fixture
def assigned():
    rng = np.random.default_rng(1)
    # Few distinct values, so that many are equal.
    return Assigned(
        rng.integers(0, 4, 200).astype(np.int32),
        (rng.integers(0, 30, 200) / 8).astype(np.float32),
        (rng.integers(0, 30, 200) / 8).astype(np.float32),
    )


def slow_select(assigned, cluster, n):
    rows = [row for row in range(200) if assigned.cluster_id[row] == cluster]
    nearest = sorted(rows, key=lambda row: (assigned.distance[row], row))[:n]
    rest = [row for row in rows if row not in nearest]
    boundary = sorted(rest, key=lambda row: (assigned.margin[row], row))[:n]
    return rows, nearest, boundary


@pytest.mark.parametrize("n", [1, 8, 30, 100])
def test_against_a_slow_reference(assigned, n):
    found = select(assigned, 5, n, 0)
    assert len(found) == 5
    for cluster, shown in enumerate(found):
        rows, nearest, boundary = slow_select(assigned, cluster, n)
        assert shown.n_rows == len(rows)
        assert shown.nearest.tolist() == nearest
        assert shown.boundary.tolist() == boundary
        drawn = shown.random.tolist()
        assert drawn == sorted(drawn)
        assert set(drawn) <= set(rows) - {*nearest, *boundary}
        assert len(drawn) == min(n, len(rows) - len(nearest) - len(boundary))
        assert len(set(shown.all.tolist())) == len(shown.all)
    assert found[4].n_rows == len(found[4].all) == 0


def test_seeds(assigned):
    first, again, other = (select(assigned, 4, 8, seed) for seed in (0, 0, 1))
    for one, two in zip(first, again, strict=True):
        np.testing.assert_array_equal(one.all, two.all)
    assert any(
        one.random.tolist() != two.random.tolist() for one, two in zip(first, other, strict=True)
    )
    for one, two in zip(first, other, strict=True):
        np.testing.assert_array_equal(one.nearest, two.nearest)
        np.testing.assert_array_equal(one.boundary, two.boundary)


def test_one_cluster_has_no_boundary():
    n = np.arange(20, dtype=np.float32)
    (shown,) = select(Assigned(np.zeros(20, np.int32), n[::-1], n * np.nan), 1, 3, 0)
    assert shown.nearest.tolist() == [19, 18, 17]
    assert len(shown.boundary) == 0
    assert len(shown.random) == 3


@pytest.mark.parametrize("normalize", ["l2", "none"])
def test_map_of_all_rows_is_their_pca(normalize):
    values = np.random.default_rng(2).normal(0, [5, 3, 1, 1, 1], (80, 5)).astype(np.float32)
    found = project(ArraySource(values), normalize, 500, 0)
    x = values.astype(float)
    if normalize == "l2":
        x = x / np.linalg.norm(x, axis=1, keepdims=True)
    pca = PCA(2)
    expected = pca.fit_transform(x)
    np.testing.assert_array_equal(found.rows, np.arange(80))
    np.testing.assert_allclose(np.abs(found.xy), np.abs(expected), atol=1e-3)
    assert found.explained == pytest.approx(pca.explained_variance_ratio_, rel=1e-3)


def test_map_of_a_sample():
    values = np.random.default_rng(2).normal(0, 1, (80, 5)).astype(np.float32)
    found, again, other = (project(ArraySource(values), "l2", 20, seed) for seed in (0, 0, 1))
    assert found.rows.tolist() == sorted(set(found.rows.tolist()))
    assert (len(found.rows), found.xy.shape) == (20, (20, 2))
    np.testing.assert_array_equal(found.xy, again.xy)
    assert found.rows.tolist() != other.rows.tolist()


def test_too_few_rows_for_a_map():
    assert project(ArraySource(np.eye(2, dtype=np.float32)), "l2", 10, 0) is None
