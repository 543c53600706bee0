"""Rows of arrays and of stores."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bannercluster.errors import UsageError
from bannercluster.traverse.sources import ArraySource, StoreSource

from .helpers import store_of, table


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
@pytest.mark.parametrize("chunk_rows", [1, 7, 100, 128, 1000])
def test_store_reads_what_was_written(tmp_path, chunk_rows, dtype):
    values = table(300, 5, dtype=dtype)
    source = StoreSource(store_of(tmp_path, values, chunk_rows, n_blocks=4))
    assert (source.n_rows, source.n_features, source.nbytes) == (300, 5, values.nbytes)
    for start, stop in ((0, 300), (0, 0), (99, 101), (100, 200), (127, 129), (6, 8), (299, 300)):
        found = source.read(start, stop)
        assert found.dtype == dtype
        np.testing.assert_array_equal(found, values[start:stop])


@settings(max_examples=25, deadline=None)
@given(
    rows=st.sets(st.integers(0, 119)),
    chunk_rows=st.integers(1, 130),
)
def test_take_reads_single_rows(tmp_path_factory, rows, chunk_rows):
    values = table(120, 3)
    folder = tmp_path_factory.mktemp("store")
    wanted = np.array(sorted(rows), np.int64)
    for source in (ArraySource(values), StoreSource(store_of(folder, values, chunk_rows))):
        np.testing.assert_array_equal(source.gather(wanted), values[wanted])


def test_a_new_array_is_never_taken_for_an_old_one():
    keys = set()
    for value in range(20):
        source = ArraySource(np.full((4, 2), float(value)))
        keys.add(source.key)
        del source
    assert len(keys) == 20


@pytest.mark.parametrize("values", [np.zeros(3), np.zeros((3, 2), int), np.zeros((2, 2, 2))])
def test_rows_must_be_a_table_of_floats(values):
    with pytest.raises(UsageError, match=r"expected a float array of shape \(n_rows, n_features\)"):
        ArraySource(values)
