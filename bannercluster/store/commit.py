"""Parts -> store, in one visible step.

Whole chunks first, then the array metadata, then the tables under names of the new generation,
then the root ``zarr.json``: only that write makes any of it visible. The last chunk of the old
generation is replaced by a superset of itself, atomically, so that a reader of the old generation
is not disturbed.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa

from bannercluster.errors import IncompatibleStoreError
from bannercluster.store import files, tables
from bannercluster.store.embeddings import (
    Dtype,
    EmbeddingStore,
    Manifest,
    array_documents,
    document_bytes,
    root_document,
    tables_url,
)

Block = tuple[np.ndarray, np.ndarray]
"""(n, n_features) values and (n, 32) uint8 content ids."""


def check_recipe(store: EmbeddingStore, recipe: Mapping[str, Any]) -> None:
    """Raise IncompatibleStoreError unless a store was made by this recipe."""
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
            f"ask for the same, or name another store with --embeddings"
        )


def _flat(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """Return the innermost entries of a recipe by their names."""
    flat: dict[str, Any] = {}
    for name, value in recipe.items():
        flat |= _flat(value) if isinstance(value, Mapping) else {name: value}
    return flat


def commit(
    url: str,
    blocks: Iterable[Block],
    tables_of: Mapping[str, pa.Table],
    *,
    recipe: Mapping[str, Any],
    n_features: int,
    dtype: Dtype,
    chunk_rows: int,
    info: Mapping[str, Any],
) -> EmbeddingStore:
    """Append rows to a store, or make it.

    Parameters
    ----------
    url : str
    blocks : iterable of (values, content ids)
        New rows in their order.
    tables_of : mapping of str to table
        The whole tables of the new generation.
    recipe, n_features, dtype, chunk_rows, info
        As in :class:`Manifest`; an existing store keeps its ``chunk_rows``.

    Returns
    -------
    EmbeddingStore
        The new generation.

    Raises
    ------
    IncompatibleStoreError
        If the store was made by another recipe.
    StoreError
        If a write fails; the old generation stays as it was.
    """
    old = EmbeddingStore.open_if_any(url)
    if old is not None:
        check_recipe(old, recipe)
        chunk_rows = old.manifest.chunk_rows
    start = 0 if old is None else old.n_rows
    tail = start - start % chunk_rows
    stop = tail
    # What the last chunk already holds is written again with the new rows behind it.
    kept = (
        [] if old is None or tail == start else [(old.read(tail, start), old.content_ids()[tail:])]
    )
    for values, ids in _whole_chunks(itertools.chain(kept, blocks), chunk_rows):
        chunk = stop // chunk_rows
        _write_chunk(files.join(url, "embedding", "c", str(chunk), "0"), values, chunk_rows, dtype)
        _write_chunk(files.join(url, "content_id", "c", str(chunk), "0"), ids, chunk_rows, "uint8")
        stop += len(values)
    generation = 1 if old is None else old.manifest.generation + 1
    named = {name: f"{name}-{generation:06d}.parquet" for name in tables_of}
    manifest = Manifest(
        generation=generation,
        n_rows=max(stop, start),
        n_features=n_features,
        chunk_rows=chunk_rows,
        dtype=dtype,
        recipe=dict(recipe),
        tables=named,
        created=datetime.now(UTC).isoformat(timespec="microseconds")
        if old is None
        else old.manifest.created,
        info=dict(info),
    )
    for name, table in tables_of.items():
        tables.write(files.join(tables_url(url), named[name]), table)
    for name, document in array_documents(manifest).items():
        files.write_bytes(files.join(url, name, "zarr.json"), document_bytes(document))
    files.write_bytes(files.join(url, "zarr.json"), document_bytes(root_document(manifest)))
    if old is not None:
        _drop_older_tables(url, keep=(named, old.manifest.tables))
    return EmbeddingStore(url, manifest)


def _whole_chunks(blocks: Iterable[Block], chunk_rows: int) -> Iterator[Block]:
    """Regroup blocks into chunks of ``chunk_rows`` rows; the last may be shorter."""
    waiting: list[Block] = []
    size = 0
    for block in blocks:
        waiting.append(block)
        size += len(block[0])
        while size >= chunk_rows:
            values, ids = (np.concatenate(part) for part in zip(*waiting, strict=True))
            yield values[:chunk_rows], ids[:chunk_rows]
            waiting = [(values[chunk_rows:], ids[chunk_rows:])]
            size -= chunk_rows
    if size:
        values, ids = (np.concatenate(part) for part in zip(*waiting, strict=True))
        yield values, ids


def _write_chunk(url: str, rows: np.ndarray, chunk_rows: int, dtype: str) -> None:
    whole = np.zeros((chunk_rows, rows.shape[1]), np.dtype(dtype).newbyteorder("<"))
    whole[: len(rows)] = rows
    files.write_bytes(url, whole.data.cast("B"))


def _drop_older_tables(url: str, keep: tuple[Mapping[str, str], ...]) -> None:
    """Remove tables older than the generation before: readers may still hold that one."""
    wanted = {name for generation in keep for name in generation.values()}
    for name in files.names(tables_url(url)):
        if name not in wanted:
            files.remove(files.join(tables_url(url), name))
