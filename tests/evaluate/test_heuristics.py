"""The metrics of the users: the worked values of the specification, and a slow reference."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from bannercluster.evaluate.heuristics import (
    centre_distances,
    main_clusters,
    misclustering,
    score_labels,
)

from .tables import CLUSTERING_1, CLUSTERING_2, ONE_MORE, SPEC, SPEC_CENTRES

TABLES = arrays.arrays(
    np.int64, st.tuples(st.integers(1, 4), st.integers(1, 5)), elements=st.integers(0, 4)
)


def scores_of(table, centres=None):
    table = np.array(table)
    if centres is None:
        centres = np.random.default_rng(0).normal(size=(table.shape[1], 3))
    return score_labels(table, centre_distances(np.array(centres, float)))


def slow(table, centres):
    """Per label and for all, by the definitions of the specification, one main cluster a time."""
    k = len(table[0])
    found, total = [], sum(map(sum, table))
    for row in table:
        n, m = sum(row), max(row)
        mains = [c for c in range(k) if row[c] == m]
        values = []
        for p in mains:
            others = [c for c in range(k) if c != p]
            product = math.prod(row[c] + 1 for c in others)
            distance = [math.dist(centres[p], centres[c]) * (row[c] + 1) / n for c in others]
            h = sum(distance) / len(others) if others else math.nan
            values.append((m / n, m / (1 + n - m) / n, m / product / n, h))
        found.append([sum(column) / len(mains) for column in zip(*values, strict=True)])
    sizes = [sum(row) for row in table]
    weighted = [sum(n * row[i] for n, row in zip(sizes, found, strict=True)) for i in range(4)]
    sheet = sum(row[3] for row in found)
    return found, [*(value / total for value in weighted[:3]), sheet / total, weighted[3] / total]


NAMES = ("recall", "sum_heuristic", "product_heuristic", "centre_distance")


def test_worked_example():
    scores = scores_of(SPEC, SPEC_CENTRES)
    np.testing.assert_allclose(scores.recall, [0.6, 2 / 3, 0.5], rtol=1e-14)
    np.testing.assert_allclose(scores.sum_heuristic, [0.2, 1 / 3, 0.25], rtol=1e-14)
    np.testing.assert_allclose(scores.product_heuristic, [0.2, 1 / 3, 0.25], rtol=1e-14)
    np.testing.assert_allclose(scores.centre_distance, [2.5, 2.5, 6.25], rtol=1e-14)
    assert scores.aggregate() == pytest.approx(
        {
            "recall": 0.6,
            "sum_heuristic": 0.25,
            "product_heuristic": 0.25,
            "centre_distance": 1.125,
            "centre_distance_weighted": 3.25,
        },
        rel=1e-14,
    )


def test_worked_example_with_one_more_banner():
    found = scores_of(ONE_MORE).aggregate()
    assert found["recall"] == pytest.approx(6 / 11, rel=1e-14)
    assert found["sum_heuristic"] == pytest.approx(9 / 44, rel=1e-14)
    assert found["product_heuristic"] == pytest.approx(2 / 11, rel=1e-14)


def test_the_two_clusterings_of_the_users():
    first, second = (scores_of(table).aggregate() for table in (CLUSTERING_1, CLUSTERING_2))
    assert first["recall"] == pytest.approx(27 / 52, rel=1e-14)
    assert first["sum_heuristic"] == pytest.approx(0.0592725, abs=5e-8)
    assert first["product_heuristic"] == pytest.approx(0.0137121, abs=5e-8)
    assert second["recall"] == pytest.approx(20 / 52, rel=1e-14)
    assert second["sum_heuristic"] == pytest.approx(0.0322670, abs=5e-8)
    assert second["product_heuristic"] == pytest.approx(0.0069215, abs=5e-8)
    # By label: 10 / (1 + 10) / 20 and so on.
    np.testing.assert_allclose(
        scores_of(CLUSTERING_1).sum_heuristic, [10 / 11 / 20, 5 / 4 / 8, 12 / 13 / 24]
    )
    np.testing.assert_allclose(
        scores_of(CLUSTERING_1).product_heuristic, [10 / 3**5 / 20, 5 / 8 / 8, 12 / 4**4 / 24]
    )


def test_the_better_clustering_ranks_first():
    first, second = (scores_of(table).aggregate() for table in (CLUSTERING_1, CLUSTERING_2))
    for name in NAMES[:3]:
        assert first[name] > second[name]


def test_what_the_sheet_of_the_users_got_wrong():
    """Its figures come out with its slips, and with the slip the worse clustering ranks first."""
    n = 52
    # A product sign where a plus belonged, between the second and the third advertiser.
    assert (10 / 11 + 5 / 4 * 12 / 13) / n == pytest.approx(0.0397, abs=5e-5)
    slipped = (10 / 3**5 + 5 / 2**3 * 12 / 4**4) / n
    assert slipped == pytest.approx(0.0014, abs=5e-5)
    assert slipped < scores_of(CLUSTERING_2).aggregate()["product_heuristic"]
    # Sums of the recalls of the labels over N, not rows in main clusters over N.
    recalls = [scores_of(table).recall.sum() / n for table in (CLUSTERING_1, CLUSTERING_2)]
    assert recalls == pytest.approx([0.0312, 0.0221], abs=6e-5)


@given(TABLES)
def test_against_the_definitions(table):
    assume(table.any(axis=1).all())
    centres = np.random.default_rng(3).normal(size=(table.shape[1], 2))
    scores = scores_of(table, centres)
    of_labels, together = slow(table.tolist(), centres.tolist())
    for place, name in enumerate(NAMES):
        expected = [row[place] for row in of_labels]
        np.testing.assert_allclose(getattr(scores, name), expected, rtol=1e-12)
    names = NAMES if table.shape[1] > 1 else NAMES[:3]
    found = scores.aggregate()
    assert [found[name] for name in names] == pytest.approx(together[: len(names)], rel=1e-12)
    if table.shape[1] > 1:
        assert found["centre_distance_weighted"] == pytest.approx(together[4], rel=1e-12)
    else:
        assert found == {"recall": 1.0, "sum_heuristic": 1.0, "product_heuristic": 1.0}


@given(TABLES, st.randoms(use_true_random=False))
def test_names_of_clusters_do_not_matter(table, random):
    """Ties included: the values are means over the tied clusters."""
    assume(table.any(axis=1).all())
    centres = np.random.default_rng(4).normal(size=(table.shape[1], 2))
    order = list(range(table.shape[1]))
    random.shuffle(order)
    one, other = scores_of(table, centres), scores_of(table[:, order], centres[order])
    for name in NAMES:
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), rtol=1e-12)


def test_labels_without_rows_count_nowhere():
    with_empty = scores_of([*SPEC, [0, 0, 0]], SPEC_CENTRES)
    assert with_empty.aggregate() == scores_of(SPEC, SPEC_CENTRES).aggregate()
    assert math.isnan(with_empty.recall[-1])
    assert math.isnan(with_empty.centre_distance[-1])


def test_products_of_many_large_factors():
    """Fifteen factors of ten million, and three hundred: small numbers, never an overflow."""
    product = scores_of([[10**7 + 1] + [10**7] * 14]).product_heuristic[0]
    exact = (10**7 + 1) / (10**7 + 1) ** 14 / (15 * 10**7 + 1)
    assert product == pytest.approx(exact, rel=1e-12)
    assert scores_of([[10**7] * 300]).product_heuristic[0] == 0.0
    assert scores_of([[10**7]]).product_heuristic[0] == 1.0


def test_clusters_without_rows_have_a_centre():
    """h(a) is a mean over all other clusters of the model, as it is defined."""
    centres = [[0, 0], [3, 4], [6, 8]]
    assert scores_of([[4, 0, 0]], centres).centre_distance[0] == pytest.approx((5 + 10) / 2 / 4)
    assert scores_of([[4, 0]], centres[:2]).centre_distance[0] == pytest.approx(5 / 4)


def test_main_clusters_are_all_that_tie():
    assert main_clusters(np.array([[2, 2, 0], [0, 0, 1]])).tolist() == [
        [True, True, False],
        [False, False, True],
    ]


def test_misclustering_means():
    scores = scores_of([[3, 1], [0, 2], [2, 2]])
    mean, together = misclustering(scores, np.array([5.0, 0.0, 4.0]))
    np.testing.assert_array_equal(mean, [5.0, np.nan, 2.0])
    assert together == pytest.approx(9 / 3)
    mean, together = misclustering(scores_of([[3, 0]]), np.zeros(1))
    assert together is None
    assert np.isnan(mean).all()
