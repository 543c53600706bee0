"""Silhouettes, bootstrap and separation of all runs, from passes over the rows."""

import copy

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import calinski_harabasz_score, davies_bouldin_score, silhouette_samples

from bannercluster.kernels import silhouette
from bannercluster.kernels.rows import Recipe, prepare
from bannercluster.kernels.stack import Stack
from bannercluster.runtime.executor import ThreadExecutor
from bannercluster.traverse import segments
from bannercluster.traverse.reducers import Labels
from bannercluster.traverse.silhouettes import (
    ClusterMoments,
    RowBootstrap,
    Silhouettes,
    calinski_harabasz,
    davies_bouldin,
)
from bannercluster.traverse.sources import ArraySource, StoreSource
from bannercluster.traverse.walk import Assignment, Pass, Walker

from .helpers import ShufflingExecutor, assert_near, assert_same, stack_of, store_of, table

pytestmark = pytest.mark.usefixtures("small_tiles")
N = 2500
BOOTSTRAP = RowBootstrap(7, seed=3)


def _two_passes(walker, stack, bootstrap=BOOTSTRAP, precision=None):
    """Moments, silhouettes and labels of a stack."""
    first = Pass("sums", stack.recipe, (ClusterMoments(stack), Labels()), Assignment(stack))
    moments, labels = walker.run(first)
    reducer = Silhouettes(stack, moments, bootstrap, precision)
    (sums,) = walker.run(Pass("silhouettes", stack.recipe, (reducer,), Assignment(stack)))
    return moments, sums, labels.joined()


def _of(values, stack, **how):
    return _two_passes(Walker(ArraySource(values), ShufflingExecutor(0)), stack, **how)


@pytest.mark.parametrize("normalize", ["l2", "none"])
def test_replicates_are_weighted_sums(normalize):
    values = table(N, 6)
    stack = stack_of(values, Recipe(normalize), (4, 7, 1))
    _, sums, labels = _of(values, stack)
    x = prepare(values, stack.recipe).x.double().numpy()
    weights = np.hstack([BOOTSTRAP.weights(low, min(256, N - low)) for low in range(0, N, 256)])
    np.testing.assert_array_equal(sums.replicate_weights, weights.sum(axis=1))
    for metric, plain, drawn in (
        ("sqeuclidean", sums.euclidean, sums.replicates_euclidean),
        ("cosine", sums.cosine, sums.replicates_cosine),
    ):
        assert drawn.shape == (7, 3)
        assert np.isnan(plain[2])
        assert np.isnan(drawn[:, 2]).all()
        for run in range(2):
            scores = silhouette_samples(x, labels[run], metric=metric)
            np.testing.assert_allclose(plain[run], scores.sum(), atol=1e-6 * N)
            np.testing.assert_allclose(drawn[:, run], weights @ scores, atol=1e-6 * N)


def test_without_a_bootstrap_there_are_no_replicates():
    values = table(N, 6)
    _, sums, _ = _of(values, stack_of(values, Recipe("none")), bootstrap=None)
    assert sums.replicates_euclidean is None
    assert sums.replicates_cosine is None
    assert sums.replicate_weights is None


@pytest.mark.parametrize("normalize", ["l2", "none"])
def test_chunks_workers_and_their_order_leave_no_trace(normalize, tmp_path):
    values = table(N, 6)
    stack = stack_of(values, Recipe(normalize), (4, 7))
    expected = _of(values, stack)
    for seed in (1, 2):
        again = _two_passes(Walker(ArraySource(values), ShufflingExecutor(seed)), stack)
        assert_same(again, expected)
    with ThreadExecutor(3) as executor:
        assert_same(_two_passes(Walker(ArraySource(values), executor), stack), expected)
    for chunk_rows in (100, 2500):
        source = StoreSource(store_of(tmp_path, values, chunk_rows))
        assert_same(_two_passes(Walker(source, ShufflingExecutor(3)), stack), expected)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), normalize=st.sampled_from(["l2", "none"]))
