"""Parquet tables of the user's, read batch after batch: a file, a folder of them, or a pattern."""

from __future__ import annotations

import contextlib
import datetime
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Literal
from urllib.parse import unquote

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from bannercluster.errors import StoreError, UsageError
from bannercluster.store import files
from bannercluster.store.refusals import reason_of, refusals

Kind = Literal["text", "number", "day"]
"""What a column holds: names (text or whole numbers), numbers, or days (dates, times or text)."""

NO_DAY = np.iinfo(np.int32).min
"""Stands for a day that is missing or cannot be read."""

_BATCH_ROWS = 1 << 17
_STREAM_NBYTES = 1 << 20
_SUFFIXES = (".parquet", ".parq", ".pq")
_TIDY = "write the files again, or take this one away"


@dataclass(frozen=True)
class TableFile:
    """One file of a table.

    Parameters
    ----------
    path : str
        On its file system.
    name : str
        Relative to the table, for messages.
    partitions : dict of str to str
        Columns that its folders state (``day=2026-01-05``).
    metadata : pyarrow.parquet.FileMetaData
    """

    path: str
    name: str
    partitions: dict[str, str]
    metadata: pq.FileMetaData

    @property
    def types(self) -> dict[str, pa.DataType]:
        """Type of each column, those of its folders included."""
        own = {one.name: one.type for one in self.metadata.schema.to_arrow_schema()}
        return {name: pa.string() for name in self.partitions} | own


@dataclass(frozen=True)
class Rows:
    """Some rows of a file, in the columns that were asked for.

    Parameters
    ----------
    file : str
        Its name.
    first : int
        Number of the first row in the file.
    columns : dict of str to array
    n : int
    """

    file: str
    first: int
    columns: dict[str, pa.Array]
    n: int


@dataclass(frozen=True)
class RowTable:
    """The rows of all files of a table. Made by :func:`open_table`.

    Parameters
    ----------
    url : str
    what : str
        Of what, for messages.
    fs : fsspec file system
    files : tuple of TableFile
    """

    url: str
    what: str
    fs: Any
    files: tuple[TableFile, ...]

    @property
    def n_rows(self) -> int:
        """All rows, good or bad."""
        return sum(file.metadata.num_rows for file in self.files)

    def batches(self, columns: tuple[str, ...]) -> Iterator[Rows]:
        """Yield all rows, up to 131,072 at a time; a file is never in memory as a whole.

        Raises
        ------
        UsageError, StoreError
            If a file turns out to be damaged, or cannot be read.
        """
        for file in self.files:
            own = {one.name for one in file.metadata.schema.to_arrow_schema()}
            first = 0
            with self._opened(file) as reader:
                wanted = [name for name in columns if name in own]
                for batch in reader.iter_batches(_BATCH_ROWS, columns=wanted, use_threads=False):
                    found = dict(zip(batch.schema.names, batch.columns, strict=True))
                    for name in set(columns) - own:
                        found[name] = pa.repeat(pa.scalar(file.partitions[name]), len(batch))
                    yield Rows(file.name, first, found, len(batch))
                    first += len(batch)

    @contextlib.contextmanager
    def _opened(self, file: TableFile) -> Iterator[pq.ParquetFile]:
        local = files.local_path(self.fs.unstrip_protocol(file.path))
        # Names recur in many rows: each is read as a number, and as text once a batch.
        names = [one.name for one in file.metadata.schema.to_arrow_schema() if _is_text(one.type)]
        with _readable(file.name), contextlib.ExitStack() as stack:
            source = (
                stack.enter_context(pa.OSFile(str(local)))
                if local is not None
                else stack.enter_context(self.fs.open(file.path, "rb"))
            )
            yield stack.enter_context(
                pq.ParquetFile(
                    source,
                    metadata=file.metadata,
                    read_dictionary=[name for name in names if name in _RECURRING],
                    buffer_size=_STREAM_NBYTES,
                    pre_buffer=False,
                )
            )


_RECURRING = ("domain", "grid_id", "day")


def open_table(url: str, columns: Mapping[str, Kind], what: str, flag: str) -> RowTable:
    """Open a table and check that every file has the columns.

    Parameters
    ----------
    url : str
        A file, a folder (also in hive partitions) or a pattern; local or in a bucket.
    columns : mapping of str to kind
        Those that it must have.
    what : str
        Of what it is a table, for messages: ``clicks``.
    flag : str
        The option that names it, for messages.

    Raises
    ------
    UsageError
        If there is nothing, a file is not Parquet, or a column is missing or of another kind.
    StoreError
        If a file or a bucket cannot be read.
    """
    fs, path = files.filesystem(url)
    with _readable(url):
        if any(mark in path for mark in "*?["):
            paths, root = sorted(fs.glob(path)), path.rsplit("/", 1)[0]
        elif fs.isfile(path):
            paths, root = [path], path.rsplit("/", 1)[0]
        else:
            # A bucket has no folders: what matters is what lies below the name.
            below = fs.find(path) if fs.exists(path) else []
            paths = [one for one in sorted(below) if _is_table(one[len(path) :])]
            root = path
    if not paths:
        raise UsageError(
            f"no {what} at {url}; expected a Parquet file, or a folder or pattern of them: name it "
            f"with {flag}"
        )
    found = tuple(_file_of(fs, one, root) for one in paths)
    for file in found:
        _check_columns(file, columns, what, flag)
    return RowTable(url, what, fs, found)


