"""Every reducer against numpy, and its merge."""

import copy
from itertools import pairwise

import numpy as np
import pytest
from sklearn.metrics import silhouette_samples
from sklearn.metrics.cluster import contingency_matrix

from bannercluster.kernels.rows import Recipe, prepare
from bannercluster.runtime.executor import LocalShared
from bannercluster.traverse import walk
from bannercluster.traverse.reducers import Labels, Stats
from bannercluster.traverse.segments import Segment, cut
from bannercluster.traverse.sources import ArraySource
from bannercluster.traverse.walk import Assignment, Pass, Walker

from .helpers import (
    KS,
    ShufflingExecutor,
    assert_near,
    assert_same,
    reducers_of,
    stack_of,
    table,
    walk_all,
)

pytestmark = pytest.mark.usefixtures("small_tiles")
N = 2500


@pytest.fixture(params=["l2", "none"])
def found(request):
    """The values, the prepared rows, the stack and a result of every reducer."""
    values = table(N, 6)
    recipe = Recipe(request.param)
    stack = stack_of(values, recipe)
    x = prepare(values, recipe).x.double().numpy()
    return x, stack, walk_all(Walker(ArraySource(values), ShufflingExecutor(0)), stack)


def test_labels(found):
    x, stack, (_, _, _, labels, *_) = found
    for run, own in enumerate(labels.joined()):
        centres = stack.centres[stack.starts[run] : stack.starts[run + 1]]
        distance = np.square(x[:, None] - centres[None]).sum(axis=2)
        np.testing.assert_array_equal(own, distance.argmin(axis=1))


def test_stats(found):
    x, _, (stats, *_) = found
    assert (stats.n_rows, stats.n_zero, stats.n_not_finite, stats.first_not_finite) == (N, 0, 0, -1)
    assert stats.largest == np.abs(x).max()
    np.testing.assert_allclose(stats.mean, x.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(stats.sum_sq, np.square(x).sum(), rtol=1e-12)
    np.testing.assert_allclose(stats.mean_variance, x.var(axis=0).mean(), rtol=1e-10)


def test_sums_and_moments(found):
    x, stack, (_, moved, _, labels, moments, _, _) = found
    unit = x / np.sqrt(np.square(x).sum(axis=1, keepdims=True))
    for run, own in enumerate(labels.joined()):
        for cluster in range(KS[run]):
            rows, at = own == cluster, stack.starts[run] + cluster
            assert moved.counts[at] == moments.counts[at] == rows.sum()
            np.testing.assert_allclose(moved.sums[at], x[rows].sum(axis=0), atol=1e-6)
            np.testing.assert_allclose(moments.sums[at], x[rows].sum(axis=0), atol=1e-9)
            np.testing.assert_allclose(moments.sum_sq[at], np.square(x[rows]).sum(), rtol=1e-11)
            np.testing.assert_allclose(moments.unit_sums[at], unit[rows].sum(axis=0), atol=1e-5)
            np.testing.assert_allclose(moments.n_unit[at], rows.sum(), rtol=1e-6)


def test_farthest(found):
    x, stack, (_, _, far, labels, *_) = found
    for run, own in enumerate(labels.joined()):
        centres = stack.centres[stack.starts[run] :][own]
        distance = np.square(x - centres).sum(axis=1)
        order = np.lexsort((np.arange(N), -distance))[:5]
        np.testing.assert_array_equal([row for _, row, _, _ in far.rows[run]], order)
        np.testing.assert_allclose([d for d, _, _, _ in far.rows[run]], distance[order])
        np.testing.assert_array_equal([label for _, _, label, _ in far.rows[run]], own[order])
        np.testing.assert_array_equal([v for _, _, _, v in far.rows[run]], x[order])


def test_silhouettes(found):
    x, _, (_, _, _, labels, _, sums, _) = found
    for run, own in enumerate(labels.joined()):
        if KS[run] == 1:
            assert np.isnan(sums.euclidean[run])
            assert np.isnan(sums.cosine[run])
            continue
        for metric, value in (("sqeuclidean", sums.euclidean), ("cosine", sums.cosine)):
            expected = silhouette_samples(x, own, metric=metric).sum()
            np.testing.assert_allclose(value[run], expected, atol=1e-6 * N)


def test_contingency(found):
    _, _, (_, _, _, labels, _, _, tables) = found
    codes, weights = np.arange(N) % 5 - 1, np.arange(N) % 3 + 1
    known = codes >= 0
    for run, own in enumerate(labels.joined()):
        repeated = np.repeat(np.arange(N)[known], weights[known])
        counted = np.zeros((4, KS[run]), int)
        used = np.unique(own[repeated])
        counted[:, used] = contingency_matrix(codes[repeated], own[repeated])
        np.testing.assert_array_equal(tables[run], counted)


def test_farthest_of_equal_rows_are_the_first_ones():
    values = np.ones((N, 3), np.float32)
    stack = stack_of(table(N, 3), Recipe("none"))
    found = walk_all(Walker(ArraySource(values), ShufflingExecutor(1)), stack)
    assert [row for _, row, _, _ in found[2].rows[1]] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("normalize", ["l2", "none"])
def test_rows_that_are_not_finite_are_counted(normalize):
    values = table(N, 4)
    values[[700, 1900], 1] = np.nan
    values[2300] = np.inf
    values[[5, 1500]] = 0.0
    walker = Walker(ArraySource(values), ShufflingExecutor(2))
    (stats,) = walker.run(Pass("statistics", Recipe(normalize), (Stats(4),)))
    assert (stats.n_rows, stats.n_not_finite, stats.first_not_finite) == (N, 3, 700)


def test_zero_rows_are_counted():
    values = table(N, 4)
    values[[5, 1500]] = 0.0
    walker = Walker(ArraySource(values), ShufflingExecutor(2))
    (stats,) = walker.run(Pass("statistics", Recipe("l2"), (Stats(4),)))
    assert (stats.n_zero, stats.n_not_finite) == (2, 0)


def test_merge_is_associative_and_has_a_neutral_element():
    values = table(N, 6)
    stack = stack_of(values, Recipe("none"))
    walker = Walker(ArraySource(values), ShufflingExecutor(0))
    reducers = reducers_of(walker, stack)
    job = Pass("all", stack.recipe, reducers, Assignment(stack))
    shared = LocalShared(walk._Walk(job, walker.source, 0, "values", "merge"))
    tiles = [segment.start for segment in cut(N)]
    edges = [0, tiles[3], tiles[7], N]
    parts = [walk.walk_segment(shared, Segment(0, *own))[0] for own in pairwise(edges)]
    whole, nbytes_read = walk.walk_segment(shared, Segment(0, 0, N))
    assert nbytes_read == values.nbytes
    for slot, reducer in enumerate(reducers):

        def merged(one, other, reducer=reducer):
            return reducer.merge(copy.deepcopy(one), copy.deepcopy(other))

        a, b, c = (part[slot] for part in parts)
        left, right = merged(merged(a, b), c), merged(a, merged(b, c))
        exact = type(reducer).__name__ in ("MovedSums", "Farthest", "Contingency")
        (assert_same if exact else assert_near)(left, right)
        if isinstance(reducer, Labels):
            left, expected = left.joined(), whole[slot].joined()
        else:
            expected = whole[slot]
        (assert_same if exact else assert_near)(left, expected)
        assert_same(merged(reducer.start(), a), a)
        assert_same(merged(a, reducer.start()), a)
