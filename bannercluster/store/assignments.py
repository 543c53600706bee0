"""The cluster of every banner, one current row per banner and model.

A model's rows lie in ``<assignments>/<model>.parquet``.
"""

from __future__ import annotations

import pyarrow as pa

from bannercluster.store import files, tables

SCHEMA = pa.schema(
    [
        ("banner_id", pa.string()),
        ("file", pa.string()),
        ("content_id", pa.binary(32)),
        ("row", pa.int64()),
        ("model_version", pa.string()),
        ("cluster_id", pa.int32()),
        ("distance", pa.float32()),
        ("margin", pa.float32()),
        ("assigned_at", pa.timestamp("us", tz="UTC")),
    ]
)
"""``distance`` is Euclidean to the own centre in the space of the model, ``margin`` the distance to
the second nearest centre minus it (null at k = 1), ``row`` the row of the store that embeds it."""


def url_of(assignments: str, model: str) -> str:
    """Return where the assignments of a model lie."""
    return files.join(assignments, f"{model}.parquet")


def read_if_any(assignments: str, model: str) -> pa.Table | None:
    """Read the assignments of a model, or return None where there are none."""
    url = url_of(assignments, model)
    return tables.read(url) if files.exists(url) else None
