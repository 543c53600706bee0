"""Embedding, files on disk to Zarr, against a plain timm loop in one run.

The peer is what most people write: timm, float32, a DataLoader with two workers, squashed to 224
x 224; at batches of 8 and 32, the faster of which counts. Both sides have their libraries
imported and their network loaded before the clock starts; what loading costs is stated beside it.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import timm
import torch
import zarr
from PIL import Image
from torch.utils.data import DataLoader, Dataset

from bannercluster import embed
from bannercluster.config import Settings, load_config
from bannercluster.embed.inventory import SUFFIXES
from bannercluster.encoders import EncoderSpec, load_encoder, resolve_engine
from bannercluster.encoders.catalog import model_facts
from bannercluster.encoders.network import build_network
from bannercluster.encoders.weights import get_weights
from bannercluster.runtime.devices import n_cores
from bannercluster.runtime.executor import ThreadExecutor
from bannercluster.runtime.progress import SilentProgress
from bannercluster.synth import SynthBannersConfig, synth_banners
from benchmarks.results import keep, null_ratio, rate, summary

MODEL = "efficientnet_lite0"


class Files(Dataset[torch.Tensor]):
    """Images as a tutorial opens them."""

    def __init__(self, files: list[Path]) -> None:
        self.files = files
        config = timm.data.resolve_data_config({}, model=timm.create_model("tf_efficientnet_lite0"))
        config["crop_mode"] = "squash"
        self.transform = timm.data.create_transform(**config)

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> torch.Tensor:
        return self.transform(Image.open(self.files[index]).convert("RGB"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--banners", type=int, default=500)
    parser.add_argument("--repeats", type=int, default=3)
    asked = parser.parse_args()
    work = Path(tempfile.mkdtemp(prefix="bc-bench-"))
    try:
        images = work / "images"
        synth_banners(
            SynthBannersConfig(
                images=str(images), n_banners=asked.banners, duplicates=0.0, near_duplicates=0.0
            )
        )
        keep("embedding", measure(work, images, asked.repeats))
    finally:
        shutil.rmtree(work)


def measure(work: Path, images: Path, repeats: int) -> dict[str, object]:
    """Time all sides in turn."""
    default = resolve_engine().precision
    precisions = [default, "float32"] if default != "float32" else ["float32"]
    loading = {p: load(work, p) for p in precisions}
    files = sorted(path for path in images.rglob("*") if path.suffix in SUFFIXES)
    network = plain_network()
    ours: dict[str, list[float]] = {p: [] for p in precisions}
    peers: dict[int, list[float]] = {8: [], 32: []}
    # The first round of each side is not counted: it compiles for every shape it meets.
    first = {p: embed_once(work, images, p, -1) for p in precisions}
    for batch in peers:
        plain_once(network, files, batch, work / f"plain-{batch}.zarr")
    for repeat in range(repeats):
        for precision in precisions:
            ours[precision].append(embed_once(work, images, precision, repeat))
        for batch in peers:
            peers[batch].append(plain_once(network, files, batch, work / f"plain-{batch}.zarr"))
    best = min(peers, key=lambda batch: statistics.median(peers[batch]))
    median = statistics.median(peers[best])
    return {
        "banners": len(files),
        "model": MODEL,
        "threads": n_cores(),
        "default_precision": default,
        "load_s": loading,
        "first_round_s": {p: round(seconds, 2) for p, seconds in first.items()},
        "ours": {p: {**summary(t), "images_s": rate(len(files), t)} for p, t in ours.items()},
        "plain_timm_float32": {
            f"batch {b}": {**summary(t), "images_s": rate(len(files), t)} for b, t in peers.items()
        },
        "ratio_to_batch_32": {
            p: round(statistics.median(peers[32]) / statistics.median(t), 2)
            for p, t in ours.items()
        },
        "ratio": {p: round(median / statistics.median(times), 2) for p, times in ours.items()},
        "null_ratio": {
            **{p: null_ratio(t) for p, t in ours.items()},
            "plain": null_ratio(peers[best]),
        },
    }


def settings(work: Path, images: Path, precision: str, name: str) -> Settings:
    """Return the settings of a run into a store of its own."""
    paths = {
        "images": str(images),
        "embeddings": str(work / f"{name}.zarr"),
        "cache": str(work / "cache"),
    }
    return load_config(
        {"paths": paths, "embed": {"model": MODEL, "precision": precision}}, None, dict(os.environ)
    )


def load(work: Path, precision: str) -> float:
    """Load the network, exporting it the first time; seconds."""
    engine = resolve_engine("auto", precision)
    spec = EncoderSpec(MODEL, None, engine.engine, engine.precision, engine.device)
    started = time.perf_counter()
    load_encoder(spec, threads=n_cores(), cache_dir=str(work / "cache"))
    return round(time.perf_counter() - started, 2)


def embed_once(work: Path, images: Path, precision: str, repeat: int) -> float:
    """Embed all files into a new store; seconds."""
    asked = settings(work, images, precision, f"ours-{precision}-{repeat}")
    with ThreadExecutor(n_cores()) as executor:
        started = time.perf_counter()
        result = embed.run(asked, executor=executor, progress=SilentProgress())
        seconds = time.perf_counter() - started
    if result.n_ok != result.n_in:
        raise SystemExit(f"expected every file embedded, got {result}")
    return seconds


def plain_network() -> torch.nn.Module:
    """Return timm's network with the packaged weights, as timm gives it."""
    facts = model_facts(MODEL)
    return build_network(facts, get_weights(facts, None)).eval()


def plain_once(network: torch.nn.Module, files: list[Path], batch: int, store: Path) -> float:
    """Embed all files with the plain loop; seconds."""
    torch.set_num_threads(n_cores())
    started = time.perf_counter()
    loader = DataLoader(Files(files), batch_size=batch, num_workers=2)
    with torch.inference_mode():
        features = [network(images).numpy() for images in loader]
    values = np.concatenate(features).astype(np.float16)
    array = zarr.create_array(
        str(store),
        shape=values.shape,
        chunks=(8192, values.shape[1]),
        dtype="float16",
        overwrite=True,
    )
    array[:] = values
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
