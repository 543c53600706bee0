import numpy as np
import pytest
from models.fitted import settings_of
from sklearn import metrics

from bannercluster.evaluate.contingency import label_metrics, most_frequent

from .fitted import run, table_store

SPEC = [[2, 3, 0], [2, 0, 1], [0, 1, 1]]
CLUSTERING_1 = [[10, 2, 2, 2, 2, 2], [5, 1, 1, 1, 0, 0], [12, 3, 3, 3, 3, 0]]
CLUSTERING_2 = [[8, 4, 4, 4, 0, 0], [3, 3, 2, 0, 0, 0], [9, 6, 6, 3, 0, 0]]


def labels_of(table):
    """Rows one by one, the slow way."""
    pairs = [
        (label, cluster)
        for label, of_cluster in enumerate(table)
        for cluster, n in enumerate(of_cluster)
        for _ in range(n)
    ]
    return tuple(zip(*pairs, strict=True))


@pytest.mark.parametrize(
    ("table", "recall"),
    [
        (SPEC, 6 / 10),
        ([[2, 3, 1], [2, 0, 1], [0, 1, 1]], 6 / 11),
        (CLUSTERING_1, 27 / 52),
        (CLUSTERING_2, 20 / 52),
        ([[4], [3]], 1.0),
    ],
)
def test_recall_of_the_worked_examples(table, recall):
    assert label_metrics(np.array(table))["recall"] == pytest.approx(recall, abs=1e-15)


def test_purity_by_hand():
    # Clusters of the worked example hold (2, 2, 0), (3, 0, 1), (0, 1, 1): the largest are 2, 3, 1.
    assert label_metrics(np.array(SPEC))["purity"] == pytest.approx(6 / 10)
    assert label_metrics(np.array(CLUSTERING_1))["purity"] == pytest.approx((12 + 4 * 3 + 2) / 52)
    assert label_metrics(np.array([[5, 0], [0, 0], [0, 7]]))["purity"] == 1.0


@pytest.mark.parametrize("table", [SPEC, CLUSTERING_1, CLUSTERING_2, [[3, 0], [0, 4]], [[4], [3]]])
def test_adjusted_metrics_are_those_of_scikit_learn(table):
    truth, found = labels_of(table)
    ours = label_metrics(np.array(table))
    assert ours["ami"] == pytest.approx(metrics.adjusted_mutual_info_score(truth, found), abs=1e-12)
    assert ours["ari"] == pytest.approx(metrics.adjusted_rand_score(truth, found), abs=1e-12)


def test_golden_adjusted_metrics():
    """Adjusted Rand index of the worked example, by hand from its definition."""
    # sum C(n_ac, 2) = 5, of labels 10 + 3 + 1 = 14, of clusters 6 + 6 + 1 = 13, of all 45.
    expected = 14 * 13 / 45
    assert label_metrics(np.array(SPEC))["ari"] == pytest.approx(
        (5 - expected) / ((14 + 13) / 2 - expected)
    )
    assert label_metrics(np.array(SPEC))["ari"] == pytest.approx(43 / 425.5)
    perfect = label_metrics(np.array([[3, 0], [0, 4]]))
    assert perfect == {"ami": 1.0, "ari": 1.0, "purity": 1.0, "recall": 1.0}


@pytest.mark.parametrize("seed", range(5))
def test_names_of_labels_and_clusters_do_not_matter(seed):
    rng = np.random.default_rng(seed)
    table = rng.integers(0, 6, (4, 5)) + np.eye(4, 5, dtype=int)
    turned = table[rng.permutation(4)][:, rng.permutation(5)]
    assert label_metrics(turned) == pytest.approx(label_metrics(table), abs=1e-12)


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
    wanted = label_metrics(np.array(table))
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
