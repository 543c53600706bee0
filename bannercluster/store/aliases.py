"""From what users call a banner to the row that embeds it: file or banner id -> content -> row."""

from __future__ import annotations

import numpy as np

from bannercluster.store.embeddings import EmbeddingStore


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
        if not contents or not len(self._order):
            return np.full(len(contents), -1, np.int64)
        wanted = np.frombuffer(b"".join(contents), np.uint8).reshape(-1, 32)
        places = np.searchsorted(self._sorted, _prefix(wanted))
        rows = self._order[np.minimum(places, len(self._order) - 1)]
        same: np.ndarray = (self._ids[rows] == wanted).all(axis=1)
        return np.where(same, rows, -1).astype(np.int64)


def _prefix(ids: np.ndarray) -> np.ndarray:
    """First eight bytes as a number: enough to find a SHA-256, which is then compared whole."""
    return np.ascontiguousarray(ids[:, :8]).view(">u8").ravel().astype(np.uint64)
