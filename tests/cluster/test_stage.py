"""The stage: a store in, model folders out, nothing done twice."""

import json

import numpy as np
import pytest
from kmeans.helpers import (
    RECIPE,
    FailingExecutor,
    Interruption,
    blobs,
    lloyd,
    store_of,
    sweep,
    unit,
)
from safetensors.numpy import load_file

from bannercluster.cluster import plan, run
from bannercluster.config import ClusterConfig, PathsConfig, RuntimeConfig, Settings
from bannercluster.errors import DataError, StoreError, UsageError
from bannercluster.kmeans.products import product_of
from bannercluster.models.folder import load_model, model_names
from bannercluster.models.sweeps import SweepFile
from bannercluster.runtime.executor import ThreadExecutor
from bannercluster.runtime.progress import SilentProgress
from bannercluster.store.fingerprint import of_contents


@pytest.fixture
def values():
    return blobs(1500, 6, dtype=np.float16)


@pytest.fixture
def settings(tmp_path, values):
    store_of(tmp_path / "embeddings.zarr", values)
    return Settings(
        paths=PathsConfig(
            embeddings=str(tmp_path / "embeddings.zarr"), models=str(tmp_path / "models")
        ),
        runtime=RuntimeConfig(workers=2, dashboard="off", memory=2**31),
        cluster=ClusterConfig(k=(4, 3), n_init=2, seed=5),
    )


def _run(settings, executor=None):
    if executor is not None:
        return run(settings, executor=executor, progress=SilentProgress())
    with ThreadExecutor(2) as threads:
        return run(settings, executor=threads, progress=SilentProgress())


def _files(tmp_path):
    return {
        str(path.relative_to(tmp_path)): path.read_bytes()
        for path in sorted((tmp_path / "models").rglob("*"))
        if path.is_file()
    }


def test_models_and_cards(settings, values, tmp_path):
    found = _run(settings)
    assert [model.k for model in found.models] == [4, 3]
    assert all(model.new and model.n_init == 2 for model in found.models)
    assert (found.n_rows, found.n_features) == values.shape
    sweep_file = SweepFile.load(settings.paths.models)
    assert sweep_file.models == tuple(model.name for model in found.models)
    assert sweep_file.embeddings == settings.paths.embeddings
    assert sweep_file.n_passes == found.n_passes
    timings = sweep_file.timings
    assert list(timings) == ["statistics_s", "seeding_s", "iterations_s", "total_s"]
    assert {**timings, "total_s": 0.0} == {**found.timings, "total_s": 0.0}
    assert min(timings.values()) >= 0
    assert sum(timings.values()) <= 2 * timings["total_s"] <= 2 * found.duration_s
    swept = sweep(values, settings.cluster)
    ids = np.random.default_rng(7).integers(256, size=(1500, 32)).astype(np.uint8)
    for summary in found.models:
        model = load_model(settings.paths.models, summary.name)
        best, card = swept.best(summary.k), model.card
        order = np.argsort(-best.sizes, kind="stable")  # the first sweep numbers by size
        np.testing.assert_array_equal(model.centres, best.centres[order])
        assert card.name == summary.name
        assert card.name.startswith(f"kmeans-k{summary.k:02d}-")
        assert (card.algorithm, card.k, card.n_features) == ("kmeans", summary.k, 6)
        assert (card.normalize, card.spherical, card.seed) == ("l2", False, 5)
        assert (card.inertia, card.n_iter, card.converged) == (
            best.inertia,
            best.n_iter,
            best.converged,
        )
        assert (
            card.sizes
            == tuple(best.sizes[order])
            == tuple(np.bincount(model.assign(values).cluster_id, minlength=card.k))
        )
        assert (summary.smallest, summary.largest) == (min(card.sizes), max(card.sizes))
        runs = [one for one in swept.runs if one.k == card.k]
        assert [one.inertia for one in card.restarts] == [one.inertia for one in runs]
        assert card.inertia == min(one.inertia for one in card.restarts)
        assert card.embedding == RECIPE
        assert card.data["n_rows"] == 1500
        assert card.data == sweep_file.data
        assert card.fit["k"] == card.k
        assert not {"product", "workers", "engine", "predecessor"} & set(card.fit)
        assert (card.engine, card.predecessor) == ("sweep", None)
    assert of_contents([ids.tobytes()], "x") != of_contents([ids.tobytes()], "y")
    kept = {path.split("/")[1] for path in _files(tmp_path)}
    assert kept == {*sweep_file.models, "sweep.json"}  # no checkpoint is left


def test_centres_are_those_of_kmeans(settings, values):
    """The card's inertia is one that Lloyd's iterations keep."""
    found = _run(settings)
    for summary in found.models:
        model = load_model(settings.paths.models, summary.name)
        _, centres, inertia, _ = lloyd(unit(values), model.centres, 1, 0.0)
        np.testing.assert_allclose(inertia, summary.inertia, rtol=1e-3)
        np.testing.assert_allclose(centres, model.centres, atol=0.02)


def test_again_is_nothing(settings, tmp_path):
    first = _run(settings)
    before = _files(tmp_path)
    times = {path: (tmp_path / path).stat().st_mtime_ns for path in before if "kmeans" in path}
    again = _run(settings)
    assert again.n_passes == 0
    assert not any(model.new for model in again.models)
    assert [model.name for model in again.models] == [model.name for model in first.models]
    assert _files(tmp_path) == before
    assert {path: (tmp_path / path).stat().st_mtime_ns for path in times} == times
    assert "nothing: every model is there" in dict(plan(settings).summary)["to fit"]


