import os
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from models.fitted import content, make_models, make_store, run_stage, settings_of

from bannercluster import predict
from bannercluster.errors import IncompatibleStoreError, StoreError, UsageError
from bannercluster.models.evaluations import Evaluation, ModelMetrics
from bannercluster.models.folder import load_model
from bannercluster.predict import plan
from bannercluster.store import assignments

N = 60

run = partial(run_stage, predict)


@pytest.fixture
def values():
    return np.random.default_rng(5).normal(0, 1, (N, 5)).astype(np.float16)


@pytest.fixture
def folder(tmp_path, values):
    """Sixty contents; every third under a second id, row 7 under none."""
    aliases = [{"row": row, "banner_id": f"{row:04d}"} for row in range(N) if row != 7]
    aliases += [
        {"row": row, "banner_id": f"again-{row}", "file": f"copy-{row}.png"}
        for row in range(0, N, 3)
    ]
    make_store(tmp_path, values, aliases)
    rng = np.random.default_rng(6)
    make_models(
        tmp_path,
        {
            "l2-4": rng.normal(0, 1, (4, 5)),
            "none-3": rng.normal(0, 1, (3, 5)),
            "one": rng.normal(0, 1, (1, 5)),
        },
        {"none-3": "none"},
    )
    return tmp_path


def named(folder, model):
    return settings_of(folder).replace("predict", model=model)


def table_of(folder, model):
    return assignments.read_if_any(str(folder / "assignments"), model)


def by_id(folder, model):
    return {row["banner_id"]: row for row in table_of(folder, model).to_pylist()}


def banners(**row_of):
    """Aliases: banner id to row."""
    return [{"row": row, "banner_id": name} for name, row in row_of.items()]


def choose(folder, name):
    metrics = (ModelMetrics(name, 3, (1, 1, 1), {}),)
    key = "embeddings.zarr@2026#1"
    Evaluation(metrics, name, "a rule", "e.zarr", key, N, None, "").save(str(folder / "evaluation"))


def test_every_banner_has_one_row(folder):
    result = run(named(folder, "l2-4"))
    rows = table_of(folder, "l2-4").to_pylist()
    assert len(rows) == len({row["banner_id"] for row in rows}) == N - 1 + 20
    assert (result.n_banners, result.n_new, result.n_changed) == (N - 1 + 20, N - 1 + 20, 0)
    assert {row["model_version"] for row in rows} == {"l2-4"}
    seen = by_id(folder, "l2-4")
    for row in range(0, N, 3):
        first, again = seen[f"{row:04d}"], seen[f"again-{row}"]
        assert (first["row"], again["row"], again["content_id"]) == (row, row, content(row))
        assert again["file"] == f"copy-{row}.png"
        for name in ("cluster_id", "distance", "margin"):
            assert first[name] == again[name]
    assert result.sizes == tuple(
        sum(row["cluster_id"] == cluster for row in rows) for cluster in range(4)
    )
    assert result.model == "l2-4"
    assert Path(result.table).is_file()


def test_schema(folder):
    run(named(folder, "l2-4"))
    schema = table_of(folder, "l2-4").schema
    assert schema.equals(assignments.SCHEMA)
    assert schema.field("assigned_at").type == pa.timestamp("us", tz="UTC")
    assert schema.field("content_id").type == pa.binary(32)


@pytest.mark.parametrize("model", ["l2-4", "none-3"])
def test_distances_against_a_slow_reference(folder, values, model):
    run(named(folder, model))
    centres = load_model(str(folder / "models"), model).centres
    for row in table_of(folder, model).to_pylist():
        x = values[row["row"]].astype(float)
        if model == "l2-4":
            x = x / np.sqrt(sum(v * v for v in x))
        found = [float(np.sqrt(sum((x - centre) ** 2))) for centre in centres]
        first, second = sorted(found)[:2]
        assert row["cluster_id"] == found.index(first)
        assert row["distance"] == pytest.approx(first, rel=1e-5)
        assert row["margin"] == pytest.approx(second - first, rel=1e-4, abs=1e-6)


def test_one_cluster_has_no_margin(folder):
    result = run(named(folder, "one"))
    rows = table_of(folder, "one").to_pylist()
    assert {(row["cluster_id"], row["margin"]) for row in rows} == {(0, None)}
    assert result.sizes == (N - 1 + 20,)


def test_workers_change_nothing(folder):
    run(named(folder, "l2-4"))
    one = table_of(folder, "l2-4").drop_columns(["assigned_at"])
    (folder / "assignments" / "l2-4.parquet").unlink()
    run(named(folder, "l2-4"), n_workers=3)
    assert table_of(folder, "l2-4").drop_columns(["assigned_at"]).equals(one)


# Again


@pytest.mark.parametrize("model", ["l2-4", "one"])
def test_again_changes_no_byte(folder, model):
    run(named(folder, model))
    path = folder / "assignments" / f"{model}.parquet"
    before, at = path.read_bytes(), path.stat().st_mtime_ns
    result = run(named(folder, model))
    assert (result.n_new, result.n_changed, result.n_banners) == (0, 0, N - 1 + 20)
    assert (path.read_bytes(), path.stat().st_mtime_ns) == (before, at)


