"""A commit is visible whole or not at all."""

import errno
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import xarray

from bannercluster.errors import IncompatibleStoreError, StoreError
from bannercluster.store import files, tables
from bannercluster.store.embeddings import EmbeddingStore

from .stores import RECIPE, append, bytes_below, check_whole, committed, ids_of, values_of


class Killed(BaseException):
    """Stands for the end of the process: nothing may catch it."""


class Writes:
    """Counts the writes of a commit, and ends it at one of them."""

    def __init__(self, monkeypatch, last=None, error=Killed):
        self.n, self.last, self.error = 0, last, error
        for module, name in ((files, "write_bytes"), (tables, "write")):
            monkeypatch.setattr(module, name, self._counting(getattr(module, name)))

    def _counting(self, write):
        def counting(url, what, point):
            if self.n == self.last:
                raise self.error
            self.n += 1
            write(url, what, point)

        return counting


@pytest.fixture
def url(tmp_path):
    return str(tmp_path / "embeddings.zarr")


@pytest.mark.parametrize("chunk_rows", [1, 2, 4, 5, 16])
@pytest.mark.parametrize("stops", [(1, 2, 3), (4, 8, 9), (3, 11), (5, 5, 7), (16, 17)])
def test_appends_at_every_boundary(url, chunk_rows, stops):
    start = 0
    for generation, stop in enumerate(stops, 1):
        store = append(url, start, stop, chunk_rows=chunk_rows)
        assert store.manifest.generation == generation
        check_whole(store, stop)
        check_whole(EmbeddingStore.open(url), stop)
        start = stop


def test_blocks_and_appends_leave_the_same_chunks(tmp_path):
    one = str(tmp_path / "one.zarr")
    many = str(tmp_path / "many.zarr")
    append(one, 0, 11)
    append(many, 0, 2, blocks=(0, 1, 1))
    append(many, 2, 9, blocks=(4, 8))
    append(many, 9, 11)
    for array in ("embedding", "content_id"):
        assert bytes_below(tmp_path / "one.zarr" / array) == bytes_below(
            tmp_path / "many.zarr" / array
        )


def test_store_keeps_its_chunks_and_its_birthday(url):
    first = append(url, 0, 5, chunk_rows=4)
    second = append(url, 5, 9, chunk_rows=100)
    assert second.manifest.chunk_rows == 4
    assert second.manifest.created == first.manifest.created
    assert second.key != first.key
    check_whole(second, 9)


@pytest.mark.parametrize("stop", [6, 8, 15])
def test_reader_of_the_old_generation_is_not_disturbed(url, stop):
    old = append(url, 0, 6)
    plain = xarray.open_zarr(url)
    append(url, 6, stop)
    check_whole(old, 6)
    np.testing.assert_array_equal(plain["embedding"].values, values_of(0, 6))
    check_whole(EmbeddingStore.open(url), stop)


def test_tables_of_one_generation_back_are_kept_and_older_ones_dropped(url, tmp_path):
    stores = [append(url, low, low + 1) for low in range(4)]
    left = {path.name for path in (tmp_path / "embeddings.tables").iterdir()}
    assert left == {
        *stores[3].manifest.tables.values(),
        *stores[2].manifest.tables.values(),
    }
    check_whole(stores[2], 3)


# Interrupted at every write


def uninterrupted(tmp_path):
    again = str(tmp_path / "uninterrupted.zarr")
    append(again, 0, 6)
    append(again, 6, 11)
    return again


def n_writes(monkeypatch, tmp_path, first):
    with monkeypatch.context() as patch:
        writes = Writes(patch)
        probe = str(tmp_path / "probe.zarr")
        append(probe, 0, 6)
        if first:
            return writes.n
        before = writes.n
        append(probe, 6, 11)
        return writes.n - before


@pytest.mark.parametrize("error", [Killed, StoreError("disk is full")])
def test_append_that_ends_at_any_write(url, tmp_path, monkeypatch, error):
    total = n_writes(monkeypatch, tmp_path, first=False)
    assert total == 2 * 2 + 2 + 2 + 1  # two chunks of two arrays, tables, two arrays, the root
    wanted = uninterrupted(tmp_path)
    for last in range(total):
        own = url.replace("embeddings", f"stopped-{last}")
        old = append(own, 0, 6)
        with monkeypatch.context() as patch:
            Writes(patch, last, error)
            with pytest.raises(type(error) if isinstance(error, Exception) else error):
                append(own, 6, 11)
        check_whole(old, 6)
        check_whole(EmbeddingStore.open(own), 6)
        np.testing.assert_array_equal(xarray.open_zarr(own)["embedding"].values, values_of(0, 6))
        check_whole(append(own, 6, 11), 11)
        for array in ("embedding", "content_id"):
            assert bytes_below(Path(own) / array) == bytes_below(Path(wanted) / array)
        assert len(list(Path(own.replace(".zarr", ".tables")).iterdir())) == 4


def test_first_commit_that_ends_at_any_write(url, tmp_path, monkeypatch):
    for last in range(n_writes(monkeypatch, tmp_path, first=True)):
        own = url.replace("embeddings", f"stopped-{last}")
        with monkeypatch.context() as patch:
            Writes(patch, last)
            with pytest.raises(Killed):
                append(own, 0, 6)
        assert EmbeddingStore.open_if_any(own) is None
        check_whole(append(own, 0, 6), 6)


