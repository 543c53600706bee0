"""Sums per cluster are exact: a function of the set of rows alone."""

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bannercluster.kernels.rows import Recipe, prepare
from bannercluster.kernels.stack import Stack
from bannercluster.kernels.sums import ClusterSums, exact_grid

from .references import DEVICES, cluster_sums


def _stack(ks, f):
    return Stack.of([np.zeros((k, f)) for k in ks], Recipe("none"))


def _labels(rng, ks, n):
    return np.stack([rng.integers(k, size=n) for k in ks]).astype(np.uint8)


def _fresh(x, stack, labels, grid, device="cpu"):
    state = ClusterSums.zeros(*stack.centres.shape)
    state.move(prepare(x, Recipe("none"), device), stack, None, labels, grid)
    return state


def _same(left, right):
    return np.array_equal(left.sums, right.sums) and np.array_equal(left.counts, right.counts)


@pytest.mark.parametrize("device", DEVICES)
def test_sums_are_those_of_fractions(device):
    rng = np.random.default_rng(0)
    x = (rng.normal(size=(700, 5)) * 10.0 ** rng.uniform(-9, 2, size=(700, 1))).astype(np.float32)
    ks = (4, 3)
    stack, labels = _stack(ks, 5), _labels(rng, ks, 700)
    for grid in (exact_grid(700, float(np.abs(x).max())), 4.0):
        state = _fresh(x, stack, labels, grid, device)
        for run, k in enumerate(ks):
            sums, counts = cluster_sums(x, labels[run], k, grid)
            own = slice(stack.starts[run], stack.starts[run + 1])
            assert [[Fraction(v) for v in row] for row in state.sums[own].tolist()] == sums
            assert state.counts[own].tolist() == counts


def test_sums_are_those_of_fsum():
    rng = np.random.default_rng(1)
    x = rng.uniform(-1, 1, size=(5000, 3)).astype(np.float32)
    grid = exact_grid(5000, float(np.abs(x).max()))
    labels = np.zeros((1, 5000), np.uint8)
    found = _fresh(x, _stack((1,), 3), labels, grid).sums[0]
    exact = [math.fsum(column) for column in x.T.tolist()]
    np.testing.assert_allclose(found, exact, rtol=0, atol=5000 / grid / 2)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(1, 1400),
    cuts=st.lists(st.floats(0, 1), max_size=6),
    scale=st.sampled_from([1e-30, 1e-3, 1.0, 1e4, 1e30]),
)
def test_order_and_splitting_leave_no_trace(seed, n, cuts, scale):
    rng = np.random.default_rng(seed)
    x = (scale * rng.standard_t(2, size=(n, 3))).astype(np.float32)
    ks = (3, 2)
    stack, labels = _stack(ks, 3), _labels(rng, ks, n)
    grid = exact_grid(n, float(np.abs(x).max()))
    whole = _fresh(x, stack, labels, grid)
    order = rng.permutation(n)
    assert _same(whole, _fresh(x[order], stack, labels[:, order], grid))
    edges = [0, *sorted(int(cut * n) for cut in cuts), n]
    parts = [
        _fresh(x[low:high], stack, labels[:, low:high], grid)
        for low, high in itertools.pairwise(edges)
    ]
    total = ClusterSums.zeros(*stack.centres.shape)
    for index in rng.permutation(len(parts)):
        total += parts[index]
    assert _same(whole, total)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 1400), steps=st.integers(1, 5))
def test_moves_lead_to_the_sums_of_the_last_labels(seed, n, steps):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 4)).astype(np.float32)
    ks = (5, 1, 3)
    stack = _stack(ks, 4)
    grid = exact_grid(n, float(np.abs(x).max()))
    rows = prepare(x, Recipe("none"))
    labels = _labels(rng, ks, n)
    state = ClusterSums.zeros(*stack.centres.shape)
    assert state.move(rows, stack, None, labels, grid) == labels.size
    for _ in range(steps):
        new = np.where(rng.random(labels.shape) < 0.3, _labels(rng, ks, n), labels)
        assert state.move(rows, stack, labels, new, grid) == np.count_nonzero(labels != new)
        labels = new
    assert _same(state, _fresh(x, stack, labels, grid))


@given(
    n=st.integers(1, 10**9),
    largest=st.floats(1e-40, 3e38, allow_nan=False),
)
def test_grid_is_fine_and_leaves_room(n, largest):
    grid = exact_grid(n, largest)
    assert math.frexp(grid)[0] == 0.5
    steps = Fraction(largest) * Fraction(grid)
    assert steps <= 2**26
    assert steps * n <= 2**52
    assert steps > 2**24 or steps * n >= 2**49 or grid == 2.0**126


def test_grid_of_nothing():
    assert exact_grid(0, 1.0) == exact_grid(5, 0.0) == 1.0


def test_sums_at_the_edge_of_the_grid_are_exact():
    """As many equal, largest rows as the grid was made for."""
    x = np.full((4096, 2), np.nextafter(np.float32(2), np.float32(0)), np.float32)
    x[:, 1] *= -1
    grid = exact_grid(4096, float(x.max()))
    state = _fresh(x, _stack((1,), 2), np.zeros((1, 4096), np.uint8), grid)
    assert state.sums[0].tolist() == [4096 * float(x[0, 0]), -4096 * float(x[0, 0])]
