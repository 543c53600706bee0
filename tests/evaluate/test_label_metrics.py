"""Metrics against labels through the stage: every row known, every value by a slow sum."""

import math

import numpy as np
import pytest
from models.fitted import content, make_models, make_store, settings_of

from bannercluster.models.evaluations import LABEL_SCHEMA, Evaluation, load_label_metrics

from .fitted import run

N, K = 90, 4
CENTRES = np.array([[0, 0, 0], [4, 0, 0], [0, 4, 0], [40, 40, 40]], float)
BY_CHANCE = ("recall", "sum_heuristic", "product_heuristic")


def quick(folder, **evaluate):
    settings = settings_of(folder).replace("paths", label="advertiser")
    return settings.replace("evaluate", stability_splits=0, silhouette_rows=0, **evaluate)


def rows_of(labels, values, folder, centres=None, normalize="none", n_ids=None):
    """A store of rows with labels (None has none), and one model."""
    aliases = []
    for row, label in enumerate(labels):
        for nth in range(1 if n_ids is None else n_ids[row]):
            name = f"{row}-{nth}"
            aliases.append({"row": row, "banner_id": name, "file": name, "advertiser": label})
    make_store(folder, np.asarray(values), aliases)
    make_models(folder, {"m": CENTRES if centres is None else centres}, {"m": normalize})


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Four centres, one of them empty; five labels, one of a single banner; rows of no label."""
    folder = tmp_path_factory.mktemp("labelled")
    random = np.random.default_rng(0)
    values = (CENTRES[random.integers(0, 3, N)] + random.normal(0, 0.8, (N, 3))).astype(np.float16)
    labels = [[None, "ash", "beech", "cedar", "dogwood"][code] for code in random.integers(0, 5, N)]
    labels[7] = "elm"
    n_ids = random.integers(1, 4, N)
    rows_of(labels, values, folder, n_ids=n_ids)
    return folder, values.astype(float), labels, n_ids


def slow_misclustering(values, labels, weights, label):
    """Sum and number of the banners of a label outside its main cluster, mean over tied ones."""
    distance = np.sqrt(np.square(values[:, None] - CENTRES[None]).sum(axis=2))
    own = distance.argmin(axis=1)
    rows = [row for row, name in enumerate(labels) if name == label]
    counts = [sum(weights[row] for row in rows if own[row] == c) for c in range(K)]
    tied = [c for c in range(K) if counts[c] == max(counts)]
    total = sum(weights[row] * distance[row, c] for c in tied for row in rows if own[row] != c)
    return counts, total / len(tied), sum(counts) - max(counts)


@pytest.mark.parametrize("weight", ["contents", "ids"])
def test_table_of_labels(world, tmp_path, weight):
    folder, values, labels, n_ids = world
    settings = quick(folder, weight=weight).replace("paths", evaluation=str(tmp_path))
    result = run(settings, n_workers=2)
    found = Evaluation.load_if_any(str(tmp_path))
    table = load_label_metrics(str(tmp_path), found)
    assert table.schema.equals(LABEL_SCHEMA)
    weights = n_ids if weight == "ids" else np.ones(N, int)
    rows = table.to_pylist()
    assert [row["label"] for row in rows] == ["ash", "beech", "cedar", "dogwood", "elm"]
    sums, n_outside = 0.0, 0
    for row in rows:
        counts, total, outside = slow_misclustering(values, labels, weights, row["label"])
        assert row["model"] == "m"
        assert row["n"] == sum(counts)
        assert row["main_cluster"] == int(np.argmax(counts))
        assert row["n_main_clusters"] == counts.count(max(counts))
        assert row["recall"] == pytest.approx(max(counts) / sum(counts))
        assert row["misclustering_distance_sum"] == pytest.approx(total)
        if outside:
            assert row["misclustering_distance"] == pytest.approx(total / outside)
        else:
            assert row["misclustering_distance"] is None
        sums, n_outside = sums + total, n_outside + outside
    (model,) = result.models
    assert model.metrics["misclustering_distance"] == pytest.approx(sums / n_outside)
    low, high = model.intervals["misclustering_distance"]
    assert low < model.metrics["misclustering_distance"] < high
    assert high - low < model.metrics["misclustering_distance"]
    # One banner: in its cluster as a whole.
    elm = rows[-1]
    assert [elm[name] for name in BY_CHANCE] == [1.0, 1.0, 1.0] or weight == "ids"
    assert elm["misclustering_distance"] is None
    total = sum(row["n"] for row in rows)
    sheet = sum(row["centre_distance"] for row in rows) / total
    assert model.metrics["centre_distance"] == pytest.approx(sheet)
    assert model.metrics["recall"] == pytest.approx(
        sum(row["n"] * row["recall"] for row in rows) / total
    )


def test_an_evaluation_keeps_its_table_beside_a_newer_one(world, tmp_path):
    """Who read the evaluation before a run that replaces it still finds its table."""
    folder, *_ = world
    settings = quick(folder).replace("paths", evaluation=str(tmp_path))
    run(settings)
    first = Evaluation.load_if_any(str(tmp_path))
    table = load_label_metrics(str(tmp_path), first)
    run(settings.replace("evaluate", weight="ids"))
    second = load_label_metrics(str(tmp_path), Evaluation.load_if_any(str(tmp_path)))
    assert (table.num_rows, second.num_rows) == (5, 5)
    assert not second.equals(table)
    assert load_label_metrics(str(tmp_path), first).equals(table)
    run(settings.replace("paths", label=None))
    assert load_label_metrics(str(tmp_path), Evaluation.load_if_any(str(tmp_path))).num_rows == 0


def only(folder, **evaluate):
    (model,) = run(quick(folder, **evaluate)).models
    assert all(math.isfinite(value) for value in model.metrics.values())
    for metric, (low, high) in model.intervals.items():
        assert low <= model.metrics[metric] + 1e-12, metric
        assert high >= model.metrics[metric] - 1e-12, metric
    return model


def test_one_label(tmp_path):
    values = np.repeat(np.eye(3), [6, 3, 1], axis=0)
    rows_of(["ash"] * 10, values, tmp_path, np.eye(3))
    found = only(tmp_path).metrics
    assert (found["ami"], found["ari"]) == (0.0, 0.0)
    assert (found["homogeneity"], found["completeness"], found["v_measure"]) == (1.0, 0.0, 0.0)
    assert (found["purity"], found["recall"]) == (1.0, 0.6)
    assert found["misclustering_distance"] == pytest.approx(math.sqrt(2))


def test_one_banner_for_each_label(tmp_path):
    """Nothing can be split: the metrics of the users are 1, those that know chance are 0."""
    rows_of(list("abcdef"), np.repeat(np.eye(2), 3, axis=0), tmp_path, np.eye(2))
    model = only(tmp_path)
    assert [model.metrics[name] for name in BY_CHANCE] == [1.0, 1.0, 1.0]
    assert model.metrics["ami"] == pytest.approx(0.0, abs=1e-12)
    assert model.metrics["ari"] == 0.0
    assert "misclustering_distance" not in model.metrics


def test_one_cluster(tmp_path):
    rows_of(list("aabbbc"), np.eye(6), tmp_path, np.full((1, 6), 0.2))
    model = only(tmp_path)
    assert [model.metrics[name] for name in BY_CHANCE] == [1.0, 1.0, 1.0]
    assert (model.metrics["ami"], model.metrics["ari"]) == (0.0, 0.0)
    undefined = {"centre_distance", "centre_distance_weighted", "misclustering_distance"}
    assert not (undefined | {"size_entropy", "silhouette_cosine"}) & model.metrics.keys()
    assert model.intervals["recall"] == (1.0, 1.0)


def test_labels_for_few_rows(tmp_path):
    """Sizes and silhouettes are of all rows, the label metrics of the three that have a label."""
    labels = [None] * 20
    labels[0], labels[1], labels[19] = "ash", "ash", "beech"
    rows_of(labels, np.repeat(np.eye(2), 10, axis=0), tmp_path, np.eye(2))
    model = only(tmp_path)
    assert model.sizes == (10, 10)
    assert model.metrics["ami"] == 1.0
    assert (model.metrics["recall"], model.metrics["sum_heuristic"]) == (1.0, 1.0)
    assert model.label_counts == ((("ash", 2),), (("beech", 1),))


def test_rows_that_are_all_equal(tmp_path):
    """Duplicate rows and constant features: one cluster holds all, the others are empty."""
    rows_of(list("aabbb"), np.ones((5, 3)), tmp_path, np.array([[1, 1, 1], [5, 5, 5], [9, 9, 9]]))
    model = only(tmp_path)
    assert model.sizes == (5, 0, 0)
    assert (model.metrics["inertia"], model.metrics["smallest_share"]) == (0.0, 0.0)
    assert (model.metrics["size_entropy"], model.metrics["recall"]) == (0.0, 1.0)
    assert (model.metrics["ami"], model.metrics["ari"]) == (0.0, 0.0)
    # The centres of empty clusters are there: (4 + 8) / 2 times the root of 3, over n_a.
    by_hand = 6 * math.sqrt(3) * (1 / 2 + 1 / 3) / 5
    assert model.metrics["centre_distance"] == pytest.approx(by_hand)


def test_models_of_two_normalisations(tmp_path):
    """Distances are those of the space of each model; recall is of the same rows."""
    values = np.array([[2, 0], [4, 0], [0, 2], [0, 6]], float)
    rows_of(["ash", "ash", "ash", "beech"], values, tmp_path)
    centres = {"l2": np.eye(2), "none": np.array([[3, 0], [0, 4]], float)}
    make_models(tmp_path, centres, {name: name for name in centres})
    unit, plain = run(quick(tmp_path)).models
    assert unit.metrics["recall"] == plain.metrics["recall"] == 0.75
    assert unit.metrics["misclustering_distance"] == pytest.approx(math.sqrt(2))
    assert plain.metrics["misclustering_distance"] == pytest.approx(math.hypot(3, 2))
    one = next(d for d in run(quick(tmp_path)).differences if d.metric == "recall")
    assert (one.value, one.low, one.high) == (0.0, 0.0, 0.0)


def test_contents_of_the_stores_rows_are_used(world):
    """The aliases of a content share its row: three ids are one banner, or three by weight."""
    folder, _, labels, n_ids = world
    assert content(0) != content(1)
    result = run(quick(folder, weight="ids"))
    n = sum(int(n) for n, label in zip(n_ids, labels, strict=True) if label is not None)
    found = Evaluation.load_if_any(str(folder / "evaluation"))
    table = load_label_metrics(str(folder / "evaluation"), found)
    assert sum(table["n"].to_pylist()) == n
    assert result.labels.weight == "ids"