def test_order_of_rows_and_names_of_clusters_change_nothing(seed, normalize):
    rng = np.random.default_rng(seed)
    values = table(600, 4, seed=seed % 1000)
    centres = values[rng.choice(600, 5, replace=False)].astype(np.float64)
    order, names = rng.permutation(600), rng.permutation(5)
    moments, sums, _ = _of(values, Stack.of([centres], Recipe(normalize)), bootstrap=None)
    stack = Stack.of([centres[names]], Recipe(normalize))
    others, again, _ = _of(values[order], stack, bootstrap=None)
    np.testing.assert_allclose(again.euclidean, sums.euclidean, atol=1e-9 * 600)
    np.testing.assert_allclose(again.cosine, sums.cosine, atol=1e-9 * 600)
    np.testing.assert_allclose(again.own_distance, sums.own_distance[names], atol=1e-6)
    starts = stack.starts
    for one, other in (
        (calinski_harabasz(moments, starts), calinski_harabasz(others, starts)),
        (
            davies_bouldin(moments, sums.own_distance, starts),
            davies_bouldin(others, again.own_distance, starts),
        ),
    ):
        np.testing.assert_allclose(one, other, rtol=1e-9)


def test_rows_three_times_are_three_times_the_moments():
    values = table(500, 4)
    stack = stack_of(values, Recipe("none"), (4, 3))
    once, _, _ = _of(values, stack, bootstrap=None)
    thrice, sums, labels = _of(np.tile(values, (3, 1)), stack, bootstrap=None)
    np.testing.assert_array_equal(thrice.counts, 3 * once.counts)
    np.testing.assert_allclose(thrice.sums, 3 * once.sums, rtol=1e-12)
    np.testing.assert_allclose(thrice.spread, once.spread, rtol=1e-9)
    expected = silhouette_samples(
        np.tile(values, (3, 1)).astype(float), labels[1], metric="sqeuclidean"
    )
    np.testing.assert_allclose(sums.euclidean[1], expected.sum(), atol=1e-6 * 1500)


def test_zero_rows_have_no_cosine():
    values = table(N, 4)
    for normalize in ("l2", "none"):
        stack = stack_of(values, Recipe(normalize), (4, 7))
        values[[5, 1500]] = 0.0
        moments, sums, labels = _of(values, stack)
        assert moments.n_zero[:4].sum() == moments.n_zero[4:].sum() == 2
        assert np.isnan(sums.cosine).all()
        assert np.isnan(sums.replicates_cosine).all()
        x = prepare(values, Recipe(normalize)).x.double().numpy()
        expected = silhouette_samples(x, labels[1], metric="sqeuclidean")
        np.testing.assert_allclose(sums.euclidean[1], expected.sum(), atol=1e-6 * N)


@pytest.mark.parametrize("normalize", ["l2", "none"])
@pytest.mark.parametrize("precision", ["float32", "split"])
def test_fast_products_in_a_pass(normalize, precision):
    values = table(N, 64)
    rng = np.random.default_rng(0)
    seen = prepare(values, Recipe(normalize)).x.double().numpy()
    stack = Stack.of([seen[rng.choice(N, 10)] for _ in range(8)], Recipe(normalize))
    _, exact, _ = _of(values, stack, precision="float64")
    _, sums, _ = _of(values, stack, precision=precision)
    atol = {"float32": 1e-6, "split": 1e-5}[precision]
    for name in ("euclidean", "cosine", "replicates_euclidean", "replicates_cosine"):
        found, expected = getattr(sums, name) / N, getattr(exact, name) / N
        assert not np.array_equal(found, expected)
        np.testing.assert_allclose(found, expected, atol=atol)
    np.testing.assert_allclose(sums.own_distance, exact.own_distance, rtol=1e-4)


def test_merge_is_associative_and_has_a_neutral_element():
    values = table(1000, 6)
    stack = stack_of(values, Recipe("none"))
    moments, _, _ = _of(values, stack)
    for reducer in (ClusterMoments(stack), Silhouettes(stack, moments, BOOTSTRAP)):
        states = []
        for low in range(0, 768, 256):
            walker = Walker(ArraySource(values[low : low + 256]), ShufflingExecutor(0))
            states += walker.run(Pass("part", stack.recipe, (reducer,), Assignment(stack)))

        def merged(one, other, reducer=reducer):
            return reducer.merge(copy.deepcopy(one), copy.deepcopy(other))

        a, b, c = states
        assert_near(merged(merged(a, b), c), merged(a, merged(b, c)))
        assert_same(merged(reducer.start(), a), a)
        assert_same(merged(a, reducer.start()), a)