def age(folder, model):
    """Rewrite a table as one from long ago."""
    long_ago = datetime(2020, 1, 1, tzinfo=UTC)
    table = table_of(folder, model)
    at = pa.array([long_ago] * len(table), assignments.SCHEMA.field("assigned_at").type)
    index = table.schema.get_field_index("assigned_at")
    from bannercluster.store import tables
    from bannercluster.store.points import ASSIGNMENTS

    tables.write(
        assignments.url_of(str(folder / "assignments"), model),
        table.set_column(index, "assigned_at", at),
        ASSIGNMENTS,
    )
    return long_ago


def test_new_and_changed_banners(tmp_path, values):
    first, second = tmp_path / "first", tmp_path / "second"
    centres = np.eye(2, 5)
    values[:4] = [[1, 0, 0, 0, 0], [0, 1, 0, 0, 0], [0.9, 0, 0, 0, 0.1], [0, 0.9, 0, 0, 0.1]]
    make_store(first, values[:3], banners(a=0, b=1, c=0, d=0))
    make_models(first, {"m": centres})
    started = datetime.now(UTC)
    run(named(first, "m"))
    assert all(row["assigned_at"] >= started for row in by_id(first, "m").values())
    long_ago = age(first, "m")
    # b gets another content in the other cluster, c one in the same cluster; d is gone; e is new.
    make_store(second, values[:4], banners(a=0, b=2, c=2, e=3))
    settings = named(first, "m").replace("paths", embeddings=str(second / "embeddings.zarr"))
    result = run(settings)
    assert (result.n_banners, result.n_new, result.n_changed) == (4, 1, 2)
    seen = by_id(first, "m")
    assert {key: row["cluster_id"] for key, row in seen.items()} == {"a": 0, "b": 0, "c": 0, "e": 1}
    assert {key for key, row in seen.items() if row["assigned_at"] == long_ago} == {"a"}
    assert all(row["assigned_at"] >= started for key, row in seen.items() if key != "a")


def test_first_time_is_kept_beside_new_banners(folder, values):
    run(named(folder, "l2-4"))
    long_ago = age(folder, "l2-4")
    more_banners = {"new": 7} | {f"{row:04d}": row for row in range(N) if row != 7}
    make_store(folder / "more", values, banners(**more_banners))
    more = str(folder / "more" / "embeddings.zarr")
    result = run(named(folder, "l2-4").replace("paths", embeddings=more))
    assert (result.n_new, result.n_banners) == (1, N)
    at = {key: row["assigned_at"] for key, row in by_id(folder, "l2-4").items()}
    assert at.pop("new") > long_ago
    assert set(at.values()) == {long_ago}


def test_banners_without_ids_go_by_their_files(tmp_path, values):
    make_store(tmp_path, values[:5])
    make_models(tmp_path, {"m": np.eye(2, 5)})
    assert run(named(tmp_path, "m")).n_new == 5
    assert run(named(tmp_path, "m")).n_new == 0
    assert [row["file"] for row in table_of(tmp_path, "m").to_pylist()] == [
        f"{row}.png" for row in range(5)
    ]


def test_table_of_a_newer_version_is_not_overwritten(folder):
    import pyarrow.parquet as pq

    run(named(folder, "l2-4"))
    path = folder / "assignments" / "l2-4.parquet"
    table = pq.read_table(path)
    pq.write_table(table.replace_schema_metadata({"bannercluster_schema_version": "2"}), path)
    before = path.read_bytes()
    with pytest.raises(StoreError, match="format version 2"):
        run(named(folder, "l2-4"))
    assert path.read_bytes() == before


def test_interrupted_write_leaves_the_last_table(folder, values, monkeypatch):
    run(named(folder, "l2-4"))
    path = folder / "assignments" / "l2-4.parquet"
    before = path.read_bytes()
    make_store(folder / "more", values)
    more = named(folder, "l2-4").replace(
        "paths", embeddings=str(folder / "more" / "embeddings.zarr")
    )

    def full(*args):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(StoreError, match="No space left"):
            run(more)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]
    assert run(more).n_new == N


# Which model


def test_the_chosen_model_is_the_default(folder):
    choose(folder, "none-3")
    assert run(settings_of(folder)).model == "none-3"
    assert "chosen by the evaluation" in dict(plan(settings_of(folder)).summary)["model"]
    assert run(named(folder, "l2-4")).model == "l2-4"


def test_the_only_model_needs_no_choice(tmp_path, values):
    make_store(tmp_path, values)
    make_models(tmp_path, {"alone": np.eye(2, 5)})
    assert run(settings_of(tmp_path)).model == "alone"


@pytest.mark.parametrize("work", [plan, run])
def test_several_models_and_no_choice(folder, work):
    with pytest.raises(UsageError, match=r"l2-4, none-3, one: name it with --model, or run `bc ev"):
        work(settings_of(folder))
    assert not (folder / "assignments").exists()


def test_unknown_model(folder):
    with pytest.raises(UsageError, match=r"no model 'l2-5' .*there are: l2-4, none-3, one"):
        run(named(folder, "l2-5"))


def test_nothing_there(tmp_path, values):
    with pytest.raises(UsageError, match="run `bc embed` first"):
        run(settings_of(tmp_path))
    make_store(tmp_path, values)
    with pytest.raises(UsageError, match="no models"):
        run(settings_of(tmp_path))


def test_model_of_other_embeddings(folder):
    make_models(folder, {"other": np.eye(2, 5)}, embedding={"model": "another"})
    with pytest.raises(IncompatibleStoreError, match="other takes embeddings made in another way"):
        run(named(folder, "other"))
    assert not (folder / "assignments").exists()
