"""A k sweep: statistics, seeding, Lloyd of all runs together, the best restart of each k."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch

from bannercluster.config import ClusterConfig
from bannercluster.errors import DataError
from bannercluster.kernels.rows import Normalize, Product, Recipe, normalized, to_float32
from bannercluster.kernels.seeding import SeedRun, entropy_of, kmeans_plusplus
from bannercluster.kernels.stack import Stack
from bannercluster.kernels.sums import exact_grid
from bannercluster.kmeans.checkpoint import Checkpoint
from bannercluster.kmeans.lloyd import Lloyd, Run
from bannercluster.kmeans.products import Products
from bannercluster.kmeans.race import Race, levels
from bannercluster.traverse.reducers import Labels, RowStats, Stats
from bannercluster.traverse.sources import RowSource
from bannercluster.traverse.walk import Assignment, Pass, Program, Walker


@dataclass(frozen=True)
class RunResult:
    """One finished run.

    Parameters
    ----------
    k, restart, n_iter : int
    inertia : float
        Sum of squared Euclidean distances to the own centre.
    converged : bool
    sizes : (k,) int64 array
    centres : (k, n_features) float64 array
    """

    k: int
    restart: int
    n_iter: int
    inertia: float
    converged: bool
    sizes: np.ndarray
    centres: np.ndarray


@dataclass(frozen=True)
class SweepResult:
    """All runs of a sweep.

    Parameters
    ----------
    runs : tuple of RunResult
        By k as asked, then by restart.
    stats : RowStats
    n_passes : int
        Traversals of the data.
    seeding_s, lloyd_s : float
        Wall time.
    statistics_s, race_s : float
        Wall time of the first traversal, and of the race on samples.
    n_reads : float
        Bytes that the traversals read, as a multiple of those of all rows.
    """

    runs: tuple[RunResult, ...]
    stats: RowStats
    n_passes: int
    seeding_s: float
    lloyd_s: float
    statistics_s: float = 0.0
    race_s: float = 0.0
    n_reads: float = 0.0

    def best(self, k: int) -> RunResult:
        """Return the run of lowest inertia; the earlier restart where two are equal."""
        return min((run for run in self.runs if run.k == k), key=lambda run: run.inertia)


@dataclass(frozen=True)
class Sweep:
    """What a sweep is asked to do.

    Parameters
    ----------
    config : ClusterConfig
    product : {"float32", "bfloat16"}
        Precision of the matrix product; no result depends on it.
    init : mapping of k to arrays, optional
        For each k its first centres, one ``(k, n_features)`` array a restart, in the space of the
        prepared rows; seeded by k-means++ where it is None.
    checkpoint : Checkpoint, optional
    on_iteration : callable, optional
        Called after each update of the centres with the runs.
    """

    config: ClusterConfig
    product: Product = "float32"
    init: dict[int, list[np.ndarray]] | None = None
    checkpoint: Checkpoint | None = None
    on_iteration: Callable[[Sequence[Run]], None] | None = None

    def run(self, walker: Walker, note: Callable[[str], None] | None = None) -> SweepResult:
        """Walk the sweep to its end.

        Raises
        ------
        DataError
            If there are fewer distinct rows than k, or rows that are not finite.
        """
        return walker.drive(self._program(walker, note or (lambda _: None)))

    def _program(self, walker: Walker, note: Callable[[str], None]) -> Program[SweepResult]:
        config, source = self.config, walker.source
        check_k(config.k, source.n_rows)
        normalize: Normalize = "l2" if config.normalize == "l2" else "none"
        began = time.perf_counter()
        stats: RowStats
        (stats,) = yield Pass("statistics", Recipe(normalize), (Stats(source.n_features),))
        check_finite(stats)
        started = time.perf_counter()
        note("seeding")
        stored = _sample(config, source)
        full = Recipe(normalize, self.product, stats.mean.astype(np.float32))
        runs = self.checkpoint.load() if self.checkpoint is not None else None
        seeded = raced = started
        fitted = runs is not None
        if runs is None:
            runs = _first_runs(config, self.init, stored, normalize, walker.executor.n_workers)
            seeded = raced = time.perf_counter()
            if config.search == "race":
                race = Race(config, full, stats, walker.cache_nbytes, self.on_iteration)
                runs = race.run(runs, source, walker.executor, note)
                fitted = bool(levels(source.n_rows, config))
                raced = time.perf_counter()
        products = Products.of(
            full,
            stored,
            source.n_rows,
            fitted=fitted,
            most_dims=walker.most_dims if walker.keep == "projections" else None,
        )

        def on_iteration(runs: Sequence[Run]) -> None:
            active = sum(not run.stopped for run in runs)
            note(
                f"iteration {max(run.n_iter for run in runs)}, {active} of {len(runs)} runs active"
            )
            if self.checkpoint is not None:
                self.checkpoint.save(runs)
            if self.on_iteration is not None:
                self.on_iteration(runs)

        lloyd = Lloyd(
            runs,
            products,
            exact_grid(source.n_rows, stats.largest),
            config.max_iter,
            config.tol * stats.mean_variance,
            config.spherical,
            on_iteration,
        )
        yield from lloyd.program()
        return SweepResult(
            tuple(_finished(run, stats.sum_sq) for run in runs),
            stats,
            walker.n_passes,
            seeded - started,
            time.perf_counter() - raced,
            started - began,
            raced - seeded,
            walker.nbytes_read / max(source.nbytes, 1),
        )


def labels_of(
    walker: Walker, centres: Sequence[np.ndarray], normalize: Normalize, product: Product
) -> list[np.ndarray]:
    """Return the (n_rows,) labels of all rows under each run's centres, in one traversal."""
    stack = Stack.of(list(centres), Recipe(normalize, product))
    (found,) = walker.run(
        Pass("labels", stack.recipe, (Labels(),), Assignment(stack), keep_rows=False)
    )
    return list(found.joined())


