"""Agreement of clusters with labels: scikit-learn's values, from the table alone."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from models.fitted import settings_of
from sklearn import metrics

from bannercluster.evaluate.bootstrap import table_metrics
from bannercluster.evaluate.contingency import agreement, most_frequent

from .fitted import run, table_store
from .tables import CLUSTERING_1, CLUSTERING_2, SPEC

TABLES = arrays.arrays(
    np.int64, st.tuples(st.integers(1, 5), st.integers(1, 5)), elements=st.integers(0, 6)
)


def labels_of(table):
    """Rows one by one, the slow way."""
    pairs = [
        (label, cluster)
        for label, of_cluster in enumerate(table)
        for cluster, n in enumerate(of_cluster)
        for _ in range(n)
    ]
    return tuple(zip(*pairs, strict=True))


def slow(table):
    truth, found = labels_of(table)
    three = metrics.homogeneity_completeness_v_measure(truth, found)
    return {
        "ami": metrics.adjusted_mutual_info_score(truth, found),
        "ari": metrics.adjusted_rand_score(truth, found),
        **dict(zip(("homogeneity", "completeness", "v_measure"), three, strict=True)),
        "purity": sum(max(column) for column in zip(*table, strict=True)) / len(truth),
    }


@given(TABLES)
def test_values_are_those_of_scikit_learn(table):
    assume(table.sum() > 1)
    assert agreement(table) == pytest.approx(slow(table.tolist()), abs=1e-9)


def test_many_rows_and_labels():
    """Products of numbers of pairs leave 64 bits here."""
    rng = np.random.default_rng(0)
    truth, found = rng.zipf(1.5, 200_000).clip(max=300), rng.integers(0, 15, 200_000)
    found[truth % 2 == 0] = 3
    table = metrics.cluster.contingency_matrix(truth, found)
    ours = agreement(table)
    assert ours["ari"] == pytest.approx(metrics.adjusted_rand_score(truth, found), abs=1e-12)
    assert ours["ami"] == pytest.approx(metrics.adjusted_mutual_info_score(truth, found), abs=1e-9)


def test_purity_by_hand():
    # Clusters of the worked example hold (2, 2, 0), (3, 0, 1), (0, 1, 1): the largest are 2, 3, 1.
    assert agreement(np.array(SPEC))["purity"] == pytest.approx(6 / 10)
    assert agreement(np.array(CLUSTERING_1))["purity"] == pytest.approx((12 + 4 * 3 + 2) / 52)
    assert agreement(np.array([[5, 0], [0, 0], [0, 7]]))["purity"] == 1.0


def test_golden_adjusted_metrics():
    """Adjusted Rand index of the worked example, by hand from its definition."""
    # sum C(n_ac, 2) = 5, of labels 10 + 3 + 1 = 14, of clusters 6 + 6 + 1 = 13, of all 45.
    expected = 14 * 13 / 45
    by_hand = (5 - expected) / ((14 + 13) / 2 - expected)
    assert agreement(np.array(SPEC))["ari"] == pytest.approx(by_hand)
    assert agreement(np.array(SPEC))["ari"] == pytest.approx(43 / 425.5)


@pytest.mark.parametrize("table", [[[3, 0], [0, 4]], [[0, 0, 2], [3, 0, 0]], [[7]]])
def test_perfect_agreement_is_exactly_one(table):
    assert set(agreement(np.array(table)).values()) == {1.0}


@pytest.mark.parametrize("table", [[[4, 2]], [[4], [3]], [[4, 2], [0, 0]]])
def test_one_label_or_one_cluster(table):
    found = agreement(np.array(table))
    assert found["ami"] == found["ari"] == 0.0
    assert found["v_measure"] == 0.0


@pytest.mark.parametrize("seed", range(5))
def test_names_of_labels_and_clusters_do_not_matter(seed):
    rng = np.random.default_rng(seed)
    table = rng.integers(0, 6, (4, 5)) + np.eye(4, 5, dtype=int)
    turned = table[rng.permutation(4)][:, rng.permutation(5)]
    assert agreement(turned) == pytest.approx(agreement(table), abs=1e-12)


def test_most_frequent_labels():
    table = np.array([[3, 0, 1], [3, 2, 0], [5, 2, 0]])
    names = ("beech", "acorn", "cedar")
    assert most_frequent(table, names, 2) == [
        [("cedar", 5), ("acorn", 3)],
        [("acorn", 2), ("cedar", 2)],
        [("beech", 1)],
    ]


@pytest.mark.parametrize("table", [SPEC, CLUSTERING_1, CLUSTERING_2])
def test_the_stage_counts_the_same_table(tmp_path, table):
    table_store(tmp_path, table)
    result = run(settings_of(tmp_path).replace("paths", label="advertiser"))
    (model,) = result.models
    k = len(table[0])
    wanted = table_metrics(np.array(table), np.sqrt(2) * (1 - np.eye(k)))
    assert {name: model.metrics[name] for name in wanted} == pytest.approx(wanted)
    assert model.sizes == tuple(np.array(table).sum(axis=0))
    counts = {
        (label, cluster): n
        for cluster, found in enumerate(model.label_counts)
        for label, n in found
    }
    assert counts == {
        ("abc"[a], c): n for a, row in enumerate(table) for c, n in enumerate(row) if n
    }
