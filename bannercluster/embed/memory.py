"""What embedding takes in memory, term by term; ``tests/memory`` holds it to the peak."""

from __future__ import annotations

from typing import Literal

import numpy as np

from bannercluster.config import Settings
from bannercluster.encoders import ModelDescription
from bannercluster.encoders.describing import needs_torch
from bannercluster.media import DecodeLimits
from bannercluster.media.decoders import planned_nbytes
from bannercluster.runtime.devices import n_cores
from bannercluster.runtime.memory import (
    MemoryPart,
    MemoryPlan,
    library_parts,
    memory_budget,
    worker_count,
    worker_kind,
)
from bannercluster.store.embeddings import EmbeddingStore

_TORCH = 1_000 << 20  # torch and timm loaded, the network built, and traced for the export
_OPENVINO = 64 << 20  # the compiled network, beside its activations
_ACTIVATIONS = 1_500  # bytes for each pixel of the input, in each stream
_IMAGES = 3 * 128  # being encoded, and decoded ahead
_PER_FILE = 3_000  # Python's objects: entry, content, place in a part, row of the ledger
_PER_ROW = 16_384  # features and description of a row of a part, in Python and in Arrow


def plan_memory(
    settings: Settings,
    engine: str,
    model: ModelDescription,
    n_files: int,
    old: EmbeddingStore | None,
    prefer: Literal["threads", "processes"],
) -> MemoryPlan:
    """Plan the memory of a run: of the network and the images, then of the commit."""
    config, n_workers = settings.embed, worker_count(settings.runtime)
    processes = worker_kind(settings.runtime, prefer) == "processes"
    per: Literal["process", "worker"] = "worker" if processes else "process"
    threads = max(1, n_cores() // n_workers) if processes else n_cores()
    pixels = model.input_size**2
    network = _OPENVINO + threads * _ACTIVATIONS * pixels
    if needs_torch(config.model, config.weights, engine, settings.paths.cache):
        network += _TORCH
    row_nbytes = model.n_features * np.dtype(config.dtype).itemsize
    parts = (
        *library_parts(settings.runtime, prefer),
        MemoryPart(f"network ({engine})", network, per),
        MemoryPart("decoders", planned_nbytes(threads, DecodeLimits.of(config)), per),
        MemoryPart("images in work", _IMAGES * 3 * pixels, "worker"),
        MemoryPart("part", config.part_rows * _PER_ROW, "worker"),
        MemoryPart("files", _PER_FILE * n_files, "process"),
        MemoryPart("chunk and the rows for it", 2 * config.chunk_rows * row_nbytes, "process"),
        *_old_parts(old),
    )
    return MemoryPlan("embed", parts, memory_budget(settings.runtime))


def _old_parts(old: EmbeddingStore | None) -> tuple[MemoryPart, ...]:
    if old is None:
        return ()
    tables = old.table_size("rows").nbytes + old.table_size("aliases").nbytes
    # As they were, together with the new rows, in the order of the new generation, and a column
    # of names with its hash table beside them.
    return (
        MemoryPart("tables of the store", 4 * tables, "process"),
        MemoryPart("row index", 72 * old.n_rows, "process"),
    )
