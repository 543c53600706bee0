"""Stores of many rows, with their models, made without embedding a picture."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
from models.fitted import make_models
from store.stores import committed

RECIPE = {
    "model": "a_network",
    "weights_sha256": "ab" * 32,
    "engine": "openvino",
    "precision": "float32",
    "preprocessing": {"version": 1, "resize": "native", "input_size": 224},
    "dtype": "float16",
}
TEXT_RECIPE = {**RECIPE, "modality": "text", "model": "a_sentence_network"}
_BLOCK = 8_192
_N_GROUPS = 24


def ids_of(n: int) -> np.ndarray:
    """Content ids that look like digests: (n, 32) uint8."""
    return np.random.default_rng(1).integers(0, 256, (n, 32), np.uint8)


def _blocks(ids: np.ndarray, n_features: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Rows around as many centres as there are groups, noisy enough to keep Lloyd busy."""
    rng = np.random.default_rng(2)
    centres = rng.normal(0, 1, (_N_GROUPS, n_features)).astype(np.float32)
    for low in range(0, len(ids), _BLOCK):
        own = ids[low : low + _BLOCK]
        noise = rng.standard_normal((len(own), n_features), np.float32)
        group = rng.integers(0, _N_GROUPS, len(own))
        yield (centres[group] + 1.5 * noise).astype(np.float16), own


def binary(ids: np.ndarray) -> pa.Array:
    """A column of content ids."""
    flat = pa.py_buffer(np.ascontiguousarray(ids))
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(32), len(ids), [None, flat])


def _numbered(pattern: str, numbers: np.ndarray) -> pa.Array:
    return pa.array([pattern % number for number in numbers.tolist()], pa.string())


def tables_of(ids: np.ndarray, copies: int = 1) -> dict[str, pa.Table]:
    """Row and alias tables: every content under ``copies`` banner ids, each with its file."""
    n = len(ids)
    rows = pa.table(
        {
            "content_id": binary(ids),
            "file": _numbered("adv/%09d_0.png", np.arange(n)),
            "width": pa.array(np.full(n, 300, np.int32)),
            "height": pa.array(np.full(n, 250, np.int32)),
            "format": pa.array(["PNG"] * n),
            "n_frames": pa.array(np.ones(n, np.int32)),
            "frame": pa.array(np.zeros(n, np.int32)),
            "nbytes": pa.array(np.full(n, 20_000)),
        }
    )
    of_row = np.tile(np.arange(n), copies)
    number = np.arange(len(of_row))
    aliases = pa.table(
        {
            "banner_id": _numbered("banner-%012d", number),
            "file": _numbered("adv/%09d_0.png", number),
            "content_id": binary(ids[of_row]),
            "first_day": pa.array(["2026-01-05"] * len(number)),
            "last_day": pa.array(["2026-01-07"] * len(number)),
            "nbytes": pa.array(np.full(len(number), 20_000)),
            "modified": pa.array(["1767571200.123456"] * len(number)),
            "advertiser": _numbered("advertiser-%03d", number % 500),
        }
    )
    rejected = pa.schema(
        [("file", pa.string()), ("banner_id", pa.string()), ("content_id", pa.binary(32)),
         ("stage", pa.string()), ("reason", pa.string()), ("detail", pa.string())]
    )  # fmt: skip
    return {"rows": rows, "aliases": aliases, "rejected": rejected.empty_table()}


def make_texts(folder: Path, n_rows: int, n_features: int) -> None:
    """Commit ``<folder>/texts.zarr``: as many banners have a text as it has rows."""
    ids = np.roll(ids_of(n_rows), 1, axis=1)
    _make(str(folder / "texts.zarr"), ids, n_features, 1, TEXT_RECIPE)


def make_store(folder: Path, n_rows: int, n_features: int, copies: int = 1) -> None:
    """Commit ``<folder>/embeddings.zarr``."""
    _make(str(folder / "embeddings.zarr"), ids_of(n_rows), n_features, copies, RECIPE)


def _make(
    url: str, ids: np.ndarray, n_features: int, copies: int, recipe: dict[str, object]
) -> None:
    committed(
        url,
        _blocks(ids, n_features),
        tables_of(ids, copies),
        recipe=recipe,
        n_features=n_features,
        dtype="float16",
        chunk_rows=_BLOCK,
        info={},
    )


def make_sweep(folder: Path, n_features: int, ks: tuple[int, ...]) -> None:
    """Models of some k beside the store."""
    rng = np.random.default_rng(3)
    centres = {f"kmeans-k{k}": rng.normal(0, 1, (k, n_features)) for k in ks}
    make_models(folder, centres, embedding=RECIPE)
