"""How rows are cut: by global row number, whatever the chunks and the number of workers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

TILE_ROWS = 4_096
"""Rows of a tile: the unit of arithmetic. Part of every result that sums in floating point."""

_MOST_SEGMENTS = 128
_USUAL_TILES = 4
_LEAST_SEGMENTS = 8  # of few rows there are so many where they can be: every core gets some


@dataclass(frozen=True)
class Segment:
    """A run of whole tiles: the unit of scheduling.

    Parameters
    ----------
    index : int
    start, stop : int
        Global row numbers.
    """

    index: int
    start: int
    stop: int

    def tiles(self) -> Iterator[tuple[int, int]]:
        """Yield the global row numbers (start, stop) of each tile."""
        for low in range(self.start, self.stop, TILE_ROWS):
            yield low, min(low + TILE_ROWS, self.stop)


def cut(n_rows: int) -> tuple[Segment, ...]:
    """Cut rows into segments of whole tiles: of four, of fewer where rows are few, at most 128."""
    n_tiles = -(-n_rows // TILE_ROWS)
    usual = min(_USUAL_TILES, max(1, n_tiles // _LEAST_SEGMENTS))
    tiles = max(usual, -(-n_tiles // _MOST_SEGMENTS))
    rows = tiles * TILE_ROWS
    return tuple(
        Segment(index, low, min(low + rows, n_rows))
        for index, low in enumerate(range(0, n_rows, rows))
    )
