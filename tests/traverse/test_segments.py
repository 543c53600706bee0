"""Cutting rows: by global number, each row once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bannercluster.traverse.segments import TILE_ROWS, cut


@given(n_rows=st.one_of(st.integers(0, 10**6), st.integers(0, 10**9)))
def test_every_row_once_and_in_order(n_rows):
    segments = cut(n_rows)
    assert [segment.index for segment in segments] == list(range(len(segments)))
    assert len(segments) <= 128
    edges = [segment.start for segment in segments] + [n_rows]
    assert edges[0] == 0
    assert [segment.stop for segment in segments] == edges[1:]
    assert all(segment.start < segment.stop for segment in segments)
    assert all((segment.stop - segment.start) % TILE_ROWS == 0 for segment in segments[:-1])


@given(n_rows=st.integers(0, 300_000))
def test_tiles_are_the_same_whatever_the_segments(n_rows):
    tiles = [tile for segment in cut(n_rows) for tile in segment.tiles()]
    assert tiles == [(low, min(low + TILE_ROWS, n_rows)) for low in range(0, n_rows, TILE_ROWS)]


@pytest.mark.parametrize(
    ("n_rows", "n_segments"),
    [(0, 0), (1, 1), (4 * TILE_ROWS, 4), (4 * TILE_ROWS + 1, 5), (512 * TILE_ROWS, 128)],
)
def test_number_of_segments(n_rows, n_segments):
    assert len(cut(n_rows)) == n_segments
