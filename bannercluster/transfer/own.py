"""A store of bannercluster as a source: a row for each banner, with its content's vector."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from bannercluster.config import ImportConfig
from bannercluster.errors import StoreError, UsageError
from bannercluster.store import files
from bannercluster.store.aliases import aliases_by_row
from bannercluster.store.embeddings import EmbeddingStore
from bannercluster.transfer.blocks import RawRows
from bannercluster.transfer.columns import Layout, layout_of
from bannercluster.transfer.sources import Reading
from bannercluster.transfer.vectors import Vectors


class StoreSource:
    """Banners of a store, in the order of their rows. Contents without a banner are left out.

    Parameters
    ----------
    store : EmbeddingStore
    config : ImportConfig
    """

    kind = "a store of bannercluster"

    def __init__(self, store: EmbeddingStore, config: ImportConfig) -> None:
        self.url, self._store = store.url, store
        self.recipe: dict[str, Any] | None = store.manifest.recipe
        self.n_features = store.n_features
        self._aliases, self._rows = aliases_by_row(store)
        self.n_rows = len(self._rows)
        if not self.n_rows:
            raise UsageError(f"no banner of {store.url} has a row; expected at least one")
        types = {field.name: field.type for field in self._aliases.schema}
        self.layout: Layout = layout_of(types, config, store.url)

    @classmethod
    def open_if_any(cls, url: str, config: ImportConfig) -> StoreSource | None:
        """Open a store; None where the Zarr group is not one of bannercluster's."""
        root = files.join(url, "zarr.json")
        if not files.exists(root):
            return None
        if "bannercluster" not in (files.read_json(root).get("attributes") or {}):
            return None
        store = EmbeddingStore.open_if_any(url)
        if store is None:
            raise StoreError(f"{url} went away while it was opened; run the command again")
        return cls(store, config)

    @property
    def stamp(self) -> list[list[object]]:
        """The generation."""
        return [[self._store.key, self.n_rows, ""]]

    def row_nbytes(self) -> int:
        """Bytes of a row."""
        return int(np.dtype(self._store.manifest.dtype).itemsize) * self.n_features

    def block_rows(self, rows: int) -> int:
        """Most banners that one reading holds."""
        return rows

    def readings(self, skip: int, rows: int) -> Iterator[Reading]:
        """Yield functions that read."""
        for start in range(skip, self.n_rows, rows):
            yield start, partial(self._read, start, min(start + rows, self.n_rows))

    def _read(self, start: int, stop: int) -> RawRows:
        own = self._rows[start:stop]
        columns = {
            name: self._aliases[name].slice(start, stop - start).combine_chunks()
            for name in self.layout.names
        }
        return RawRows(self.url, start, columns, stop - start, partial(self._vectors, own))

    def _vectors(self, own: np.ndarray, n_features: int) -> Vectors:
        del n_features  # it is this store's: nothing else is asked for
        low = int(own[0])
        values = self._store.read(low, int(own[-1]) + 1)[own - low]
        return Vectors(values, np.zeros(len(own), np.uint8), np.full(len(own), self.n_features))
