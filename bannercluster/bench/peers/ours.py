"""Our own sweep, behind the same harness as the peers: all first centres of a job are one sweep.

Run by ``scripts/harness.py`` in the interpreter of ``bc``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from bannercluster.config import ClusterConfig, RuntimeConfig
from bannercluster.kmeans.lloyd import Run
from bannercluster.kmeans.products import product_of
from bannercluster.kmeans.sweep import Sweep, SweepResult
from bannercluster.runtime.executor import ThreadExecutor
from bannercluster.runtime.memory import memory_budget
from bannercluster.traverse.sources import ArraySource
from bannercluster.traverse.walk import Walker

DISTRIBUTIONS = ("bannercluster", "torch", "numba", "numpy")

_CACHE_SHARE = 0.5


def prepare(rows: np.ndarray, n_threads: int) -> Any:
    """Return the fit of these rows."""

    def fit(inits: list[np.ndarray], max_iter: int, tol: float) -> list[tuple[Any, None, int]]:
        swept = _sweep(rows, n_threads, inits, max_iter, tol, None)
        runs = {(run.k, run.restart): run for run in swept.runs}
        return [
            (runs[key].centres, None, runs[key].n_iter)
            for key in _places([len(init) for init in inits])
        ]

    return fit


def trajectory(rows: np.ndarray, n_threads: int, asked: dict[str, Any]) -> dict[str, Any]:
    """Sweep once and say when which centres were reached; write them for whoever judges them.

    Returns
    -------
    dict
        ``seconds``: wall time since the start of the sweep after each iteration; ``centres``:
        beside each the file of all runs' centres, in the order of the job, one below the other.
    """
    (job,) = asked["jobs"]
    inits = [
        np.load(asked["init"][str(one["k"])], mmap_mode="r")[one["restart"]].astype(np.float32)
        for one in job
    ]
    recorder = _Recorder()
    started = time.perf_counter()
    _sweep(rows, n_threads, inits, asked["max_iter"], asked["tol"], recorder.all_runs)
    # Runs are stacked by k as they were first asked for; the job may mix them.
    ks = [len(init) for init in inits]
    by_sweep = [(k, restart) for k in dict.fromkeys(ks) for restart in range(ks.count(k))]
    order = [by_sweep.index(place) for place in _places(ks)]
    files = []
    for step, centres in enumerate(recorder.centres):
        files.append(f"{asked['out']}-step{step:03d}.npy")
        np.save(files[-1], np.concatenate([centres[index] for index in order]))
    return {"seconds": [at - started for at in recorder.at], "centres": files}


def race(rows: np.ndarray, n_threads: int, asked: dict[str, Any]) -> dict[str, Any]:
    """Sweep once with ``--search race`` and say when which centres led, one set for each k.

    Returns
    -------
    dict
        ``seconds`` and ``centres`` as :func:`trajectory`; the centres of the k one below the
        other, ``ks`` in their order.
    """
    (job,) = asked["jobs"]
    inits = [
        np.load(asked["init"][str(one["k"])], mmap_mode="r")[one["restart"]].astype(np.float32)
        for one in job
    ]
    recorder = _Recorder()
    started = time.perf_counter()
    _sweep(rows, n_threads, inits, asked["max_iter"], asked["tol"], recorder.leaders, "race")
    files = []
    for step, centres in enumerate(recorder.centres):
        files.append(f"{asked['out']}-race{step:03d}.npy")
        np.save(files[-1], np.concatenate(centres))
    seconds = [at - started for at in recorder.at]
    ks = list(dict.fromkeys(len(init) for init in inits))
    return {"seconds": seconds, "centres": files, "ks": ks}


def _sweep(
    rows: np.ndarray,
    n_threads: int,
    inits: Sequence[np.ndarray],
    max_iter: int,
    tol: float,
    on_iteration: Callable[[Sequence[Run]], None] | None,
    search: Literal["full", "race"] = "full",
) -> SweepResult:
    """Sweep over all first centres; a restart's number is its place among those of its k."""
    by_k: dict[int, list[np.ndarray]] = {}
    for init in inits:
        by_k.setdefault(len(init), []).append(init.astype(np.float64))
    config = ClusterConfig(
        k=tuple(by_k),
        n_init=max(map(len, by_k.values())),
        max_iter=max_iter,
        tol=tol,
        normalize="none",
        search=search,
    )
    cache_nbytes = int(_CACHE_SHARE * memory_budget(RuntimeConfig()))
    with ThreadExecutor(n_threads) as executor:
        walker = Walker(ArraySource(rows), executor, cache_nbytes=cache_nbytes)
        sweep = Sweep(config, product_of(config), by_k, on_iteration=on_iteration)
        return sweep.run(walker)


def _places(ks: Sequence[int]) -> list[tuple[int, int]]:
    """Return for each first centres the k and the place among those of that k."""
    seen: dict[int, int] = {}
    places = []
    for k in ks:
        places.append((k, seen.get(k, 0)))
        seen[k] = places[-1][1] + 1
    return places


@dataclass
class _Recorder:
    """Notes the time of each iteration and keeps centres: an update makes new arrays."""

    at: list[float] = field(default_factory=list)
    centres: list[list[np.ndarray]] = field(default_factory=list)

    def all_runs(self, runs: Sequence[Run]) -> None:
        """Keep the centres of every run."""
        self.at.append(time.perf_counter())
        self.centres.append([run.centres for run in runs])

    def leaders(self, runs: Sequence[Run]) -> None:
        """Keep for each k the centres of the run that has the lowest inertia on its rows."""
        self.at.append(time.perf_counter())
        best: dict[int, tuple[float, np.ndarray]] = {}
        for run in runs:
            if run.counts is None:
                continue
            # What means take off the inertia; the rest is the same for all runs on these rows.
            gain = float((run.counts * np.square(run.centres).sum(axis=1)).sum())
            if run.k not in best or gain > best[run.k][0]:
                best[run.k] = gain, run.centres
        self.centres.append([centres for _, centres in best.values()])
