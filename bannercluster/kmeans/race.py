"""Restarts that race on a nested sample, so that only the best of each k runs on everything.

Most restarts are worse than the best one, and a sample says so: all of them run on a few rows, the
better quarter on four times as many, and the best of each k is left. Its centres are then almost
where they end, so that few iterations over all rows remain. What it may cost: the restart that is
best on the sample need not be best on all rows, though it is close to it.

Source: successive halving (Jamieson and Talwalkar, 2016), on samples that contain one another.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from bannercluster.config import ClusterConfig
from bannercluster.kernels.rows import Recipe
from bannercluster.kernels.sums import exact_grid
from bannercluster.kmeans.lloyd import Lloyd, Run
from bannercluster.kmeans.products import DIMS, Products
from bannercluster.runtime.devices import n_cores
from bannercluster.runtime.executor import Executor, ThreadExecutor
from bannercluster.traverse.reducers import RowStats, Stats
from bannercluster.traverse.sources import ArraySource, RowSource
from bannercluster.traverse.walk import Pass, Walker

_MORE_ROWS = 4
_KEPT = 4  # one run in so many goes on
_ITERATIONS = 25  # on a sample: the order of the runs is clear by then
_READERS = 8  # rows of a sample lie far apart: a disk serves several requests at a time


@dataclass(frozen=True)
class Level:
    """A sample, and how many restarts of each k run on it.

    Parameters
    ----------
    n_rows, n_runs : int
    """

    n_rows: int
    n_runs: int


def levels(n_rows: int, config: ClusterConfig) -> tuple[Level, ...]:
    """Return the levels of a race; none where there is nothing to gain.

    The first sample has ``race_rows`` rows, each further one four times as many and a quarter of
    the runs, as long as it is at most half of all rows and more than one run of a k is left.
    """
    found = []
    size, runs = config.race_rows, config.n_init
    while runs > 1 and 2 * size <= n_rows:
        found.append(Level(size, runs))
        size, runs = _MORE_ROWS * size, -(-runs // _KEPT)
    return tuple(found)


@dataclass(frozen=True)
class Race:
    """A race of the runs of a sweep.

    Parameters
    ----------
    config : ClusterConfig
    recipe : Recipe
        The product of all features.
    stats : RowStats
        Of all rows.
    cache_nbytes : int
        Bytes of prepared rows that may be kept.
    on_iteration : callable, optional
        Called after each update of the centres with the runs.
    """

    config: ClusterConfig
    recipe: Recipe
    stats: RowStats
    cache_nbytes: int
    on_iteration: Callable[[Sequence[Run]], None] | None = None

    def run(
        self,
        runs: Sequence[Run],
        source: RowSource,
        executor: Executor,
        note: Callable[[str], None],
    ) -> list[Run]:
        """Race the runs and return the winner of each k, in the order of the k.

        On threads of this process: the samples lie in its memory.

        Parameters
        ----------
        runs : sequence of Run
            With their first centres.
        source : RowSource
        executor : Executor
            Of the sweep; lends its number of threads.
        note : callable
            Told what is being done.
        """
        stages = levels(source.n_rows, self.config)
        left = list(runs)
        if stages:
            n_threads = executor.n_workers if executor.kind == "threads" else n_cores()
            sample = nested_sample(source, [stage.n_rows for stage in stages], self.config.seed)
            with ThreadExecutor(n_threads) as threads:
                for number, stage in enumerate(stages):
                    after = stages[number + 1].n_runs if number + 1 < len(stages) else 1
                    note(f"race: {len(left)} runs on {stage.n_rows:,} rows")
                    left = self._level(left, sample[: stage.n_rows], threads, after)
        return [Run(index, run.k, run.restart, run.centres) for index, run in enumerate(left)]

    def _level(
        self, runs: Sequence[Run], rows: np.ndarray, threads: Executor, n_kept: int
    ) -> list[Run]:
        config = self.config
        whole = 4 * rows.size <= self.cache_nbytes
        walker = Walker(
            ArraySource(rows),
            threads,
            self.cache_nbytes,
            "values" if whole else "projections",
            DIMS[-1],
        )
        again = [Run(index, run.k, run.restart, run.centres) for index, run in enumerate(runs)]
        lloyd = Lloyd(
            again,
            Products.of(self.recipe, rows, len(rows), fitted=any(run.n_iter for run in runs)),
            exact_grid(len(rows), self.stats.largest),
            min(config.max_iter, _ITERATIONS),
            config.tol * self.stats.mean_variance,
            config.spherical,
            self.on_iteration,
        )
        walker.drive(lloyd.program())
        stats: RowStats
        (stats,) = walker.run(
            Pass("statistics", Recipe(self.recipe.normalize), (Stats(rows.shape[1]),))
        )
        kept = []
        for k in dict.fromkeys(run.k for run in runs):
            own = [run for run in again if run.k == k]
            own.sort(key=lambda run: (run.inertia(stats.sum_sq), run.restart))
            kept.extend(own[:n_kept])
        return kept


def nested_sample(source: RowSource, sizes: Sequence[int], seed: int) -> np.ndarray:
    """Return random rows as stored: the first ``sizes[i]`` of them are a random sample for each i.

    Parameters
    ----------
    source : RowSource
    sizes : sequence of int
        Rising.
    seed : int

    Returns
    -------
    (sizes[-1], n_features) array
    """
    generator = np.random.Generator(np.random.PCG64([seed, source.n_rows, 1]))
    chosen = generator.permutation(source.n_rows)[: sizes[-1]]
    edges = [0, *sizes]
    parts = [np.sort(chosen[low:high]) for low, high in pairwise(edges)]
    wanted = [some for part in parts for some in np.array_split(part, _READERS) if len(some)]
    with ThreadPoolExecutor(_READERS, "sample") as pool:
        return np.concatenate(list(pool.map(source.gather, wanted)))
