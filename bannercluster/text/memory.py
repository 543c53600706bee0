"""What embedding texts takes in memory, term by term."""

from __future__ import annotations

from typing import Literal

import numpy as np

from bannercluster.config import Settings
from bannercluster.encoders.sentences import SentenceFolder
from bannercluster.encoders.sentences.openvino_network import is_exported
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

_TORCH = 1_200 << 20  # torch and transformers loaded, the network built, and traced for the export
_ACTIVATIONS = 64  # bytes for each feature and token, in each stream
_PREPARED = 1 << 20  # what the engine keeps for each length of text that it has met
_PER_BANNER = 3_000  # Python's objects: key, place, days, verdict
_PER_ROW = 16_384  # a text with its tokens and its vector, in Python and in Arrow
_PAGE = 30  # a page as a tree of elements, in bytes for each of its own


def plan_memory(
    settings: Settings,
    engine: str,
    model: SentenceFolder,
    said_nbytes: int,
    n_banners: int,
    old: EmbeddingStore | None,
    prefer: Literal["threads", "processes"],
) -> MemoryPlan:
    """Plan the memory of a run: of the network and the texts, then of the commit."""
    config, n_workers = settings.text, worker_count(settings.runtime)
    processes = worker_kind(settings.runtime, prefer) == "processes"
    per: Literal["process", "worker"] = "worker" if processes else "process"
    threads = max(1, n_cores() // n_workers) if processes else n_cores()
    weights = (model.transformer / "model.safetensors").stat().st_size
    activations = threads * _ACTIVATIONS * model.n_features
    network = 2 * weights + (activations + _PREPARED) * model.max_tokens
    if engine != "openvino" or not is_exported(model, settings.paths.cache):
        network += _TORCH
    row_nbytes = model.n_features * np.dtype(config.dtype).itemsize
    pages = () if config.landing_column is None else (_PAGE * config.max_page_bytes,)
    parts = (
        *library_parts(settings.runtime, prefer),
        MemoryPart(f"network ({engine})", network, per),
        *(MemoryPart("landing page in work", nbytes, "worker") for nbytes in pages),
        MemoryPart("part", config.part_rows * _PER_ROW, "worker"),
        MemoryPart("banners", _PER_BANNER * n_banners, "process"),
        # As they came, cleaned, and those that are new in parts.
        MemoryPart("texts", 4 * said_nbytes, "process"),
        MemoryPart("chunk and the rows for it", 2 * config.chunk_rows * row_nbytes, "process"),
        *_old_parts(old),
    )
    return MemoryPlan("text", parts, memory_budget(settings.runtime))


def _old_parts(old: EmbeddingStore | None) -> tuple[MemoryPart, ...]:
    if old is None:
        return ()
    tables = old.table_size("rows").nbytes + old.table_size("aliases").nbytes
    return (
        MemoryPart("tables of the store", 4 * tables, "process"),
        MemoryPart("row index", 72 * old.n_rows, "process"),
    )
