"""Executors that finish in odd orders, stores in a folder, and slow references of reducers."""

import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from store.stores import committed

from bannercluster.kernels.rows import Recipe
from bannercluster.kernels.stack import Stack
from bannercluster.runtime.executor import LocalShared
from bannercluster.store.embeddings import EmbeddingStore
from bannercluster.traverse import memory
from bannercluster.traverse.label_tables import Contingency
from bannercluster.traverse.reducers import (
    Farthest,
    Labels,
    MovedSums,
    Stats,
)
from bannercluster.traverse.silhouettes import ClusterMoments, Silhouettes
from bannercluster.traverse.sources import ArraySource
from bannercluster.traverse.walk import Assignment, Pass, Walker

KS = (4, 7, 1)


class ShufflingExecutor:
    """Runs tasks here, some of them twice, and hands the results over in a shuffled order."""

    kind = "threads"
    dashboard_link = None
    n_workers = 3

    def __init__(self, seed: int, before_task: Callable[[], None] | None = None) -> None:
        self._random = random.Random(seed)
        self._before_task = before_task or (lambda: None)

    def map_unordered(
        self, fn: Callable[[Any], Any], items: Sequence[Any], affinity: object = None
    ) -> Iterator[tuple[int, Any]]:
        order = list(range(len(items)))
        self._random.shuffle(order)
        results = {}
        for index in order:
            self._before_task()
            if self._random.random() < 0.3:
                fn(items[index])  # its worker died: it runs again
            results[index] = fn(items[index])
        self._random.shuffle(order)
        yield from ((index, results[index]) for index in order)

    def share(self, value: Any) -> LocalShared[Any]:
        return LocalShared(value)

    def everywhere(self, fn: Callable[[], object]) -> None:
        fn()

    def close(self) -> None:
        """Nothing to let go of."""


def clear_memory() -> None:
    memory.ROWS.clear()
    memory.LABELS.clear()


def table(n: int, f: int, seed: int = 0, dtype: type = np.float32) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (4 * rng.normal(size=(6, f))[rng.integers(6, size=n)] + rng.normal(size=(n, f))).astype(
        dtype
    )


def store_of(
    folder: Path, values: np.ndarray, chunk_rows: int, n_blocks: int = 1
) -> EmbeddingStore:
    """Write a store in one commit, its rows in as many blocks as asked."""
    ids = np.random.default_rng(7).integers(256, size=(len(values), 32)).astype(np.uint8)
    return committed(
        str(folder / f"embeddings-{chunk_rows}.zarr"),
        zip(np.array_split(values, n_blocks), np.array_split(ids, n_blocks), strict=True),
        {},
        recipe={"model": "none"},
        n_features=values.shape[1],
        dtype=str(values.dtype),  # type: ignore[arg-type]
        chunk_rows=chunk_rows,
        info={},
    )


def stack_of(values: np.ndarray, recipe: Recipe, ks: tuple[int, ...] = KS) -> Stack:
    """Rows of the table as centres; the last centre of the first run is far from everything."""
    x = values.astype(np.float64)
    if recipe.normalize == "l2":
        x = x / np.sqrt(np.square(x).sum(axis=1, keepdims=True))
    runs = [x[100 * run : 100 * run + k].copy() for run, k in enumerate(ks)]
    runs[0][-1] = 1e3
    return Stack.of(runs, recipe)


def reducers_of(walker: Walker, stack: Stack) -> tuple[Any, ...]:
    """One reducer of every kind; the silhouettes are those of the labels of the stack."""
    n = walker.source.n_rows
    (moments,) = walker.run(
        Pass("moments", stack.recipe, (ClusterMoments(stack),), Assignment(stack))
    )
    codes = (np.arange(n) % 5 - 1).astype(np.int32)
    weights = (np.arange(n) % 3 + 1).astype(np.int64)
    return (
        Stats(walker.source.n_features),
        MovedSums(stack, 2.0**30),
        Farthest(stack, 5),
        Labels(),
        ClusterMoments(stack),
        Silhouettes(stack, moments),
        Contingency(stack, codes, weights, 4),
    )


def walk_all(walker: Walker, stack: Stack) -> tuple[Any, ...]:
    """One pass with a reducer of every kind."""
    return walker.run(
        Pass("all", stack.recipe, reducers_of(walker, stack), Assignment(stack, (0, 1, 2)))
    )


def flat(value: Any) -> list[Any]:
    """All arrays and numbers in a result, in a fixed order."""
    if isinstance(value, list | tuple):
        return [leaf for part in value for leaf in flat(part)]
    if hasattr(value, "__dataclass_fields__"):
        return [leaf for name in value.__dataclass_fields__ for leaf in flat(getattr(value, name))]
    return [] if value is None else [value]


def assert_same(left: Any, right: Any) -> None:
    """Bit for bit."""
    ours, theirs = flat(left), flat(right)
    assert len(ours) == len(theirs)
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(one, other)


def assert_near(left: Any, right: Any) -> None:
    """Up to the rounding of float64."""
    for one, other in zip(flat(left), flat(right), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-11, atol=1e-9)


class CountingSource:
    """An array that counts how often each row is read."""

    def __init__(self, values: np.ndarray) -> None:
        self._source = ArraySource(values)
        self.n_reads = np.zeros(len(values), int)
        self.key, self.nbytes = self._source.key, self._source.nbytes
        self.n_rows, self.n_features = values.shape

    in_memory = True

    def read(self, start: int, stop: int) -> np.ndarray:
        self.n_reads[start:stop] += 1
        return self._source.read(start, stop)

    def gather(self, rows: np.ndarray) -> np.ndarray:
        self.n_reads[rows] += 1
        return self._source.gather(rows)
