"""Replicates, intervals and differences of the label metrics."""

from collections import Counter

import numpy as np
import pytest

from bannercluster.evaluate.bootstrap import (
    LABEL_METRICS,
    differences,
    interval,
    joint_cells,
    label_replicates,
    table_metrics,
)
from bannercluster.evaluate.heuristics import centre_distances
from bannercluster.models.evaluations import ModelMetrics
from bannercluster.runtime import ThreadExecutor

KS = (5, 8)
N_LABELS = 12


class World:
    """Labels and clusters of two models, drawn row by row from one distribution."""

    def __init__(self, seed: int) -> None:
        random = np.random.default_rng(seed)
        self.share = random.dirichlet(np.full(N_LABELS, 2.0))
        self.clusters = [random.dirichlet(np.full(k, 0.3), N_LABELS).cumsum(axis=1) for k in KS]
        self.between = [centre_distances(random.normal(size=(k, 3))) for k in KS]

    def draw(self, random, n):
        codes = random.choice(N_LABELS, n, p=self.share).astype(np.int32)
        found = [
            (random.random(n)[:, None] > own[codes]).sum(axis=1).clip(max=own.shape[1] - 1)
            for own in self.clusters
        ]
        return codes, [own.astype(np.uint8) for own in found]

    def values(self, codes, clusters):
        found = []
        for own, between in zip(clusters, self.between, strict=True):
            table = np.zeros((N_LABELS, len(between)), np.int64)
            np.add.at(table, (codes, own), 1)
            values = table_metrics(table, between)
            found.append([values[name] for name in LABEL_METRICS])
        return np.array(found)

    def replicates(self, codes, clusters, n_replicates, seed=0, n_workers=1):
        cells = joint_cells(codes, np.ones(len(codes), np.int64), clusters)
        with ThreadExecutor(n_workers) as executor:
            return label_replicates(cells, N_LABELS, self.between, n_replicates, seed, executor)


@pytest.fixture(scope="module")
def world():
    return World(1)


@pytest.mark.parametrize("n_models", [1, 3, 40])
def test_cells_are_the_distinct_rows(n_models):
    """Forty models do not fit one 64-bit key."""
    random = np.random.default_rng(0)
    n = 500
    codes = random.integers(-1, 6, n).astype(np.int32)
    weights = random.integers(1, 4, n) * 10**9
    base = random.integers(0, 4, n)
    # Sizes that are powers of two: a key that ran over would lose the first columns as a whole.
    clusters = [((base + nth * codes) % 4).astype(np.uint8) for nth in range(n_models)]
    clusters[0] = random.integers(0, 4, n).astype(np.uint8)
    cells = joint_cells(codes, weights, clusters)
    expected = Counter(
        (code, weight, *(int(own[row]) for own in clusters))
        for row, (code, weight) in enumerate(zip(codes.tolist(), weights.tolist(), strict=True))
        if code >= 0
    )
    rows = zip(cells.codes, cells.weights, *cells.clusters, strict=True)
    found = {tuple(map(int, row)): int(n) for row, n in zip(rows, cells.counts, strict=True)}
    assert found == expected


def test_replicates_do_not_depend_on_workers_or_the_order_of_rows(world):
    codes, clusters = world.draw(np.random.default_rng(3), 200)
    wanted = world.replicates(codes, clusters, 21)
    np.testing.assert_array_equal(world.replicates(codes, clusters, 21, n_workers=3), wanted)
    order = np.random.default_rng(4).permutation(200)
    shuffled = world.replicates(codes[order], [own[order] for own in clusters], 21)
    np.testing.assert_array_equal(shuffled, wanted)
    # The first replicates are those of a longer run, and other seeds give others.
    np.testing.assert_array_equal(world.replicates(codes, clusters, 9), wanted[:, :, :9])
    assert (world.replicates(codes, clusters, 21, seed=1) != wanted).any()


def test_replicates_are_resampled_rows(world):
    """Mean and spread of the replicates are those of rows that are drawn one by one."""
    codes, clusters = world.draw(np.random.default_rng(5), 150)
    found = world.replicates(codes, clusters, 400)
    random = np.random.default_rng(6)
    slow = []
    for _ in range(400):
        rows = random.integers(0, 150, 150)
        slow.append(world.values(codes[rows], [own[rows] for own in clusters]))
    slow = np.moveaxis(np.array(slow), 0, 2)
    noise = slow.std(axis=2) / np.sqrt(400)
    assert (np.abs(found.mean(axis=2) - slow.mean(axis=2)) < 5 * noise).all()
    np.testing.assert_allclose(found.std(axis=2), slow.std(axis=2), rtol=0.2)


