"""Zarr groups (v2 and v3) as a source: an array of vectors, and arrays of one value a row."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import zarr
from zarr.errors import BaseZarrError

from bannercluster.config import ImportConfig
from bannercluster.errors import UsageError
from bannercluster.store import files
from bannercluster.transfer.blocks import RawRows
from bannercluster.transfer.columns import Layout, layout_of
from bannercluster.transfer.sources import Reading
from bannercluster.transfer.vectors import Vectors

_FAULTS = (BaseZarrError, ValueError, KeyError, TypeError, RuntimeError, NotImplementedError)
"""What zarr-python and its codecs raise of groups and chunks that they cannot read."""


class ZarrSource:
    """Rows of the arrays of a group; the array of vectors has the shape (rows, features).

    Parameters
    ----------
    url : str
    config : ImportConfig

    Raises
    ------
    UsageError
        If there is no such array, or it has no ids beside it.
    """

    recipe: dict[str, Any] | None = None

    def __init__(self, url: str, config: ImportConfig) -> None:
        self.url = url
        arrays = _arrays_of(url)
        if config.column not in arrays:
            raise UsageError(
                f"{url} has no array {config.column!r}; it has {_listed(arrays)}: name the array "
                f"of vectors with --column"
            )
        self._vectors = arrays.pop(config.column)
        if self._vectors.ndim != 2 or self._vectors.dtype.kind != "f":
            raise UsageError(
                f"the array {config.column!r} of {url} has the shape {self._vectors.shape} and "
                f"the type {self._vectors.dtype}; expected (rows, features) of floating-point "
                f"numbers: name another with --column"
            )
        self.n_rows, self.n_features = (int(size) for size in self._vectors.shape)
        if not self.n_rows or not self.n_features:
            raise UsageError(f"the array {config.column!r} of {url} is empty; expected rows")
        self.kind = f"Zarr v{self._vectors.metadata.zarr_format}"
        self._columns = {
            name: array
            for name, array in arrays.items()
            if array.shape == (self.n_rows,)
            or (name == "content_id" and array.shape == (self.n_rows, 32))
        }
        types = {name: _type_of(array) for name, array in self._columns.items()}
        self.layout: Layout = layout_of(types, config, url)

    @property
    def stamp(self) -> list[list[object]]:
        """The files of the group with sizes and times."""
        fs, path = files.filesystem(self.url)
        found = sorted(fs.find(path, detail=True).items())
        names = ("mtime", "ETag", "etag", "LastModified")
        return [
            [
                name[len(path) :],
                info.get("size"),
                str(next((info[key] for key in names if info.get(key)), "")),
            ]
            for name, info in found
        ]

    def row_nbytes(self) -> int:
        """Bytes of a vector as the array has it."""
        return int(self._vectors.dtype.itemsize) * self.n_features

    def block_rows(self, rows: int) -> int:
        """Whole chunks, so that none is decoded twice."""
        chunk = int(self._vectors.chunks[0])
        return max(rows // chunk, 1) * chunk

    def readings(self, skip: int, rows: int) -> Iterator[Reading]:
        """Yield functions that read whole chunks."""
        step = self.block_rows(rows)
        with _readable(self.url):
            columns = {name: _as_arrow(self._columns[name]) for name in self.layout.names}
        for low in range(skip // step * step, self.n_rows, step):
            start, stop = max(low, skip), min(low + step, self.n_rows)
            own = {name: column.slice(start, stop - start) for name, column in columns.items()}
            yield start, partial(self._read, start, stop, own)

    def _read(self, start: int, stop: int, columns: dict[str, pa.Array]) -> RawRows:
        with _readable(self.url):
            values = np.asarray(self._vectors[start:stop])
        return RawRows(self.url, start, columns, stop - start, partial(_as_vectors, values))


def _as_vectors(values: np.ndarray, n_features: int) -> Vectors:
    n = len(values)
    return Vectors(values, np.zeros(n, np.uint8), np.full(n, n_features))


def _arrays_of(url: str) -> dict[str, Any]:
    with _readable(url):
        local = files.local_path(url)
        node = zarr.open(url if local is None else str(local), mode="r")
        if isinstance(node, zarr.Array):
            raise UsageError(
                f"{url} is one array of the shape {node.shape}, with no ids beside it; expected a "
                f"group with an array of vectors (--column) and one of ids (--id-column)"
            )
        return dict(node.arrays())


@contextlib.contextmanager
def _readable(url: str) -> Iterator[None]:
    """Turn what zarr-python raises into an error that names the source."""
    try:
        yield
    except _FAULTS as error:
        said = " ".join(str(error).split()) or type(error).__name__
        raise UsageError(
            f"{url} cannot be read with zarr {zarr.__version__}: {said}; expected a group whose "
            f"codecs zarr-python has: write it again with another codec"
        ) from error


def _type_of(array: Any) -> pa.DataType:
    if array.ndim == 2:
        return pa.binary(32)
    kind = array.dtype.kind
    if kind in "OUT":
        return pa.string()
    if kind == "S":
        return pa.binary()
    if kind == "M":
        return pa.date32()
    return pa.from_numpy_dtype(array.dtype)


def _as_arrow(array: Any) -> pa.Array:
    values = np.asarray(array[:])
    if values.ndim == 2:
        return pa.array([row.tobytes() for row in values.astype(np.uint8)], pa.binary(32))
    if values.dtype.kind in "OUT":
        return pa.array(values.tolist(), pa.string())
    if values.dtype.kind == "M":
        return pa.array(values.astype("datetime64[D]"))
    return pa.array(values)


def _listed(arrays: dict[str, Any]) -> str:
    found = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
    return found or "no arrays"
