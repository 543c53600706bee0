"""Every kind of source: encodings, folders, partitions, patterns, Zarr groups, other stores."""

import warnings

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
import pytest
import zarr

from bannercluster.transfer.vectors import vectors_of
from transfer.making import SPARK, column_of, imported, put, rows_of, store_in, table_of

VECTORS = [[1.0, 0.0, 2.5], None, [0.0, 0.0, 0.0], [3.0, 4.0, 5.0], [1.0], [7.0, None, 8.0]]


@pytest.mark.parametrize("encoding", ["list32", "list64", "list16", "large32", "spark"])
@pytest.mark.parametrize("cut", [(0, 6), (1, 5), (2, 4), (3, 3)])
def test_encodings_also_as_slices(encoding, cut):
    column = column_of(VECTORS, encoding, 3)[cut[0] : cut[1]]
    found = vectors_of(column, 3)
    reasons = {None: 2, 1: 4, (7.0, None, 8.0): 3}
    for place, vector in enumerate(VECTORS[cut[0] : cut[1]]):
        if vector is None or len(vector) != 3 or None in vector:
            key = vector if vector is None else len(vector) if len(vector) != 3 else tuple(vector)
            assert found.reasons[place] == reasons[key]
        else:
            assert found.reasons[place] == 0
            assert found.values[place].tolist() == vector
    assert found.lengths.tolist() == [-1 if v is None else len(v) for v in VECTORS[slice(*cut)]]


@pytest.mark.parametrize("cut", [(0, 4), (1, 3)])
def test_fixed_size_lists_also_as_slices(cut):
    vectors = [[1.0, 2.0], None, [3.0, None], [5.0, 6.0]]
    found = vectors_of(column_of(vectors, "fixed64", 2)[cut[0] : cut[1]], 2)
    assert found.reasons.tolist() == [0, 2, 3, 0][cut[0] : cut[1]]


@pytest.mark.parametrize(
    "broken",
    [
        {"type": 0, "size": 3, "indices": [0, 3], "values": [1.0, 2.0]},  # outside
        {"type": 0, "size": 3, "indices": [1, 0], "values": [1.0, 2.0]},  # not rising
        {"type": 0, "size": 3, "indices": [1, 1], "values": [1.0, 2.0]},  # twice
        {"type": 0, "size": 3, "indices": [-1], "values": [1.0]},
        {"type": 0, "size": 3, "indices": [1], "values": [1.0, 2.0]},  # of another length
        {"type": 0, "size": 3, "indices": None, "values": [1.0]},
        {"type": 0, "size": None, "indices": [1], "values": [1.0]},
        {"type": 7, "size": 3, "indices": [1], "values": [1.0]},
        {"type": None, "size": 3, "indices": [1], "values": [1.0]},
    ],
)
def test_broken_spark_vectors(broken):
    good = {"type": 0, "size": 3, "indices": [1], "values": [4.0]}
    empty = {"type": 0, "size": 3, "indices": [], "values": []}
    found = vectors_of(pa.array([good, broken, empty], SPARK), 3)
    assert found.reasons.tolist() == [0, 6, 0]
    assert found.values[[0, 2]].tolist() == [[0, 4, 0], [0, 0, 0]]


def test_hive_partitions_and_a_day_column(tmp_path):
    rows = [row | {"date": f"2025-03-0{1 + place % 2}"} for place, row in enumerate(rows_of(6))]
    ds.write_dataset(
        table_of(rows), tmp_path / "s", format="parquet", partitioning_flavor="hive",
        partitioning=["date"],
    )  # fmt: skip
    result = imported(tmp_path, tmp_path / "s", day_column="date")
    assert result.n_ok == 6
    aliases = store_in(tmp_path).table("aliases")
    days = dict(zip(*(aliases[name].to_pylist() for name in ("banner_id", "first_day")),
                    strict=True))  # fmt: skip
    assert days == {row["banner_id"]: row["date"] for row in rows}


def test_pattern_and_hidden_files(tmp_path):
    for name, first in (("a.parquet", 0), ("b.parquet", 5), ("c.parquet", 10)):
        put(tmp_path / "s" / name, table_of(rows_of(5, first=first)))
    (tmp_path / "s" / "_metadata.parquet").write_text("no table")
    (tmp_path / "s" / ".part.parquet").write_text("no table")
    (tmp_path / "s" / "_SUCCESS").write_text("")
    assert imported(tmp_path / "one", tmp_path / "s" / "[ab].parquet").n_in == 10
    assert imported(tmp_path / "all", tmp_path / "s").n_in == 15
    assert imported(tmp_path / "url", f"file://{tmp_path}/s/c.parquet").n_in == 5


