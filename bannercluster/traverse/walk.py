"""A pass: read each tile once, assign it once to all stacked centres, hand it to every reducer.

Everything computed over embeddings is a sum over rows that can be split, merged and finished, so
this is the only way the data is walked. A *program* is a generator that yields passes and
receives their results.
"""

from __future__ import annotations

import uuid
from collections.abc import Generator, Hashable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Literal, Protocol, TypeVar

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from bannercluster.kernels.assign import assign
from bannercluster.kernels.rows import Recipe, Rows, normalized, prepare, to_float32
from bannercluster.kernels.stack import Stack
from bannercluster.runtime.executor import Executor, Shared
from bannercluster.traverse import memory
from bannercluster.traverse.reading import Reading
from bannercluster.traverse.segments import Segment, cut
from bannercluster.traverse.sources import RowSource

Keep = Literal["values", "projections"]

_FEW = 8  # above one row in so many all rows of a tile are read: that is a single request

S = TypeVar("S")
R = TypeVar("R")


@dataclass(frozen=True)
class Tile:
    """What a reducer sees of a tile.

    Parameters
    ----------
    start : int
        Global number of the first row.
    rows : Rows
    labels : (n_runs, n) array or None
        Under the centres of the pass; None where the pass has none.
    previous : (n_runs, n) array or None
        Under the centres that the pass names as its basis; None where it names none.
    """

    start: int
    rows: Rows
    labels: np.ndarray | None
    previous: np.ndarray | None


class Reducer(Protocol[S]):
    """A sum over rows: started per segment, merged in the order of the segments."""

    def start(self) -> S:
        """Return the state of no rows."""

    def add(self, state: S, tile: Tile) -> None:
        """Add a tile to the state, in place."""

    def merge(self, left: S, right: S) -> S:
        """Return the state of both; may reuse ``left``."""


@dataclass(frozen=True)
class Assignment:
    """The centres of a pass.

    Parameters
    ----------
    stack : Stack
    run_ids : tuple of int
        Identity of each run of the stack, stable over the steps of a program.
    step : int
        Number of the step in its program: passes of one step have the same centres. Labels of a
        step from 0 on are kept for the passes that follow.
    basis : Stack or None
        Centres of the same runs at ``basis_step``, for reducers that follow changes of labels.
    basis_step : int
    """

    stack: Stack
    run_ids: tuple[int, ...] = ()
    step: int = -1
    basis: Stack | None = None
    basis_step: int = -1


@dataclass(frozen=True)
class Pass:
    """One traversal.

    Parameters
    ----------
    name : str
        For progress and the dashboard.
    recipe : Recipe
    reducers : tuple of Reducer
    assignment : Assignment or None
    keep_rows : bool
        Whether the prepared rows are worth keeping for the next pass, as far as they fit.
    """

    name: str
    recipe: Recipe
    reducers: tuple[Reducer[Any], ...]
    assignment: Assignment | None = None
    keep_rows: bool = True


Program = Generator[Pass, tuple[Any, ...], R]


@dataclass
class Walker:
    """Walks a source with an executor.

    Parameters
    ----------
    source : RowSource
    executor : Executor
    cache_nbytes : int
        Bytes of prepared rows that each process may keep between passes.
    keep : {"values", "projections"}
        What is kept of a row: all of it, or only its projection where a pass takes one; its values
        are then read again where a projection does not decide.
    most_dims : int
        Of the projections that are kept.
    n_passes : int
        Traversals so far.
    nbytes_read : int
        Bytes that they read from the source.
    """

    source: RowSource
    executor: Executor
    cache_nbytes: int = 0
    keep: Keep = "values"
    most_dims: int = 0
    program: str = field(default_factory=lambda: uuid.uuid4().hex)
    n_passes: int = 0
    nbytes_read: int = 0

    def run(self, job: Pass) -> tuple[Any, ...]:
        """Walk all rows once; returns the merged state of each reducer."""
        segments = cut(self.source.n_rows)
        walk = _Walk(job, self.source, self.cache_nbytes, self.keep, self.program)
        shared = self.executor.share(walk)
        # Segments are merged in their order, so sums in floating point do not depend on who was
        # first.
        waiting: dict[int, tuple[Any, ...]] = {}
        merged: list[Any] = [reducer.start() for reducer in job.reducers]
        due = 0
        # Parallelism lies in the tiles, never inside one. Dask sees to it in its processes.
        with threadpool_limits(1, "blas"):
            for index, (states, nbytes_read) in self.executor.map_unordered(
                partial(walk_segment, shared), segments, affinity=range(len(segments))
            ):
                self.nbytes_read += nbytes_read
                waiting[index] = states
                while due in waiting:
                    for slot, state in enumerate(waiting.pop(due)):
                        merged[slot] = job.reducers[slot].merge(merged[slot], state)
                    due += 1
        self.n_passes += 1
        return tuple(merged)

    def drive(self, program: Program[R]) -> R:
        """Run a program to its end and return its result."""
        # A worker that could not be told to forget the program before holds other labels.
        self.program = uuid.uuid4().hex
        try:
            job = next(program)
            while True:
                job = program.send(self.run(job))
        except StopIteration as stop:
            result: R = stop.value
            return result
        finally:
            # Workers of a shared cluster live on; so does this process.
            memory.forget()
            self.executor.everywhere(memory.forget)


