"""Cluster, distance and margin of new rows."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bannercluster.kernels.rows import Recipe, prepare
from bannercluster.models.kmeans import nearest
from bannercluster.models.rows import assign_rows
from bannercluster.runtime.executor import ThreadExecutor
from bannercluster.runtime.progress import SilentProgress
from bannercluster.traverse import segments
from bannercluster.traverse.sources import ArraySource

from . import helpers


def _check(stored, centres, normalize):
    found = nearest(stored, centres, normalize)
    x = prepare(stored, Recipe(normalize)).x.numpy()
    labels, distances, margins = helpers.nearest(x, centres)
    np.testing.assert_array_equal(found.cluster_id, labels)
    assert found.cluster_id.dtype == np.int32
    # float64 differences, rounded once to float32
    np.testing.assert_allclose(found.distance, distances.astype(np.float64), rtol=1e-7)
    scale = float(np.abs(margins).max()) if len(centres) > 1 else 0.0
    np.testing.assert_allclose(
        found.margin, margins.astype(np.float64), rtol=1e-7, atol=1e-12 * max(scale, 1.0)
    )


@settings(max_examples=50, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(1, 60),
    f=st.integers(1, 30),
    k=st.integers(1, 9),
    normalize=st.sampled_from(["l2", "none"]),
    dtype=st.sampled_from([np.float16, np.float32]),
)
def test_nearest_is_that_of_float64(seed, n, f, k, normalize, dtype):
    rng = np.random.default_rng(seed)
    stored = rng.normal(size=(n, f)).astype(dtype)
    _check(stored, rng.normal(size=(k, f)), normalize)


def test_hard_rows():
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(6, 8)).astype(np.float32).astype(np.float64)
    centres[4] = centres[2]
    rows = np.concatenate([centres, (centres[:3] + centres[1:4]) / 2, np.zeros((1, 8))])
    _check(rows.astype(np.float32), centres, "none")
    _check((rows + 1000).astype(np.float32), centres + 1000, "none")


def test_own_centre_is_at_distance_zero_and_ties_go_to_the_lower_index():
    centres = np.array([[1.0, 0.0], [0.0, 2.0], [1.0, 0.0]])
    found = nearest(np.array([[1, 0], [0, 2]], np.float32), centres, "none")
    assert found.cluster_id.tolist() == [0, 1]
    assert found.distance.tolist() == [0.0, 0.0]
    assert found.margin[0] == 0.0
    assert found.margin[1] == np.float32(np.sqrt(5))


def test_margin_of_one_cluster_is_not_defined():
    found = nearest(np.ones((3, 2), np.float16), np.zeros((1, 2)), "none")
    assert np.isnan(found.margin).all()
    np.testing.assert_allclose(found.distance, np.sqrt(2), rtol=1e-7)


def test_no_rows():
    found = nearest(np.empty((0, 2), np.float16), np.zeros((3, 2)), "l2")
    assert len(found.cluster_id) == len(found.distance) == len(found.margin) == 0


@pytest.mark.parametrize("n_workers", [1, 3])
def test_all_rows_of_a_source_under_several_models(monkeypatch, n_workers):
    monkeypatch.setattr(segments, "TILE_ROWS", 100)
    values = np.random.default_rng(0).normal(size=(1234, 4)).astype(np.float16)
    models = [helpers.model(k=3), helpers.model(k=5, normalize="l2"), helpers.model(k=1)]
    advanced = []

    class Counting(SilentProgress):
        def advance(self, n=1, note=""):
            advanced.append(n)

    with ThreadExecutor(n_workers) as executor:
        found = assign_rows(ArraySource(values), models, executor, Counting())
    assert sum(advanced) == len(values)
    for one, own in zip(models, found, strict=True):
        whole = nearest(values, one.centres, one.normalize)
        np.testing.assert_array_equal(own.cluster_id, whole.cluster_id)
        np.testing.assert_array_equal(own.distance, whole.distance)
        np.testing.assert_array_equal(own.margin, whole.margin)
        np.testing.assert_array_equal(one.assign(values).cluster_id, whole.cluster_id)
