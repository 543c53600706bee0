"""A slow k-means, data, stores, and executors that fail on purpose."""

import os
import random
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from store.stores import committed

from bannercluster.config import ClusterConfig
from bannercluster.kmeans.checkpoint import Checkpoint
from bannercluster.kmeans.sweep import RunResult, Sweep, SweepResult
from bannercluster.runtime.executor import Executor, ThreadExecutor
from bannercluster.store.embeddings import EmbeddingStore
from bannercluster.traverse import memory
from bannercluster.traverse.sources import ArraySource, RowSource
from bannercluster.traverse.walk import Walker

RECIPE = {"model": "efficientnet_lite0", "weights": "ab", "engine": "torch"}


def blobs(
    n: int, f: int, n_blobs: int = 6, seed: int = 0, dtype: type = np.float32, spread: float = 1.5
) -> np.ndarray:
    rng = np.random.default_rng(seed)
    means = spread * rng.normal(size=(n_blobs, f))
    return (means[rng.integers(n_blobs, size=n)] + rng.normal(size=(n, f))).astype(dtype)


def unit(x: np.ndarray) -> np.ndarray:
    """Rows divided by their norms, in float64."""
    wide = x.astype(np.float64)
    return wide / np.sqrt(np.square(wide).sum(axis=1, keepdims=True))


def first_rows(x: np.ndarray, k: int, seed: int = 0) -> np.ndarray:
    """Rows as first centres."""
    return x[np.random.default_rng(seed).choice(len(x), k, replace=False)].astype(np.float64)


def lloyd(
    x: np.ndarray, centres: np.ndarray, max_iter: int, tol: float, spherical: bool = False
) -> tuple[np.ndarray, np.ndarray, float, int]:
    """K-means as scikit-learn describes it, a line a step; empty clusters take the farthest rows.

    Returns labels, centres, inertia and the number of iterations.
    """
    x, centres = x.astype(np.float64), centres.astype(np.float64).copy()
    tolerance = tol * x.var(axis=0).mean()

    def distances(own: np.ndarray) -> np.ndarray:
        return np.stack([np.square(x - centre).sum(axis=1) for centre in own], axis=1)

    before, n_iter = None, 0
    while n_iter < max_iter:
        n_iter += 1
        found = distances(centres)
        labels = found.argmin(axis=1)
        groups: list[list[int]] = [
            np.flatnonzero(labels == j).tolist() for j in range(len(centres))
        ]
        vacant = [j for j, group in enumerate(groups) if not group]
        farthest = np.lexsort((np.arange(len(x)), -found.min(axis=1)))
        for j, row in zip(vacant, farthest, strict=False):
            groups[labels[row]].remove(int(row))
            groups[j] = [int(row)]
        new = centres.copy()
        for j, group in enumerate(groups):
            if group:
                new[j] = x[group].mean(axis=0)
                if spherical:
                    new[j] /= np.sqrt(np.square(new[j]).sum())
        if before is not None and np.array_equal(labels, before):
            break
        shift = np.square(new - centres).sum()
        centres, before = new, labels
        if shift <= tolerance:
            break
    found = distances(centres)
    labels = found.argmin(axis=1)
    return labels, centres, float(found.min(axis=1).sum()), n_iter


def config(**values: Any) -> ClusterConfig:
    given = {"k": (3,), "n_init": 1, "normalize": "none", "max_iter": 100, "tol": 1e-4}
    return ClusterConfig(**{**given, **values})


def sweep(
    rows: np.ndarray | RowSource,
    asked: ClusterConfig,
    *,
    init: dict[int, list[np.ndarray]] | None = None,
    product: str = "float32",
    executor: Executor | None = None,
    cache_nbytes: int = 0,
    checkpoint: Checkpoint | None = None,
    note: Any = None,
) -> SweepResult:
    source = ArraySource(rows) if isinstance(rows, np.ndarray) else rows
    todo = Sweep(asked, product, init, checkpoint)  # type: ignore[arg-type]
    if executor is not None:
        return todo.run(Walker(source, executor, cache_nbytes), note)
    with ThreadExecutor(2) as threads:
        return todo.run(Walker(source, threads, cache_nbytes), note)