@dataclass(frozen=True)
class _Walk:
    """What every segment task of a pass needs."""

    job: Pass
    source: RowSource
    cache_nbytes: int
    keep: Keep
    program: str


def walk_segment(shared: Shared[_Walk], segment: Segment) -> tuple[tuple[Any, ...], int]:
    """Walk one segment: idempotent, so that it may run again anywhere.

    Returns
    -------
    tuple, int
        The state of each reducer; the bytes read.
    """
    walk = shared.get()
    if torch.get_num_threads() != 1:
        torch.set_num_threads(1)
    states = tuple(reducer.start() for reducer in walk.job.reducers)
    with Reading(walk.source) as reading:
        tiles = tuple(segment.tiles())
        missing = iter([tile for tile in tiles if _kept(walk, tile[0]) is None])
        reading.ahead(next(missing, None))
        for start, stop in tiles:
            tile = _tile(walk, reading, missing, start, stop)
            for reducer, state in zip(walk.job.reducers, states, strict=True):
                reducer.add(state, tile)
        return states, reading.nbytes


def _tile(
    walk: _Walk, reading: Reading, missing: Iterator[tuple[int, int]], start: int, stop: int
) -> Tile:
    rows = _rows(walk, reading, missing, start, stop)
    assignment = walk.job.assignment
    if assignment is None:
        return Tile(start, rows, None, None)
    previous = None
    if assignment.basis is not None:
        kept = memory.LABELS.get(walk.program, start, assignment.basis_step)
        previous = (
            assign(rows, assignment.basis) if kept is None else kept.of_runs(assignment.run_ids)
        )
    return Tile(start, rows, _labels(walk, rows, start, assignment), previous)


def _labels(walk: _Walk, rows: Rows, start: int, assignment: Assignment) -> np.ndarray:
    """Labels of a tile; those of an earlier pass of the same step are the same."""
    if assignment.step < 0:
        return assign(rows, assignment.stack)
    kept = memory.LABELS.get(walk.program, start, assignment.step)
    if kept is None:
        labels = assign(rows, assignment.stack)
        kept = memory.KeptLabels(assignment.step, assignment.run_ids, labels)
        memory.LABELS.put(walk.program, start, kept)
    return kept.of_runs(assignment.run_ids)


def _family(walk: _Walk) -> Hashable:
    return (walk.source.key, walk.job.recipe.key, walk.keep)


def _kept(walk: _Walk, start: int) -> Rows | None:
    return memory.ROWS.get(_family(walk), start)


def _rows(
    walk: _Walk, reading: Reading, missing: Iterator[tuple[int, int]], start: int, stop: int
) -> Rows:
    recipe = walk.job.recipe
    rows = _kept(walk, start)
    if rows is not None:
        if rows.values is None:
            rows = rows.without_values(partial(_fetch, walk, reading, start, stop))
        return rows
    stored = reading.take(start, stop)
    reading.ahead(next(missing, None))
    rows = prepare(stored, recipe)
    if walk.job.assignment is not None and walk.job.keep_rows and walk.cache_nbytes:
        kept = rows
        if walk.keep == "projections":
            if recipe.basis is None:
                return rows
            # Without a way to its values: that is the pass's own, and is given to it each time.
            kept = replace(rows, values=None)
        memory.ROWS.put(_family(walk), start, kept, walk.cache_nbytes)
    return rows


def _fetch(
    walk: _Walk, reading: Reading, start: int, stop: int, places: np.ndarray
) -> torch.Tensor:
    """Values of some rows of a tile: read one by one, or with all others where they are many."""
    if not walk.source.in_memory and len(places) * _FEW >= stop - start:
        stored = reading.take(start, stop)[places]
    else:
        stored = reading.gather(start + places)
    return normalized(to_float32(stored).clone(), walk.job.recipe.normalize)
