"""Which column of a source is what: ids, files, days, and further ones carried along as text."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bannercluster.config import ImportConfig
from bannercluster.errors import UsageError

NO_FIRST = np.int32(np.iinfo(np.int32).max)
NO_LAST = np.int32(np.iinfo(np.int32).min)
"""Days since 1970 that stand for "not known": they lose against any other in min and max."""

_NOT_CARRIED = {"nbytes", "modified", "row"}
"""Facts of a file or a row that are not true any more in another store."""


@dataclass(frozen=True)
class Layout:
    """The columns of a source by what they are; None where there is none.

    Parameters
    ----------
    vector : str
    banner_id, file, content_id, day, first_day, last_day : str or None
    extra : tuple of str
        Further columns, carried as text.
    left_out : tuple of str
        Columns that cannot be carried: they have no text form, or are facts of another store.
    """

    vector: str
    banner_id: str | None
    file: str | None
    content_id: str | None
    day: str | None
    first_day: str | None
    last_day: str | None
    extra: tuple[str, ...]
    left_out: tuple[str, ...]

    @property
    def names(self) -> list[str]:
        """The columns to read beside the vectors."""
        roles = (
            self.banner_id, self.file, self.content_id, self.day, self.first_day, self.last_day,
        )  # fmt: skip
        return [name for name in dict.fromkeys((*roles, *self.extra)) if name is not None]


def layout_of(types: Mapping[str, pa.DataType], config: ImportConfig, what: str) -> Layout:
    """Find the roles of the columns.

    Parameters
    ----------
    types : mapping of str to data type
        The columns of the source beside the vectors.
    config : ImportConfig
    what : str
        The source, for messages.

    Raises
    ------
    UsageError
        If nothing says which banner a row is, or a column is of a type that cannot be meant.
    """
    banner_id = config.id_column if config.id_column in types else None
    file = "file" if "file" in types else None
    if banner_id is None and file is None:
        raise UsageError(
            f"{what} has no column {config.id_column!r} that says which banner a row is; it has "
            f"{listed(types)}: name the column with --id-column, or add one"
        )
    _check(types, banner_id, _is_id, "text or whole numbers", "--id-column", what)
    _check(types, file, _is_text, "text", "--id-column", what)
    content_id = "content_id" if "content_id" in types else None
    _check(types, content_id, _is_content_id, "32 bytes or 64 hex digits", None, what)
    days = {
        role: name if name in types else None
        for role, name in (
            ("day", config.day_column),
            ("first_day", "first_day"),
            ("last_day", "last_day"),
        )
    }
    for name in days.values():
        _check(types, name, _is_day, "dates or text such as 2025-03-31", "--day-column", what)
    taken = {banner_id, file, content_id, *days.values(), config.column}
    rest = [name for name in types if name not in taken]
    # A column of the name of a role that another column has would be taken for it in the store.
    not_carried = {*_NOT_CARRIED, "banner_id", "first_day", "last_day"}
    extra = [name for name in rest if name not in not_carried and _has_text(types[name])]
    left_out = [name for name in rest if name not in extra]
    return Layout(
        config.column, banner_id, file, content_id, **days,
        extra=tuple(extra), left_out=tuple(left_out),
    )  # fmt: skip


def listed(names: Mapping[str, pa.DataType]) -> str:
    """Return the columns with their types, for a message."""
    return ", ".join(f"{name} ({kind})" for name, kind in names.items()) or "no columns"


def as_text(column: pa.Array) -> pa.Array:
    """Return a column as text."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    return column.cast(pa.string())


def days_of(column: pa.Array) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return days since 1970.

    Returns
    -------
    days : (n,) int32 array
        Undefined where there is none.
    known : (n,) bool array
    bad : (n,) bool array
        What is there and is no day.
    """
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    given = np.asarray(column.is_valid())
    days = _as_days(column)
    known = np.asarray(days.is_valid())
    numbers = days.cast(pa.int32()).fill_null(0)
    return np.asarray(numbers), known, given & ~known


def _as_days(column: pa.Array) -> pa.Array:
    if not _is_text(column.type):
        return column.cast(pa.date32(), safe=False)
    column = pc.utf8_slice_codeunits(column.cast(pa.string()), 0, 10)
    try:
        return column.cast(pa.date32())
    except pa.ArrowInvalid:  # one of them is no day: find which
        return pa.array([_day_or_none(text) for text in column.to_pylist()], pa.date32())


def _day_or_none(text: str | None) -> datetime.date | None:
    try:
        return None if text is None else datetime.date.fromisoformat(text)
    except ValueError:
        return None


def content_ids_of(column: pa.Array) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the content ids of a column of 32 bytes or 64 hex digits.

    Returns
    -------
    ids : (n, 32) uint8 array
    known : (n,) bool array
    bad : (n,) bool array
        What is there and is no content id.
    """
    given = np.asarray(column.is_valid())
    ids = np.zeros((len(column), 32), np.uint8)
    known = np.zeros(len(column), bool)
    for row, value in enumerate(column.to_pylist()):
        digest = _digest_or_none(value)
        if digest is not None:
            ids[row] = np.frombuffer(digest, np.uint8)
            known[row] = True
    return ids, known, given & ~known


def _digest_or_none(value: bytes | str | None) -> bytes | None:
    if isinstance(value, str):
        try:
            value = bytes.fromhex(value)
        except ValueError:
            return None
    return value if value is not None and len(value) == 32 else None


def _check(
    types: Mapping[str, pa.DataType],
    name: str | None,
    fits: object,
    expected: str,
    flag: str | None,
    what: str,
) -> None:
    if name is not None and not fits(types[name]):  # type: ignore[operator]
        way = f"name another with {flag}" if flag else "rename it"
        raise UsageError(f"column {name!r} of {what} is {types[name]}; expected {expected}: {way}")


def _value_type(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _is_text(kind: pa.DataType) -> bool:
    kind = _value_type(kind)
    found: bool = (
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    )
    return found


def _is_id(kind: pa.DataType) -> bool:
    return _is_text(kind) or bool(pa.types.is_integer(_value_type(kind)))


def _is_content_id(kind: pa.DataType) -> bool:
    binary = pa.types.is_binary(kind) or pa.types.is_large_binary(kind)
    return _is_text(kind) or binary or kind == pa.binary(32)


def _is_day(kind: pa.DataType) -> bool:
    return _is_text(kind) or bool(pa.types.is_date(kind) or pa.types.is_timestamp(kind))


def _has_text(kind: pa.DataType) -> bool:
    kind = _value_type(kind)
    plain = pa.types.is_primitive(kind) or pa.types.is_decimal(kind) or pa.types.is_boolean(kind)
    return _is_text(kind) or bool(plain)
