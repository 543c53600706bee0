"""What a fit with an engine takes in memory: the fits, and then the last traversal."""

from __future__ import annotations

import numpy as np

from bannercluster.cluster.engines.protocol import Engine, Size
from bannercluster.config import ClusterConfig, RuntimeConfig
from bannercluster.runtime.memory import (
    MemoryPart,
    MemoryPlan,
    library_parts,
    memory_budget,
    with_kept,
    worker_count,
    worker_kind,
)
from bannercluster.store.embeddings import EmbeddingStore
from bannercluster.traverse.segments import TILE_ROWS

_LAST = "final assignment"
_LIBRARY = 64 << 20  # of scikit-learn, dask-ml: loaded by the plan, but for what the first fit adds


def plan_engine_memory(
    store: EmbeddingStore, config: ClusterConfig, runtime: RuntimeConfig, engine: Engine
) -> MemoryPlan:
    """Plan the memory of a fit with an engine."""
    size = Size(
        n_rows=store.n_rows,
        n_features=store.n_features,
        most_k=max(config.k),
        n_workers=worker_count(runtime),
        stored=np.dtype(store.manifest.dtype).itemsize,
        processes=worker_kind(runtime, "threads") == "processes",
    )
    n_centres = sum(set(config.k)) * config.n_init
    centres = 8 * n_centres * size.n_features
    # As stored, float32, two operands and float64; scores and membership in float64.
    tile = TILE_ROWS * (size.n_features * (size.stored + 16) + 14 * n_centres)
    parts = (
        *library_parts(runtime, "threads", loaded_later=_LIBRARY),
        *engine.parts(size),
        MemoryPart("centres of all runs", 2 * centres, "process"),
        MemoryPart("centres of a pass", 6 * centres, "process", _LAST),
        MemoryPart("tile in work", with_kept(tile), "worker", _LAST),
        # Sums of rows and of unit rows; in work, finished, and waiting for an earlier segment.
        MemoryPart("sums of segments", 6 * centres, "worker", _LAST),
    )
    return MemoryPlan("cluster", parts, memory_budget(runtime))
