"""Parquet files as a source: one file, a folder of them (also in hive partitions), or a pattern."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bannercluster.config import ImportConfig
from bannercluster.errors import StoreError, UsageError
from bannercluster.store import files
from bannercluster.store.refusals import reason_of, refusals
from bannercluster.transfer.blocks import RawRows
from bannercluster.transfer.columns import Layout, layout_of, listed
from bannercluster.transfer.sources import RECIPE_KEY, Reading
from bannercluster.transfer.vectors import encoding_of, lengths_of, vectors_of

_SAMPLE_ROWS = 1024
"""Vectors whose most frequent dimension is that of the source: the first ones, of any file."""

_STREAM_NBYTES = 1 << 20


@dataclass(frozen=True)
class ParquetFile:
    """A file of the source.

    Parameters
    ----------
    path : str
        On its file system.
    name : str
        Relative to the source, for messages.
    partitions : dict of str to str
        Columns that its folders state (``date=2025-03-31``).
    stamp : str
        Modification time or entity tag.
    nbytes : int
    metadata : pyarrow.parquet.FileMetaData
    """

    path: str
    name: str
    partitions: dict[str, str]
    stamp: str
    nbytes: int
    metadata: pq.FileMetaData

    @property
    def schema(self) -> pa.Schema:
        """Arrow's view of its columns."""
        return self.metadata.schema.to_arrow_schema()


