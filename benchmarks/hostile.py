"""Embedding a folder with hostile files against the same number of clean ones.

Two folders of synthetic banners; in the second one 2 % are hostile, of every kind in turn, each
with bytes of its own. Those that crash, hang and exhaust the decoder do it through the decoder of
the tests. Each folder is embedded in a process of its own, whose memory, children included, is
sampled as PSS (shared pages are shared out) until it ends.

Holds where the counts are exact, the throughput is at least 1 / 1.25 of the clean one, and the
peak is within the plan.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import psutil

from bannercluster import embed
from bannercluster.config import Settings, load_config
from bannercluster.embed.inventory import SUFFIXES
from bannercluster.encoders import EncoderSpec, load_encoder, resolve_engine
from bannercluster.media import decoders
from bannercluster.runtime.cluster import open_executor
from bannercluster.runtime.devices import n_cores
from bannercluster.runtime.progress import SilentProgress
from bannercluster.synth import SynthBannersConfig, synth_banners
from benchmarks.results import keep, rate, summary

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.faults import hostile_decoder, hostile_images

MODEL = "efficientnet_lite0"
HOSTILE = 0.02
WITHIN = 1.25


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--banners", type=int, default=8_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--run", nargs=2, metavar=("FOLDER", "IMAGES"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.run:
        print(json.dumps(embed_once(*map(Path, asked.run))))
        return
    work = Path(tempfile.mkdtemp(prefix="bc-hostile-"))
    try:
        keep("hostile", measure(work, asked.banners, asked.repeats))
    finally:
        shutil.rmtree(work)


def measure(work: Path, n: int, repeats: int) -> dict[str, object]:
    """Embed both folders in turn."""
    clean, hostile = work / "clean", work / "hostile"
    synth_banners(
        SynthBannersConfig(images=str(clean), n_banners=n, duplicates=0.0, near_duplicates=0.0)
    )
    (clean / "manifest.csv").unlink()
    shutil.copytree(clean, hostile)
    wanted = poison(hostile, round(HOSTILE * n))
    runs: dict[str, list[dict[str, object]]] = {"clean": [], "hostile": []}
    run_apart(work, clean, "warm")  # exports the network and compiles it for every shape
    for repeat in range(repeats):
        for name, images in (("clean", clean), ("hostile", hostile)):
            runs[name].append(run_apart(work, images, f"{name}-{repeat}"))
    exact = all(run["counts"] == wanted for run in runs["hostile"])
    times = {name: [float(str(run["duration_s"])) for run in found] for name, found in runs.items()}
    ratio = statistics.median(times["hostile"]) / statistics.median(times["clean"])
    peak = {name: max(int(str(run["peak_pss"])) for run in found) for name, found in runs.items()}
    plan = int(str(runs["hostile"][0]["planned"]))
    result: dict[str, object] = {
        "files": n,
        "hostile_files": round(HOSTILE * n),
        "model": MODEL,
        "wanted": wanted,
        "counts_exact": exact,
        **{name: {**summary(t), "files_s": rate(n, t)} for name, t in times.items()},
        "time_ratio": round(ratio, 3),
        "peak_pss_mib": {name: peak[name] >> 20 for name in peak},
        "planned_mib": plan >> 20,
        "holds": exact and ratio <= WITHIN and max(peak.values()) <= plan,
    }
    if not exact:
        result["found"] = [run["counts"] for run in runs["hostile"]]
    return result


def poison(images: Path, n_hostile: int) -> dict[str, int]:
    """Put hostile files in the place of banners, spread over all; return the expected counts."""
    files = sorted(path for path in images.rglob("*") if path.is_file() and path.suffix in SUFFIXES)
    step = len(files) // n_hostile
    decoded = [(make, end) for make, end in hostile_images.DECODED.values() if end != "empty"]
    wanted: Counter[str] = Counter(n_in=len(files))
    n_kinds = len(decoded) + len(hostile_images.DEEDS) + 3
    for nth in range(n_hostile):
        place = files[nth * step]
        kind = nth * 11 % n_kinds  # a prime step: a few files show kinds of every sort
        if kind < len(decoded):
            make, end = decoded[kind]
            place.write_bytes(make(10_000 + nth))
        elif kind < len(decoded) + len(hostile_images.DEEDS):
            name, end = list(hostile_images.DEEDS.items())[kind - len(decoded)]
            place.write_bytes(hostile_images.deed(name, 10_000 + nth))
        else:
            end = replace_by_another_thing(place, kind - len(decoded) - len(hostile_images.DEEDS))
        wanted[end] += 1
    wanted["ok"] += len(files) - n_hostile
    # A few banners of thousands are drawn twice by chance: counted here by their bytes.
    banners = set(files) - {files[nth * step] for nth in range(n_hostile)}
    digests = Counter(hashlib.sha256(path.read_bytes()).digest() for path in banners)
    repeated = sum(n - 1 for n in digests.values())
    wanted["ok"] -= repeated
    if repeated:
        wanted["duplicate"] += repeated
    return dict(sorted(wanted.items()))


def replace_by_another_thing(place: Path, which: int) -> str:
    """Put a pipe, a link to the outside, or an empty file in the place of a banner."""
    place.unlink()
    if which == 0:
        os.mkfifo(place)
        return "not_a_file"
    if which == 1:
        place.symlink_to("/dev/zero")
        return "outside_folder"
    place.touch()
    return "empty"


def run_apart(work: Path, images: Path, name: str) -> dict[str, object]:
    """Embed in a process of its own, and sample what its whole tree takes."""
    folder = work / name
    folder.mkdir()
    (folder / "cache").symlink_to(work / "warm" / "cache")
    if name == "warm":
        (folder / "cache").unlink()
    words = [sys.executable, "-m", "benchmarks.hostile", "--run", str(folder), str(images)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        peak = 0
        while process.poll() is None:
            peak = max(peak, tree_pss(process.pid))
            time.sleep(0.2)
        said = process.stdout.read() if process.stdout else ""
    if process.returncode:
        raise SystemExit(f"the run in {folder} ended with {process.returncode}")
    shutil.rmtree(folder / "embeddings.zarr")
    return {**json.loads(said), "peak_pss": peak}


def tree_pss(pid: int) -> int:
    """Return the memory of a process and all its descendants, bytes."""
    total = 0
    try:
        root = psutil.Process(pid)
        family = [root, *root.children(recursive=True)]
    except psutil.Error:
        return 0
    for one in family:
        try:
            total += one.memory_full_info().pss
        except psutil.Error:
            continue  # it has just ended
    return total


def embed_once(folder: Path, images: Path) -> dict[str, object]:
    """Embed a folder into a new store; counts, time and plan."""
    decoders.DECODER = hostile_decoder.DECODER
    settings = settings_of(folder, images)
    engine = resolve_engine()
    spec = EncoderSpec(MODEL, None, engine.engine, engine.precision, engine.device)
    load_encoder(spec, threads=n_cores(), cache_dir=settings.paths.cache)
    plan = embed.plan(settings)
    with open_executor(settings.runtime, prefer=plan.prefer, plan=plan.memory) as executor:
        started = time.perf_counter()
        result = embed.run(settings, executor=executor, progress=SilentProgress())
        duration_s = time.perf_counter() - started
    counts = {"n_in": result.n_in, "ok": result.n_ok, **dict(result.reasons)}
    if result.n_duplicate:
        counts["duplicate"] = result.n_duplicate
    return {
        "counts": dict(sorted(counts.items())),
        "duration_s": duration_s,
        "planned": plan.memory.total(n_cores()),
    }


def settings_of(folder: Path, images: Path) -> Settings:
    """Return the settings of a run into a store of its own."""
    paths = {
        "images": str(images),
        "embeddings": str(folder / "embeddings.zarr"),
        "cache": str(folder / "cache"),
    }
    own = {"paths": paths, "embed": {"model": MODEL}, "runtime": {"dashboard": "off"}}
    return load_config(own, None, {})


if __name__ == "__main__":
    main()
