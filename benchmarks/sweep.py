"""The k sweep against scikit-learn, in one process, from the same first centres.

scikit-learn runs one restart of each k; its time is multiplied by the number of restarts, and
labelled so. Labels are compared with scikit-learn on the same rows in float32 (its speed) and in
float64 (its truth).
"""

from __future__ import annotations

import argparse
import time

import numpy as np
from sklearn.cluster import KMeans

from bannercluster.bench.generators import embedding_rows
from bannercluster.config import ClusterConfig
from bannercluster.kmeans.products import product_of
from bannercluster.kmeans.sweep import Sweep, SweepResult
from bannercluster.models.kmeans import nearest
from bannercluster.runtime.devices import n_cores
from bannercluster.runtime.executor import ThreadExecutor
from bannercluster.traverse.sources import ArraySource
from bannercluster.traverse.walk import Walker
from benchmarks.results import keep, null_ratio, summary
from benchmarks.starts import KS, first_centres

ITERATIONS = 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=300_000)
    parser.add_argument("--features", type=int, default=1_792)
    parser.add_argument("--restarts", type=int, default=10)
    parser.add_argument("--repeats", type=int, default=3)
    asked = parser.parse_args()
    rows = embedding_rows(asked.rows, asked.features)
    init = first_centres(rows, asked.restarts)
    config = ClusterConfig(
        k=KS, n_init=asked.restarts, max_iter=ITERATIONS, tol=0.0, normalize="none"
    )
    sweep_once(rows, config, init, warm_up=True)
    ours: list[float] = []
    peers: dict[int, list[float]] = {k: [] for k in KS}
    swept, fitted = None, {}
    for _ in range(asked.repeats):
        seconds, swept = sweep_once(rows, config, init)
        ours.append(seconds)
        for k in KS:
            started = time.perf_counter()
            fitted[k] = peer(k, init[k][0], np.float32).fit(rows)
            peers[k].append(time.perf_counter() - started)
    one_restart = [sum(times) for times in zip(*peers.values(), strict=True)]
    ratios = [asked.restarts * theirs / own for own, theirs in zip(ours, one_restart, strict=True)]
    keep(
        "sweep",
        {
            "rows": asked.rows,
            "features": asked.features,
            "k": KS,
            "restarts": asked.restarts,
            "iterations": sorted({run.n_iter for run in swept.runs}),
            "product": product_of(config),
            "threads": n_cores(),
            "sweep": summary(ours),
            "scikit_learn_one_restart": summary(one_restart),
            "scikit_learn_by_k": {k: summary(times) for k, times in peers.items()},
            "ratio_scaled_to_all_restarts": round(float(np.median(ratios)), 2),
            "ratios": [round(ratio, 2) for ratio in ratios],
            "null_ratio_sweep": null_ratio(ours),
            "null_ratio_scikit_learn": null_ratio(one_restart),
            "agreement": agreement(rows, swept, fitted, init),
        },
    )


def sweep_once(
    rows: np.ndarray,
    config: ClusterConfig,
    init: dict[int, list[np.ndarray]],
    *,
    warm_up: bool = False,
) -> tuple[float, SweepResult]:
    """Run the whole sweep; the warm-up compiles the loops on a few rows."""
    data = rows[:5_000] if warm_up else rows
    with ThreadExecutor(n_cores()) as executor:
        started = time.perf_counter()
        walker = Walker(ArraySource(data), executor, cache_nbytes=8 << 30)
        swept = Sweep(config, product_of(config), init).run(walker)
        return time.perf_counter() - started, swept


def peer(k: int, first: np.ndarray, dtype: type) -> KMeans:
    """Return scikit-learn's k-means from the same first centres."""
    return KMeans(
        k, init=first.astype(dtype), n_init=1, max_iter=ITERATIONS, tol=0.0, algorithm="lloyd"
    )


def agreement(
    rows: np.ndarray,
    swept: SweepResult,
    fitted: dict[int, KMeans],
    init: dict[int, list[np.ndarray]],
) -> dict[int, dict[str, float]]:
    """Rows whose label differs from scikit-learn's, and the relative difference of the inertia."""
    wide = rows.astype(np.float64)
    found = {}
    for k in KS:
        run = next(run for run in swept.runs if run.k == k)
        labels = nearest(rows, run.centres, "none").cluster_id
        exact = peer(k, init[k][0], np.float64).fit(wide)
        found[k] = {
            "labels_differing_from_float64": int((labels != exact.labels_).sum()),
            "labels_differing_from_float32": int((labels != fitted[k].labels_).sum()),
            "inertia_relative_to_float64": abs(run.inertia / exact.inertia_ - 1),
            "inertia_relative_to_float32": abs(run.inertia / fitted[k].inertia_ - 1),
        }
    return found


if __name__ == "__main__":
    main()
