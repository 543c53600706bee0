"""Reading banners: ``bc ocr`` from a cold start, against plain rapidocr in the same run.

Each timing is a process of its own, so that libraries, networks and kernels are loaded and compiled
within it. The peer is rapidocr as its page shows it: onnxruntime, all settings at their defaults.
Without --images the banners are synthetic; their headlines then give a character error rate.
"""

from __future__ import annotations

import argparse
import csv
import difflib
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from sklearn.metrics import adjusted_mutual_info_score

from bannercluster import BannerKMeans
from bannercluster.embed.inventory import SUFFIXES
from bannercluster.encoders.sentences import SentenceSpec, load_sentences
from bannercluster.media.texts import clean
from bannercluster.runtime.devices import n_cores
from bannercluster.store import ocr
from bannercluster.store.embeddings import EmbeddingStore
from bannercluster.synth import SynthBannersConfig, synth_banners
from benchmarks.results import keep, null_ratio, rate, summary

PLAIN = """
import json, sys
from rapidocr import RapidOCR
read = RapidOCR(params={"Global.log_level": "critical"})
texts = {}
for file in json.load(sys.stdin):
    texts[file] = "\\n".join(read(file).txts or ())
json.dump(texts, open(sys.argv[1], "w"))
"""
LEAST_BANNERS, SEEDS = 5, range(50)
BC = "import sys; from bannercluster.cli.main import main; sys.exit(main())"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", help="folder of banners; synthetic ones without it")
    parser.add_argument("--banners", type=int, default=120, help="of the synthetic ones")
    parser.add_argument("--repeats", type=int, default=3, help="of ours; the peer runs once")
    asked = parser.parse_args()
    work = Path(tempfile.mkdtemp(prefix="bc-bench-"))
    try:
        images = Path(asked.images) if asked.images else work / "images"
        if not asked.images:
            synth_banners(
                SynthBannersConfig(
                    images=str(images), n_banners=asked.banners, duplicates=0.0, near_duplicates=0.0
                )
            )
        name = "ocr" if asked.images else "ocr-synthetic"
        keep(name, measure(work, images, asked.repeats))
    finally:
        shutil.rmtree(work)


def measure(work: Path, images: Path, repeats: int) -> dict[str, object]:
    """Time both sides, and compare their texts."""
    bc(work, "embed", images, "--model", "efficientnet_lite0")
    ours = [read_once(work, images, str(nth)) for nth in range(repeats)]
    store = EmbeddingStore.open(str(work / "data/embeddings.zarr"))
    file_of = {row["content_id"]: row["file"] for row in store.table("rows").to_pylist()}
    found = ocr.read_texts(str(work / "ocr-0")).to_pylist()
    texts = {file_of[row["content_id"]]: row["text"] for row in found}
    files = [images / file for file in sorted(texts) if (images / file).suffix in SUFFIXES]
    # rapidocr opens still pictures only.
    files = [path for path in files if path.suffix != ".gif"]
    plain_s, theirs = plain_once(work, files)
    n_plain = len(files)
    plain_each, our_each = plain_s / n_plain, statistics.median(ours) / len(texts)
    pairs = [(texts[str(path.relative_to(images))], theirs[str(path)]) for path in files]
    return {
        "banners": len(texts),
        "threads": n_cores(),
        "ours_whole_command": {**summary(ours), "banners_s": rate(len(texts), ours)},
        "plain_rapidocr_whole_process": {
            "banners": n_plain,
            "s": round(plain_s, 2),
            "banners_s": round(n_plain / plain_s, 2),
        },
        "ratio": round(plain_each / our_each, 1),
        "null_ratio": null_ratio(ours),
        "likeness_of_texts": round(statistics.mean(likeness(*pair) for pair in pairs), 4),
        "characters_of_plain": round(
            sum(len(own) for own, _ in pairs) / max(1, sum(len(other) for _, other in pairs)), 3
        ),
        **headline_errors(images, texts),
        **agreement(
            images,
            {str(path.relative_to(images)): pair for path, pair in zip(files, pairs, strict=True)},
        ),
    }


