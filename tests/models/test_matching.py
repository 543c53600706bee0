"""Which cluster of a refit is which: the least total squared distance, and what counts as same."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bannercluster.errors import UsageError
from bannercluster.models.matching import by_size, match


def _least_total(old: np.ndarray, new: np.ndarray) -> float:
    """By trying every order."""
    return min(
        float(np.square(old - new[list(order)]).sum()) for order in permutations(range(len(old)))
    )


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.integers(1, 6), st.integers(1, 4), st.integers(0, 10_000))
def test_least_total_squared_distance(k, f, seed):
    rng = np.random.default_rng(seed)
    old, new = rng.normal(size=(k, f)), rng.normal(size=(k, f))
    found = match(old, new)
    assert sorted(found.order) == list(range(k))
    gaps = np.square(old - new[found.order]).sum(axis=1)
    np.testing.assert_allclose(gaps.sum(), _least_total(old, new), rtol=1e-12)
    np.testing.assert_allclose(found.distances, np.sqrt(gaps), rtol=1e-12)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.integers(2, 7), st.integers(0, 10_000))
def test_same_means_that_the_predecessor_would_say_so(k, seed):
    rng = np.random.default_rng(seed)
    old = rng.normal(size=(k, 3))
    new = old[rng.permutation(k)] + 0.4 * rng.normal(size=(k, 3))
    found = match(old, new)
    numbered = new[found.order]
    np.testing.assert_array_equal(found.same, found.moved < 1)
    nearest = np.square(numbered[:, None] - old[None]).sum(axis=2).argmin(axis=1)
    assert (nearest == np.arange(k))[found.same].all()
    apart = np.sqrt(np.square(old[:, None] - old[None]).sum(axis=2)) + 1e9 * np.eye(k)
    np.testing.assert_allclose(found.moved, found.distances / (apart.min(axis=1) / 2), rtol=1e-12)


def test_all_together_and_not_one_after_the_other():
    """The nearest pair alone would leave the other one far away."""
    found = match(np.array([[0.0], [1.0]]), np.array([[1.1], [2.9]]))
    assert found.order.tolist() == [0, 1]
    assert found.same.tolist() == [False, False]


def test_a_permutation_is_undone():
    rng = np.random.default_rng(0)
    old = rng.normal(size=(12, 5))
    order = rng.permutation(12)
    found = match(old, old[order])
    np.testing.assert_array_equal(order[found.order], np.arange(12))
    assert (found.distances == 0).all()
    assert found.same.all()


def test_far_from_the_origin():
    old = 1e6 + np.array([[0.0, 0.0], [0.0, 1e-3], [1e-3, 0.0]])
    found = match(old, old[[2, 0, 1]] + 1e-4)
    assert found.order.tolist() == [1, 2, 0]
    np.testing.assert_allclose(found.distances, np.sqrt(2) * 1e-4, rtol=1e-4)


def test_one_cluster_is_always_the_same():
    found = match(np.zeros((1, 2)), np.full((1, 2), 5.0))
    assert found.same.tolist() == [True]
    assert np.isnan(found.moved).all()


def test_two_old_centres_at_one_place():
    old = np.array([[0.0], [0.0], [4.0]])
    found = match(old, np.array([[0.0], [0.5], [4.0]]))
    assert np.isnan(found.moved).tolist() == [True, True, False]
    assert sorted(zip(found.distances.tolist(), found.same.tolist(), strict=True)) == [
        (0.0, True),
        (0.0, True),
        (0.5, False),
    ]


def test_another_number_of_clusters():
    with pytest.raises(UsageError, match=r"shape \(3, 2\)"):
        match(np.zeros((2, 2)), np.zeros((3, 2)))


def test_by_size_and_then_by_place():
    centres = np.array([[3.0, 0.0], [1.0, 2.0], [1.0, 1.0], [0.0, 0.0]])
    assert by_size([5, 7, 7, 5], centres).tolist() == [2, 1, 3, 0]
    rng = np.random.default_rng(1)
    sizes = np.array([5, 7, 7, 5])
    for _ in range(5):
        order = rng.permutation(4)
        again = by_size(sizes[order], centres[order])
        np.testing.assert_array_equal(order[again], [2, 1, 3, 0])
