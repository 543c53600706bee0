"""Tables of banners, a store of images with texts, and a sentence encoder that is quick."""

import csv
import hashlib
import json
import threading
from pathlib import Path

import numpy as np
import pyarrow as pa

from bannercluster.config import Settings
from bannercluster.encoders.sentences import EncodedTexts, describe_sentences
from bannercluster.runtime import SilentProgress, ThreadExecutor
from bannercluster.store import commit
from bannercluster.store.embeddings import EmbeddingStore
from bannercluster.store.lease import hold
from bannercluster.store.ledger import REJECTED, ROWS, aliases_schema, in_schema
from bannercluster.text import parts, run


class FakeSentences:
    """The hash of a text as its vector: quick, and of nothing but the text."""

    def __init__(self, folder) -> None:
        self.folder = folder
        self.read: list[str] = []
        self.overflows: set[str] = set()
        self._lock = threading.Lock()

    def encode(self, texts):
        with self._lock:
            self.read += texts
        vectors = np.stack([self._vector(text) for text in texts])
        n_tokens = np.array([len(text.split()) + 2 for text in texts], np.int32)
        unknown = np.array([float("?" in text) for text in texts], np.float32)
        return EncodedTexts(vectors, n_tokens, n_tokens > 256, unknown)

    def _vector(self, text):
        seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
        vector = np.random.default_rng(seed).standard_normal(384).astype(np.float32)
        return vector * 1e9 if text in self.overflows else vector / np.linalg.norm(vector)


def fake() -> FakeSentences:
    encoder = FakeSentences(describe_sentences("all-MiniLM-L6-v2"))
    parts.load_sentences = lambda spec, *, threads, cache_dir: encoder
    return encoder


def settings_in(folder: Path, paths: dict | None = None, **text) -> Settings:
    settings = Settings().replace(
        "paths",
        texts=str(folder / "texts.zarr"),
        embeddings=str(folder / "embeddings.zarr"),
        ocr=str(folder / "ocr"),
        cache=str(folder / "cache"),
        **(paths or {}),
    )
    return settings.replace("text", part_rows=8, chunk_rows=4, **text)


def embed(settings: Settings, n_workers: int = 2):
    executor = ThreadExecutor(n_workers)
    try:
        return run(settings, executor=executor, progress=SilentProgress())
    finally:
        executor.close()


def write_table(path: Path, rows: list[dict[str, str]]) -> str:
    names = list(dict.fromkeys(name for row in rows for name in row))
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        writer.writerows(rows)
    return str(path)


def make_images(folder: Path, rows: list[dict[str, object]]) -> None:
    """A store of images: each row an alias, ``content`` the number of its image."""
    numbers = sorted({row["content"] for row in rows})
    ids = {number: hashlib.sha256(b"image %d" % number).digest() for number in numbers}
    aliases = [
        {**{k: v for k, v in row.items() if k != "content"}, "content_id": ids[row["content"]]}
        for row in rows
    ]
    names = {name for row in aliases for name in row}
    described = pa.table({"content_id": pa.array([ids[n] for n in numbers], pa.binary(32))})
    values = np.eye(len(numbers), 8, dtype=np.float16)
    block = (values, np.frombuffer(b"".join(ids[n] for n in numbers), np.uint8).reshape(-1, 32))
    url = str(folder / "embeddings.zarr")
    with hold(url, "a test") as lease:
        commit.commit(
            url,
            [block],
            {
                "rows": in_schema(described, ROWS),
                "aliases": pa.Table.from_pylist(aliases, schema=aliases_schema(names)),
                "rejected": REJECTED.empty_table(),
            },
            lease=lease, recipe={"model": "test"}, n_features=8, dtype="float16",
            chunk_rows=4, info={},
        )  # fmt: skip


def image_id(number: int) -> bytes:
    return hashlib.sha256(b"image %d" % number).digest()


def texts_of(settings: Settings) -> dict[str, str]:
    """The text of each banner, by what the banner is called."""
    store = EmbeddingStore.open(settings.paths.texts)
    rows = store.table("rows").to_pylist()
    text_of = {row["content_id"]: row["text"] for row in rows}
    return {
        row["banner_id"] or row["file"]: text_of[row["content_id"]]
        for row in store.table("aliases").to_pylist()
    }


def reasons_of(settings: Settings) -> dict[tuple[str, str], str]:
    """The reason of each rejected row, by banner and stage."""
    rejected = EmbeddingStore.open(settings.paths.texts).table("rejected").to_pylist()
    return {(row["banner_id"] or row["file"], row["stage"]): row["reason"] for row in rejected}


def content_of(settings: Settings) -> str:
    """All that a store holds but times: what two runs must have in common."""
    store = EmbeddingStore.open(settings.paths.texts)
    digest = hashlib.sha256(store.read(0, store.n_rows).tobytes())
    digest.update(store.content_ids().tobytes())
    for name in sorted(store.manifest.tables):
        digest.update(json.dumps(store.table(name).to_pylist(), default=repr).encode())
    return digest.hexdigest()
