"""Out and in again: the same values, ids and aliases; and what an export is to other readers."""

import json

import numpy as np
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from embed.banners import Bench, put_banners

from bannercluster.errors import UsageError
from transfer.making import exported, imported, put, rows_of, store_in, table_of

ALIAS = ("banner_id", "file", "content_id", "first_day", "last_day", "advertiser")


@pytest.fixture
def filled(tmp_path):
    """A store with duplicates and a banner whose first content no banner has any more."""
    rows = rows_of(50)
    rows[10] |= {"vector": rows[3]["vector"], "day": "2025-03-02"}
    put(tmp_path / "a.parquet", table_of(rows))
    imported(tmp_path, tmp_path / "a.parquet", chunk_rows=16)
    put(tmp_path / "b.parquet", table_of([{**rows[20], "vector": [-1.0, 2.0, 3.0]}]))
    imported(tmp_path, tmp_path / "b.parquet")
    return tmp_path


@pytest.mark.parametrize("through", ["export", "store"])
def test_embedded_rows_come_back_as_they_were(tmp_path, monkeypatch, through):
    bench = Bench(tmp_path, monkeypatch)
    put_banners(bench.images, 9)
    (bench.images / "again.png").write_bytes((bench.images / "b03.png").read_bytes())
    bench.run()
    old = bench.store
    source = old.url
    if through == "export":
        source = tmp_path / "out"
        exported(tmp_path, source, file_rows=4)
    result = imported(tmp_path / "two", source, model=None)
    new = store_in(tmp_path / "two")
    assert (result.n_in, result.n_ok, result.n_duplicate) == (10, 9, 1)
    assert new.manifest.recipe == old.manifest.recipe
    assert new.read(0, 9).tobytes() == old.read(0, 9).tobytes()
    assert (new.content_ids() == old.content_ids()).all()
    names = [name for name in ALIAS if name in old.table("aliases").column_names]
    assert sorted(_aliases(new, names)) == sorted(_aliases(old, names))
    again = imported(tmp_path / "two", source, model=None)
    assert (again.n_new, again.generation) == (0, 1)


def _aliases(store, names):
    return [str([row[name] for name in names]) for row in store.table("aliases").to_pylist()]


def test_import_export_import(filled):
    result = exported(filled, filled / "out", file_rows=16)
    assert (result.n_rows, result.n_files, result.n_written) == (50, 4, 4)
    imported(filled / "two", filled / "out", model=None)
    old, new = store_in(filled), store_in(filled / "two")
    assert sorted(_aliases(new, ALIAS)) == sorted(_aliases(old, ALIAS))
    # The row that no banner has any more stays behind; the others keep values and order.
    kept = np.isin(old.content_ids()[:, 0:8].copy().view(np.uint64).ravel(),
                   new.content_ids()[:, 0:8].copy().view(np.uint64).ravel())  # fmt: skip
    assert kept.sum() == new.n_rows == old.n_rows - 1
    assert (new.read(0, new.n_rows) == old.read(0, old.n_rows)[kept]).all()
    # Vectors give the same content ids where the ids are left away.
    table = ds.dataset(filled / "out").to_table()
    put(filled / "bare.parquet", table.drop_columns("content_id").replace_schema_metadata({}))
    imported(filled / "three", filled / "bare.parquet")
    assert (store_in(filled / "three").content_ids() == new.content_ids()).all()


@pytest.mark.parametrize("rows", ["banners", "contents"])
@pytest.mark.parametrize("normalize", ["none", "l2"])
def test_what_other_readers_see(filled, rows, normalize):
    exported(filled, filled / "out", rows=rows, normalize=normalize, file_rows=20)
    store = store_in(filled)
    table = ds.dataset(filled / "out").to_table()
    assert len(table) == (50 if rows == "banners" else store.n_rows)
    values = np.array(table["embedding"].to_pylist(), np.float32)
    row_of = {one.tobytes(): row for row, one in enumerate(store.content_ids())}
    own = store.read(0, store.n_rows)[[row_of[one] for one in table["content_id"].to_pylist()]]
    if normalize == "none":
        assert (values == own.astype(np.float32)).all()
        return
    own = own.astype(np.float64)
    norms = np.linalg.norm(own, axis=1, keepdims=True)
    np.testing.assert_allclose(values, own / np.where(norms > 0, norms, 1), rtol=1e-6)
    metadata = pq.read_schema(next((filled / "out").glob("part-*"))).metadata
    assert json.loads(metadata[b"bannercluster_recipe"])["normalized"] == "l2"


def test_an_export_is_made_once_and_never_mixed(filled):
    exported(filled, filled / "out", file_rows=20)
    assert exported(filled, filled / "out", file_rows=20).n_written == 0
    for options in ({"file_rows": 10}, {"file_rows": 20, "normalize": "l2"}):
        with pytest.raises(UsageError, match="something else"):
            exported(filled, filled / "out", **options)
    (filled / "mine").mkdir()
    (filled / "mine" / "notes.txt").write_text("mine")
    with pytest.raises(UsageError, match=r"something else \(notes.txt\)"):
        exported(filled, filled / "mine")
    assert [path.name for path in (filled / "mine").iterdir()] == ["notes.txt"]
    put(filled / "c.parquet", table_of(rows_of(1, first=300)))
    imported(filled, filled / "c.parquet")
    with pytest.raises(UsageError, match="something else"):
        exported(filled, filled / "out", file_rows=20)


def test_float32_store(tmp_path):
    put(
        tmp_path / "a.parquet",
        table_of([{**row, "vector": [0.1, 0.2, 1e30]} for row in rows_of(1)]),
    )
    imported(tmp_path, tmp_path / "a.parquet", dtype="float32")
    exported(tmp_path, tmp_path / "out")
    found = ds.dataset(tmp_path / "out").to_table()["embedding"].to_pylist()
    assert found == np.array([[0.1, 0.2, 1e30]], np.float32).tolist()
    imported(tmp_path / "two", tmp_path / "out", model=None)
    assert store_in(tmp_path / "two").manifest.dtype == "float32"