def test_weights_count_as_often(world):
    """A row of weight three counts three times, and is drawn once."""
    codes, clusters = world.draw(np.random.default_rng(7), 60)
    with ThreadExecutor(1) as executor:
        one, three = (
            label_replicates(
                joint_cells(codes, np.full(60, weight), clusters),
                N_LABELS, world.between, 5, 0, executor,
            )
            for weight in (1, 3)
        )  # fmt: skip
    recall, completeness = LABEL_METRICS.index("recall"), LABEL_METRICS.index("completeness")
    np.testing.assert_allclose(three[:, recall], one[:, recall])
    np.testing.assert_allclose(three[:, completeness], one[:, completeness])
    # This one is no share: it falls with the number of rows.
    total = LABEL_METRICS.index("sum_heuristic")
    assert (three[:, total] < one[:, total]).all()


def test_intervals_cover(world):
    """95 % intervals of the metrics and of differences, over 150 draws of 300 rows each.

    They would be 92 % to 96 % with 200 replicates; with 60 they are a little short. The plain
    percentiles cover AMI and V-measure in 68 %: rows that are drawn twice agree with themselves.
    """
    random = np.random.default_rng(8)
    truth = np.mean([world.values(*world.draw(random, 300)) for _ in range(600)], axis=0)
    hits, hits_between = np.zeros(len(LABEL_METRICS)), np.zeros(len(LABEL_METRICS))
    n_draws = 150
    for seed in range(n_draws):
        codes, clusters = world.draw(random, 300)
        values = world.values(codes, clusters)
        drawn = world.replicates(codes, clusters, 60, seed)
        models = [
            ModelMetrics(str(k), k, (), dict(zip(LABEL_METRICS, own, strict=True)))
            for k, own in zip(KS, values, strict=True)
        ]
        paired = {
            one.metric: one
            for one in differences(
                models, [dict(zip(LABEL_METRICS, own, strict=True)) for own in drawn]
            )
        }
        for place, name in enumerate(LABEL_METRICS):
            low, high = interval(name, values[0, place], drawn[0, place])
            hits[place] += low <= truth[0, place] <= high
            one = paired[name]
            hits_between[place] += one.low <= truth[0, place] - truth[1, place] <= one.high
    assert (hits / n_draws >= 0.84).all(), dict(zip(LABEL_METRICS, hits, strict=True))
    assert (hits_between / n_draws >= 0.84).all(), dict(
        zip(LABEL_METRICS, hits_between, strict=True)
    )


def test_intervals_stay_in_the_range_of_the_metric():
    replicates = np.linspace(-1, 1, 101)
    assert interval("recall", 1.0, replicates) == (pytest.approx(0.05), 1.0)
    assert interval("ami", 0.9, replicates) == (pytest.approx(-0.05), 1.0)
    assert interval("purity", 0.1, replicates) == (0.0, 1.0)
    assert interval("centre_distance", 5.0, replicates) == pytest.approx((4.05, 5.95))
    assert interval("misclustering_distance", 0.1, replicates) == (0.0, pytest.approx(1.05))
    assert interval("silhouette_cosine", -0.5, replicates) == (-1.0, pytest.approx(0.45))


def test_what_is_not_defined_has_no_interval():
    assert interval("recall", 0.5, np.full(20, np.nan)) is None
    assert interval("recall", 0.5, np.array([0.5, np.nan])) is None
    assert interval("recall", float("nan"), np.linspace(0, 1, 20)) is None


def test_differences_are_paired():
    """A model that is always 0.01 better is better, however noisy both are."""
    noise = np.random.default_rng(9).normal(0.5, 0.2, 300)
    models = [
        ModelMetrics("a", 5, (), {"ami": 0.51, "recall": 0.4}),
        ModelMetrics("b", 10, (), {"ami": 0.50, "recall": 0.3}),
        ModelMetrics("c", 1, (), {"recall": 1.0}),
    ]
    other = np.random.default_rng(10).normal(0.3, 0.2, 300)
    drawn = [
        {"ami": noise + 0.01, "recall": noise},
        {"ami": noise, "recall": other},
        {"recall": np.ones(300), "ami": np.full(300, np.nan)},
    ]
    found = {(one.metric, one.first, one.second): one for one in differences(models, drawn)}
    assert set(found) == {
        ("ami", "a", "b"), ("recall", "a", "b"), ("recall", "a", "c"), ("recall", "b", "c"),
    }  # fmt: skip
    better = found["ami", "a", "b"]
    assert better.value == pytest.approx(0.01)
    assert (better.low, better.high) == pytest.approx((0.01, 0.01))
    assert better.exceeds_noise
    assert not found["recall", "a", "b"].exceeds_noise


def test_the_same_clustering_twice_does_not_differ():
    models = [ModelMetrics(name, 5, (), {"ami": 0.3}) for name in "ab"]
    drawn = {"ami": np.random.default_rng(0).normal(size=50)}
    (one,) = differences(models, [drawn, drawn])
    assert (one.value, one.low, one.high, one.exceeds_noise) == (0.0, 0.0, 0.0, False)
