"""All restarts of all k with an engine, and the same facts about them as of a sweep.

A library gives centres. Labels, sizes and inertia are those of the project's own last traversal, in
float64: whatever the engine, a card means the same.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

import numpy as np

from bannercluster.cluster.engines.protocol import Engine, Fit, Job, Start
from bannercluster.config import ClusterConfig
from bannercluster.errors import DataError
from bannercluster.kernels.rows import Normalize, Product, Recipe
from bannercluster.kernels.stack import Stack
from bannercluster.kmeans.sweep import RunResult, SweepResult, check_finite, check_k
from bannercluster.traverse.reducers import RowStats, Stats
from bannercluster.traverse.silhouettes import ClusterMoments, Moments
from bannercluster.traverse.walk import Assignment, Pass, Program, Walker

Init = Mapping[int, Sequence[np.ndarray]]


def fit_with(
    engine: Engine,
    config: ClusterConfig,
    walker: Walker,
    product: Product = "float32",
    init: Init | None = None,
    note: Callable[[str], None] | None = None,
) -> SweepResult:
    """Fit all restarts of all k.

    Parameters
    ----------
    engine : Engine
    config : ClusterConfig
    walker : Walker
    product : {"float32", "bfloat16"}
        Of the last traversal; no result depends on it.
    init : mapping of k to arrays, optional
        For each k its first centres, one ``(k, n_features)`` array a restart; the library's own
        seeding where it is None.
    note : callable, optional
        Called after each run.

    Returns
    -------
    SweepResult
        ``n_passes`` counts the traversals of the store. The library's own seeding is in
        ``lloyd_s``.

    Raises
    ------
    DataError
        If there are fewer distinct rows than k, or rows that are not finite.
    EngineError, MemoryPlanError
        If the device that the engine needs is missing, or too small.
    """
    return walker.drive(_program(engine, config, walker, product, init, note or (lambda _: None)))


def _program(
    engine: Engine,
    config: ClusterConfig,
    walker: Walker,
    product: Product,
    init: Init | None,
    note: Callable[[str], None],
) -> Program[SweepResult]:
    source = walker.source
    check_k(config.k, source.n_rows)
    normalize: Normalize = "l2" if config.normalize == "l2" else "none"
    stats: RowStats
    (stats,) = yield Pass("statistics", Recipe(normalize), (Stats(source.n_features),))
    check_finite(stats)
    started = time.perf_counter()
    starts = starts_of(config, init)
    job = Job(source, normalize, starts, config.max_iter, config.tol, stats.mean_variance)
    fits = []
    for count, fit in enumerate(engine.fits(job, walker.executor), 1):
        fits.append(fit)
        note(f"run {count} of {len(starts)}")
    recipe = Recipe(normalize, product, stats.mean.astype(np.float32))
    stack = Stack.of([fit.centres for fit in fits], recipe)
    moments: Moments
    (moments,) = yield Pass(
        "final assignment", recipe, (ClusterMoments(stack),), Assignment(stack), keep_rows=False
    )
    runs = tuple(
        _settled(start, fit, moments, slice(first, last), config.max_iter)
        for start, fit, (first, last) in zip(starts, fits, pairwise(stack.starts), strict=True)
    )
    _check_sizes(runs, config.engine)
    # The engine has read the store once.
    return SweepResult(runs, stats, walker.n_passes + 1, 0.0, time.perf_counter() - started)


def starts_of(config: ClusterConfig, init: Init | None) -> list[Start]:
    """Return all starts, by k as asked, then by restart; each has a seed of its own."""
    starts = []
    for k in config.k:
        firsts: Sequence[np.ndarray | None]
        firsts = [None] * config.n_init if init is None else init[k]
        for restart, first in enumerate(firsts):
            drawn = np.random.SeedSequence([config.seed, k, restart]).generate_state(1)[0]
            own = None if first is None else np.ascontiguousarray(first, np.float32)
            starts.append(Start(k, restart, int(drawn) >> 1, own))
    return starts


def _settled(start: Start, fit: Fit, moments: Moments, own: slice, max_iter: int) -> RunResult:
    """Return a run with the inertia ``sum_c (sum |x|^2 - 2 <c, S_c> + n_c |c|^2)``."""
    counts = moments.counts[own]
    cross = 2.0 * (fit.centres * moments.sums[own]).sum(axis=1)
    around = counts * np.square(fit.centres).sum(axis=1)
    inertia = max(float((moments.sum_sq[own] - cross + around).sum()), 0.0)
    converged = fit.n_iter < max_iter
    return RunResult(start.k, start.restart, fit.n_iter, inertia, converged, counts, fit.centres)


def _check_sizes(runs: Sequence[RunResult], engine: str) -> None:
    for run in runs:
        n_empty = int((run.sizes == 0).sum())
        if n_empty:
            raise DataError(
                f"--engine {engine} left {n_empty} of {run.k} clusters without a row (restart "
                f"{run.restart}); expected rows in every cluster: there may be fewer distinct rows "
                f"than k: choose a smaller k, or use --engine sweep, which fills empty clusters"
            )
