"""Rows -> store, in one visible step.

Whole chunks first, then the array metadata, then the tables under names of the new generation,
then the root ``zarr.json``: only that write makes any of it visible. The last chunk of the old
generation is replaced by a superset of itself, atomically, so that a reader of the old generation
is not disturbed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa

from bannercluster.errors import IncompatibleStoreError
from bannercluster.store import files, points, tables
from bannercluster.store.embeddings import (
    Dtype,
    EmbeddingStore,
    Manifest,
    array_documents,
    document_bytes,
    journal_url,
    root_document,
    tables_url,
)
from bannercluster.store.lease import Lease

Block = tuple[np.ndarray, np.ndarray]
"""(n, n_features) values and (n, 32) uint8 content ids."""

ID_NBYTES = 32


def check_recipe(store: EmbeddingStore, recipe: Mapping[str, Any]) -> None:
    """Raise IncompatibleStoreError unless a store was made by this recipe."""
    imported, imports = (one.get("made_by") == "import" for one in (store.manifest.recipe, recipe))
    if imported and not imports:
        raise IncompatibleStoreError(
            f"the store {store.url} was imported ({store.manifest.recipe.get('model')!r}), so "
            f"that nobody can say what would fit beside its rows: import the embeddings of new "
            f"images too, or name another store with --embeddings"
        )
    old, asked = _flat(store.manifest.recipe), _flat(recipe)
    differing = [
        f"{name} is {old.get(name)!r}, asked for {asked.get(name)!r}"
        for name in sorted({*old, *asked})
        if old.get(name) != asked.get(name)
    ]
    if differing:
        raise IncompatibleStoreError(
            f"the store {store.url} was made in another way ({'; '.join(differing)}); a store "
            f"has one recipe: "
            f"ask for the same, or name another store with --embeddings (of texts: --texts)"
        )


def _flat(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """Return the innermost entries of a recipe by their names."""
    flat: dict[str, Any] = {}
    for name, value in recipe.items():
        flat |= _flat(value) if isinstance(value, Mapping) else {name: value}
    return flat


class Appender:
    """Adds rows to a store, or makes it. Chunks are written as they fill; `commit` shows them.

    Rows behind the end that the root states do not exist for readers, so an appender that is not
    committed leaves the store as it was.

    Parameters
    ----------
    url : str
    lease : Lease
        Of the store: one writer at a time.
    recipe : mapping
        What made the rows; an existing store must have the same.
    n_features : int
    dtype : {"float16", "float32"}
    chunk_rows : int
        Rows of a chunk; an existing store keeps its own.
    n_written : int, optional
        Rows that lie in whole chunks behind the end of the store, written by an appender that
        ended before its commit: they are kept, and adding goes on behind them.

    Raises
    ------
    IncompatibleStoreError
        If the store was made by another recipe.
    """

    def __init__(
        self,
        url: str,
        lease: Lease,
        *,
        recipe: Mapping[str, Any],
        n_features: int,
        dtype: Dtype,
        chunk_rows: int,
        n_written: int = 0,
    ) -> None:
        self.url, self.lease, self.recipe, self.dtype = url, lease, dict(recipe), dtype
        self.old = EmbeddingStore.open_if_any(url)
        if self.old is not None:
            check_recipe(self.old, recipe)
            chunk_rows = self.old.manifest.chunk_rows
        self.chunk_rows = chunk_rows
        whole = np.dtype(dtype).newbyteorder("<")
        self._values = np.zeros((chunk_rows, n_features), whole)
        self._ids = np.zeros((chunk_rows, ID_NBYTES), np.uint8)
        start = 0 if self.old is None else self.old.n_rows
        if n_written:
            start += n_written
            if start % chunk_rows:
                raise ValueError(f"{start} rows do not end at a chunk of {chunk_rows}")
        self._chunk, self._filled = divmod(start, chunk_rows)
        self._unwritten = False
        if not n_written:  # whatever an unfinished import counts on may be overwritten from here
            files.remove(journal_url(url), points.IMPORT_DONE)
        if self.old is not None and self._filled:
            # What the last chunk holds already is written again with the new rows behind it.
            tail = start - self._filled
            self._values[: self._filled] = self.old.read(tail, start)
            self._ids[: self._filled] = self.old.content_ids(tail, start)

    @property
    def n_rows(self) -> int:
        """Rows that the store would have if it were committed now."""
        return self._chunk * self.chunk_rows + self._filled

    def add(self, values: np.ndarray, ids: np.ndarray) -> None:
        """Add rows.

        Parameters
        ----------
        values : (n, n_features) array
            In the store's dtype.
        ids : (n, 32) uint8 array

        Raises
        ------
        StoreError
            If a chunk cannot be written.
        """
        taken = 0
        while taken < len(values):
            n = min(self.chunk_rows - self._filled, len(values) - taken)
            place = slice(self._filled, self._filled + n)
            self._values[place] = values[taken : taken + n]
            self._ids[place] = ids[taken : taken + n]
            self._filled += n
            taken += n
            self._unwritten = True
            if self._filled == self.chunk_rows:
                self._write_chunk()
                self._chunk, self._filled = self._chunk + 1, 0

    def commit(self, tables_of: Mapping[str, pa.Table], info: Mapping[str, Any]) -> EmbeddingStore:
        """Make the rows visible, with the whole tables of the new generation.

        Raises
        ------
        StoreError
            If a write fails; the old generation stays as it was.
        LeaseLostError
            If another process took over the lease meanwhile.
        """
        if self._unwritten and self._filled:
            self._values[self._filled :] = 0
            self._ids[self._filled :] = 0
            self._write_chunk()
        url, old = self.url, self.old
        generation = 1 if old is None else old.manifest.generation + 1
        named = {name: f"{name}-{generation:06d}.parquet" for name in tables_of}
        now = datetime.now(UTC).isoformat(timespec="microseconds")
        manifest = Manifest(
            generation=generation,
            n_rows=self.n_rows,
            n_features=self._values.shape[1],
            chunk_rows=self.chunk_rows,
            dtype=self.dtype,
            recipe=self.recipe,
            tables=named,
            created=now if old is None else old.manifest.created,
            info=dict(info),
        )
        for name, table in tables_of.items():
            tables.write(files.join(tables_url(url), named[name]), table, points.TABLE)
        for name, document in array_documents(manifest).items():
            where = files.join(url, name, "zarr.json")
            files.write_bytes(where, document_bytes(document), points.ARRAY)
        self.lease.check()
        root = document_bytes(root_document(manifest))
        files.write_bytes(files.join(url, "zarr.json"), root, points.ROOT)
        if old is not None:
            _drop_older_tables(url, keep=(named, old.manifest.tables))
        return EmbeddingStore(url, manifest)

    def _write_chunk(self) -> None:
        # A process that lost its lease must not write into chunks that others may show by now.
        self.lease.check()
        for array, rows in (("embedding", self._values), ("content_id", self._ids)):
            where = files.join(self.url, array, "c", str(self._chunk), "0")
            files.write_bytes(where, rows.data.cast("B"), points.CHUNK)
        self._unwritten = False


def commit(
    url: str,
    blocks: Iterable[Block],
    tables_of: Mapping[str, pa.Table],
    *,
    lease: Lease,
    recipe: Mapping[str, Any],
    n_features: int,
    dtype: Dtype,
    chunk_rows: int,
    info: Mapping[str, Any],
) -> EmbeddingStore:
    """Append blocks of rows to a store, or make it, and show them.

    Parameters
    ----------
    url : str
    blocks : iterable of (values, content ids)
        New rows in their order.
    tables_of : mapping of str to table
        The whole tables of the new generation.
    lease, recipe, n_features, dtype, chunk_rows
        As in :class:`Appender`.
    info : mapping
        Versions and sources, for the root.

    Returns
    -------
    EmbeddingStore
        The new generation.

    Raises
    ------
    IncompatibleStoreError
        If the store was made by another recipe.
    StoreError, LeaseLostError
        If a write fails, or the lease is lost; the old generation stays as it was.
    """
    appender = Appender(
        url, lease, recipe=recipe, n_features=n_features, dtype=dtype, chunk_rows=chunk_rows
    )
    for values, ids in blocks:
        appender.add(values, ids)
    return appender.commit(tables_of, info)


def extend(
    url: str,
    old: EmbeddingStore | None,
    blocks: Iterable[Block],
    rows: pa.Table,
    beside: Mapping[str, pa.Table],
    *,
    lease: Lease,
    recipe: Mapping[str, Any],
    n_features: int,
    dtype: Dtype,
    chunk_rows: int,
    info: Mapping[str, Any],
    telling: Sequence[str] = (),
) -> EmbeddingStore:
    """Append rows with their descriptions; where nothing changes, nothing is written.

    Parameters
    ----------
    url, blocks, lease, recipe, n_features, dtype, chunk_rows, info
        As in :func:`commit`.
    old : EmbeddingStore or None
        The store before.
    rows : table
        Descriptions of the new rows, to stand behind those of the old ones.
    beside : mapping of str to table
        The other tables of the new generation, whole.
    telling : sequence of str
        Keys of ``info``: where one of them says something else than before, that is a change.

    Returns
    -------
    EmbeddingStore
        The new generation, or the old one.

    Raises
    ------
    IncompatibleStoreError, StoreError, LeaseLostError
        As :func:`commit`.
    """
    if old is not None:
        told = all(info.get(key) == old.manifest.info.get(key) for key in telling)
        same = (table.equals(old.table(name)) for name, table in beside.items())
        if not len(rows) and told and all(same):
            return old
        rows = pa.concat_tables([old.table("rows").cast(rows.schema), rows])
    return commit(
        url,
        blocks,
        {"rows": rows, **beside},
        lease=lease,
        recipe=recipe,
        n_features=n_features,
        dtype=dtype,
        chunk_rows=chunk_rows,
        info=info,
    )


def planned_nbytes(
    old: EmbeddingStore | None, *, n_features: int, dtype: Dtype, chunk_rows: int
) -> tuple[tuple[str, int], ...]:
    """Return what a commit of new contents takes in memory: what it is, and its bytes.

    Parameters
    ----------
    old : EmbeddingStore or None
        The store before.
    n_features, dtype, chunk_rows
        As in :func:`commit`.
    """
    chunk = ("chunk and the rows for it", 2 * chunk_rows * n_features * np.dtype(dtype).itemsize)
    if old is None:
        return (chunk,)
    nbytes = old.table_size("rows").nbytes + old.table_size("aliases").nbytes
    # As they were, together with the new rows, in the order of the new generation, and a column
    # of names with its hash table beside them.
    return (chunk, ("tables of the store", 4 * nbytes), ("row index", 72 * old.n_rows))


def _drop_older_tables(url: str, keep: tuple[Mapping[str, str], ...]) -> None:
    """Remove tables older than the generation before: readers may still hold that one."""
    wanted = {name for generation in keep for name in generation.values()}
    for name in files.names(tables_url(url)):
        if name not in wanted:
            files.remove(files.join(tables_url(url), name), points.OLD_TABLE)
