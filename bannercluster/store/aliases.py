"""From what users call a banner to the row that embeds it: file or banner id -> content -> row."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bannercluster.store.embeddings import EmbeddingStore

T = TypeVar("T")

_AT_A_TIME = 1 << 18


class RowIndex:
    """Rows of a store by content id.

    Parameters
    ----------
    store : EmbeddingStore
    """

    def __init__(self, store: EmbeddingStore) -> None:
        self._ids = store.content_ids()
        keys = _prefix(self._ids)
        self._order = np.argsort(keys, kind="stable")
        self._sorted = keys[self._order]

    def rows_of(self, contents: list[bytes]) -> np.ndarray:
        """Return the row of each content, -1 where it has none.

        Parameters
        ----------
        contents : list of 32 bytes

        Returns
        -------
        (n,) int64 array
        """
        return self.rows_of_ids(np.frombuffer(b"".join(contents), np.uint8).reshape(-1, 32))

    def rows_of_ids(self, wanted: np.ndarray) -> np.ndarray:
        """Return the row of each content, -1 where it has none.

        Parameters
        ----------
        wanted : (n, 32) uint8 array

        Returns
        -------
        (n,) int64 array
        """
        found = np.full(len(wanted), -1, np.int64)
        if not len(self._order):
            return found
        for low in range(0, len(wanted), _AT_A_TIME):
            asked = wanted[low : low + _AT_A_TIME]
            places = np.searchsorted(self._sorted, _prefix(asked))
            rows = self._order[np.minimum(places, len(self._order) - 1)]
            same = (self._ids[rows] == asked).all(axis=1)
            found[low : low + _AT_A_TIME][same] = rows[same]
        return found


def new_to(
    store: EmbeddingStore | None, contents: Iterable[tuple[bytes, T]]
) -> list[tuple[bytes, T]]:
    """Return those of the contents, each with what is known of it, that have no row yet."""
    wanted = list(contents)
    if store is None:
        return wanted
    rows = RowIndex(store).rows_of([content for content, _ in wanted]).tolist()
    return [one for one, row in zip(wanted, rows, strict=True) if row < 0]


def ids_of(column: pa.ChunkedArray | pa.Array) -> np.ndarray:
    """Return a column of content ids without nulls as an (n, 32) uint8 array."""
    column = column.cast(pa.binary(32))
    chunks = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
    parts = [
        np.frombuffer(chunk.buffers()[1], np.uint8).reshape(-1, 32)[
            chunk.offset : chunk.offset + len(chunk)
        ]
        for chunk in chunks
        if len(chunk)
    ]
    return np.concatenate(parts) if parts else np.empty((0, 32), np.uint8)


def binary_column(ids: np.ndarray) -> pa.Array:
    """Return (n, 32) uint8 content ids as a column."""
    data = pa.py_buffer(np.ascontiguousarray(ids))
    return pa.Array.from_buffers(pa.binary(32), len(ids), [None, data])


def keys_of(table: pa.Table) -> pa.ChunkedArray:
    """Return what each banner is called: its id, or its file; no two are called the same."""
    named = pc.not_equal(table["banner_id"], "").fill_null(False)
    return pc.if_else(named, table["banner_id"], table["file"])


def aliases_by_row(store: EmbeddingStore) -> tuple[pa.Table, np.ndarray]:
    """Return the aliases that have a row, in the order of the rows, and the row of each.

    Returns
    -------
    aliases : table
    rows : (n,) int64 array
    """
    aliases = store.table("aliases")
    rows = RowIndex(store).rows_of_ids(ids_of(aliases["content_id"]))
    order = np.argsort(rows, kind="stable")
    order = order[rows[order] >= 0]
    if not np.array_equal(order, np.arange(len(aliases))):
        aliases = aliases.take(pa.array(order))
    return aliases, rows[order]


def _prefix(ids: np.ndarray) -> np.ndarray:
    """First eight bytes as a number: enough to find a SHA-256, which is then compared whole."""
    return np.ascontiguousarray(ids[:, :8]).view(">u8").ravel().astype(np.uint64)