class ParquetSource:
    """Rows of Parquet files in the order of their names.

    Parameters
    ----------
    url : str
    fs : fsspec file system
    paths : list of str
        Sorted.
    root : str
        The folder that the names are relative to.
    config : ImportConfig

    Raises
    ------
    UsageError
        If a file cannot be read, or has no such column.
    """

    def __init__(
        self, url: str, fs: Any, paths: list[str], root: str, config: ImportConfig
    ) -> None:
        self.url = url
        self._fs = fs
        self._files = [_opened(fs, path, root) for path in paths]
        self.kind = f"Parquet, {len(paths):,} file{'s'[: len(paths) != 1]}"
        self.n_rows = sum(file.metadata.num_rows for file in self._files)
        types: dict[str, pa.DataType] = {}
        for file in self._files:
            self._check_vectors(file, config.column)
            types |= {field.name: field.type for field in file.schema if field.name not in types}
            types |= {name: pa.string() for name in file.partitions if name not in types}
        self._vector_type = types.pop(config.column)
        what = url if len(paths) > 1 else f"the file {url}"
        self.layout: Layout = layout_of(types, config, what)

    @property
    def recipe(self) -> dict[str, Any] | None:
        """What made the vectors, if `bc export` wrote all the files."""
        found = {(file.schema.metadata or {}).get(RECIPE_KEY) for file in self._files}
        if len(found) != 1 or None in found:
            return None
        recipe: dict[str, Any] = json.loads(found.pop() or b"{}")
        return recipe

    @property
    def stamp(self) -> list[list[object]]:
        """Files with sizes and times."""
        return [[file.name, file.nbytes, file.stamp] for file in self._files]

    @cached_property
    def n_features(self) -> int:
        """The most frequent dimension among the first rows; of equal ones the larger."""
        if encoding_of(self._vector_type) == "fixed":
            return int(self._vector_type.list_size)
        sample = np.concatenate([*self._first_lengths(), np.empty(0, np.int64)])
        found, counts = np.unique(sample, return_counts=True)
        if len(found):
            return int(found[len(found) - 1 - np.argmax(counts[::-1])])
        raise UsageError(
            f"column {self.layout.vector!r} of {self.url} has no vector in {self.n_rows:,} rows; "
            f"expected at least one: name another column with --column"
        )

    def _first_lengths(self) -> Iterator[np.ndarray]:
        """Yield the dimensions of the first vectors that are there: a sample, or a few more."""
        n_seen = 0
        for file in self._files:
            with self._reader(file) as reader:
                for batch in reader.iter_batches(_SAMPLE_ROWS, columns=[self.layout.vector]):
                    lengths = lengths_of(batch.column(0))
                    yield lengths[lengths > 0]
                    n_seen += int((lengths > 0).sum())
                    if n_seen >= _SAMPLE_ROWS:
                        return

    def row_nbytes(self) -> int:
        """Bytes of a vector in memory; a Spark vector has 64-bit values and room for indices."""
        kind = self._vector_type
        if encoding_of(kind) == "spark":
            return 16 * self.n_features
        return int(kind.value_type.bit_width // 8) * self.n_features

    def block_rows(self, rows: int) -> int:
        """Most rows that one reading holds."""
        return rows

    def readings(self, skip: int, rows: int) -> Iterator[Reading]:
        """Yield functions that read; row groups of up to ``rows`` rows are read side by side."""
        start = 0
        for file in self._files:
            of_file = 0
            for group in range(file.metadata.num_row_groups):
                n = file.metadata.row_group(group).num_rows
                if start + n > skip and n:
                    first = max(skip - start, 0)
                    if n <= rows:
                        read = partial(self._read_group, file, group, of_file, first)
                        yield start + first, read
                    else:
                        yield from self._stream(file, group, start, of_file, first, rows)
                start += n
                of_file += n

    def _read_group(self, file: ParquetFile, group: int, of_file: int, first: int) -> RawRows:
        with self._reader(file) as reader:
            table = reader.read_row_group(group, self._columns(file), use_threads=False)
        table = table.slice(first).combine_chunks()
        return self._raw(file, table.to_batches()[0], of_file + first)

    def _stream(
        self, file: ParquetFile, group: int, start: int, of_file: int, first: int, rows: int
    ) -> Iterator[Reading]:
        """Read a long row group batch after batch, in the thread that draws the readings."""
        with self._reader(file) as reader:
            at = 0
            for batch in reader.iter_batches(
                rows, [group], columns=self._columns(file), use_threads=False
            ):
                end = at + len(batch)
                if end > first:
                    cut = max(first - at, 0)
                    raw = self._raw(file, batch.slice(cut), of_file + at + cut)
                    yield start + at + cut, partial(_same, raw)
                at = end

    def _raw(self, file: ParquetFile, batch: pa.RecordBatch, first: int) -> RawRows:
        columns = dict(zip(batch.schema.names, batch.columns, strict=True))
        vector = columns.pop(self.layout.vector)
        for name, value in file.partitions.items():
            columns.setdefault(name, pa.repeat(pa.scalar(value), len(batch)))
        return RawRows(file.name, first, columns, len(batch), partial(vectors_of, vector))

    def _columns(self, file: ParquetFile) -> list[str]:
        there = set(file.schema.names)
        return [name for name in (*self.layout.names, self.layout.vector) if name in there]

    @contextlib.contextmanager
    def _reader(self, file: ParquetFile) -> Iterator[pq.ParquetFile]:
        local = files.local_path(self._fs.unstrip_protocol(file.path))
        try:
            with contextlib.ExitStack() as stack:
                # A stream of bounded size: a long column chunk never lies in memory as a whole.
                source = (
                    stack.enter_context(pa.OSFile(str(local)))
                    if local is not None
                    else stack.enter_context(self._fs.open(file.path, "rb"))
                )
                yield stack.enter_context(
                    pq.ParquetFile(
                        source,
                        metadata=file.metadata,
                        buffer_size=_STREAM_NBYTES,
                        pre_buffer=False,
                    )
                )
        except (*refusals(), pa.ArrowException) as error:
            raise _unreadable(file.name, error) from error

    def _check_vectors(self, file: ParquetFile, column: str) -> None:
        schema = file.schema
        types = {field.name: field.type for field in schema}
        if column not in types:
            vectors = [name for name, kind in types.items() if encoding_of(kind)]
            hint = f"--column {vectors[0]}" if len(vectors) == 1 else "--column"
            raise UsageError(
                f"{file.name} has no column {column!r}; it has {listed(types)}: name the column "
                f"of vectors with {hint}"
            )
        if encoding_of(types[column]) is None:
            raise UsageError(
                f"column {column!r} of {file.name} is {types[column]}; expected lists of "
                f"floating-point numbers or Spark ML vectors: name another with --column"
            )
        first = self._files[0].schema.field(column).type
        sizes = [kind.list_size for kind in (first, types[column]) if encoding_of(kind) == "fixed"]
        if len(set(sizes)) > 1:
            raise UsageError(
                f"the vectors of {self._files[0].name} have {sizes[0]:,} values, those of "
                f"{file.name} {sizes[1]:,}; expected one dimension: import them into two stores"
            )


def _same(raw: RawRows) -> RawRows:
    return raw


def _opened(fs: Any, path: str, root: str) -> ParquetFile:
    name = path[len(root) :].lstrip("/") if path.startswith(root) and path != root else path
    info = fs.info(path)
    stamp = info.get("mtime") or info.get("ETag") or info.get("etag") or info.get("LastModified")
    try:
        with fs.open(path, "rb") as source:
            metadata = pq.read_metadata(source)
    except (*refusals(), pa.ArrowException) as error:
        raise _unreadable(name, error) from error
    folders = (part.partition("=") for part in PurePosixPath(name).parent.parts)
    partitions = {key: unquote(value) for key, mark, value in folders if mark and key}
    return ParquetFile(path, name, partitions, str(stamp or ""), int(info["size"] or 0), metadata)


def _unreadable(name: str, error: Exception) -> UsageError | StoreError:
    # Arrow says OSError of a damaged page too, then without a number.
    refused = not isinstance(error, pa.ArrowException) and getattr(error, "errno", 0) is not None
    if refused:
        return StoreError(f"cannot read {name}: {reason_of(error)}; run the command again")
    return UsageError(
        f"{name} cannot be read as Parquet: {reason_of(error)}; expected whole Parquet files: "
        f"write it again, or take it away"
    )
