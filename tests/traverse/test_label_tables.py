"""Sums over labelled rows: the cut of the rows does not matter, and merging is adding."""

import math

import numpy as np
import pytest

from bannercluster.kernels.rows import Recipe, prepare
from bannercluster.traverse.label_tables import Contingency, Misclustering
from bannercluster.traverse.reducers import Labels
from bannercluster.traverse.sources import ArraySource
from bannercluster.traverse.walk import Assignment, Pass, Walker

from .helpers import KS, ShufflingExecutor, stack_of, table

pytestmark = pytest.mark.usefixtures("small_tiles")
N, N_LABELS = 2500, 4


class Twice:
    """Two replicates: every row once; and rows by their number, none or two of them."""

    n_replicates = 2

    def weights(self, start, n):
        rows = np.arange(start, start + n)
        return np.stack([np.ones(n), 2 * (rows % 2)]).astype(np.float32)


@pytest.fixture(params=["l2", "none"])
def walked(request):
    values = table(N, 6)
    recipe = Recipe(request.param)
    stack = stack_of(values, recipe)
    codes = (np.arange(N) % (N_LABELS + 1) - 1).astype(np.int32)
    weights = (np.arange(N) % 3 + 1).astype(np.int64)
    walker = Walker(ArraySource(values), ShufflingExecutor(0))
    counted = Contingency(stack, codes, weights, N_LABELS)
    tables, labels = walker.run(Pass("tables", recipe, (counted, Labels()), Assignment(stack)))
    main = np.hstack([own == own.max(axis=1, keepdims=True) for own in tables])
    reducer = Misclustering(stack, codes, weights, main, Twice())
    (sums,) = walker.run(Pass("distances", recipe, (reducer,), Assignment(stack)))
    x = prepare(values, recipe).x.double().numpy()
    return x, stack, codes, weights, tables, labels.joined(), main, sums


def test_distances_against_a_slow_sum(walked):
    x, stack, codes, weights, tables, labels, main, sums = walked
    for run, k in enumerate(KS):
        expected = np.zeros(N_LABELS)
        replicates, outside = np.zeros(2), np.zeros(2)
        for row in range(N):
            if codes[row] < 0:
                continue
            own = stack.starts[run] + np.arange(k)
            tied = own[main[codes[row], own]]
            others = [c for c in tied if c != stack.starts[run] + labels[run, row]]
            away = sum(math.dist(x[row], stack.centres[c]) for c in others) / len(tied)
            expected[codes[row]] += weights[row] * away
            drawn = np.array([1, 2 * (row % 2)]) * weights[row]
            replicates += drawn * away
            outside += drawn * len(others) / len(tied)
        np.testing.assert_allclose(sums.distance[run], expected, rtol=1e-9)
        np.testing.assert_allclose(sums.replicates_distance[:, run], replicates, rtol=1e-9)
        np.testing.assert_allclose(sums.replicates_outside[:, run], outside, rtol=1e-9)
        own = tables[run]
        assert sums.replicates_outside[0, run] == pytest.approx((own.sum(1) - own.max(1)).sum())


def test_one_cluster_has_nothing_outside(walked):
    sums = walked[-1]
    run = KS.index(1)
    assert not sums.distance[run].any()
    assert not sums.replicates_outside[:, run].any()


def test_order_and_repeats_of_tasks_do_not_matter(walked):
    _, stack, codes, weights, tables, _, main, sums = walked
    values = table(N, 6)
    reducer = Misclustering(stack, codes, weights, main, Twice())
    counted = Contingency(stack, codes, weights, N_LABELS)
    for seed in (1, 2):
        walker = Walker(ArraySource(values), ShufflingExecutor(seed))
        again, counts = walker.run(
            Pass("again", stack.recipe, (reducer, counted), Assignment(stack))
        )
        np.testing.assert_array_equal(again.distance, sums.distance)
        np.testing.assert_array_equal(again.replicates_distance, sums.replicates_distance)
        for one, other in zip(counts, tables, strict=True):
            np.testing.assert_array_equal(one, other)
