import numpy as np
import pytest

from bannercluster.store.aliases import RowIndex

from .stores import append, committed, ids_of


@pytest.fixture
def store(tmp_path):
    return append(str(tmp_path / "embeddings.zarr"), 0, 50, chunk_rows=8)


def contents(start, stop):
    return [bytes(row) for row in ids_of(start, stop)]


def test_every_content_finds_its_row(store):
    index = RowIndex(store)
    order = np.random.default_rng(0).permutation(50)
    asked = [contents(0, 50)[row] for row in order]
    rows = index.rows_of(asked)
    np.testing.assert_array_equal(rows, order)
    assert rows.dtype == np.int64


def test_contents_without_a_row(store):
    rows = RowIndex(store).rows_of([*contents(60, 70), *contents(3, 5), bytes(32), b"\xff" * 32])
    np.testing.assert_array_equal(rows, [-1] * 10 + [3, 4] + [-1] * 2)


def test_content_that_shares_its_first_bytes(store):
    near = contents(7, 8)[0][:31] + b"\x00"
    assert near != contents(7, 8)[0]
    np.testing.assert_array_equal(RowIndex(store).rows_of([near, contents(7, 8)[0]]), [-1, 7])


def test_same_content_twice(store):
    np.testing.assert_array_equal(RowIndex(store).rows_of(contents(9, 10) * 3), [9, 9, 9])


def test_nothing_asked(store):
    rows = RowIndex(store).rows_of([])
    assert (rows.shape, rows.dtype) == ((0,), np.int64)


def test_store_without_rows(tmp_path):
    empty = committed(
        str(tmp_path / "empty.zarr"), [], {},
        recipe={}, n_features=4, dtype="float16", chunk_rows=4, info={},
    )  # fmt: skip
    assert empty.n_rows == 0
    assert empty.read(0, 0).shape == (0, 4)
    np.testing.assert_array_equal(RowIndex(empty).rows_of(contents(0, 2)), [-1, -1])
    assert len(RowIndex(empty).rows_of([])) == 0