def names_of(column: pa.Array) -> tuple[npt.NDArray[np.int64], list[str]]:
    """Return a column of names as numbers and the name of each number.

    Returns
    -------
    codes : ndarray of shape (n,), int64
        -1 where there is no name, or an empty one.
    names : list of str
    """
    encoded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    words = encoded.dictionary.cast(pa.string()).to_pylist()
    codes = encoded.indices.cast(pa.int64()).fill_null(-1).to_numpy(zero_copy_only=False)
    empty = [number for number, word in enumerate(words) if not word]
    if empty:
        codes = np.where(np.isin(codes, empty), -1, codes)
    return codes, ["" if word is None else word for word in words]


def numbers_of(column: pa.Array) -> npt.NDArray[np.float64]:
    """Return a column of numbers, NaN where there is none."""
    values: npt.NDArray[np.float64] = column.cast(pa.float64()).to_numpy(zero_copy_only=False)
    return values


def days_of(column: pa.Array) -> npt.NDArray[np.int32]:
    """Return a column of days, counted from 1970-01-01; `NO_DAY` for what is none.

    Of a time its day in UTC counts; text must be an ISO date, or begin with one.
    """
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if not _is_text(kind):
        days = column.cast(kind).cast(pa.date32()).cast(pa.int32()).fill_null(int(NO_DAY))
        found: npt.NDArray[np.int32] = days.to_numpy(zero_copy_only=False)
        return found
    codes, texts = names_of(column)
    days_of_text = np.array([*(_day(text) for text in texts), NO_DAY], np.int32)
    return days_of_text[codes]


def _day(text: str) -> int:
    try:
        return (datetime.date.fromisoformat(text[:10]) - datetime.date(1970, 1, 1)).days
    except ValueError:
        return int(NO_DAY)


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _fits(kind: pa.DataType, wanted: Kind) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if wanted == "number":
        return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))
    if wanted == "text":
        return _is_text(kind) or bool(pa.types.is_integer(kind))
    return _is_text(kind) or bool(pa.types.is_date(kind) or pa.types.is_timestamp(kind))


def _check_columns(file: TableFile, columns: Mapping[str, Kind], what: str, flag: str) -> None:
    types = file.types
    missing = [name for name in columns if name not in types]
    if missing:
        raise UsageError(
            f"{file.name} has no column {_listed(missing)}; a table of {what} needs "
            f"{_listed(columns)}, this one has {_listed(types)}: rename its columns, or name "
            f"another table with {flag}"
        )
    for name, wanted in columns.items():
        if not _fits(types[name], wanted):
            words = {"text": "text or whole numbers", "number": "numbers", "day": "dates"}
            raise UsageError(
                f"column {name!r} of {file.name} is {types[name]}; expected {words[wanted]}: "
                f"write it as such, or name another table with {flag}"
            )


def _listed(names: Any) -> str:
    return ", ".join(names) or "none"


def _is_table(name: str) -> bool:
    hidden = any(part.startswith((".", "_")) for part in name.split("/") if "=" not in part)
    return name.lower().endswith(_SUFFIXES) and not hidden


def _file_of(fs: Any, path: str, root: str) -> TableFile:
    name = path[len(root) :].lstrip("/") if path.startswith(root) else path
    with _readable(name), fs.open(path, "rb") as source:
        metadata = pq.read_metadata(source)
    folders = (part.partition("=") for part in PurePosixPath(name).parent.parts)
    partitions = {key: unquote(value) for key, mark, value in folders if mark and key}
    return TableFile(path, name, partitions, metadata)


@contextlib.contextmanager
def _readable(name: str) -> Iterator[None]:
    try:
        yield
    except (*refusals(), pa.ArrowException) as error:
        # Arrow says OSError of a damaged page too, then without a number.
        if not isinstance(error, pa.ArrowException) and getattr(error, "errno", 0) is not None:
            raise StoreError(
                f"cannot read {name}: {reason_of(error)}; {files.READ_AGAIN}"
            ) from error
        raise UsageError(
            f"{name} cannot be read as Parquet: {reason_of(error)}; expected whole Parquet files: "
            f"{_TIDY}"
        ) from error
