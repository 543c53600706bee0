import json
import math

import numpy as np
import pytest
from models.fitted import make_models, make_store, settings_of
from sklearn.metrics import calinski_harabasz_score, davies_bouldin_score, silhouette_score

from bannercluster.errors import IncompatibleStoreError, UsageError
from bannercluster.evaluate import plan
from bannercluster.models.evaluations import VERSION, Evaluation, load_label_metrics

from .fitted import run

N = 400


@pytest.fixture(scope="module")
def values():
    rng = np.random.default_rng(3)
    middles = rng.normal(0, 2, (4, 7))
    return (middles[rng.integers(0, 4, N)] + rng.normal(0, 0.7, (N, 7))).astype(np.float16)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, values):
    folder = tmp_path_factory.mktemp("evaluate")
    make_store(folder, values)
    unit = rows_of(values, "l2")
    rng = np.random.default_rng(4)
    centres = {
        f"{normalize}-{k}": (unit if normalize == "l2" else values.astype(float))[
            rng.choice(N, k, replace=False)
        ]
        for k in (1, 2, 5)
        for normalize in ("l2", "none")
    }
    # One centre so far away that no row is its own.
    centres["l2-empty"] = np.concatenate([centres["l2-2"], np.full((1, 7), 9.0)])
    make_models(folder, centres, {name: name.split("-")[0] for name in centres})
    return folder


def rows_of(values, normalize):
    """Stored values as the models see them, in float64."""
    x = values.astype(np.float64)
    return x / np.linalg.norm(x, axis=1, keepdims=True) if normalize == "l2" else x


def distances(x, centres):
    return np.array([[sum((a - c) ** 2) for c in centres] for a in x])


def reference(values, centres, normalize):
    x = rows_of(values, normalize)
    sq = distances(x, centres)
    return x, sq.argmin(axis=1), sq.min(axis=1)


@pytest.fixture(scope="module")
def result(folder):
    return run(quick(folder))


def quick(folder, **evaluate):
    """Settings without the fits of the stability, which have tests of their own."""
    return settings_of(folder).replace("evaluate", stability_splits=0, **evaluate)


def centres_of(folder, name):
    from bannercluster.models.folder import load_model

    return load_model(str(folder / "models"), name).centres


@pytest.mark.parametrize("name", ["l2-2", "l2-5", "none-2", "none-5", "l2-empty"])
def test_metrics_against_slow_references(folder, values, result, name):
    (model,) = (model for model in result.models if model.name == name)
    x, labels, sq = reference(values, centres_of(folder, name), name.split("-")[0])
    found = model.metrics
    for key, metric in (
        ("silhouette_sq_euclidean", "sqeuclidean"),
        ("silhouette_cosine", "cosine"),
    ):
        assert found[key] == pytest.approx(silhouette_score(x, labels, metric=metric), abs=2e-6)
        low, high = model.intervals[key]
        assert low < found[key] < high
        assert high - low < 0.2
    assert found["calinski_harabasz"] == pytest.approx(calinski_harabasz_score(x, labels))
    assert found["davies_bouldin"] == pytest.approx(davies_bouldin_score(x, labels), rel=1e-6)
    assert found["inertia_per_row"] == pytest.approx(found["inertia"] / N)
    assert found["inertia"] == pytest.approx(math.fsum(sq), rel=1e-6)
    sizes = np.bincount(labels, minlength=model.k)
    assert model.sizes == tuple(sizes)
    assert found["smallest_share"] == sizes.min() / N
    assert found["largest_share"] == sizes.max() / N
    share = sizes[sizes > 0] / N
    assert found["size_entropy"] == pytest.approx(-sum(share * np.log(share)) / np.log(model.k))
    assert "ami" not in found


def test_one_cluster(folder, values, result):
    (model,) = (model for model in result.models if model.name == "l2-1")
    assert set(model.metrics) == {
        "inertia", "inertia_per_row", "smallest_share", "largest_share"
    }  # fmt: skip
    assert not model.intervals
    assert model.metrics["largest_share"] == 1.0


def test_workers_change_nothing(folder, result):
    again = run(quick(folder), n_workers=3)
    assert again.models == result.models
    assert again.differences == result.differences


