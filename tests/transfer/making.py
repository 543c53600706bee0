"""Sources in all encodings, and running the stages on them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bannercluster.config import Settings
from bannercluster.runtime import SilentProgress, ThreadExecutor
from bannercluster.store.embeddings import EmbeddingStore
from bannercluster.transfer import exporting, importing
from bannercluster.transfer.importing import ImportResult

SPARK = pa.struct(
    [
        ("type", pa.int8()),
        ("size", pa.int32()),
        ("indices", pa.list_(pa.int32())),
        ("values", pa.list_(pa.float64())),
    ]
)


def dense(vector: Sequence[float | None]) -> dict:
    return {"type": 1, "size": None, "indices": None, "values": list(vector)}


def sparse(vector: Sequence[float | None]) -> dict:
    kept = [place for place, value in enumerate(vector) if value is None or str(value) != "0.0"]
    values = [vector[place] for place in kept]
    return {"type": 0, "size": len(vector), "indices": kept, "values": values}


def column_of(vectors: list, encoding: str, n_features: int) -> pa.Array:
    if encoding == "spark":
        mixed = (sparse if place % 2 else dense for place in range(len(vectors)))
        return pa.array([v if v is None else of(v) for of, v in zip(mixed, vectors)], SPARK)  # noqa: B905
    kinds = {
        "list32": pa.list_(pa.float32()),
        "list64": pa.list_(pa.float64()),
        "list16": pa.list_(pa.float16()),
        "large32": pa.large_list(pa.float32()),
        "fixed32": pa.list_(pa.float32(), n_features),
        "fixed64": pa.list_(pa.float64(), n_features),
    }
    kind = kinds[encoding]
    if encoding == "list16":
        vectors = [
            v if v is None else [e if e is None else np.float16(e) for e in v] for v in vectors
        ]
    return pa.array(vectors, kind)


def table_of(rows: list[dict], encoding: str = "list32", n_features: int = 3) -> pa.Table:
    names = dict.fromkeys(name for row in rows for name in row if name != "vector")
    columns = {
        name: pa.array(
            [row.get(name) for row in rows],
            pa.binary() if name == "content_id" else pa.string(),
        )
        for name in names
    }
    vectors = column_of([row["vector"] for row in rows], encoding, n_features)
    return pa.table({**columns, "embedding": vectors})


def put(path: Path, table: pa.Table, row_group_size: int = 1000) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path, row_group_size=row_group_size)
    return path


def settings_of(folder: Path, source: object = None, workers: int = 2, **options) -> Settings:
    found = Settings().replace("paths", embeddings=str(folder / "embeddings.zarr"))
    found = found.replace("runtime", workers=workers).replace("export", target=str(folder / "out"))
    options = {"model": "a_network", **options}
    return found.replace("import", source=None if source is None else str(source), **options)


def imported(folder: Path, source: object, **options) -> ImportResult:
    with ThreadExecutor(1) as executor:
        return importing.run(
            settings_of(folder, source, **options), executor=executor, progress=SilentProgress()
        )


def exported(folder: Path, target: Path, **options) -> exporting.ExportResult:
    settings = settings_of(folder).replace("export", target=str(target), **options)
    with ThreadExecutor(1) as executor:
        return exporting.run(settings, executor=executor, progress=SilentProgress())


def store_in(folder: Path) -> EmbeddingStore:
    return EmbeddingStore.open(str(folder / "embeddings.zarr"))


def rows_of(n: int, n_features: int = 3, first: int = 0) -> list[dict]:
    """Rows of which no two are alike."""
    return [
        {
            "banner_id": f"b{row:04d}",
            "advertiser": f"a{row % 3}",
            "vector": [float(row % 1000), *(row // 1000 + 0.5 for _ in range(n_features - 1))],
        }
        for row in range(first, first + n)
    ]


def content_of_store(store: EmbeddingStore) -> dict:
    """All that a user can see of a store, in its order."""
    return {
        "values": store.read(0, store.n_rows).tobytes(),
        "content_ids": store.content_ids().tobytes(),
        **{name: store.table(name).to_pylist() for name in ("rows", "aliases", "rejected")},
    }
