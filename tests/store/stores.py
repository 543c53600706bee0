"""Small stores, and reading them the slow and obvious way."""

import hashlib
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa

from bannercluster.store import commit as commits
from bannercluster.store.embeddings import EmbeddingStore
from bannercluster.store.lease import hold

N_FEATURES = 6
RECIPE = {
    "model": "a_network",
    "weights_sha256": "ab" * 32,
    "engine": "openvino",
    "precision": "float32",
    "preprocessing": {"version": 1, "resize": "native", "input_size": 224},
    "dtype": "float16",
}


def values_of(start: int, stop: int, n_features: int = N_FEATURES) -> np.ndarray:
    """Rows that say which they are: every value is another one."""
    rows = np.arange(start * n_features, stop * n_features, dtype=np.float32)
    return (rows.reshape(-1, n_features) / 8).astype(np.float16)


def ids_of(start: int, stop: int) -> np.ndarray:
    digests = b"".join(hashlib.sha256(b"%d" % row).digest() for row in range(start, stop))
    return np.frombuffer(digests, np.uint8).reshape(-1, 32)


def tables_of(n: int) -> dict[str, pa.Table]:
    """Two tables that say for how many rows they were written."""
    return {
        "rows": pa.table({"row": pa.array(range(n), pa.int64())}),
        "aliases": pa.table({"file": [f"{row}.png" for row in range(n)]}),
    }


def committed(url: str, *args, **options) -> EmbeddingStore:
    """Commit, and hold the lease for as long as that takes."""
    with hold(url, "a test") as lease:
        return commits.commit(url, *args, lease=lease, **options)


def append(
    url: str,
    start: int,
    stop: int,
    *,
    blocks: Sequence[int] = (),
    chunk_rows: int = 4,
    dtype: str = "float16",
    recipe: dict | None = None,
) -> EmbeddingStore:
    """Commit rows ``start:stop``, in blocks that end at the given rows."""
    cuts = [start, *blocks, stop]
    pairs = pairwise(cuts)
    return committed(
        url,
        [(values_of(low, high).astype(dtype), ids_of(low, high)) for low, high in pairs],
        tables_of(stop),
        recipe=recipe or RECIPE | {"dtype": dtype},
        n_features=N_FEATURES,
        dtype=dtype,
        chunk_rows=chunk_rows,
        info={"source": "a test"},
    )


def check_whole(store: EmbeddingStore, n: int, dtype: str = "float16") -> None:
    """The store holds the first n rows, all of them right, and tables that match."""
    assert store.n_rows == n
    np.testing.assert_array_equal(store.read(0, n), values_of(0, n).astype(dtype))
    np.testing.assert_array_equal(store.content_ids(), ids_of(0, n))
    for name, table in tables_of(n).items():
        assert store.table(name).equals(table)


def bytes_below(root: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }
