"""Reading a store tile by tile against a plain file of the same bytes, from the disk and cached.

The plain file is read from its start to its end by blocks of a tile into a buffer that is used
again, each thread its own part of it; the store as a pass over the rows reads it, each thread
segments of its own. Before a cold round the pages of all files are given back
(``posix_fadvise``, which needs no rights). A cached round follows a cold one of the same side, so
that both find the cache as their own reading left it.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np

from bannercluster.bench.generators import write_store
from bannercluster.store.embeddings import EmbeddingStore
from bannercluster.traverse.segments import TILE_ROWS, Segment, cut
from bannercluster.traverse.sources import StoreSource
from benchmarks.results import keep, null_ratio


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=300_000)
    parser.add_argument("--features", type=int, default=1_792)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--folder", help="on the disk to measure; a temporary one by default")
    asked = parser.parse_args()
    work = Path(tempfile.mkdtemp(prefix="bc-bench-", dir=asked.folder))
    try:
        store = write_store(str(work / "e.zarr"), asked.rows, asked.features)
        keep("reading", measure(store, work, asked.repeats))
    finally:
        shutil.rmtree(work)


def measure(store: EmbeddingStore, work: Path, repeats: int) -> dict[str, object]:
    """Time both sides in turn: GB/s at the minimum, and the ratio."""
    plain = work / "plain"
    with plain.open("wb") as file:
        for low in range(0, store.n_rows, TILE_ROWS):
            file.write(store.read(low, min(low + TILE_ROWS, store.n_rows)).data)
        file.flush()
        os.fsync(file.fileno())
    chunks = [one for one in (work / "e.zarr" / "embedding" / "c").rglob("*") if one.is_file()]
    nbytes = plain.stat().st_size
    found: dict[str, object] = {"rows": store.n_rows, "features": store.n_features}
    for n_threads in (1, 2):
        sides: dict[str, tuple[list[Path], Callable[[], None]]] = {
            "plain": ([plain], partial(read_plain, plain, n_threads, store)),
            "store": (chunks, partial(read_store, store, n_threads)),
        }
        times = {f"{side} {state}": [] for side in sides for state in ("cold", "cached")}
        for _ in range(repeats):
            for side, (paths, read) in sides.items():
                give_back(paths)
                times[f"{side} cold"].append(timed(read))
                times[f"{side} cached"].append(timed(read))
        own = {name: round(nbytes / min(seconds) / 1e9, 2) for name, seconds in times.items()}
        found[f"{n_threads} threads"] = {
            "GB/s": own,
            "ratio_cold": round(own["store cold"] / own["plain cold"], 3),
            "ratio_cached": round(own["store cached"] / own["plain cached"], 3),
            "null_ratio": {name: null_ratio(seconds) for name, seconds in times.items()},
        }
    return found


def timed(read: Callable[[], None]) -> float:
    started = time.perf_counter()
    read()
    return time.perf_counter() - started


def give_back(paths: list[Path]) -> None:
    """Take the pages of files out of the cache."""
    for path in paths:
        with path.open("rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def read_plain(path: Path, n_threads: int, store: EmbeddingStore) -> None:
    block = TILE_ROWS * store.n_features * np.dtype(store.manifest.dtype).itemsize
    nbytes = path.stat().st_size
    cuts = [nbytes * part // n_threads for part in range(n_threads + 1)]

    def part(low: int, high: int) -> None:
        buffer = memoryview(np.empty(block, np.uint8))
        with path.open("rb", buffering=0) as file:
            while low < high:
                low += os.preadv(file.fileno(), [buffer[: min(block, high - low)]], low)

    with ThreadPoolExecutor(n_threads) as pool:
        list(pool.map(part, cuts[:-1], cuts[1:]))


def read_store(store: EmbeddingStore, n_threads: int) -> None:
    source = StoreSource(store)

    def segment(one: Segment) -> None:
        for start, stop in one.tiles():
            source.read(start, stop)

    with ThreadPoolExecutor(n_threads) as pool:
        list(pool.map(segment, cut(store.n_rows)))


if __name__ == "__main__":
    main()