def test_only_what_is_missing_is_fitted(settings, tmp_path):
    _run(settings.replace("cluster", k=(3,)))
    found = _run(settings.replace("cluster", k=(3, 4, 3)))
    assert [(model.k, model.new) for model in found.models] == [(3, False), (4, True)]
    together = {path: data for path, data in _files(tmp_path).items() if "arrays" in path}
    for model in model_names(settings.paths.models):
        (tmp_path / "models" / model / "card.json").unlink()
    _run(settings)
    assert {p: data for p, data in _files(tmp_path).items() if "arrays" in p} == together


def test_name_follows_what_changes_the_result(settings, tmp_path, values):
    def name(asked):
        return _run(asked).models[0].name

    base = settings.replace("cluster", k=(3,))
    names = {name(base)}
    for change in (
        {"seed": 6},
        {"normalize": "none"},
        {"spherical": True},
        {"tol": 0.01},
        {"n_init": 3},
        {"max_iter": 99},
        {"engine": "sklearn"},
        {"predecessor": "none"},
    ):
        names.add(name(base.replace("cluster", **change)))
    assert len(names) == 9
    same = base.replace("cluster", product="float32").replace("runtime", workers=1)
    assert name(same) in names
    store_of(tmp_path / "embeddings.zarr", values[:10])  # ten more rows
    assert name(base) not in names


def test_timings_are_those_of_the_run_that_fitted(settings):
    _run(settings)
    whole = SweepFile.load(settings.paths.models)
    _run(settings.replace("cluster", k=(3,)))
    part = SweepFile.load(settings.paths.models)
    assert (part.timings, part.n_passes) == ({}, 0)  # nothing was fitted, and not for these models
    _run(settings.replace("cluster", k=(3, 2)))
    more = SweepFile.load(settings.paths.models)
    assert more.n_passes > 0
    assert more.timings != whole.timings
    _run(settings.replace("cluster", k=(3, 2)))
    assert SweepFile.load(settings.paths.models) == more


def test_killed_at_any_traversal(settings, tmp_path):
    whole = _run(settings)
    expected = {path: data for path, data in _files(tmp_path).items() if "arrays" in path}
    for fails_at in range(1, whole.n_passes + 1):
        for model in whole.models:
            (tmp_path / "models" / model.name / "card.json").unlink()
        (tmp_path / "models" / "sweep.json").unlink()
        with FailingExecutor(2, fails_at) as executor, pytest.raises(Interruption):
            _run(settings, executor)
        assert model_names(settings.paths.models) == []
        assert not (tmp_path / "models" / "sweep.json").exists()
        found = _run(settings)
        assert [model.inertia for model in found.models] == [m.inertia for m in whole.models]
        assert {p: data for p, data in _files(tmp_path).items() if "arrays" in p} == expected
        assert not [path for path in _files(tmp_path) if ".progress" in path]


def test_damaged_checkpoint_is_named(settings, tmp_path):
    with FailingExecutor(2, 4) as executor, pytest.raises(Interruption):
        _run(settings, executor)
    (progress,) = (tmp_path / "models" / ".progress").iterdir()
    progress.write_bytes(progress.read_bytes()[:100])
    with pytest.raises(StoreError, match=r"damaged.*delete it"):
        _run(settings)
    progress.unlink()
    assert len(_run(settings).models) == 2


@pytest.mark.parametrize("normalize", ["l2", "none"])
def test_rows_that_are_not_finite(settings, tmp_path, values, normalize):
    values[[701, 1200], 3] = np.nan
    store_of(tmp_path / "nan.zarr", values)
    asked = settings.replace("paths", embeddings=str(tmp_path / "nan.zarr"))
    with pytest.raises(DataError, match=r"2 of 1500 rows.*row 701\)") as error:
        _run(asked.replace("cluster", normalize=normalize))
    assert error.value.exit_code == 2
    assert not (tmp_path / "models").exists()


@pytest.mark.parametrize(("n_distinct", "k"), [(4, 5), (1500, 1501)])
def test_k_larger_than_the_number_of_distinct_rows(settings, tmp_path, values, n_distinct, k):
    store_of(tmp_path / "few.zarr", np.resize(values[:n_distinct], values.shape))
    asked = settings.replace("paths", embeddings=str(tmp_path / "few.zarr"))
    with pytest.raises(DataError, match=f"k = {k} is larger") as error:
        _run(asked.replace("cluster", k=(2, k)))
    assert error.value.exit_code == 2
    assert not (tmp_path / "models").exists()


def test_no_store(settings, tmp_path):
    asked = settings.replace("paths", embeddings=str(tmp_path / "absent.zarr"))
    for call in (plan, _run):
        with pytest.raises(UsageError, match="no embeddings at"):
            call(asked)


def test_plan_says_what_will_be_done(settings):
    found = plan(settings)
    summary = dict(found.summary)
    assert summary["rows"] == "1,500 x 6 float16"
    assert summary["to fit"] == "k = 4, k = 3"
    assert summary["runs"] == "4 (14 centres in one traversal)"
    assert found.memory.total(2) > 400 << 20


def test_product_that_is_asked_for():
    assert product_of(ClusterConfig(product="float32")) == "float32"
    assert product_of(ClusterConfig(product="bfloat16")) == "bfloat16"
    assert product_of(ClusterConfig()) in ("float32", "bfloat16")


def test_card_is_plain_json_and_arrays_are_plain_safetensors(settings, tmp_path):
    name = _run(settings).models[0].name
    folder = tmp_path / "models" / name
    assert json.loads((folder / "card.json").read_text("utf-8"))["name"] == name
    assert load_file(folder / "arrays.safetensors")["centres"].shape == (4, 6)
