"""Two stores made by hand: which image and which text each banner has is known."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from store.stores import committed

from bannercluster.fusion.ads import Ads
from bannercluster.store.embeddings import EmbeddingStore

SCHEMA = pa.schema(
    [
        ("banner_id", pa.string()),
        ("file", pa.string()),
        ("content_id", pa.binary(32)),
        ("advertiser", pa.string()),
    ]
)
ROWS = pa.schema([("content_id", pa.binary(32)), ("file", pa.string())])


def content(kind: str, row: int) -> bytes:
    return hashlib.sha256(f"{kind} {row}".encode()).digest()


def write_store(
    url: str,
    kind: str,
    values: np.ndarray,
    banners: Sequence[tuple[str, int | None, str]],
) -> EmbeddingStore:
    """Row i holds content i of its kind; each banner is an id, its row and its advertiser."""
    aliases = [
        {
            "banner_id": name,
            "file": f"{name}.png",
            # One that could not be embedded keeps its content, which has no row.
            "content_id": content(kind, row if row is not None else -1),
            "advertiser": advertiser,
        }
        for name, row, advertiser in banners
    ]
    ids = b"".join(content(kind, row) for row in range(len(values)))
    rows = [{"content_id": content(kind, row), "file": f"{row}.png"} for row in range(len(values))]
    return committed(
        url,
        [(values, np.frombuffer(ids, np.uint8).reshape(-1, 32))],
        {
            "aliases": pa.Table.from_pylist(aliases, schema=SCHEMA),
            "rows": pa.Table.from_pylist(rows, schema=ROWS),
            "rejected": pa.table({"file": pa.array([], pa.string())}),
        },
        recipe={"model": f"{kind}_network", **({"modality": "text"} if kind == "text" else {})},
        n_features=values.shape[1],
        dtype=str(values.dtype),
        chunk_rows=16,
        info={},
    )


def write_ads(
    folder: Path,
    images: np.ndarray,
    texts: np.ndarray,
    banners: Sequence[tuple[str, int | None, int | None]],
    advertisers: Sequence[str] | None = None,
) -> Ads:
    """Stores of both; each banner is an id, the row of its image and of its text."""
    named = advertisers or [""] * len(banners)
    return Ads.of(
        write_store(
            str(folder / "embeddings.zarr"),
            "image",
            images,
            [(name, row, own) for (name, row, _), own in zip(banners, named, strict=True)],
        ),
        write_store(
            str(folder / "texts.zarr"),
            "text",
            texts,
            [
                (name, row, own)
                for (name, _, row), own in zip(banners, named, strict=True)
                if row is not None
            ],
        ),
    )
