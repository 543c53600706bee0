"""The race of restarts against the full search: time, and what it costs in inertia."""

from __future__ import annotations

import argparse
import time

import numpy as np

from bannercluster.bench.generators import embedding_rows
from bannercluster.config import ClusterConfig
from bannercluster.kmeans.products import product_of
from bannercluster.kmeans.sweep import Sweep, SweepResult
from bannercluster.runtime.devices import n_cores
from bannercluster.runtime.executor import ThreadExecutor
from bannercluster.traverse.sources import ArraySource
from bannercluster.traverse.walk import Walker
from benchmarks.results import keep
from benchmarks.starts import KS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--features", type=int, default=1_792)
    parser.add_argument("--seeds", type=int, default=1)
    asked = parser.parse_args()
    rows = embedding_rows(asked.rows, asked.features, dtype="float16")
    search(rows[:20_000], "race", 0)  # compiles the loops
    runs = []
    for seed in range(asked.seeds):
        raced, race_s = search(rows, "race", seed)
        full, full_s = search(rows, "full", seed)
        runs.append(
            {
                "seed": seed,
                "race_s": round(race_s, 2),
                "full_s": round(full_s, 2),
                "gap": {k: raced.best(k).inertia / full.best(k).inertia - 1 for k in KS},
                "full_iterations": {k: full.best(k).n_iter for k in KS},
                "race_iterations": {k: raced.best(k).n_iter for k in KS},
            }
        )
    about = {"rows": asked.rows, "features": asked.features, "k": KS, "restarts": 10}
    keep("race", {**about, "threads": n_cores(), "runs": runs})


def search(rows: np.ndarray, kind: str, seed: int) -> tuple[SweepResult, float]:
    """Sweep with the settings of `bc cluster`, but for raw rows; returns its seconds too."""
    config = ClusterConfig(k=KS, normalize="none", search=kind, seed=seed)
    with ThreadExecutor(n_cores()) as executor:
        started = time.perf_counter()
        walker = Walker(ArraySource(rows), executor, cache_nbytes=12 << 30)
        swept = Sweep(config, product_of(config)).run(walker)
        return swept, time.perf_counter() - started


if __name__ == "__main__":
    main()
