"""Rejected rows: which, and why."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa

REJECTED = pa.schema(
    [
        ("table", pa.string()),
        ("file", pa.string()),
        ("row", pa.int64()),
        ("event_id", pa.string()),
        ("reason", pa.string()),
    ]
)
"""A rejected row: in which table and file, its number there, its id where it has one, and why."""

Refuse = Callable[[pa.RecordBatch], None]
"""Takes rejected rows, as :data:`REJECTED`."""


def rejected_rows(
    table: str, file: pa.Array, row: pa.Array, event_id: pa.Array, reason: pa.Array
) -> pa.RecordBatch:
    """Return rejected rows as :data:`REJECTED` has them."""
    named = pa.repeat(pa.scalar(table), len(row))
    return pa.RecordBatch.from_arrays([named, file, row, event_id, reason], schema=REJECTED)