def test_other_rows_after_an_interrupted_commit(url, monkeypatch):
    """What an interrupted commit left in the chunks is not taken for rows."""
    append(url, 0, 6)
    with monkeypatch.context() as patch:
        Writes(patch, 6)
        with pytest.raises(Killed):
            append(url, 6, 11)
    values, ids = values_of(20, 23), ids_of(20, 23)
    store = committed(
        url,
        [(values, ids)],
        {},
        recipe=RECIPE,
        n_features=6,
        dtype="float16",
        chunk_rows=4,
        info={},
    )
    assert store.n_rows == 9
    np.testing.assert_array_equal(store.read(0, 9), np.concatenate([values_of(0, 6), values]))
    np.testing.assert_array_equal(store.content_ids()[6:], ids)
    np.testing.assert_array_equal(xarray.open_zarr(url)["embedding"].values, store.read(0, 9))


def test_blocks_that_fail_leave_the_old_store(url):
    append(url, 0, 6)

    def blocks():
        yield values_of(6, 9), ids_of(6, 9)
        raise StoreError("the part is damaged")

    with pytest.raises(StoreError, match="the part is damaged"):
        committed(
            url, blocks(), {}, recipe=RECIPE, n_features=6, dtype="float16", chunk_rows=4, info={}
        )
    check_whole(EmbeddingStore.open(url), 6)


_WRITER = """
import sys
from store.stores import append
for start in range(0, 100_000, 3):
    append(sys.argv[1], start, start + 3, chunk_rows=8)
"""


def test_reader_beside_a_writer_that_is_killed(url):
    """Whatever a reader opens is whole, also after kill -9 of the writer."""
    tests = Path(__file__).parents[1]
    child = subprocess.Popen([sys.executable, "-c", _WRITER, url], cwd=tests)
    try:
        deadline = time.monotonic() + 60
        seen = set()
        while len(seen) < 12:
            assert child.poll() is None
            assert time.monotonic() < deadline
            store = EmbeddingStore.open_if_any(url)
            if store is None:
                time.sleep(0.02)
                continue
            assert store.n_rows == 3 * store.manifest.generation
            np.testing.assert_array_equal(store.read(0, store.n_rows), values_of(0, store.n_rows))
            seen.add(store.n_rows)
    finally:
        child.kill()
        child.wait()
    n = EmbeddingStore.open(url).n_rows
    check_whole(EmbeddingStore.open(url), n)
    check_whole(append(url, n, n + 5), n + 5)


# Refusals


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("model", "another"),
        ("weights_sha256", "cd" * 32),
        ("precision", "bfloat16"),
        ("engine", "torch"),
        ("preprocessing", {"version": 1, "resize": "squash", "input_size": 224}),
        ("dtype", "float32"),
    ],
)
def test_another_recipe_writes_nothing(url, tmp_path, name, value):
    append(url, 0, 6)
    before = bytes_below(tmp_path)
    shown = "resize" if name == "preprocessing" else name
    with pytest.raises(IncompatibleStoreError, match=f"{shown} is .*asked for.*--embeddings"):
        append(url, 6, 9, recipe=RECIPE | {name: value})
    assert bytes_below(tmp_path) == before


def refuse(number):
    def refusing(*args, **options):
        raise OSError(number, os.strerror(number))

    return refusing


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES, errno.EDQUOT])
@pytest.mark.parametrize(
    "what", ["pathlib.Path.write_bytes", "os.fsync", "pathlib.Path.replace", "tempfile.mkstemp"]
)
def test_disk_that_refuses(url, tmp_path, monkeypatch, number, what):
    append(url, 0, 6)
    before = bytes_below(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(what, refuse(number))
        with pytest.raises(StoreError, match=os.strerror(number)):
            append(url, 6, 8)
    assert bytes_below(tmp_path) == before
    check_whole(append(url, 6, 8), 8)


def test_disk_that_is_full_in_the_middle_of_a_table(url, tmp_path, monkeypatch):
    import pyarrow.parquet

    append(url, 0, 6)
    with monkeypatch.context() as patch:
        patch.setattr(pyarrow.parquet.ParquetWriter, "write_table", refuse(errno.ENOSPC))
        with pytest.raises(StoreError, match="No space left"):
            append(url, 6, 8)
    assert not [name for name in bytes_below(tmp_path) if files.TEMPORARY in name]
    check_whole(EmbeddingStore.open(url), 6)


def test_place_that_cannot_be_a_folder(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match=r"cannot take the lease .*nothing was changed"):
        append(str(tmp_path / "file" / "embeddings.zarr"), 0, 3)


def test_what_kill_left_is_overlooked(url, tmp_path):
    append(url, 0, 6)
    for folder in ("embeddings.zarr", "embeddings.zarr/embedding/c/1", "embeddings.tables"):
        (tmp_path / folder / f"{files.TEMPORARY}x").write_bytes(b"half")
    assert files.TEMPORARY not in "".join(files.names(str(tmp_path / "embeddings.tables")))
    check_whole(EmbeddingStore.open(url), 6)
    np.testing.assert_array_equal(xarray.open_zarr(url)["embedding"].values, values_of(0, 6))
    check_whole(append(url, 6, 9), 9)
