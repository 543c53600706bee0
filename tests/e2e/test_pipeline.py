"""The five commands, one after the other, on sixty synthetic banners and a real network."""

import csv
import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import xarray

from bannercluster.store import files
from bannercluster.store.embeddings import EmbeddingStore

from .commands import STAGES, bc, tree

BC = str(Path(sys.executable).with_name("bc"))


def manifest(folder):
    with (folder / "data" / "images" / "manifest.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def contents_of(store):
    store = EmbeddingStore.open(str(store))
    return (
        store.read(0, store.n_rows).tobytes(),
        store.content_ids().tobytes(),
        store.table("rows").to_pylist(),
    )


def test_exit_codes_and_silence(world):
    assert {name: ran.code for name, ran in world.said.items()} == {
        "synth": 0, "embed": 3, "cluster": 0, "evaluate": 0, "predict": 0, "report": 0,
    }  # fmt: skip
    for ran in world.said.values():
        assert ran.err == ""
        assert isinstance(ran.json, dict)


def test_embed_accounts_for_every_file(world):
    rows = manifest(world.folder)
    broken = [row for row in rows if row["decodable"] == "false"]
    copies = [row for row in rows if row["duplicate_of"] and row["decodable"] == "true"]
    found = world.said["embed"].json
    assert (found["n_in"], found["n_rejected"]) == (60, len(broken))
    assert (found["n_duplicate"], found["n_ok"]) == (len(copies), 60 - len(broken) - len(copies))
    assert found["n_new"] == found["n_rows"] == found["n_ok"]
    assert len(broken) > 2
    store = EmbeddingStore.open(str(world.folder / "data" / "embeddings.zarr"))
    rejected = {row["banner_id"] for row in store.table("rejected").to_pylist()}
    assert rejected == {row["banner_id"] for row in broken}
    aliases = store.table("aliases")
    assert len(aliases) == 60 - len(broken)
    assert set(aliases["advertiser"].to_pylist()) == {row["advertiser"] for row in rows}


def test_store_opens_with_plain_xarray(world):
    data = xarray.open_zarr(world.folder / "data" / "embeddings.zarr")
    assert data.sizes["feature"] == 1280
    assert np.isfinite(data["embedding"].values.astype(np.float32)).all()


def test_clusters_find_the_advertisers(world):
    assert [model["k"] for model in world.said["cluster"].json["models"]] == [3, 4]
    found = world.said["evaluate"].json
    assert found["labels"]["n_labels"] == 4
    assert found["labels"]["n_unmatched"] == found["labels"]["n_unlabelled"] == 0
    four = next(model for model in found["models"] if model["k"] == 4)
    # Chance is 0; the measured value is 0.8.
    assert four["metrics"]["ami"] > 0.5
    best = max(found["models"], key=lambda model: model["metrics"]["silhouette_sq_euclidean"])
    assert found["chosen"] == best["name"]


def test_every_readable_banner_has_a_cluster(world):
    found = world.said["predict"].json
    assert found["model"] == world.said["evaluate"].json["chosen"]
    table = pq.read_table(world.folder / found["table"])
    wanted = {row["banner_id"] for row in manifest(world.folder) if row["decodable"] == "true"}
    assert sorted(table["banner_id"].to_pylist()) == sorted(wanted)
    cluster_of = dict(
        zip(table["banner_id"].to_pylist(), table["cluster_id"].to_pylist(), strict=True)
    )
    for row in manifest(world.folder):
        if row["duplicate_of"] and row["decodable"] == "true":
            assert cluster_of[row["banner_id"]] == cluster_of[row["duplicate_of"]]


def test_report_names_what_was_found(world):
    html = (world.folder / "data" / "report.html").read_text()
    assert world.said["evaluate"].json["chosen"] in html
    assert "not_an_image" in html
    for advertiser in {row["advertiser"] for row in manifest(world.folder)}:
        assert advertiser in html


def test_again_is_a_no_op(copy, world):
    before = tree("data")
    said = {line.split()[0]: bc(f"{line} --json") for line in STAGES}
    assert (said["embed"].code, said["embed"].json["n_new"]) == (3, 0)
    assert said["embed"].json["generation"] == 1
    assert not any(model["new"] for model in said["cluster"].json["models"])
    assert said["evaluate"].json["models"] == world.said["evaluate"].json["models"]
    assert (said["predict"].json["n_new"], said["predict"].json["n_changed"]) == (0, 0)
    after = tree("data")
    assert set(after) == set(before)
    changed = {name for name in after if after[name][1] != before[name][1]}
    evaluated = {name for name in after if name.startswith("data/evaluation/")}
    assert changed <= {*evaluated, "data/report.html"}


def test_tables_for_people(copy):
    for line, said in zip(
        STAGES, ("images/s", "traversals", "chosen", "share", "points on the map"), strict=True
    ):
        ran = bc(line)
        assert said in ran.out
        assert ran.err == ""
        assert ran.code == (3 if line == "embed" else 0)


def test_commands_in_processes_of_their_own(copy):
    """As typed in a shell; the models are the same as those of this process."""
    before = tree("data/models")
    shutil.rmtree("data/models")
    done = subprocess.run(
        [BC, "cluster", "--k", "3", "4", "--json"], capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert [model["new"] for model in json.loads(done.stdout)["models"]] == [True, True]
    after = tree("data/models")
    arrays = [name for name in before if name.endswith(".safetensors")]
    assert len(arrays) == 2
    for name in arrays:
        assert after[name][1] == before[name][1]
    done = subprocess.run([BC, "embed"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (3, "")
    assert "not_an_image" in done.stdout


@pytest.mark.parametrize("line", [*STAGES, "predict --images data/images", "synth banners"])
@pytest.mark.parametrize("form", ["", " --json"])
def test_dry_run_writes_nothing(copy, line, form):
    before = tree(".")
    ran = bc(f"{line} --dry-run{form}")
    assert (ran.code, ran.err) == (0, "")
    assert tree(".") == before
    if form:
        assert isinstance(ran.json, dict)


def test_dry_run_of_all_from_nothing(tmp_path, world, monkeypatch):
    """A plan for the first stage; each other one says which stage comes before it."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(world.folder / "data" / "images", tmp_path / "data" / "images")
    before = tree(".")
    assert bc("embed --model efficientnet_lite0 --dry-run").code == 0
    for line in STAGES[1:]:
        ran = bc(f"{line} --dry-run")
        assert (ran.code, ran.out) == (2, "")
        assert "run `bc embed` first" in ran.err
    assert tree(".") == before


def test_worker_processes_make_the_same_store(copy):
    ran = bc("embed --embeddings other.zarr --pool processes --json")
    assert (ran.code, ran.err) == (3, "")
    assert contents_of("other.zarr") == contents_of("data/embeddings.zarr")


def test_one_worker_makes_the_same_models(copy):
    ran = bc("cluster --k 3 4 --models other --workers 1 --json")
    assert ran.code == 0
    for name in [model["name"] for model in ran.json["models"]]:
        arrays = [Path(root, name, "arrays.safetensors") for root in ("other", "data/models")]
        assert arrays[0].read_bytes() == arrays[1].read_bytes()


def test_kill_and_again(copy):
    """Kill -9 in the middle of embedding: what is staged is kept, and the store is the same."""
    line = [BC, "embed", "--embeddings", "killed.zarr", "--part-rows", "8", "--workers", "1"]
    child = subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    staged = Path("killed.staging")
    while not (staged.is_dir() and len(list(staged.glob("*.parquet"))) >= 2):
        assert child.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert not Path("killed.zarr").exists()
    kept = {path.name: path.stat().st_mtime_ns for path in staged.glob("*.parquet")}
    seen = {}
    original = files.remove

    def looking(url, point):
        if url.endswith(".staging"):
            seen.update({path.name: path.stat().st_mtime_ns for path in staged.glob("*.parquet")})
        original(url, point)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "remove", looking)
        ran = bc("embed --embeddings killed.zarr --part-rows 8 --workers 1 --json")
    assert ran.code == 3
    assert kept.items() <= seen.items()
    assert len(seen) > len(kept)
    assert contents_of("killed.zarr") == contents_of("data/embeddings.zarr")
    assert not staged.exists()
    assert not list(Path("killed.tables").glob(".tmp*"))


# New images


def put_new_images(folder):
    """Two new pictures, one that is known under another name, one that is broken."""
    from PIL import Image

    folder.mkdir()
    for nth, colour in enumerate(((200, 30, 30), (20, 60, 200))):
        Image.new("RGB", (300, 250), colour).save(folder / f"new{nth}.png")
    known = next(
        row for row in manifest(Path()) if row["decodable"] == "true" and not row["duplicate_of"]
    )
    shutil.copy(Path("data/images", known["file"]), folder / "known.img")
    (folder / "known.img").rename(folder / f"known{Path(known['file']).suffix}")
    (folder / "broken.png").write_bytes(b"text")
    return known


def test_predict_for_new_images(copy, world):
    known = put_new_images(copy / "more")
    before = pq.read_table(world.said["predict"].json["table"]).to_pylist()
    ran = bc("predict --images more --json")
    assert (ran.code, ran.err) == (3, "")
    found = ran.json
    assert (found["embed"]["n_in"], found["embed"]["n_ok"], found["embed"]["n_new"]) == (4, 3, 2)
    assert (found["embed"]["n_rejected"], found["predict"]["n_new"]) == (1, 3)
    after = {
        row["banner_id"] or row["file"]: row
        for row in pq.read_table(found["predict"]["table"]).to_pylist()
    }
    assert len(after) == len(before) + 3
    for row in before:
        assert after[row["banner_id"]] == row
    again = after[f"known{Path(known['file']).suffix}"]
    assert again["cluster_id"] == after[known["banner_id"]]["cluster_id"]
    assert again["row"] == after[known["banner_id"]]["row"]
    assert {after["new0.png"]["row"], after["new1.png"]["row"]} == {
        world.said["embed"].json["n_rows"], world.said["embed"].json["n_rows"] + 1,
    }  # fmt: skip
    assert bc("predict --images more --json").json["predict"]["n_new"] == 0


def test_new_images_are_embedded_as_the_store_was(copy):
    """The settings say another network and another resize; the store knows better."""
    put_new_images(copy / "more")
    (copy / "conf.yaml").write_text(
        (copy / "conf.yaml")
        .read_text()
        .replace("efficientnet_lite0", "efficientnet_b4, resize: squash")
    )
    assert bc("predict --images more --json").code == 3
    store = EmbeddingStore.open("data/embeddings.zarr")
    assert store.manifest.generation == 2
    assert store.manifest.recipe["model"] == "efficientnet_lite0"


# Banners of the real world


@pytest.mark.real
def test_real_banners_are_all_accounted_for(tmp_path, monkeypatch, network_cache):
    root = Path(__file__).resolve().parents[2] / ".." / "shared" / "data" / "banners_mit"
    if not (root / "manifest.csv").is_file():
        pytest.skip(f"no real banners under {root}")
    monkeypatch.chdir(tmp_path)
    ran = bc(
        f"embed --images {root.resolve()} --embeddings e.zarr --cache {network_cache} "
        "--model efficientnet_lite0 --json"
    )
    found = ran.json
    assert found["n_in"] == 126
    assert found["n_in"] == found["n_ok"] + found["n_duplicate"] + found["n_rejected"]
    assert (found["n_rejected"], ran.code) == (0, 0)
    ran = bc("cluster --embeddings e.zarr --models m --k 11 --json")
    assert ran.code == 0
    ran = bc("evaluate --embeddings e.zarr --models m --evaluation ev --label advertiser --json")
    (model,) = ran.json["models"]
    # Advertiser AMI of this network on these banners, plainly above chance.
    assert model["metrics"]["ami"] > 0.4
