"""What was typed ends with 2, what the world refused with 1: one clear line, nothing written."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from store.stores import committed

from bannercluster.runtime import cluster as runtime_cluster
from bannercluster.store.embeddings import EmbeddingStore

from .commands import STAGES, bc, change_json, tree

MANIFEST = "data/embeddings.zarr/zarr.json"


def refused(line: str, code: int, *said: str) -> str:
    """Run a command that must fail; what is on disk must be as before."""
    before = tree(".")
    ran = bc(line)
    assert ran.code == code, ran.err
    assert ran.out == ""
    assert ran.err.startswith("error: ")
    assert ran.err.count("\n") == 1
    assert len(ran.err) < 600
    assert "Traceback" not in ran.err
    for words in said:
        assert words in ran.err
    assert tree(".") == before
    return ran.err


def test_k_larger_than_the_rows(copy):
    refused("cluster --k 3 1000", 2, "k = 1000", "number of rows, 53", "k <= 53")


def test_k_larger_than_the_distinct_rows(copy):
    """Twenty files, but the network sees three pictures."""
    store = EmbeddingStore.open("data/embeddings.zarr")
    values = np.tile(store.read(0, 3), (7, 1))[:20]
    committed(
        "same.zarr", [(values, store.content_ids()[:20])], {}, recipe=store.manifest.recipe,
        n_features=store.n_features, dtype="float16", chunk_rows=8192, info={},
    )  # fmt: skip
    refused("cluster --k 2 5 --embeddings same.zarr --models new", 2, "distinct rows", "k = 5")
    assert bc("cluster --k 2 3 --embeddings same.zarr --models new").code == 0


def test_unknown_key_in_the_config(copy):
    text = (copy / "conf.yaml").read_text()
    (copy / "conf.yaml").write_text(text + "cluster: {kk: 4}\n")
    for line in STAGES:
        refused(line, 2, "conf.yaml:3", "cluster.kk", "expected one of")


def test_store_of_another_network(copy):
    refused(
        "embed --model efficientnet_b4", 2,
        "model is 'efficientnet_lite0', asked for 'efficientnet_b4'", "--embeddings",
    )  # fmt: skip


def test_store_of_another_resize(copy):
    refused("embed --resize squash", 2, "resize is", "asked for", "--embeddings")


def test_store_of_another_precision(copy):
    def other(root):
        recipe = root["attributes"]["bannercluster"]["recipe"]
        recipe["precision"] = {"float32": "bfloat16", "bfloat16": "float32"}[recipe["precision"]]

    change_json(MANIFEST, other)
    refused("embed", 2, "precision is", "asked for", "--embeddings")
    for line in STAGES[2:]:
        refused(line, 2, "made in another way", "data/embeddings.zarr")


def test_store_of_a_newer_version(copy):
    change_json(MANIFEST, lambda r: r["attributes"]["bannercluster"].update(schema_version=2))
    for line in [*STAGES, "predict --images data/images"]:
        refused(line, 1, "data/embeddings.zarr has format version 2", "reads versions 1 to 1",
                "install a newer bannercluster")  # fmt: skip


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("data/models/sweep.json", "evaluate"),
        ("data/models/{chosen}/card.json", "predict"),
        ("data/evaluation/evaluation.json", "report"),
    ],
)
def test_other_files_of_a_newer_version(copy, world, path, line):
    path = path.format(chosen=world.said["evaluate"].json["chosen"])
    change_json(path, lambda value: value.update(format_version=99))
    refused(line, 1, path, "has format version 99")


def test_store_of_someone_else(copy):
    import zarr

    shutil.rmtree("data/embeddings.zarr")
    zarr.create_group("data/embeddings.zarr")
    for line in STAGES:
        refused(line, 1, "data/embeddings.zarr", "not one of bannercluster's")


@pytest.mark.parametrize("line", STAGES)
def test_scheduler_that_does_not_answer(copy, line, monkeypatch):
    monkeypatch.setattr(runtime_cluster, "CONNECT_TIMEOUT_S", 0.3)
    refused(f"{line} --scheduler tcp://127.0.0.1:1", 1, "tcp://127.0.0.1:1", "`dask scheduler`")


def test_scheduler_of_the_environment_that_does_not_answer(copy, monkeypatch):
    monkeypatch.setattr(runtime_cluster, "CONNECT_TIMEOUT_S", 0.3)
    monkeypatch.setenv("DASK_SCHEDULER_ADDRESS", "tcp://127.0.0.1:1")
    refused("cluster --k 5", 1, "tcp://127.0.0.1:1", "DASK_SCHEDULER_ADDRESS")


def test_missing_folders(copy):
    refused("embed --images nowhere", 2, "no folder of images at nowhere", "--images")
    refused("embed --images conf.yaml", 2, "no folder of images at conf.yaml")
    refused("predict --images nowhere", 2, "no folder of images at nowhere")
    (copy / "empty").mkdir()
    refused("embed --images empty", 2, "no image in empty", ".png")
    for line in STAGES[1:]:
        refused(f"{line} --embeddings no.zarr", 2, "no embeddings at no.zarr", "`bc embed`")
    refused("evaluate --models nowhere", 2, "no models in nowhere", "`bc cluster`")
    refused("report --evaluation nowhere", 2, "no evaluation in nowhere", "`bc evaluate`")


def test_models_and_labels_that_are_not_there(copy):
    refused("predict --model kmeans-k99", 2, "no model 'kmeans-k99'", "kmeans-k03-", "kmeans-k04-")
    refused("evaluate --model a b", 2, "no model 'a'", "kmeans-k03-")
    refused("evaluate --label brand", 2, "no column 'brand'", "advertiser", "campaign", "--label")
    refused("evaluate --labels no.csv --label x", 2, "no.csv does not exist")
    refused("evaluate --labels conf.yaml --label x", 2, "ends in .yaml")
    refused("embed --manifest no.csv", 2, "no.csv does not exist")
    shutil.rmtree("data/evaluation")
    refused("predict", 2, "no model was named", "kmeans-k03-", "`bc evaluate`")


def test_files_that_are_damaged(copy, world):
    chosen = world.said["evaluate"].json["chosen"]
    chunk = Path("data/embeddings.zarr/embedding/c/0/0")
    whole = chunk.read_bytes()
    chunk.write_bytes(whole[:1000])
    for line in ("cluster --k 5", *STAGES[2:]):
        refused(line, 1, "data/embeddings.zarr", "embed again")
    chunk.unlink()
    refused("cluster --k 5", 1, "embedding/c/0/0 is missing")
    chunk.write_bytes(whole)
    Path(f"data/models/{chosen}/arrays.safetensors").write_bytes(b"nonsense")
    for line in STAGES[2:]:
        refused(line, 1, chosen, "damaged", "fit it again")


def test_disk_that_is_full(copy, world, monkeypatch):
    def full(*args):
        raise OSError(28, "No space left on device")

    (copy / "data" / "images" / "new.png").write_bytes(b"")
    (copy / "data" / "images" / "manifest.csv").write_text("file\nnew.png\n")
    names = [model["name"] for model in world.said["cluster"].json["models"]]
    names.remove(world.said["evaluate"].json["chosen"])
    monkeypatch.setattr(os, "fsync", full)
    # Not even the lease can be written.
    for line in ("embed", "cluster --k 3 4", "evaluate", f"predict --model {names[0]}"):
        refused(line, 1, "No space left on device", "data/", "nothing was changed")
    refused("report", 1, "No space left on device", "data/", "the last good state stays")


def test_more_memory_than_there_is(copy):
    refused("cluster --k 5 --memory 100MiB", 1, "cluster needs", "100")


def test_weights_that_are_not_there(copy):
    refused("embed --weights absent.safetensors --embeddings new.zarr", 2, "absent.safetensors")
    refused("embed --model no_such_network --embeddings new.zarr", 2, "no_such_network")


@pytest.mark.parametrize("option", ["--resize stretch", "--part-rows 0", "--day yesterday"])
def test_values_out_of_range(copy, option):
    refused(f"embed {option}", 2, option.split()[0], option.split()[1])
