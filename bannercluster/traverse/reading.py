"""Reading the tiles of a segment: the next one while the present one is worked on."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType

import numpy as np

from bannercluster.traverse.sources import RowSource


class Reading:
    """Reads from a source and counts the bytes; for one thread, which it serves with another.

    Parameters
    ----------
    source : RowSource
    """

    def __init__(self, source: RowSource) -> None:
        self.nbytes = 0
        self._source = source
        self._pool: ThreadPoolExecutor | None = None
        self._next: tuple[tuple[int, int], Future[np.ndarray]] | None = None

    def ahead(self, tile: tuple[int, int] | None) -> None:
        """Begin to read a tile that will be taken; rows in memory need no reading."""
        if tile is None or self._source.in_memory:
            return
        if self._pool is None:
            self._pool = ThreadPoolExecutor(1, "read-ahead")
        self._next = tile, self._pool.submit(self._source.read, *tile)

    def take(self, start: int, stop: int) -> np.ndarray:
        """Return rows ``start:stop`` as stored, (stop - start, n_features)."""
        found = None
        if self._next is not None and self._next[0] == (start, stop):
            found, self._next = self._next[1].result(), None
        if found is None:
            found = self._source.read(start, stop)
        self.nbytes += found.nbytes
        return found

    def gather(self, rows: np.ndarray) -> np.ndarray:
        """Return single rows by their sorted global numbers, as stored."""
        found = self._source.gather(rows)
        self.nbytes += found.nbytes
        return found

    def __enter__(self) -> Reading:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
