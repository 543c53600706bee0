"""Silhouettes of all runs of a sweep, against the mean time of a Lloyd iteration of that sweep.

One process: the sweep, then the pass that sums the clusters of all its runs, then the pass that
takes both silhouettes, on the same rows in memory. The same pass without the silhouettes says what
reading and assigning take of it.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np

from bannercluster.bench.generators import embedding_rows
from bannercluster.config import ClusterConfig
from bannercluster.kernels.rows import Recipe
from bannercluster.kernels.stack import Stack
from bannercluster.kmeans.products import product_of
from bannercluster.kmeans.sweep import Sweep, SweepResult
from bannercluster.runtime.devices import n_cores
from bannercluster.runtime.executor import ThreadExecutor
from bannercluster.traverse.silhouettes import ClusterMoments, RowBootstrap, Silhouettes
from bannercluster.traverse.sources import ArraySource
from bannercluster.traverse.walk import Assignment, Pass, Program, Walker
from benchmarks.results import keep, null_ratio, summary
from benchmarks.starts import KS, first_centres
from benchmarks.sweep import ITERATIONS

CACHE_NBYTES = 12 << 30


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=300_000)
    parser.add_argument("--features", type=int, default=1_792)
    parser.add_argument("--restarts", type=int, default=10)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--bootstrap", type=int, default=200)
    parser.add_argument("--normalize", choices=("l2", "none"), default="l2")
    asked = parser.parse_args()
    rows = embedding_rows(asked.rows, asked.features)
    config = ClusterConfig(
        k=KS, n_init=asked.restarts, max_iter=ITERATIONS, tol=0.0, normalize=asked.normalize
    )
    init = first_centres(rows, asked.restarts, asked.normalize)
    times: dict[str, list[float]] = {}
    with ThreadExecutor(n_cores()) as executor:
        measured(rows[:5_000], config, init, executor, 5)  # compiles the loops
        for _ in range(asked.repeats):
            seconds, facts = measured(rows, config, init, executor, asked.bootstrap)
            for name, value in seconds.items():
                times.setdefault(name, []).append(value)
    lloyd = times["lloyd_iteration"]
    keep(
        f"silhouettes-{asked.normalize}",
        {
            "rows": asked.rows,
            "features": asked.features,
            "normalize": asked.normalize,
            "k": KS,
            "restarts": asked.restarts,
            "replicates": asked.bootstrap,
            "threads": n_cores(),
            **facts,
            **{name: summary(values) for name, values in times.items()},
            "null_ratio_lloyd_iteration": null_ratio(lloyd),
            "null_ratio_silhouettes": null_ratio(times["silhouettes"]),
            **{
                f"{name}_in_lloyd_iterations": round(
                    float(np.median(np.divide(times[name], lloyd))), 2
                )
                for name in ("assignment_alone", "silhouettes", "silhouettes_and_replicates")
            },
        },
    )


def measured(
    rows: np.ndarray,
    config: ClusterConfig,
    init: dict[int, list[np.ndarray]],
    executor: ThreadExecutor,
    replicates: int,
) -> tuple[dict[str, float], dict[str, Any]]:
    """Seconds of a sweep's iteration and of the passes after it, and what was found."""
    walker = Walker(ArraySource(rows), executor, cache_nbytes=CACHE_NBYTES)
    swept = Sweep(config, product_of(config), init).run(walker)
    iterations = max(run.n_iter for run in swept.runs)
    seconds = {"lloyd_iteration": swept.lloyd_s / iterations}
    walker = Walker(ArraySource(rows), executor, cache_nbytes=CACHE_NBYTES)
    passed, facts = walker.drive(_passes(swept, config, replicates))
    return seconds | passed, facts


def _passes(
    swept: SweepResult, config: ClusterConfig, replicates: int
) -> Program[tuple[dict[str, float], dict[str, Any]]]:
    mean = swept.stats.mean.astype(np.float32)
    recipe = Recipe(config.normalize, product_of(config), mean)
    stack = Stack.of([run.centres for run in swept.runs], recipe)
    assignment = Assignment(stack, tuple(range(stack.n_runs)), step=0)
    seconds: dict[str, float] = {}
    started = time.perf_counter()
    (moments,) = yield Pass("sums", recipe, (ClusterMoments(stack),), assignment)
    seconds["sums"] = time.perf_counter() - started
    started = time.perf_counter()
    reducer = Silhouettes(stack, moments)
    (sums,) = yield Pass("silhouettes", recipe, (reducer,), assignment)
    seconds["silhouettes"] = time.perf_counter() - started
    started = time.perf_counter()
    drawn = Silhouettes(stack, moments, RowBootstrap(replicates, 0))
    yield Pass("silhouettes", recipe, (drawn,), assignment)
    seconds["silhouettes_and_replicates"] = time.perf_counter() - started
    started = time.perf_counter()
    yield Pass("assignment", recipe, (), assignment)
    seconds["assignment_alone"] = time.perf_counter() - started
    n = int(moments.counts[: stack.starts[1]].sum())
    precision, columns = reducer._clusters.plan
    found = {
        "precision": precision,
        "columns": columns,
        "silhouettes_by_run": [round(float(value), 6) for value in sums.euclidean / n],
    }
    return seconds, found


if __name__ == "__main__":
    main()
