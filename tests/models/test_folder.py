"""Models on disk: whole, or an error that says what to do."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from bannercluster.errors import FormatVersionError, StoreError, UsageError
from bannercluster.models.evaluations import Evaluation, LabelFacts, ModelMetrics
from bannercluster.models.folder import has_model, load_model, model_names, save_model
from bannercluster.models.sweeps import SweepFile

from .helpers import files_below, model

NAME = "kmeans-k03-abc"


@pytest.fixture
def folder(tmp_path) -> Path:
    save_model(str(tmp_path / "models"), model())
    return tmp_path / "models" / NAME


def _load(folder: Path):
    return load_model(str(folder.parent), folder.name)


def test_round_trip(folder):
    found = _load(folder)
    assert found.card == model().card
    np.testing.assert_array_equal(found.centres, model().centres)
    assert found.centres.dtype == np.float64
    assert {path.name for path in folder.iterdir()} == {"arrays.safetensors", "card.json"}
    assert json.loads((folder / "card.json").read_text("utf-8"))["format_version"] == 2


def test_saving_what_was_loaded_gives_the_same_bytes(folder, tmp_path):
    save_model(str(tmp_path / "again"), _load(folder))
    first, again = files_below(folder), files_below(tmp_path / "again" / NAME)
    assert {name: data for name, (data, _) in first.items()} == {
        name: data for name, (data, _) in again.items()
    }


def test_names_of_whole_models(folder):
    models = str(folder.parent)
    save_model(models, model("b"))
    save_model(models, model("a"))
    (folder.parent / "half").mkdir()
    (folder.parent / "half" / "arrays.safetensors").touch()
    (folder.parent / "sweep.json").write_text("{}", "utf-8")
    assert model_names(models) == ["a", "b", NAME]
    assert not has_model(models, "half")
    assert model_names(str(folder.parent / "absent")) == []


def test_card_is_written_last(tmp_path, monkeypatch):
    from bannercluster.store import files

    def fail(*_):
        raise StoreError("disk is full")

    monkeypatch.setattr(files, "write_json", fail)
    with pytest.raises(StoreError, match="disk is full"):
        save_model(str(tmp_path), model())
    assert model_names(str(tmp_path)) == []
    assert not has_model(str(tmp_path), NAME)


@pytest.mark.parametrize("name", ["absent", "", "half"])
def test_no_such_model(folder, name):
    (folder.parent / "half").mkdir()
    with pytest.raises(UsageError, match=f"there are: {NAME}: name one of them") as error:
        load_model(str(folder.parent), name)
    assert error.value.exit_code == 2


@pytest.mark.parametrize(
    "name", ["..", ".", "../models/kmeans-k03-abc", "./kmeans-k03-abc", "x/../kmeans-k03-abc", "/"]
)
def test_names_that_are_paths_are_refused(folder, name):
    (folder.parent / "x").mkdir()
    (folder / "inner").mkdir()
    for place in (folder.parent, folder.parent.parent):  # what the name would lead to
        (place / "card.json").write_bytes((folder / "card.json").read_bytes())
        (place / "arrays.safetensors").write_bytes((folder / "arrays.safetensors").read_bytes())
    with pytest.raises(UsageError, match="no model"):
        load_model(str(folder.parent), name)


@pytest.mark.parametrize("version", [3, 0, None, "1"])
def test_card_of_another_version(folder, version):
    card = json.loads((folder / "card.json").read_text("utf-8"))
    (folder / "card.json").write_text(json.dumps({**card, "format_version": version}), "utf-8")
    with pytest.raises(FormatVersionError, match="install a newer bannercluster"):
        _load(folder)


def _without(name):
    def change(card):
        del card[name]

    return change


def _with(**values):
    return lambda card: card.update(values)


@pytest.mark.parametrize(
    "change",
    [
        _without("k"),
        _without("sizes"),
        _without("restarts"),
        _with(surplus=1),
        _with(sizes=None),
        _with(restarts=[{"restart": 0}]),
        _with(restarts=5),
    ],
)
def test_damaged_card(folder, change):
    card = json.loads((folder / "card.json").read_text("utf-8"))
    change(card)
    (folder / "card.json").write_text(json.dumps(card), "utf-8")
    with pytest.raises(StoreError, match=r"damaged.*fit the model again"):
        _load(folder)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe"])
def test_card_that_is_no_json_object(folder, content):
    (folder / "card.json").write_bytes(content)
    with pytest.raises(StoreError, match=r"card\.json"):
        _load(folder)


@pytest.mark.parametrize("content", [b"", b"\x00" * 4, b"\xff" * 100, None])
def test_damaged_or_missing_arrays(folder, content):
    arrays = folder / "arrays.safetensors"
    if content is None:
        arrays.unlink()
    else:
        arrays.write_bytes(content)
    with pytest.raises(StoreError, match=r"arrays of model.*damaged.*fit it again"):
        _load(folder)


def test_truncated_arrays(folder):
    arrays = folder / "arrays.safetensors"
    arrays.write_bytes(arrays.read_bytes()[:-1])
    with pytest.raises(StoreError, match="fit it again"):
        _load(folder)


def test_arrays_of_another_model(folder):
    save_file({"centres": np.zeros((3, 5))}, folder / "arrays.safetensors")
    with pytest.raises(StoreError, match=r"shape \(3, 5\), its card says \(3, 4\)"):
        _load(folder)
    save_file({"means": np.zeros((3, 4))}, folder / "arrays.safetensors")
    with pytest.raises(StoreError, match="centres"):
        _load(folder)


# The latest sweep


def test_sweep_round_trip(tmp_path):
    sweep = SweepFile(("b", "a"), "somewhere.zarr", {"n_rows": 3, "fingerprint": "f"})
    sweep.save(str(tmp_path))
    assert SweepFile.load(str(tmp_path)) == sweep


def test_no_sweep(tmp_path):
    with pytest.raises(UsageError, match="run it first"):
        SweepFile.load(str(tmp_path))


@pytest.mark.parametrize(
    ("value", "error"),
    [
        ({"format_version": 3}, FormatVersionError),
        ({"format_version": 1}, StoreError),
        ({"format_version": 1, "models": 3, "embeddings": "x", "data": {}}, StoreError),
        ([], StoreError),
    ],
)
def test_damaged_sweep(tmp_path, value, error):
    (tmp_path / "sweep.json").write_text(json.dumps(value), "utf-8")
    with pytest.raises(error, match=r"sweep\.json"):
        SweepFile.load(str(tmp_path))


# The latest evaluation


def _evaluation() -> Evaluation:
    metrics = ModelMetrics("a", 2, (3, 4), {"silhouette": 0.25}, ((("x", 2), ("y", 1)), ()))
    labels = LabelFacts("advertiser", "labels.csv", 2, 3, 4, 0, 0, 1, "contents")
    return Evaluation((metrics,), "a", "highest", "e.zarr", "key", 7, labels, "2024-05-01")


def test_evaluation_round_trip(tmp_path):
    assert Evaluation.load_if_any(str(tmp_path)) is None
    for evaluation in (_evaluation(), dataclasses.replace(_evaluation(), labels=None)):
        evaluation.save(str(tmp_path))
        assert Evaluation.load_if_any(str(tmp_path)) == evaluation


def test_damaged_evaluation(tmp_path):
    _evaluation().save(str(tmp_path))
    path = tmp_path / "evaluation.json"
    whole = json.loads(path.read_text("utf-8"))
    for change, error in (
        ({"format_version": 3}, FormatVersionError),
        ({"models": [{}]}, StoreError),
        ({"models": [{**whole["models"][0], "intervals": {"ami": ["low", 1]}}]}, StoreError),
        ({"models": [{**whole["models"][0], "intervals": []}]}, StoreError),
        ({"labels": {"column": "x"}}, StoreError),
        ({"surplus": 1}, StoreError),
    ):
        path.write_text(json.dumps({**whole, **change}), "utf-8")
        with pytest.raises(error, match=r"evaluation\.json"):
            Evaluation.load_if_any(str(tmp_path))