def check_k(ks: Sequence[int], n_rows: int) -> None:
    """Refuse a k above the number of rows."""
    if max(ks) > n_rows:
        raise DataError(
            f"k = {max(ks)} is larger than the number of rows, {n_rows}; expected k <= "
            f"{n_rows}: choose a "
            f"smaller k, or embed more banners"
        )


def check_finite(stats: RowStats) -> None:
    """Refuse rows that are not finite."""
    if stats.n_not_finite:
        raise DataError(
            f"{stats.n_not_finite} of {stats.n_rows} rows hold NaN or infinity (the first is row "
            f"{stats.first_not_finite}); expected finite features: embed or import these "
            f"banners again"
        )


def _sample(config: ClusterConfig, source: RowSource) -> np.ndarray:
    """Random rows as stored: (n, n_features)."""
    generator = np.random.Generator(np.random.PCG64([config.seed, source.n_rows]))
    size = min(source.n_rows, config.seeding_rows)
    chosen = np.sort(generator.choice(source.n_rows, size, replace=False))
    return source.gather(chosen)


def _first_runs(
    config: ClusterConfig,
    init: dict[int, list[np.ndarray]] | None,
    stored: np.ndarray,
    normalize: Normalize,
    n_threads: int,
) -> list[Run]:
    if init is not None:
        given = [(k, restart, own) for k in config.k for restart, own in enumerate(init[k])]
        return [
            Run(index, k, restart, np.array(own, dtype=np.float64))
            for index, (k, restart, own) in enumerate(given)
        ]
    if max(config.k) > len(stored):
        raise DataError(
            f"k = {max(config.k)} is larger than the sample that seeds the centres, {len(stored)} "
            f"rows; expected at least k: raise --seeding-rows"
        )
    sample = normalized(to_float32(stored).clone(), normalize)
    asked = [
        (restart, SeedRun(k, entropy))
        for k in config.k
        for restart, entropy in enumerate(entropy_of(config.seed, k, config.n_init))
    ]
    with ThreadPoolExecutor(n_threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        seeds = kmeans_plusplus(
            sample, [run for _, run in asked], lambda one, tiles: list(pool.map(one, tiles)).clear()
        )
    return [
        Run(index, run.k, restart, sample[torch.from_numpy(rows)].double().numpy())
        for index, ((restart, run), rows) in enumerate(zip(asked, seeds, strict=True))
    ]


def _finished(run: Run, sum_sq: float) -> RunResult:
    sizes = np.zeros(run.k, np.int64) if run.counts is None else run.counts
    return RunResult(
        run.k, run.restart, run.n_iter, run.inertia(sum_sq), run.converged, sizes, run.centres
    )
