"""Tiny banners, and a network that is quick and knows what it looks at."""

import io
import threading
from collections import Counter
from pathlib import Path

import numpy as np
from PIL import Image

from bannercluster.config import Settings
from bannercluster.encoders import EncoderInfo, ModelDescription, ResolvedEngine
from bannercluster.runtime import SilentProgress, ThreadExecutor
from bannercluster.store.embeddings import EmbeddingStore

INPUT_SIZE = 64
SHAPES = ((300, 250), (728, 90), (160, 600), (320, 50))


def banner(nth: int, size: tuple[int, int] = (48, 40), kind: str = "PNG", **options) -> bytes:
    """A picture of a few coloured blocks, another one for each number."""
    blocks = np.random.default_rng(nth).integers(0, 256, (3, 4, 3), dtype=np.uint8)
    image = Image.fromarray(blocks).resize(size, Image.Resampling.NEAREST)
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def put(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def put_banners(folder: Path, n: int, first: int = 0) -> None:
    for nth in range(first, first + n):
        put(folder, f"b{nth:02d}.png", banner(nth, SHAPES[nth % 4]))


class FakeEncoder:
    """Mean colours of the four quarters: an image's features depend on nothing but the image."""

    n_features = 12
    batch_size = 2
    mixed_shapes = False

    def __init__(self) -> None:
        self.scale = 1.0
        self.weights = "ab" * 32
        self.fails_at: int | None = None
        self.error: BaseException = RuntimeError("the network failed")
        self.n_images = 0
        self._lock = threading.Lock()

    @property
    def info(self) -> EncoderInfo:
        return EncoderInfo(
            "fake", self.weights, "file:fake", "openvino", "float32", "cpu", "avx2",
            (0.5,) * 3, (0.5,) * 3, INPUT_SIZE,
        )  # fmt: skip

    def encode(self, images):
        with self._lock:
            if self.fails_at is not None and self.n_images >= self.fails_at:
                raise self.error
            self.n_images += len(images)
        assert len({image.shape for image in images}) == 1
        out = []
        for image in images:
            h, w = image.shape[0] // 2, image.shape[1] // 2
            quarters = (image[:h, :w], image[:h, w:], image[h:, :w], image[h:, w:])
            out.append(np.concatenate([part.mean(axis=(0, 1)) for part in quarters]))
        return (np.array(out) * self.scale).astype(np.float32)


class Bench:
    """A folder of images, a store, and counts of what was done for it."""

    def __init__(self, folder: Path, monkeypatch) -> None:
        from bannercluster.embed import choice, inventory, parts, stage

        self.folder, self.images = folder, folder / "images"
        self.images.mkdir()
        self.encoder = FakeEncoder()
        self.engine = ResolvedEngine("openvino", "float32", "cpu", "a test says so")
        self.weights = "ab" * 32
        self.decoded: Counter[bytes] = Counter()
        self.n_hashed = 0
        self.settings = Settings().replace(
            "paths",
            images=str(self.images),
            embeddings=str(folder / "embeddings.zarr"),
            cache=str(folder / "cache"),
        )
        prepare, hash_image = parts.prepare, inventory.hash_image

        def counted_prepare(data, **options):
            self.decoded[data] += 1
            return prepare(data, **options)

        def counted_hash(*asked):
            found = hash_image(*asked)
            self.n_hashed += 1
            return found

        def describe(model, weights=None):
            return ModelDescription(
                model, 12, INPUT_SIZE, (0.5,) * 3, (0.5,) * 3, "bicubic", False,
                self.weights, "file:fake", self.weights is not None,
            )  # fmt: skip

        monkeypatch.setattr(parts, "prepare", counted_prepare)
        monkeypatch.setattr(inventory, "hash_image", counted_hash)
        monkeypatch.setattr(choice, "describe_model", describe)
        monkeypatch.setattr(choice, "resolve_engine", lambda *words: self.engine)
        for module in (stage, parts):
            monkeypatch.setattr(module, "load_encoder", lambda spec, **options: self.encoder)

    def set(self, section: str, **values) -> None:
        self.settings = self.settings.replace(section, **values)

    def run(self, executor=None):
        """Embed; counts of decoded and hashed files are those of this run."""
        from bannercluster import embed

        self.decoded.clear()
        self.n_hashed = self.encoder.n_images = 0
        progress = SilentProgress()
        if executor is not None:
            return embed.run(self.settings, executor=executor, progress=progress)
        with ThreadExecutor(1) as threads:
            return embed.run(self.settings, executor=threads, progress=progress)

    @property
    def store(self) -> EmbeddingStore:
        return EmbeddingStore.open(self.settings.paths.embeddings)

    def rows(self, name: str, *columns: str) -> list[dict]:
        return self.store.table(name, list(columns) or None).to_pylist()

    @property
    def n_decoded(self) -> int:
        return sum(self.decoded.values())

    def staged(self) -> list[str]:
        staging = self.folder / "embeddings.staging"
        return sorted(path.name for path in staging.iterdir()) if staging.is_dir() else []

    def manifest(self, *lines: str) -> None:
        (self.images / "manifest.csv").write_text("\n".join(lines) + "\n")


def check_adds_up(result, bench: Bench) -> None:
    """Every file is in one place, and the tables fit the array."""
    assert result.n_in == result.n_ok + result.n_duplicate + result.n_rejected
    assert sum(n for _, n in result.reasons) == result.n_rejected
    store = bench.store
    contents = [bytes(row) for row in store.content_ids()]
    assert len(set(contents)) == store.n_rows == result.n_rows
    assert store.table("rows")["content_id"].to_pylist() == contents
    assert set(store.table("aliases")["content_id"].to_pylist()) <= set(contents)


def contents_of(store: EmbeddingStore) -> tuple[bytes, bytes, list, list]:
    """All that a store says of images, times left out."""
    aliases = store.table("aliases").drop_columns(["modified"])
    return (
        store.read(0, store.n_rows).tobytes(),
        store.content_ids().tobytes(),
        store.table("rows").to_pylist(),
        aliases.to_pylist() + store.table("rejected").to_pylist(),
    )