# The bootstrap


def test_weights_belong_to_rows():
    whole = RowBootstrap(5, 11).weights(0, 9000)
    assert whole.dtype == np.float32
    parts = [RowBootstrap(5, 11).weights(low, 1000) for low in range(0, 9000, 1000)]
    np.testing.assert_array_equal(whole, np.hstack(parts))
    assert (RowBootstrap(5, 12).weights(0, 9000) != whole).mean() > 0.5
    assert (RowBootstrap(2, 11).weights(0, 9000) == whole[:2]).all()


def test_weights_are_poisson():
    weights = RowBootstrap(50, 0).weights(2**33, 20_000)
    n = weights.size
    expected = np.exp(-1) / np.array([1, 1, 2, 6, 24, 120])
    found = np.array([(weights == value).mean() for value in range(6)])
    np.testing.assert_allclose(found, expected, atol=5 * 0.5 / n**0.5)
    # Neither rows nor replicates nor neighbouring rows hang together.
    away = weights - 1.0
    assert abs((away[:, 1:] * away[:, :-1]).mean()) < 5 / n**0.5
    assert abs((away[1:] * away[:-1]).mean()) < 5 / n**0.5
    assert np.abs(weights.mean(axis=1) - 1).max() < 5 / 20_000**0.5
    assert np.abs(weights.mean(axis=0) - 1).max() < 6 / 50**0.5


# Separation


@pytest.mark.parametrize("offset", [0.0, 1000.0])
@pytest.mark.parametrize("normalize", ["l2", "none"])
def test_separation_is_that_of_scikit_learn(normalize, offset):
    """The first run has an empty cluster: scikit-learn is not told of it."""
    values = np.round(table(N, 6) * 1024) / 1024
    x = values.astype(np.float64)
    stack = stack_of(values, Recipe(normalize), (4, 7, 1))
    if normalize == "none":
        stack = Stack(stack.centres + offset, stack.starts, stack.recipe)
        values = values + np.float32(offset)
        x = values.astype(np.float64) - offset
    else:
        x = prepare(values, stack.recipe).x.double().numpy()
    moments, sums, labels = _of(values, stack)
    assert (moments.counts[:4] == 0).any()
    harabasz = calinski_harabasz(moments, stack.starts)
    bouldin = davies_bouldin(moments, sums.own_distance, stack.starts)
    for run in range(2):
        np.testing.assert_allclose(
            harabasz[run], calinski_harabasz_score(x, labels[run]), rtol=1e-9
        )
        np.testing.assert_allclose(bouldin[run], davies_bouldin_score(x, labels[run]), rtol=1e-9)
    assert np.isnan([harabasz[2], bouldin[2]]).all()


def test_separation_that_is_not_defined():
    values = np.repeat(np.array([[1.1, 0.3], [2.7, 0.3]], np.float32), 30, axis=0)
    places = values[[0, 30]].astype(np.float64)
    stack = Stack.of([places, places[:1], values.astype(np.float64)], Recipe("none"))
    moments, sums, _ = _of(values, stack)
    # No variance within any cluster: infinitely good, which is no number.
    assert np.isnan(calinski_harabasz(moments, stack.starts)).all()
    bouldin = davies_bouldin(moments, sums.own_distance, stack.starts)
    assert bouldin[0] == 0.0
    assert np.isnan(bouldin[1])
    assert sums.euclidean[0] == pytest.approx(60.0)
    # Two clusters with one mean.
    moments = ClusterMoments(stack).start()
    moments.counts[:2] = 5
    assert np.isnan(davies_bouldin(moments, np.ones(63), stack.starts)).all()


def test_more_rows_than_float64_takes_choose_faster_products(monkeypatch):
    monkeypatch.setattr(silhouette, "_FLOAT64_ROWS", 100)
    monkeypatch.setattr(segments, "TILE_ROWS", 256)
    values = table(N, 6)
    stack = stack_of(values, Recipe("none"), (4, 7))
    moments, _, _ = _of(values, stack)
    assert Silhouettes(stack, moments)._clusters.plan[0] == "float32"
