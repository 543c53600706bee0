"""`bc heatmap train`: the same model after a kill, and nothing twice."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from threadpoolctl import threadpool_limits

from bannercluster.config import Settings
from bannercluster.heatmap.dataset import read_back
from bannercluster.heatmap.further import FurtherRecipe
from bannercluster.heatmap.gate import Gate
from bannercluster.heatmap.model import NETWORK_SCORES, load_model_if_any
from bannercluster.heatmap.networks.clusters import ClusterConfig
from bannercluster.heatmap.networks.count import CountConfig
from bannercluster.heatmap.networks.detector import DetectorConfig
from bannercluster.heatmap.networks.location import LocationConfig
from bannercluster.heatmap.networks.simclr import SimclrConfig
from bannercluster.heatmap.networks.training import TrainingConfig
from bannercluster.heatmap.scorer import HeatmapScorer
from bannercluster.heatmap.verbs import train
from bannercluster.runtime import SilentProgress, ThreadExecutor
from bannercluster.store import heatmaps
from bannercluster.store.points import watched

from .worlds import run, small_recipe, with_network

MODEL = Path("data/heatmap-model")
TRAIN = ("train", "--network", "comparison")
POINTS = (
    "heatmap.checkpoint",
    "heatmap.weights",
    "heatmap.card",
    "heatmap.checkpoint-gone",
    "heatmap.model",
)


class KilledError(Exception):
    pass


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(one.relative_to(folder)): one.read_bytes()
        for one in sorted(folder.rglob("*"))
        if one.is_file() and ".lease" not in str(one) and "checkpoint" not in one.name
    }


def test_the_same_settings_make_nothing_again(
    undisturbed: Path, empty: Path, capsys: pytest.CaptureFixture
) -> None:
    shutil.copytree(undisturbed, MODEL)
    before = contents(MODEL)
    model = load_model_if_any(str(MODEL))
    assert model is not None
    assert model.network is None  # so bad a network does not pass the gate
    assert model.card["gate"]["kept"] is False
    code, again, _ = run(capsys, *TRAIN)
    assert (code, again["is_new"], again["seconds"]) == (0, False, [])
    assert contents(MODEL) == before
    # A network that is finished is loaded, and its lessons are not simulated again.
    (MODEL / "card.json").unlink()
    seen = []
    with watched(lambda point, phase, where: seen.append(point.name)):
        run(capsys, *TRAIN)
    assert set(seen) == {"store.lease", "heatmap.combination", "heatmap.model"}
    assert contents(MODEL) == before


def test_a_run_that_is_killed_again_and_again_ends_in_the_same_bytes(
    undisturbed: Path, empty: Path, capsys: pytest.CaptureFixture
) -> None:
    settings = with_network(str(MODEL))
    for name in POINTS:

        def kill(point, phase, where, name=name):
            if (point.name, phase) == (name, "before"):
                raise KilledError

        with watched(kill), pytest.raises(KilledError):
            train.run(settings, executor=ThreadExecutor(1), progress=SilentProgress())
        assert not (MODEL / "card.json").exists()
    code, made, _ = run(capsys, *TRAIN)
    assert (code, made["is_new"]) == (0, True)
    assert contents(MODEL) == contents(undisturbed)


def test_a_network_that_adds_is_used(
    undisturbed: Path,
    here: Path,
    capsys: pytest.CaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Gate, "kept", property(lambda gate: True))
    shutil.copytree(undisturbed / "networks", "data/better/networks")
    code, made, _ = run(capsys, *TRAIN, "--model", "data/better")
    assert (code, made["uses_network"]) == (0, True)
    model = load_model_if_any("data/better")
    assert model is not None
    assert model.combination.names[-12:] == NETWORK_SCORES
    code, scored, _ = run(capsys, "score", "--model", "data/better")
    assert code == 0
    assert scored["model"].startswith("data/better (statistics and network, ")
    table = pq.read_table("data/heatmap_scores.parquet")
    found = read_back(heatmaps.open_heatmaps("data/heatmaps.zarr").load())
    reference = found["reference"].to_numpy()
    with threadpool_limits(1, "blas"):
        scorer = HeatmapScorer.fit(
            found, reference, combination=model.combination, blocks=model.blocks()
        )
        expected = scorer.score(found.isel(sample=np.flatnonzero(~reference)))
    assert table.filter(pc.invert(table["reference"]))["p"].to_pylist() == expected.p.tolist()
    assert len(set(table["z_comparison"].drop_null().to_pylist())) > 10
    (network,) = Path("data/better/networks").iterdir()
    (network / "weights.safetensors").write_bytes(b"")
    Path("data/heatmap_scores.parquet").unlink()
    code, _, err = run(capsys, "score", "--model", "data/better")
    assert code == 1
    assert "are not those that its card names" in err


def test_other_settings_take_the_place_of_a_model(
    here: Path, capsys: pytest.CaptureFixture
) -> None:
    before = json.loads((MODEL / "card.json").read_text())
    assert before["network"] is before["gate"] is None
    code, made, _ = run(capsys, "train", "--seed", "5")
    assert (code, made["is_new"], made["gain"]) == (0, True, None)
    after = json.loads((MODEL / "card.json").read_text())
    assert after["fingerprint"] != before["fingerprint"]
    assert after["combination"]["sha256"] != before["combination"]["sha256"]


def test_a_folder_of_something_else_is_left_alone(
    empty: Path, capsys: pytest.CaptureFixture
) -> None:
    MODEL.mkdir(parents=True)
    (MODEL / "thesis.txt").write_text("mine")
    code, _, err = run(capsys, "train")
    assert code == 2
    assert "data/heatmap-model holds something else (thesis.txt)" in err
    assert contents(MODEL) == {"thesis.txt": b"mine"}


def test_a_dry_run_writes_nothing(empty: Path, capsys: pytest.CaptureFixture) -> None:
    code, planned, _ = run(capsys, "train", "--dry-run")
    assert (code, planned["summary"]["state"]) == (0, "to be made")
    assert planned["summary"]["lessons"] == "51 heatmaps of 3 grids"
    assert list(empty.iterdir()) == []


def test_the_network_is_trained_with_what_is_enough_for_it(empty: Path) -> None:
    for profile, network, is_there in (
        ("small", "auto", False),
        ("small", "comparison", True),
        ("full", "auto", True),
        ("full", "none", False),
    ):
        chosen = {"profile": profile, "network": network}
        settings = Settings().replace("heatmap_train", origin="test", **chosen)
        assert (train.recipe_of(settings).comparison is not None) == is_there
        parts = {part.name for part in train.plan(settings).memory.parts}
        assert ("network in training" in parts) == is_there
        settings = settings.replace("heatmap_train", origin="test", also=("count",))
        assert "network in training" in {part.name for part in train.plan(settings).memory.parts}


def test_further_networks_are_measured_once(
    here: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    training = TrainingConfig(n_steps=2, n_warmup=1)
    detector = DetectorConfig(n_pixels=64, widths=(8, 8, 8), depths=(1, 1, 1, 1, 1))
    clusters = ClusterConfig(max_clusters=2, n_clicks=(60, 60), n_pixels=64)
    lessons = replace(small_recipe().lessons, grids=(4, 0, 0))
    further = FurtherRecipe(
        CountConfig(clusters, detector, training, n_batch=2),
        LocationConfig(clusters, detector, training, n_batch=2),
        SimclrConfig(n_features=8, n_projection=4, n_sources=2, training=training),
        lessons,
        n_images=2,
    )
    monkeypatch.setattr(train, "FURTHER", MappingProxyType({"small": lambda: further}))
    also = ("train", "--also", "count", "location", "simclr")
    code, made, _ = run(capsys, *also)
    assert code == 0
    assert [name for name, _ in made["seconds"]] == ["also count", "also location", "also simclr"]
    assert [one["network"] for one in made["also"]] == ["count", "count", "location", "simclr"]
    assert all(0 <= one["value"] <= 1 and 0 <= one["reference_value"] <= 1 for one in made["also"])
    code, again, _ = run(capsys, *also)
    assert (code, again["is_new"], again["also"]) == (0, False, made["also"])