def facts(run: RunResult) -> tuple[Any, ...]:
    return run.k, run.restart, run.n_iter, run.inertia, run.converged, run.sizes.tolist()


def assert_same_runs(left: Sequence[RunResult], right: Sequence[RunResult]) -> None:
    """Bit for bit."""
    assert [facts(run) for run in left] == [facts(run) for run in right]
    for one, other in zip(left, right, strict=True):
        np.testing.assert_array_equal(one.centres, other.centres)


def store_of(url: Path, values: np.ndarray, chunk_rows: int = 1000) -> EmbeddingStore:
    ids = np.random.default_rng(7).integers(256, size=(len(values), 32)).astype(np.uint8)
    return committed(
        str(url),
        [(values, ids)],
        {},
        recipe=RECIPE,
        n_features=values.shape[1],
        dtype=str(values.dtype),  # type: ignore[arg-type]
        chunk_rows=chunk_rows,
        info={},
    )


class Interruption(Exception):  # noqa: N818 - no error: a kill
    """What stands for a kill."""


class FailingExecutor(ThreadExecutor):
    """Fails in the middle of its n-th map, as if the power went."""

    def __init__(self, n_workers: int, fails_at: int) -> None:
        super().__init__(n_workers)
        self.fails_at = fails_at
        self.n_maps = 0

    def map_unordered(self, fn: Any, items: Any, affinity: Any = None) -> Any:
        self.n_maps += 1
        for count, result in enumerate(super().map_unordered(fn, items, affinity)):
            if self.n_maps == self.fails_at and count + 1 == len(items):
                raise Interruption
            yield result


class ForgetfulExecutor(ThreadExecutor):
    """Loses what is kept between passes, every now and then."""

    def map_unordered(self, fn: Any, items: Any, affinity: Any = None) -> Any:
        for count, result in enumerate(super().map_unordered(fn, items, affinity)):
            if count % 2 == 0:
                memory.LABELS.clear()
                memory.ROWS.clear()
            yield result


class KillingExecutor:
    """Lets workers die at random, by SIGKILL, in a share of the items; and counts them."""

    kind = "processes"
    dashboard_link = None

    def __init__(self, inner: Executor, folder: Path, seed: int, share: float) -> None:
        self._inner, self._folder, self._seed, self._share = inner, folder, seed, share
        self._n_maps = 0
        self.n_segments = 0
        self.n_workers = inner.n_workers

    @property
    def n_killed(self) -> int:
        """Every one left a file behind."""
        return len(list(self._folder.iterdir()))

    def map_unordered(self, fn: Any, items: Any, affinity: Any = None) -> Any:
        self._n_maps += 1
        self.n_segments += len(items)
        deadly = _Deadly(fn, str(self._folder), f"{self._seed}-{self._n_maps}", self._share)
        yield from self._inner.map_unordered(deadly, list(enumerate(items)), affinity)

    def share(self, value: Any) -> Any:
        return self._inner.share(value)

    def everywhere(self, fn: Any) -> None:
        self._inner.everywhere(fn)

    def close(self) -> None:
        """The pool belongs to who opened it."""


@dataclass(frozen=True)
class _Deadly:
    fn: Any
    folder: str
    seed: str
    share: float

    def __call__(self, numbered: tuple[int, Any]) -> Any:
        index, item = numbered
        n_deaths = len(list(Path(self.folder).glob(f"{self.seed}-{index}-*")))
        if random.Random(f"{self.seed}-{index}-{n_deaths}").random() < self.share:
            (Path(self.folder) / f"{self.seed}-{index}-{n_deaths}").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return self.fn(item)


def kept_here(item: int) -> int:
    """What this process keeps between passes, in bytes and tiles."""
    return memory.ROWS._nbytes + len(memory.LABELS._labels)
