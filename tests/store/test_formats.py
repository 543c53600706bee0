"""What the first version wrote still opens: store, tables, models, evaluation, assignments.

The samples lie in ``tests/data/formats/v1``; ``make_v1.py`` beside them made them, once. ``v2``
has what got a second version since.
"""

import hashlib
import shutil
import uuid
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import xarray
import zarr

from bannercluster import evaluate, predict, report
from bannercluster.config import Settings
from bannercluster.models.evaluations import Evaluation
from bannercluster.models.folder import load_model, model_names
from bannercluster.models.sweeps import SweepFile
from bannercluster.runtime import SilentProgress, ThreadExecutor
from bannercluster.store import assignments, files
from bannercluster.store.aliases import RowIndex
from bannercluster.store.embeddings import EmbeddingStore
from bannercluster.store.points import REPORT

V1 = Path(__file__).parents[1] / "data" / "formats" / "v1"
V2 = V1.with_name("v2")
NAMES = ("kmeans-k02-00000002", "kmeans-k03-00000003")
VALUES = [[1, 0, 0, 0], [0.5, 0.25, 0, 0], [0, 1, 0, 0], [0, 2, 0.125, 0], [0, 0, 3, 4]]
CONTENTS = [hashlib.sha256(b"banner %d" % row).digest() for row in range(5)]


@pytest.fixture
def folder(tmp_path):
    """A copy: a sample is never written to."""
    shutil.copytree(V1, tmp_path / "v1")
    return tmp_path / "v1"


@pytest.fixture
def settings(folder):
    leaves = {name: str(folder / name) for name in ("models", "evaluation", "assignments")}
    return Settings().replace(
        "paths",
        images=str(folder / "images"),
        embeddings=str(folder / "embeddings.zarr"),
        report=str(folder / "report.html"),
        **leaves,
    )


def run(stage, settings):
    with ThreadExecutor(1) as executor:
        return stage.run(settings, executor=executor, progress=SilentProgress())


def test_samples_stay_small():
    assert sum(path.stat().st_size for path in V1.rglob("*") if path.is_file()) < 60_000


def test_store():
    store = EmbeddingStore.open(str(V1 / "embeddings.zarr"))
    manifest = store.manifest
    assert (manifest.generation, manifest.chunk_rows, manifest.dtype) == (1, 4, "float16")
    assert manifest.info["source"] == "images"
    assert manifest.recipe["preprocessing"]["resize"] == "native"
    assert manifest.recipe_id == "c3af2a6c98d2895dbac8d3dba6924c58d5957e5f65a7ef2f6ddf10a747b0f19b"
    np.testing.assert_array_equal(store.read(0, 5), np.array(VALUES, np.float16))
    np.testing.assert_array_equal(RowIndex(store).rows_of(CONTENTS), range(5))


def test_store_for_others():
    data = xarray.open_zarr(V1 / "embeddings.zarr")
    assert dict(data.sizes) == {"banner": 5, "feature": 4, "content_id_byte": 32}
    np.testing.assert_array_equal(data["embedding"].values, np.array(VALUES, np.float16))
    assert data.attrs["bannercluster"]["schema_version"] == 1
    group = zarr.open_group(V1 / "embeddings.zarr", mode="r")
    assert [bytes(row) for row in group["content_id"][:]] == CONTENTS


def test_tables():
    store = EmbeddingStore.open(str(V1 / "embeddings.zarr"))
    rows = store.table("rows").to_pylist()
    assert rows[3] == {
        "content_id": CONTENTS[3], "file": "3.png", "width": 300, "height": 250,
        "format": "PNG", "n_frames": 1, "frame": 0, "nbytes": 1003,
    }  # fmt: skip
    aliases = store.table("aliases").to_pylist()
    assert [row["banner_id"] for row in aliases] == ["000", "001", "002", "003", "004", "005"]
    assert aliases[5] == {
        "banner_id": "005", "file": "5.png", "content_id": CONTENTS[0],
        "first_day": "2026-01-05", "last_day": "2026-01-06", "nbytes": 1000, "modified": "175.5",
        "advertiser": "acorn",
    }  # fmt: skip
    (rejected,) = store.table("rejected").to_pylist()
    assert (rejected["file"], rejected["reason"], rejected["stage"]) == ("6.png", "empty", "embed")


