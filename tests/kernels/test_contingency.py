"""Expected mutual information and distances to main clusters, against slow references."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics.cluster import contingency_matrix, expected_mutual_information

from bannercluster.kernels import contingency


def slow(labels, clusters):
    """Over every count of the hypergeometric distribution of scipy."""
    n = sum(labels)
    total = 0.0
    for a in labels:
        for b in clusters:
            for count in range(1, min(a, b) + 1):
                chance = stats.hypergeom.pmf(count, n, a, b)
                total += chance * count / n * math.log(n * count / (a * b))
    return total


@pytest.mark.parametrize(
    ("labels", "clusters"),
    [
        ([5, 3, 2], [4, 4, 2]),
        ([1] * 7, [3, 4]),
        ([6, 1], [6, 1]),
        ([2, 2, 2, 2], [8]),
        ([30, 20, 20, 5], [70, 5]),
        ([1], [1]),
    ],
)
def test_expectation_by_its_definition(labels, clusters):
    found = contingency.expected_mutual_information(np.array(labels), np.array(clusters))
    assert found == pytest.approx(slow(labels, clusters), abs=1e-13)


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 4)), min_size=2, max_size=60))
def test_expectation_is_that_of_scikit_learn(pairs):
    truth, found = zip(*pairs, strict=True)
    table = contingency_matrix(truth, found, sparse=True)
    labels, clusters = (np.asarray(table.sum(axis=axis)).ravel() for axis in (1, 0))
    expected = expected_mutual_information(table, len(pairs))
    ours = contingency.expected_mutual_information(labels, clusters)
    assert ours == pytest.approx(expected, abs=1e-12)


def test_large_sizes_lose_no_digits():
    """Of sizes that are all multiples of each other the expectation is about (A-1)(C-1)/(2N)."""
    n = 4_000_000_000
    found = contingency.expected_mutual_information(np.full(20, n // 20), np.full(5, n // 5))
    assert found == pytest.approx(19 * 4 / (2 * n), rel=1e-3)


@pytest.mark.parametrize("n_features", [1, 5, 33])
def test_main_distances(n_features):
    rng = np.random.default_rng(0)
    n, ks, n_labels = 150, (1, 4, 3), 6
    starts = np.cumsum([0, *ks])
    x = (rng.normal(size=(n, n_features)) + 100).astype(np.float32)
    centres = rng.normal(size=(sum(ks), n_features)) + 100
    labels = np.stack([rng.integers(0, k, n) for k in ks]).astype(np.uint8)
    codes = rng.integers(-1, n_labels, n).astype(np.int32)
    main = rng.random((n_labels, sum(ks))) < 0.4
    for run in range(len(ks)):
        main[np.arange(n_labels), starts[run] + rng.integers(0, ks[run], n_labels)] = True
    distance, outside = contingency.main_distances(x, labels, codes, main, centres, starts)
    for run, k in enumerate(ks):
        for i in range(n):
            if codes[i] < 0:
                assert distance[run, i] == outside[run, i] == 0
                continue
            tied = [c for c in range(k) if main[codes[i], starts[run] + c]]
            others = [c for c in tied if c != labels[run, i]]
            away = [math.dist(x[i].astype(float), centres[starts[run] + c]) for c in others]
            assert distance[run, i] == pytest.approx(sum(away) / len(tied), rel=1e-12)
            assert outside[run, i] == pytest.approx(len(others) / len(tied))
