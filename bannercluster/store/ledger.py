"""Schemas of the tables beside a store: a row per content, per alias, and per rejected row."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa

ROWS = pa.schema(
    [
        ("content_id", pa.binary(32)),
        ("file", pa.string()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("format", pa.string()),
        ("n_frames", pa.int32()),
        ("frame", pa.int32()),
        ("nbytes", pa.int64()),
    ]
)
"""Row-aligned with ``embedding``: row i of this table describes row i of the array."""

ALIASES = pa.schema(
    [
        ("banner_id", pa.string()),
        ("file", pa.string()),
        ("content_id", pa.binary(32)),
        ("first_day", pa.string()),
        ("last_day", pa.string()),
        ("nbytes", pa.int64()),
        ("modified", pa.string()),
    ]
)
"""A row per banner; further columns, all of them text, follow."""

REJECTED = pa.schema(
    [
        ("file", pa.string()),
        ("banner_id", pa.string()),
        ("content_id", pa.binary(32)),
        ("stage", pa.string()),
        ("reason", pa.string()),
        ("detail", pa.string()),
    ]
)

REPEATED_ID = "repeated_id"
"""Reason of a row whose banner id stands for another content in an earlier row."""


def aliases_schema(extra: Iterable[str]) -> pa.Schema:
    """Return the schema of an alias table with further columns, in the order of their names."""
    own = set(ALIASES.names)
    names = sorted(set(extra) - own)
    return pa.schema([*ALIASES, *((name, pa.string()) for name in names)])


def in_schema(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """Return a table in a schema: columns that it lacks as nulls, others left out."""
    columns = [
        table[field.name].cast(field.type)
        if field.name in table.column_names
        else pa.nulls(len(table), field.type)
        for field in schema
    ]
    return pa.Table.from_arrays(columns, schema=schema)
