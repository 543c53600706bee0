import math

import numpy as np
import pytest

from bannercluster.errors import DataError, UsageError
from bannercluster.heatmap.networks.anchors import (
    anchor_cosine,
    cosine_similarity,
    knn_distance,
    linear_probe,
    mean_anchors,
    random_anchors,
)

RNG = np.random.default_rng(0)
BLOCK = RNG.normal(size=(14, 6)).astype(np.float32)
GRID = np.array([0, 0, 0, 0, 0, 7, 7, 7, 7, 7, 3, 3, 3, 3])
HEALTHY = np.array([1, 1, 1, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0], bool)  # none of grid 3


def slow_cosine(a, b):
    dot = sum(float(x) * float(y) for x, y in zip(a, b, strict=True))
    lengths = [math.sqrt(sum(float(x) ** 2 for x in v)) for v in (a, b)]
    return dot / (lengths[0] * lengths[1])


def test_cosine_to_the_mean_of_the_healthy_ones_of_the_grid():
    grids, anchors = mean_anchors(BLOCK, GRID, HEALTHY)
    np.testing.assert_array_equal(grids, [0, 7])
    found = anchor_cosine(BLOCK, GRID, grids, anchors)
    for i, grid in enumerate(GRID):
        own = [j for j in range(14) if GRID[j] == grid and HEALTHY[j]]
        if not own:
            assert np.isnan(found[i])
            continue
        mean = [sum(float(BLOCK[j][k]) for j in own) / len(own) for k in range(6)]
        assert found[i] == pytest.approx(slow_cosine(BLOCK[i], mean), rel=1e-9)


def test_a_heatmap_has_the_same_cosine_alone():
    grids, anchors = mean_anchors(BLOCK, GRID, HEALTHY)
    together = anchor_cosine(BLOCK, GRID, grids, anchors)
    alone = anchor_cosine(BLOCK[8:9], GRID[8:9], grids, anchors)
    np.testing.assert_array_equal(alone, together[8:9])


def test_random_picks_are_healthy_ones_of_the_grid():
    picks = set()
    for seed in range(30):
        grids, anchors = random_anchors(BLOCK, GRID, HEALTHY, np.random.default_rng(seed))
        np.testing.assert_array_equal(grids, [0, 7])
        places = [np.flatnonzero((a.astype(np.float32) == BLOCK).all(axis=1)) for a in anchors]
        assert all(len(p) == 1 and HEALTHY[p[0]] for p in places)
        picks.add(tuple(int(p[0]) for p in places))
    assert picks == {(i, j) for i in (0, 1, 2) for j in (5, 6)}


def test_two_references_per_grid():
    rng = np.random.default_rng(0)
    _, anchors = random_anchors(BLOCK, GRID, HEALTHY, rng, n=2)
    pairs = [BLOCK[list(p)].astype(float).mean(axis=0) for p in ((0, 1), (0, 2), (1, 2))]
    assert any(np.allclose(anchors[0], pair, rtol=1e-12) for pair in pairs)
    np.testing.assert_allclose(anchors[1], BLOCK[5:7].astype(float).mean(axis=0))
    _, every = random_anchors(BLOCK, GRID, HEALTHY, rng, n=99)
    np.testing.assert_array_equal(every, mean_anchors(BLOCK, GRID, HEALTHY)[1])
    with pytest.raises(UsageError, match="at least 1"):
        random_anchors(BLOCK, GRID, HEALTHY, rng, n=0)


def test_cosine_of_extremes():
    assert cosine_similarity(np.zeros(3), np.ones(3)) == 0
    assert cosine_similarity(np.full(3, 1e-200), np.ones(3)) == pytest.approx(1)
    assert cosine_similarity(np.full(3, 1e200), -np.ones(3)) == pytest.approx(-1)


def test_nearest_neighbours_leave_oneself_out():
    for k in (1, 2, 10):
        found = knn_distance(BLOCK, GRID, HEALTHY, k)
        for i, grid in enumerate(GRID):
            others = [j for j in range(14) if GRID[j] == grid and HEALTHY[j] and j != i]
            away = sorted(1 - slow_cosine(BLOCK[i], BLOCK[j]) for j in others)[:k]
            if away:
                assert found[i] == pytest.approx(sum(away) / len(away), abs=1e-12)
            else:
                assert np.isnan(found[i])
    one = np.array([True] + [False] * 13)
    assert np.isnan(knn_distance(BLOCK, GRID, one, 1)[0])  # the only reference has no other
    with pytest.raises(UsageError, match="at least 1"):
        knn_distance(BLOCK, GRID, HEALTHY, 0)


def test_the_probe_is_ridge_regression_in_its_primal_form():
    rng = np.random.default_rng(1)
    x, label = rng.normal(size=(40, 5)), rng.integers(3, size=40)
    x[:, 3] = 2.5  # says nothing
    test = rng.normal(size=(6, 5))
    mean, sd = x.mean(axis=0), x.std(axis=0)
    kept = [0, 1, 2, 4]
    z, t = ((a[:, kept] - mean[kept]) / sd[kept] for a in (x, test))
    y = np.eye(3)[label]
    weight = np.linalg.solve(z.T @ z + 0.1 * 40 * np.eye(4), z.T @ (y - y.mean(axis=0)))
    expected = t @ weight + y.mean(axis=0)
    found = linear_probe(x, label, test, 3, ridge=0.1)
    np.testing.assert_allclose(found, expected, rtol=1e-9)
    np.testing.assert_array_equal(linear_probe(x, label, test[2:3], 3, ridge=0.1)[0], found[2])
    assert linear_probe(x, label, test[:0], 3).shape == (0, 3)


def test_the_probe_finds_what_is_linear():
    rng = np.random.default_rng(2)
    x = rng.normal(size=(300, 8))
    label = np.argmax(x[:, :3], axis=1)
    found = linear_probe(x[:200], label[:200], x[200:], 3).argmax(axis=1)
    assert (found == label[200:]).mean() > 0.8
    with pytest.raises(DataError, match="labels 0 to 1"):
        linear_probe(x, label, x, 2)
    with pytest.raises(DataError, match="0 rows"):
        linear_probe(x[:0], label[:0], x, 2)
