"""Reading a store, and embedding a batch of images with a tiny network."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import numpy as np
import timm
import torch
from safetensors.torch import save_file

from bannercluster.bench.generators import write_store
from bannercluster.encoders import EncoderSpec, load_encoder
from bannercluster.runtime.devices import n_cores
from bannercluster.traverse.segments import cut
from bannercluster.traverse.sources import StoreSource

TINY = "test_efficientnet"


class ReadingStore:
    """All rows tile by tile on one thread, from the cache of the disk and from the disk."""

    params = ((100_000, 300_000), (1_792,))
    param_names = ("n_rows", "n_features")
    toy = (5_000, 64)
    bounds = {"track_bytes_that_differ": (0, 0)}

    def setup(self, n_rows: int, n_features: int) -> None:
        self.folder = tempfile.TemporaryDirectory(prefix="bc-bench-")
        self.store = write_store(f"{self.folder.name}/e.zarr", n_rows, n_features)
        self.chunks = sorted(Path(self.folder.name).glob("e.zarr/embedding/c/*/0"))

    def teardown(self, n_rows: int, n_features: int) -> None:
        self.folder.cleanup()

    def _read(self) -> None:
        source = StoreSource(self.store)
        for segment in cut(source.n_rows):
            for start, stop in segment.tiles():
                source.read(start, stop)

    def time_cached(self, n_rows: int, n_features: int) -> None:
        self._read()

    def time_cold(self, n_rows: int, n_features: int) -> None:
        for path in self.chunks:
            with path.open("rb") as file:
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        self._read()

    def peakmem_read(self, n_rows: int, n_features: int) -> None:
        self._read()

    def track_bytes_that_differ(self, n_rows: int, n_features: int) -> int:
        """Of the first chunk, against the file itself."""
        rows = self.store.read(0, min(n_rows, self.store.manifest.chunk_rows))
        plain = np.frombuffer(self.chunks[0].read_bytes(), np.uint8)[: rows.nbytes]
        return int((rows.view(np.uint8).ravel() != plain).sum())


class EmbeddingBatch:
    """Images through a tiny network with random weights: what is around a network, mostly."""

    params = ((8, 64), (224,))
    param_names = ("n_images", "n_pixels")
    toy = (3, 64)
    bounds = {"track_cosine_to_timm": (0.9999, 1.0001)}

    def setup(self, n_images: int, n_pixels: int) -> None:
        self.folder = tempfile.TemporaryDirectory(prefix="bc-bench-")
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.network = timm.create_model(TINY, pretrained=False).eval()
        weights = f"{self.folder.name}/tiny.safetensors"
        save_file(self.network.state_dict(), weights)
        spec = EncoderSpec(TINY, weights, "torch", "float32", "cpu")
        self.encoder = load_encoder(spec, threads=n_cores(), cache_dir=self.folder.name)
        own = np.random.Generator(np.random.PCG64(0))
        shape = (n_images, n_pixels, n_pixels, 3)
        self.images = list(own.integers(0, 256, shape, dtype=np.uint8))
        self.encoder.encode(self.images)

    def teardown(self, n_images: int, n_pixels: int) -> None:
        self.folder.cleanup()

    def time_encode(self, n_images: int, n_pixels: int) -> None:
        self.encoder.encode(self.images)

    def peakmem_encode(self, n_images: int, n_pixels: int) -> None:
        self.encoder.encode(self.images)

    def track_cosine_to_timm(self, n_images: int, n_pixels: int) -> float:
        """Smallest over the images."""
        config = timm.data.resolve_model_data_config(self.network)
        batch = torch.from_numpy(np.stack(self.images)).permute(0, 3, 1, 2).float() / 255
        mean, std = (torch.tensor(config[name]).reshape(1, 3, 1, 1) for name in ("mean", "std"))
        with torch.inference_mode():
            features = self.network.forward_features((batch - mean) / std)
            theirs = self.network.forward_head(features, pre_logits=True)
        own = torch.from_numpy(self.encoder.encode(self.images))
        return float(torch.nn.functional.cosine_similarity(own, theirs).min())