def test_bucket(tmp_path):
    import fsspec

    memory = fsspec.filesystem("memory")
    put(tmp_path / "a.parquet", table_of(rows_of(30)), 7)
    memory.pipe_file("/import-test/a.parquet", (tmp_path / "a.parquet").read_bytes())
    try:
        result = imported(tmp_path, "memory://import-test", part_rows=5)
    finally:
        memory.rm("/import-test", recursive=True)
    imported(tmp_path / "local", tmp_path / "a.parquet")
    assert result.n_ok == 30
    assert (store_in(tmp_path).content_ids() == store_in(tmp_path / "local").content_ids()).all()


@pytest.mark.parametrize("group", [4, 1000])
def test_row_groups_shorter_and_longer_than_parts(tmp_path, group):
    put(tmp_path / "a.parquet", table_of(rows_of(100)), group)
    imported(tmp_path, tmp_path / "a.parquet", part_rows=9)
    store = store_in(tmp_path)
    assert store.read(0, 100)[:, 0].tolist() == list(range(100))
    assert store.table("aliases")["banner_id"].to_pylist() == [f"b{n:04d}" for n in range(100)]


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("dtype", ["<f2", "<f4", "<f8", ">f4"])
def test_zarr(tmp_path, version, dtype):
    values = np.arange(60, dtype=dtype).reshape(20, 3)
    values[7, 1] = np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # texts have no final form in Zarr v3 yet
        group = zarr.open_group(tmp_path / "s.zarr", mode="w", zarr_format=version)
        group.create_array("vectors", data=values, chunks=(6, 2))
        group.create_array("banner_id", data=np.array([f"b{n}" for n in range(20)]))
        group.create_array("width", data=np.arange(20))
        group.create_array("other", data=np.zeros((20, 2)))
    result = imported(
        tmp_path, tmp_path / "s.zarr", column="vectors", part_rows=4, dtype="float32", workers=3
    )
    assert (result.n_ok, result.n_rejected, dict(result.reasons)) == (19, 1, {"not_finite": 1})
    store = store_in(tmp_path)
    kept = np.delete(np.arange(20), 7)
    assert store.read(0, 19).tolist() == values[kept].astype(np.float32).tolist()
    aliases = store.table("aliases")
    assert aliases["banner_id"].to_pylist() == [f"b{n}" for n in kept]
    assert aliases["width"].to_pylist() == [str(n) for n in kept]


def test_content_ids_of_the_source_are_taken(tmp_path):
    rows = rows_of(4)
    for place, row in enumerate(rows):
        row["content_id"] = bytes([place % 2]) * 32
    rows[3]["content_id"] = b"short"
    put(tmp_path / "a.parquet", table_of(rows))
    result = imported(tmp_path, tmp_path / "a.parquet")
    assert (result.n_ok, result.n_duplicate, result.n_rejected) == (2, 1, 1)
    assert store_in(tmp_path).content_ids()[:, 0].tolist() == [0, 1]
    assert dict(result.reasons) == {"bad_content_id": 1}


def test_whole_numbers_and_dictionaries_as_ids(tmp_path):
    ids = {"number": pa.array([3, 1, 2]), "word": pa.array(["x", "y", "x"]).dictionary_encode()}
    for name, column in ids.items():
        table = table_of(rows_of(3)).drop_columns("banner_id").append_column("who", column)
        put(tmp_path / f"{name}.parquet", table)
        imported(tmp_path / name, tmp_path / f"{name}.parquet", id_column="who")
    assert store_in(tmp_path / "number").table("aliases")["banner_id"].to_pylist() == list("312")
    assert store_in(tmp_path / "word").table("aliases")["banner_id"].to_pylist() == ["x", "y"]


def test_columns_that_are_missing_in_some_files(tmp_path):
    put(tmp_path / "s" / "a.parquet", table_of(rows_of(2)).drop_columns("advertiser"))
    put(tmp_path / "s" / "b.parquet", table_of(rows_of(2, first=2)))
    imported(tmp_path, tmp_path / "s")
    found = store_in(tmp_path).table("aliases")["advertiser"].to_pylist()
    assert found == [None, None, "a2", "a0"]
