"""Parquet tables with a schema version: snake_case, zstd, ``timestamp[us, UTC]``."""

from __future__ import annotations

import contextlib
import io
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from bannercluster.errors import StoreError, UsageError
from bannercluster.store import files
from bannercluster.store.points import Point
from bannercluster.store.refusals import reason_of, refusals

VERSION = 1
_KEY = b"bannercluster_schema_version"
_FIRST_ROWS = 4_096


def write(url: str, table: pa.Table, point: Point) -> None:
    """Write a table atomically as Parquet."""
    with writing(url, table.schema, point) as writer:
        writer.write_table(table)


@contextlib.contextmanager
def writing(url: str, schema: pa.Schema, point: Point) -> Iterator[pq.ParquetWriter]:
    """Give a Parquet writer for a table that is written in pieces and appears when it is whole."""
    schema = versioned(schema)
    if files.local_path(url) is None:
        # Elsewhere a stream that is closed becomes a file, after an error too: put it whole.
        buffer = pa.BufferOutputStream()
        with pq.ParquetWriter(buffer, schema, compression="zstd") as writer:
            yield writer
        files.write_bytes(url, memoryview(buffer.getvalue()), point)
        return
    with files.writing(url, point) as name:
        fs, path = files.filesystem(name)
        with (
            fs.open(path, "wb") as sink,
            pq.ParquetWriter(sink, schema, compression="zstd") as writer,
        ):
            yield writer


def versioned(schema: pa.Schema) -> pa.Schema:
    """Return a schema that carries the schema version."""
    metadata = dict(schema.metadata or {})
    return schema.with_metadata({**metadata, _KEY: str(VERSION).encode()})


def read(url: str, columns: list[str] | None = None) -> pa.Table:
    """Read a table that bannercluster wrote.

    Raises
    ------
    StoreError
        If it is missing or not Parquet.
    FormatVersionError
        If a newer bannercluster wrote it.
    """
    table = _read_parquet(url, columns)
    found = (table.schema.metadata or {}).get(_KEY)
    files.check_version(int(found) if found and found.isdigit() else None, VERSION, url)
    return table


@dataclass(frozen=True)
class TableSize:
    """What a table takes in memory, by its number of rows and the first few of them.

    Parameters
    ----------
    n_rows, nbytes : int
        Bytes of all columns as Arrow holds them.
    """

    n_rows: int
    nbytes: int


def size_of(url: str, columns: list[str] | None = None) -> TableSize:
    """Estimate what a table takes in memory; reads its footer and its first rows.

    A table that is not there takes nothing.

    Raises
    ------
    StoreError
        If it is not Parquet.
    """
    fs, path = files.filesystem(url)
    try:
        with fs.open(path, "rb") as source, pq.ParquetFile(source) as table:
            n_rows = table.metadata.num_rows
            first = next(table.iter_batches(_FIRST_ROWS, columns=columns), None)
    except FileNotFoundError:
        return TableSize(0, 0)
    except pa.ArrowInvalid as error:
        raise StoreError(f"{url} is not readable as Parquet: {error}") from error
    except refusals() as error:
        raise StoreError(f"cannot read {url}: {reason_of(error)}; {files.READ_AGAIN}") from error
    if first is None or not len(first):
        return TableSize(n_rows, 0)
    return TableSize(n_rows, math.ceil(n_rows * first.nbytes / len(first)))


def read_foreign(url: str, what: str, *, check_utf8: bool = True) -> pa.Table:
    """Read a CSV or Parquet table of the user's.

    Parameters
    ----------
    url : str
    what : str
        What the table is for, for the message.
    check_utf8 : bool
        Whether a CSV table with a value that is not UTF-8 is refused; else it is for the caller to
        look at the bytes.

    Raises
    ------
    UsageError
        If it is missing, neither CSV nor Parquet, or cannot be parsed.
    """
    suffix = PurePosixPath(url).suffix.lower()
    if not files.exists(url):
        raise UsageError(f"{what} {url} does not exist; expected a CSV or Parquet file")
    if suffix not in {".csv", ".tsv", ".parquet"}:
        raise UsageError(
            f"{what} {url} ends in {suffix or 'nothing'}; expected .csv, .tsv or .parquet"
        )
    try:
        if suffix == ".parquet":
            return _read_parquet(url, None)
        data = files.read_bytes(url)
    except (OSError, StoreError) as error:
        raise UsageError(f"{what} cannot be read: {error}") from error
    parsing = pa.csv.ParseOptions(
        delimiter="\t" if suffix == ".tsv" else ",", newlines_in_values=True
    )
    try:
        header = pa.csv.open_csv(io.BytesIO(data), parse_options=parsing).schema.names
        # Identifiers stay text: 0012 is not 12, and NA may be an advertiser.
        return pa.csv.read_csv(
            io.BytesIO(data),
            parse_options=parsing,
            convert_options=pa.csv.ConvertOptions(
                column_types={name: pa.string() for name in header},
                null_values=[""],
                strings_can_be_null=True,
                check_utf8=check_utf8,
            ),
        )
    except pa.ArrowInvalid as error:
        raise UsageError(f"{what} {url} is not a readable CSV table: {error}") from error


def _read_parquet(url: str, columns: list[str] | None) -> pa.Table:
    path = files.local_path(url)
    try:
        # In a bucket the whole table is one request; columns by themselves would be several.
        source = pa.BufferReader(files.read_bytes(url)) if path is None else pa.OSFile(str(path))
        with source:
            return pq.read_table(source, columns=columns)
    except FileNotFoundError as error:
        raise StoreError(f"{url} is missing") from error
    except OSError as error:
        raise StoreError(f"cannot read {url}: {reason_of(error)}; {files.READ_AGAIN}") from error
    except pa.ArrowInvalid as error:
        raise StoreError(f"{url} is not readable as Parquet: {error}") from error
