"""`bc import` of Parquet against plain reading of the same files with pyarrow, in one run."""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from bannercluster.config import Settings
from bannercluster.runtime.executor import ThreadExecutor
from bannercluster.runtime.memory import worker_count
from bannercluster.runtime.progress import SilentProgress
from bannercluster.transfer import importing
from benchmarks.results import keep, null_ratio, summary

BATCH_ROWS = 8192
FILE_ROWS = 65_536
WAYS = ("iter_batches", "scanner", "import")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--features", type=int, default=1792)
    parser.add_argument("--group-rows", type=int, default=8192)
    parser.add_argument("--compression", default="none")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--folder", help="where there is room for the files and the store")
    parser.add_argument("--one", choices=WAYS, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        print(json.dumps(measure(asked.one, Path(asked.folder))))
        return
    work = Path(tempfile.mkdtemp(prefix="bc-bench-", dir=asked.folder))
    try:
        nbytes = generate(work / "source", asked)
        found: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
        for _ in range(1 + asked.rounds):  # the first round warms the page cache and is not counted
            for way in WAYS:
                found[way].append(in_child(way, work))
        timed = {way: [one["duration_s"] for one in runs[1:]] for way, runs in found.items()}
        best = {way: min(times) for way, times in timed.items()}
        imports = found["import"]
        keep(
            "importing",
            {
                "rows": asked.rows,
                "features": asked.features,
                "element": "float32",
                "rows_a_group": asked.group_rows,
                "rows_a_file": FILE_ROWS,
                "compression": asked.compression,
                "source_nbytes": nbytes,
                **{way: summary(times) for way, times in timed.items()},
                "import_over_iter_batches": round(best["import"] / best["iter_batches"], 2),
                "import_over_scanner": round(best["import"] / best["scanner"], 2),
                "null_ratio": max(null_ratio(times) for times in timed.values()),
                "planned_nbytes": max(int(one["planned_nbytes"]) for one in imports),
                "peak_nbytes": max(int(one["peak_nbytes"]) for one in imports),
            },
        )
    finally:
        shutil.rmtree(work)


def generate(folder: Path, asked: argparse.Namespace) -> int:
    """Write the files; return their size."""
    folder.mkdir()
    generator = np.random.default_rng(0)
    f = asked.features
    for number, low in enumerate(range(0, asked.rows, FILE_ROWS)):
        n = min(FILE_ROWS, asked.rows - low)
        offsets = pa.array(np.arange(n + 1, dtype=np.int32) * f)
        values = pa.array(generator.standard_normal(n * f, dtype=np.float32))
        table = pa.table(
            {
                "banner_id": [f"banner-{row:09d}" for row in range(low, low + n)],
                "advertiser": [f"advertiser-{row % 500}" for row in range(n)],
                "embedding": pa.ListArray.from_arrays(offsets, values),
            }
        )
        pq.write_table(
            table,
            folder / f"part-{number:05d}.parquet",
            row_group_size=asked.group_rows,
            compression=asked.compression,
            use_dictionary=["advertiser"],
        )
    return sum(path.stat().st_size for path in folder.iterdir())


def in_child(way: str, work: Path) -> dict[str, float]:
    """Measure in a process of its own, for its peak of memory."""
    command = [sys.executable, "-m", "benchmarks.importing", "--one", way, "--folder", str(work)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    shutil.rmtree(work / "store", ignore_errors=True)
    measured: dict[str, float] = json.loads(done.stdout)
    print(way, measured, file=sys.stderr)
    return measured


def measure(way: str, work: Path) -> dict[str, float]:
    source, planned = work / "source", 0
    settings = Settings().replace("import", source=str(source), model="a_network")
    settings = settings.replace("paths", embeddings=str(work / "store" / "embeddings.zarr"))
    started = time.perf_counter()
    if way == "iter_batches":
        for path in sorted(source.iterdir()):
            for _ in pq.ParquetFile(path).iter_batches(BATCH_ROWS):
                pass
    elif way == "scanner":
        for _ in ds.dataset(source, format="parquet").scanner(batch_size=BATCH_ROWS).to_batches():
            pass
    else:
        n_workers = worker_count(settings.runtime)
        planned = importing.plan(settings).memory.total(n_workers)
        with ThreadExecutor(n_workers) as executor:
            importing.run(settings, executor=executor, progress=SilentProgress())
    return {
        "duration_s": time.perf_counter() - started,
        "peak_nbytes": peak_nbytes(),
        "planned_nbytes": planned,
    }


def peak_nbytes() -> int:
    """Peak of resident memory of this process; ``ru_maxrss`` would be that of its parent too."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    (line,) = (line for line in lines if line.startswith("VmHWM"))
    return int(line.split()[1]) << 10


if __name__ == "__main__":
    main()
