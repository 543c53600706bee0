"""The embeddings store: a Zarr v3 group for plain ``xarray.open_zarr``, and tables beside it.

``embedding(banner, feature)`` float16 or float32 and ``content_id(banner, 32)`` uint8,
uncompressed chunks of whole rows. The root ``zarr.json`` with the consolidated metadata is the
manifest: it is written last, names the tables of its generation, and until it changes a reader
sees the old, whole store.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from bannercluster.errors import StoreError, UsageError
from bannercluster.store import files, pages, tables
from bannercluster.store.fingerprint import fingerprint
from bannercluster.store.refusals import reason_of

VERSION = 1
Dtype = Literal["float16", "float32"]
_ID_NBYTES = 32


@dataclass(frozen=True)
class Manifest:
    """What the root of a store says of it.

    Parameters
    ----------
    generation : int
        Number of commits so far.
    n_rows, n_features, chunk_rows : int
    dtype : {"float16", "float32"}
    recipe : dict
        What made the rows: model, weights, engine, precision, preprocessing. A store has one.
    tables : dict
        File name of each table of this generation.
    created : str
        Time of the first commit (ISO 8601, UTC).
    info : dict
        Versions and sources; not part of any fingerprint.
    """

    generation: int
    n_rows: int
    n_features: int
    chunk_rows: int
    dtype: Dtype
    recipe: dict[str, Any]
    tables: dict[str, str]
    created: str
    info: dict[str, Any] = field(default_factory=dict)

    @property
    def recipe_id(self) -> str:
        """Fingerprint of the recipe."""
        return fingerprint(self.recipe)


@dataclass(frozen=True)
class EmbeddingStore:
    """A generation of a store, opened for reading.

    Parameters
    ----------
    url : str
    manifest : Manifest
    """

    url: str
    manifest: Manifest

    @classmethod
    def open(cls, url: str) -> EmbeddingStore:
        """Open the current generation.

        Raises
        ------
        UsageError
            If there is no store at the URL.
        FormatVersionError
            If a newer bannercluster wrote it.
        StoreError
            If what is there is not such a store.
        """
        store = cls.open_if_any(url)
        if store is None:
            raise UsageError(
                f"no embeddings at {url}; expected a store made by `bc embed`: run `bc embed` "
                f"first, or name "
                f"another with --embeddings"
            )
        return store

    @classmethod
    def open_if_any(cls, url: str) -> EmbeddingStore | None:
        """Open the current generation, or return None where nothing was committed yet."""
        root = files.read_json_if_any(files.join(url, "zarr.json"))
        return None if root is None else cls(url, manifest_of(root, url))

    @property
    def n_rows(self) -> int:
        """Rows of this generation."""
        return self.manifest.n_rows

    @property
    def n_features(self) -> int:
        """Features of a row."""
        return self.manifest.n_features

    @property
    def key(self) -> str:
        """Identity of what is read: store, creation and generation."""
        return f"{self.url}@{self.manifest.created}#{self.manifest.generation}"

    def read(self, start: int, stop: int) -> np.ndarray:
        """Read rows ``start:stop``.

        Chunks are uncompressed rows, so a range of rows is a range of bytes: it is read straight
        from the chunks that hold it.

        Returns
        -------
        (stop - start, n_features) float16 or float32 array
        """
        dtype = np.dtype(self.manifest.dtype)
        out = np.empty((stop - start, self.n_features), dtype)
        self._read_into(out, "embedding", start, stop)
        return out

    def read_into(self, out: np.ndarray, start: int, stop: int) -> None:
        """Read rows ``start:stop`` into an array that is there, as :meth:`read` does.

        Parameters
        ----------
        out : (stop - start, n_features) array
            Contiguous, in the dtype of the store.
        start, stop : int
        """
        self._read_into(out, "embedding", start, stop)

    def gather(self, rows: np.ndarray) -> np.ndarray:
        """Read single rows by their global numbers.

        Each chunk is opened once; on an object store neighbours come in one request.

        Parameters
        ----------
        rows : (n,) sorted int64 array

        Returns
        -------
        (n, n_features) float16 or float32 array
        """
        out = np.empty((len(rows), self.n_features), np.dtype(self.manifest.dtype))
        chunk_of = rows // self.manifest.chunk_rows
        folder = files.local_path(self.url)
        for chunk in np.unique(chunk_of):
            own = slice(*np.searchsorted(chunk_of, [chunk, chunk + 1]))
            if folder is None:
                self._gather_remote(rows[own], out[own])
            else:
                path = folder / "embedding" / "c" / str(chunk) / "0"
                self._gather_local(path, rows[own] % self.manifest.chunk_rows, out[own])
        return out

    def _gather_local(self, path: Path, offsets: np.ndarray, out: np.ndarray) -> None:
        row_nbytes = out[:1].nbytes
        try:
            with path.open("rb", buffering=0) as file:
                descriptor, view = file.fileno(), out.view(np.uint8).reshape(len(out), row_nbytes)
                # Read-ahead would fetch what nobody asked for; but all rows may be fetched at once.
                os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_RANDOM)
                for offset in offsets.tolist():
                    where = offset * row_nbytes
                    os.posix_fadvise(descriptor, where, row_nbytes, os.POSIX_FADV_WILLNEED)
                for place, offset in enumerate(offsets.tolist()):
                    n = os.preadv(descriptor, [view[place].data], offset * row_nbytes)
                    if n != row_nbytes:
                        raise StoreError(
                            f"{path} ends before row {offset}; expected whole chunks: embed again"
                        )
        except FileNotFoundError as error:
            raise StoreError(f"{path} is missing; embed again") from error
        except OSError as error:
            raise StoreError(
                f"cannot read {path}: {reason_of(error)}; {files.READ_AGAIN}"
            ) from error

    def _gather_remote(self, rows: np.ndarray, out: np.ndarray) -> None:
        breaks = np.flatnonzero(np.diff(rows) != 1) + 1
        low = 0
        for run in np.split(rows, breaks):
            self._read_into(out[low : low + len(run)], "embedding", int(run[0]), int(run[-1]) + 1)
            low += len(run)

    def content_ids(self, start: int = 0, stop: int | None = None) -> np.ndarray:
        """Read the content ids of rows ``start:stop``, of all by default.

        Returns
        -------
        (stop - start, 32) uint8 array
        """
        stop = self.n_rows if stop is None else stop
        out = np.empty((stop - start, _ID_NBYTES), np.uint8)
        self._read_into(out, "content_id", start, stop)
        return out

    def table(self, name: str, columns: list[str] | None = None) -> pa.Table:
        """Read a table of this generation: ``rows``, ``aliases`` or ``rejected``."""
        return tables.read(files.join(tables_url(self.url), self.manifest.tables[name]), columns)

    def table_size(self, name: str, columns: list[str] | None = None) -> tables.TableSize:
        """Estimate what a table takes in memory, without reading all of it."""
        return tables.size_of(files.join(tables_url(self.url), self.manifest.tables[name]), columns)

    def _read_into(self, out: np.ndarray, array: str, start: int, stop: int) -> None:
        row_nbytes = out[:1].nbytes if len(out) else 0
        chunk_rows = self.manifest.chunk_rows
        folder = files.local_path(self.url)
        low = start
        while low < stop:
            chunk, offset = divmod(low, chunk_rows)
            high = min(stop, (chunk + 1) * chunk_rows)
            view = out[low - start : high - start]
            first = offset * row_nbytes
            url = files.join(self.url, array, "c", str(chunk), "0")
            try:
                if folder is not None:
                    path = folder / array / "c" / str(chunk) / "0"
                    with path.open("rb", buffering=0) as file:
                        pages.populate(file.fileno(), first, view.nbytes)
                        file.seek(first)
                        _fill(file, view.data.cast("B"), f"{self.url}: chunk {chunk} of {array}")
                else:
                    data = files.read_bytes(url, first, first + view.nbytes)
                    if len(data) != view.nbytes:
                        raise StoreError(f"{url} has {len(data)} bytes, expected {view.nbytes}")
                    view[...] = np.frombuffer(data, out.dtype).reshape(view.shape)
            except FileNotFoundError as error:
                raise StoreError(f"{url} is missing; embed again") from error
            except OSError as error:
                raise StoreError(
                    f"cannot read {url}: {reason_of(error)}; {files.READ_AGAIN}"
                ) from error
            low = high


def _fill(file: Any, view: memoryview, what: str) -> None:
    done = 0
    while done < len(view):
        n = file.readinto(view[done:])
        if not n:
            raise StoreError(f"{what} ends after {done} of {len(view)} bytes; embed again")
        done += n


def tables_url(url: str) -> str:
    """Return the folder of the tables beside a store."""
    return files.beside(url, ".tables")


def staging_url(url: str) -> str:
    """Return the folder of the parts that are not committed yet."""
    return files.beside(url, ".staging")


def journal_url(url: str) -> str:
    """Return the folder of the journal of an import that has not ended."""
    return files.beside(url, ".importing")


def manifest_of(root: dict[str, Any], url: str) -> Manifest:
    """Read a manifest out of a root ``zarr.json``."""
    attributes = root.get("attributes", {})
    about = attributes.get("bannercluster")
    if root.get("node_type") != "group" or not isinstance(about, dict):
        raise StoreError(
            f"{url} is a Zarr group, but not one of bannercluster's; expected the attribute "
            f"'bannercluster': name another store with --embeddings"
        )
    files.check_version(about.get("schema_version"), VERSION, f"the store {url}")
    try:
        arrays = root["consolidated_metadata"]["metadata"]
        n_rows, n_features = arrays["embedding"]["shape"]
        return Manifest(
            generation=about["generation"],
            n_rows=n_rows,
            n_features=n_features,
            chunk_rows=arrays["embedding"]["chunk_grid"]["configuration"]["chunk_shape"][0],
            dtype=arrays["embedding"]["data_type"],
            recipe=about["recipe"],
            tables=about["tables"],
            created=about["created"],
            info=about.get("info", {}),
        )
    except (KeyError, TypeError, ValueError) as error:
        what = f"it has no key {error}" if isinstance(error, KeyError) else str(error)
        raise StoreError(
            f"the manifest {url}/zarr.json is damaged: {what}; restore the file, or embed again "
            f"into another store (--embeddings)"
        ) from error


def root_document(manifest: Manifest) -> dict[str, Any]:
    """Return the root ``zarr.json`` of a manifest: Zarr v3 with consolidated metadata."""
    recipe = manifest.recipe
    return {
        "zarr_format": 3,
        "node_type": "group",
        "attributes": {
            "model": recipe.get("model"),
            "weights_sha256": recipe.get("weights_sha256"),
            "preprocessing": recipe.get("preprocessing"),
            "engine": recipe.get("engine"),
            "precision": recipe.get("precision"),
            "created": manifest.created,
            "bannercluster": {
                "schema_version": VERSION,
                "generation": manifest.generation,
                "created": manifest.created,
                "recipe": manifest.recipe,
                "tables": manifest.tables,
                "info": manifest.info,
            },
        },
        "consolidated_metadata": {
            "kind": "inline",
            "must_understand": False,
            "metadata": array_documents(manifest),
        },
    }


def array_documents(manifest: Manifest) -> dict[str, dict[str, Any]]:
    """Return the ``zarr.json`` of each array."""
    n, rows = manifest.n_rows, manifest.chunk_rows
    return {
        "embedding": _array(
            (n, manifest.n_features),
            rows,
            manifest.dtype,
            0.0,
            ("banner", "feature"),
            {"long_name": "pooled features before the classifier"},
        ),
        "content_id": _array(
            (n, _ID_NBYTES),
            rows,
            "uint8",
            0,
            ("banner", "content_id_byte"),
            {"long_name": "SHA-256 of the file's bytes"},
        ),
    }


def _array(
    shape: tuple[int, int],
    chunk_rows: int,
    dtype: str,
    fill: float,
    dims: tuple[str, str],
    attributes: dict[str, Any],
) -> dict[str, Any]:
    codec: dict[str, Any] = {"name": "bytes"}
    if dtype != "uint8":
        codec["configuration"] = {"endian": "little"}
    return {
        "zarr_format": 3,
        "node_type": "array",
        "shape": list(shape),
        "data_type": dtype,
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [chunk_rows, shape[1]]}},
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
        "fill_value": fill,
        "codecs": [codec],
        "attributes": attributes,
        "dimension_names": list(dims),
        "storage_transformers": [],
    }


def document_bytes(document: dict[str, Any]) -> bytes:
    """Return a metadata document as it is written."""
    return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()
