"""Advice to the page cache: it changes no byte, and bad files are left to the reader."""

import sys
from pathlib import Path

import numpy as np
import pytest

from bannercluster.errors import StoreError
from bannercluster.store import pages

from .stores import append, values_of


@pytest.fixture
def stretch(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(np.random.default_rng(0).bytes(pages.LEAST_NBYTES + 8_192))
    with path.open("rb") as file:
        yield file


@pytest.mark.skipif(sys.platform != "linux", reason="the advice is Linux's")
@pytest.mark.parametrize("start", [0, 1, 4_095, 4_096])
def test_a_stretch_anywhere_in_a_file(stretch, start):
    assert pages.populate(stretch.fileno(), start, pages.LEAST_NBYTES)


def test_small_stretches_are_left_alone(stretch):
    assert not pages.populate(stretch.fileno(), 0, pages.LEAST_NBYTES - 1)


def test_what_lies_behind_the_end_is_no_crash(stretch):
    assert not pages.populate(stretch.fileno(), 0, pages.LEAST_NBYTES + (1 << 20))


def test_another_system_reads_without_it(stretch, monkeypatch):
    pages._madvise.cache_clear()
    monkeypatch.setattr(sys, "platform", "another")
    assert not pages.populate(stretch.fileno(), 0, pages.LEAST_NBYTES)
    pages._madvise.cache_clear()


def test_large_reads_of_a_store_give_the_same_bytes(tmp_path, monkeypatch):
    monkeypatch.setattr(pages, "LEAST_NBYTES", 1)
    store = append(str(tmp_path / "e.zarr"), 0, 9_000, chunk_rows=4_000)
    asked = []
    real = pages.populate
    monkeypatch.setattr(pages, "populate", lambda *args: asked.append(args[1:]) or real(*args))
    np.testing.assert_array_equal(store.read(3_000, 9_000), values_of(3_000, 9_000))
    assert asked == [(36_000, 12_000), (0, 48_000), (0, 12_000)]
    out = np.full((6_000, store.n_features), -1, np.float16)
    store.read_into(out, 3_000, 9_000)
    np.testing.assert_array_equal(out, values_of(3_000, 9_000))


def test_a_chunk_that_is_cut_short_is_an_error_and_no_crash(tmp_path, monkeypatch):
    monkeypatch.setattr(pages, "LEAST_NBYTES", 1)
    store = append(str(tmp_path / "e.zarr"), 0, 8_000, chunk_rows=8_000)
    chunk = Path(store.url) / "embedding" / "c" / "0" / "0"
    chunk.write_bytes(chunk.read_bytes()[:50_000])
    with pytest.raises(StoreError, match="ends after 50000 of 96000 bytes"):
        store.read(0, 8_000)