def agreement(images: Path, pairs: dict[str, tuple[str, str]]) -> dict[str, object]:
    """Return how well both kinds of text alone tell advertisers apart: AMI over seeds.

    Of advertisers with enough banners, one cluster each; nothing where the manifest names none.
    """
    with (images / "manifest.csv").open(newline="") as file:
        owner = {row["file"]: row.get("advertiser", "") for row in csv.DictReader(file)}
    counts = Counter(owner[file] for file in pairs if owner.get(file))
    files = [file for file in pairs if counts.get(owner.get(file, ""), 0) >= LEAST_BANNERS]
    k = len({owner[file] for file in files})
    if k < 2:
        return {}
    encoder = load_sentences(
        SentenceSpec("all-MiniLM-L6-v2", "openvino", "float32", "cpu"),
        threads=n_cores(),
        cache_dir=str(Path("~/.cache/bannercluster").expanduser()),
    )
    found: dict[str, object] = {"banners": len(files), "k": k, "seeds": len(SEEDS)}
    truth = [owner[file] for file in files]
    for which, name in enumerate(("ours", "plain")):
        rows = encoder.encode([clean(pairs[file][which], 20_000) for file in files]).vectors
        for restarts in (1, 10):
            scores = [
                adjusted_mutual_info_score(
                    truth, BannerKMeans(k, n_init=restarts, random_state=seed).fit_predict(rows)
                )
                for seed in SEEDS
            ]
            found[f"{name}, {restarts} restarts"] = round(statistics.mean(scores), 4)
    return {"advertiser_ami_of_texts": found}


def bc(work: Path, verb: str, images: Path, *options: str) -> float:
    """Run a command in a process of its own; seconds."""
    started = time.perf_counter()
    subprocess.run(
        [sys.executable, "-c", BC, verb, "--images", str(images.resolve()), "--quiet", *options],
        cwd=work,
        stdout=subprocess.DEVNULL,
        check=verb != "embed",
    )
    return time.perf_counter() - started


def read_once(work: Path, images: Path, name: str) -> float:
    """Read all images into a new table; seconds."""
    return bc(work, "ocr", images, "--which", "all", "--ocr", str(work / f"ocr-{name}"))


def plain_once(work: Path, files: list[Path]) -> tuple[float, dict[str, str]]:
    """Read all files with plain rapidocr; seconds, and the texts."""
    out = work / "plain.json"
    started = time.perf_counter()
    subprocess.run(
        [sys.executable, "-c", PLAIN, str(out)],
        input=json.dumps([str(path) for path in files]),
        text=True,
        check=True,
    )
    return time.perf_counter() - started, json.loads(out.read_text())


def likeness(ours: str, theirs: str) -> float:
    """Return 2 x characters in common / characters of both, by matching blocks."""
    return difflib.SequenceMatcher(None, ours, theirs, autojunk=False).ratio()


def headline_errors(images: Path, texts: dict[str, str]) -> dict[str, object]:
    """Return character error rates of the headlines that synthetic banners show."""
    manifest = images / "manifest.csv"
    with manifest.open(newline="") as file:
        rows = list(csv.DictReader(file))
    errors = [
        nearest(row["title"].split(" | ")[0], texts[row["file"]])
        for row in rows
        if not row.get("fault", "x") and row["file"] in texts
    ]
    if not errors:
        return {}
    return {
        "headline_error_rate": {
            "banners": len(errors),
            "median": round(statistics.median(errors), 4),
            "mean": round(statistics.mean(errors), 4),
            "read_without_error": round(sum(error == 0 for error in errors) / len(errors), 4),
        }
    }


def nearest(wanted: str, found: str) -> float:
    """Return the edits from a text to the part of another that is nearest, per character."""
    a, b = wanted.casefold(), " ".join(found.casefold().split())
    row = [0] * (len(b) + 1)  # it may begin anywhere
    for nth, letter in enumerate(a, 1):
        before, row = row, [nth]
        for place, other in enumerate(b, 1):
            row.append(min(before[place] + 1, row[-1] + 1, before[place - 1] + (letter != other)))
    return min(row) / len(a)


if __name__ == "__main__":
    main()
