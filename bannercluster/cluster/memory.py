"""What a clustering takes in memory, term by term: a sweep, or a fit with an engine.

``tests/memory`` holds it against the measured peak.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bannercluster.cluster.engines.protocol import Engine
from bannercluster.cluster.size import Size
from bannercluster.config import ClusterConfig, RuntimeConfig
from bannercluster.fusion.memory import fusion_parts
from bannercluster.kernels.rows import Product
from bannercluster.runtime.memory import (
    MemoryPart,
    MemoryPlan,
    library_parts,
    memory_budget,
    with_kept,
)
from bannercluster.store.embeddings import EmbeddingStore
from bannercluster.traverse.segments import TILE_ROWS
from bannercluster.traverse.walk import Keep

_ITERATIONS, _LAST = "iterations", "final assignment"
_PYTHON_FLOAT = 56  # bytes: the object, and its place in two lists
_LIBRARY = 64 << 20  # of scikit-learn, dask-ml: loaded by the plan, but for what the first fit adds


@dataclass(frozen=True)
class SweepMemory:
    """The plan of a sweep.

    Parameters
    ----------
    plan : MemoryPlan
    needed : int
        Bytes of all rows when they are prepared.
    cache : int
        Bytes of prepared rows that may be kept between the passes, in all processes together.
    keep : {"values", "projections"}
        What is kept of a row.
    most_dims : int
        Of the projections.
    """

    plan: MemoryPlan
    needed: int
    cache: int
    keep: Keep
    most_dims: int


def plan_memory(
    store: EmbeddingStore, config: ClusterConfig, product: Product, runtime: RuntimeConfig
) -> SweepMemory:
    """Plan the memory of a sweep; prepared rows take what the rest leaves."""
    size = Size.of(store, config, product, runtime)
    budget = memory_budget(runtime)
    fused = fusion_parts(store, fit=True)
    fixed = (*library_parts(runtime, "threads"), *fused, *_iterations(size))
    room = budget - MemoryPlan("cluster", fixed, budget).total(size.n_workers)
    keep, most_dims, needed = size.kept(room)
    cache = max(min(needed, room), 0)
    kept = MemoryPart("prepared rows", cache, "process", _ITERATIONS)
    if size.processes:
        kept = MemoryPart("prepared rows", cache // size.n_workers, "worker", _ITERATIONS)
    seeding = MemoryPart("distances and candidates", size.seeding_nbytes, "process", "seeding")
    parts = (*fixed, kept, seeding)
    return SweepMemory(MemoryPlan("cluster", parts, budget), needed, cache, keep, most_dims)


def plan_engine_memory(
    store: EmbeddingStore,
    config: ClusterConfig,
    product: Product,
    runtime: RuntimeConfig,
    engine: Engine,
) -> MemoryPlan:
    """Plan the memory of a fit with an engine: the fits, and then the last traversal."""
    size = Size.of(store, config, product, runtime)
    centres = size.centres_nbytes
    # As stored, float32, two operands and float64; scores and membership in float64.
    tile = TILE_ROWS * (size.n_features * (size.stored + 16) + 14 * size.n_centres)
    parts = (
        *library_parts(runtime, "threads", loaded_later=_LIBRARY),
        *fusion_parts(store, fit=True),
        *engine.parts(size),
        MemoryPart("centres of all runs", 2 * centres, "process"),
        MemoryPart("centres of a pass", 6 * centres, "process", _LAST),
        MemoryPart("tile in work", with_kept(tile), "worker", _LAST),
        # Sums of rows and of unit rows; in work, finished, and waiting for an earlier segment.
        MemoryPart("sums of segments", 6 * centres, "worker", _LAST),
    )
    return MemoryPlan("cluster", parts, memory_budget(runtime))


def _iterations(size: Size) -> tuple[MemoryPart, ...]:
    sums = size.centres_nbytes
    # Centres and sums of this step and of the last; the merged change; a checkpoint, whole and in
    # parts; the message that carries the pass. The exact inertia adds Python's floats, run by run.
    state = 12 * sums + 2 * _PYTHON_FLOAT * size.most_k * size.n_features
    parts = [
        # To the end: the trial of the products is a view of it.
        MemoryPart("seeding sample", 2 * size.sample_nbytes, "process"),
        MemoryPart("sample of the race", size.n_race * size.n_features * size.stored, "process"),
        MemoryPart("centres and sums of all runs", state, "process", _ITERATIONS),
        MemoryPart("tile in work", with_kept(size.tile_nbytes), "worker", _ITERATIONS),
        # In work, finished, and waiting for an earlier segment.
        MemoryPart("sums of segments", 3 * sums, "worker", _ITERATIONS),
    ]
    labels = size.labels_nbytes
    per: Literal["process", "worker"] = "process"
    if size.processes:
        # A segment may move to another worker and leave its labels behind.
        labels, per = min(2 * labels // size.n_workers, labels), "worker"
    parts.append(MemoryPart("labels of all runs", labels, per, _ITERATIONS))
    parts.append(MemoryPart("centres of a pass", size.stack_nbytes, per, _ITERATIONS))
    return tuple(parts)