def test_models():
    models = str(V1 / "models")
    assert SweepFile.load(models).models == NAMES
    assert model_names(models) == list(NAMES)
    model = load_model(models, NAMES[1])
    card = model.card
    assert (card.k, card.n_features, card.normalize, card.sizes) == (3, 4, "l2", (2, 2, 1))
    assert [restart.inertia for restart in card.restarts] == [0.5, 0.75]
    np.testing.assert_array_equal(model.centres, [[0.9, 0.2, 0, 0], [0, 1, 0, 0], [0, 0, 0.6, 0.8]])


def test_models_of_before_engines_and_predecessors():
    card = load_model(str(V1 / "models"), NAMES[1]).card
    assert (card.engine, card.predecessor) == ("sweep", None)
    sweep = SweepFile.load(str(V1 / "models"))
    assert (sweep.timings, sweep.n_passes) == ({}, 0)


def test_models_of_the_second_version():
    models = str(V2 / "models")
    sweep = SweepFile.load(models)
    assert sweep.models == ("kmeans-k03-00000004",)
    assert (sweep.timings["iterations_s"], sweep.n_passes) == (2.0, 17)
    model = load_model(models, sweep.models[0])
    assert (model.card.engine, model.card.fit["engine"]) == ("sklearn", "sklearn")
    before = model.card.predecessor
    assert (before.name, before.n_same) == (NAMES[1], 2)
    assert before.distances == (0.5, 0.0, 0.25)
    assert before.moved == (1.5, 0.0, None)
    assert before.same == (False, True, True)
    assert load_model(models, before.name).card.predecessor is None


def test_evaluation():
    found = Evaluation.load_if_any(str(V1 / "evaluation"))
    assert found is not None
    assert (found.chosen, found.n_rows, found.labels.n_labels) == (NAMES[1], 5, 2)
    assert found.models[0].metrics["silhouette_sq_euclidean"] == 0.5
    assert found.models[0].label_counts == ((("acorn", 2), ("birch", 1)), (("birch", 1),))


def test_assignments():
    rows = assignments.read_if_any(str(V1 / "assignments"), NAMES[1]).to_pylist()
    assert [row["cluster_id"] for row in rows] == [0, 0, 1, 1, 2, 0]
    assert rows[5]["banner_id"] == "005"
    assert rows[5]["row"] == 0
    assert rows[0]["assigned_at"] == datetime(2026, 1, 5, 6, 7, 8, 9, tzinfo=UTC)
    assert rows[4]["distance"] == pytest.approx(0, abs=1e-6)


def test_stages_go_on_from_old_files(folder, settings):
    path = folder / "assignments" / f"{NAMES[1]}.parquet"
    before = path.read_bytes()
    predicted = run(predict, settings)
    assert (predicted.model, predicted.n_new, predicted.n_changed) == (NAMES[1], 0, 0)
    assert predicted.sizes == (3, 2, 1)
    assert path.read_bytes() == before
    evaluated = run(evaluate, settings.replace("paths", label="advertiser"))
    assert [model.sizes for model in evaluated.models] == [(4, 1), (2, 2, 1)]
    reported = run(report, settings)
    assert reported.n_points == 5
    assert "kmeans-k03-00000003" in (folder / "report.html").read_text()


def test_stages_read_and_write_buckets():
    """The same files under another kind of URL: store, models, evaluation, assignments, report."""
    root = f"memory://bucket-{uuid.uuid4().hex}"
    for path in V1.rglob("*"):
        if path.is_file():
            files.write_bytes(f"{root}/{path.relative_to(V1)}", path.read_bytes(), REPORT)
    names = ("images", "models", "evaluation", "assignments")
    settings = Settings().replace(
        "paths",
        embeddings=f"{root}/embeddings.zarr",
        report=f"{root}/report.html",
        **{name: f"{root}/{name}" for name in names},
    )
    assert load_model(f"{root}/models", NAMES[0]).card.k == 2
    predicted = run(predict, settings)
    assert (predicted.model, predicted.n_new, predicted.sizes) == (NAMES[1], 0, (3, 2, 1))
    other = run(predict, settings.replace("predict", model=NAMES[0]))
    assert (other.n_new, other.sizes) == (6, (5, 1))
    assert len(assignments.read_if_any(f"{root}/assignments", NAMES[0])) == 6
    evaluated = run(evaluate, settings)
    found = Evaluation.load_if_any(f"{root}/evaluation")
    assert found is not None
    assert found.models == evaluated.models
    run(report, settings)
    assert b"kmeans-k03-00000003" in files.read_bytes(f"{root}/report.html")