def test_no_bootstrap_no_intervals(folder, result):
    settings = quick(folder, bootstrap=0)
    found = run(settings.replace("paths", evaluation=str(folder / "without")))
    assert [model.metrics for model in found.models] == [m.metrics for m in result.models]
    kept = {"silhouette_euclidean_sampled"}
    assert all(model.intervals.keys() <= kept for model in found.models)
    assert not found.differences


def test_models_of_two_normalisations_are_paired(folder, result):
    """Each normalisation has its own passes, and the same rows are drawn in all of them."""
    pairs = {(one.first, one.second) for one in result.differences}
    assert ("l2-2", "none-5") in pairs or ("none-5", "l2-2") in pairs
    assert not any("-1" in name for pair in pairs for name in pair)
    settings = quick(folder, models=("none-5",)).replace("paths", evaluation=str(folder / "alone"))
    (alone,) = run(settings).models
    (together,) = (model for model in result.models if model.name == "none-5")
    assert alone.sizes == together.sizes
    assert alone.metrics == pytest.approx(together.metrics, rel=1e-9)
    low, high = together.intervals["silhouette_cosine"]
    assert alone.intervals["silhouette_cosine"] == pytest.approx((low, high), rel=1e-5)


def test_what_is_written(folder, result):
    found = Evaluation.load_if_any(str(folder / "evaluation"))
    assert found is not None
    assert found.models == result.models
    assert (found.chosen, found.rule, found.n_rows) == (result.chosen, result.rule, N)
    assert (found.reason, found.differences) == (result.reason, result.differences)
    assert {"sums", "silhouettes", "bootstrap"} <= found.timings.keys()
    assert found.labels is None
    assert load_label_metrics(str(folder / "evaluation"), found).num_rows == 0
    text = (folder / "evaluation" / "evaluation.json").read_text()
    assert (
        json.loads(text, parse_constant=lambda word: pytest.fail(word))["format_version"] == VERSION
    )


def test_models_by_name(folder):
    settings = quick(folder, models=("l2-1", "l2-5", "l2-1"))
    result = run(settings.replace("paths", evaluation=str(folder / "other")))
    assert [model.name for model in result.models] == ["l2-1", "l2-5"]
    assert result.chosen == "l2-5"


def test_silhouettes_that_are_equal_go_to_the_smaller_k(tmp_path):
    """Two models of which the larger has a centre that no row is near to."""
    values = np.repeat(np.eye(2, 4), 5, axis=0)
    make_store(tmp_path, values)
    larger = np.concatenate([np.eye(2, 4), np.full((1, 4), 9.0)])
    make_models(tmp_path, {"larger": larger, "smaller": np.eye(2, 4)})
    result = run(quick(tmp_path))
    assert [model.metrics["silhouette_sq_euclidean"] for model in result.models] == [1.0, 1.0]
    assert result.chosen == "smaller"


# Refusals


@pytest.mark.parametrize("work", [plan, run])
def test_models_of_other_embeddings(tmp_path, work):
    make_store(tmp_path, np.eye(3))
    make_models(tmp_path, {"other": np.eye(2, 3)}, embedding={"model": "another"})
    with pytest.raises(IncompatibleStoreError, match=r"other takes .*`bc cluster`"):
        work(settings_of(tmp_path))
    assert not (tmp_path / "evaluation").exists()


def test_what_is_missing_is_named(tmp_path):
    settings = settings_of(tmp_path)
    with pytest.raises(UsageError, match="run `bc embed` first"):
        run(settings)
    make_store(tmp_path, np.eye(3))
    with pytest.raises(UsageError, match=r"no models in .*`bc cluster`"):
        run(settings)
    make_models(tmp_path, {"one": np.eye(2, 3)})
    for name in ("absent", "../models/one", ".progress", "sweep.json"):
        with pytest.raises(UsageError, match="there are: one"):
            run(settings.replace("evaluate", models=(name,)))


def test_labels_that_fail_leave_the_last_evaluation(tmp_path):
    make_store(tmp_path, np.eye(3))
    make_models(tmp_path, {"one": np.eye(2, 3)})
    run(settings_of(tmp_path))
    before = (tmp_path / "evaluation" / "evaluation.json").read_bytes()
    with pytest.raises(UsageError, match="no column 'brand'"):
        run(settings_of(tmp_path).replace("paths", label="brand"))
    assert (tmp_path / "evaluation" / "evaluation.json").read_bytes() == before
