"""What embedding takes in memory, term by term; ``tests/memory`` holds it to the peak."""

from __future__ import annotations

from bannercluster.config import Settings
from bannercluster.encoders import ModelDescription
from bannercluster.encoders.describing import needs_torch
from bannercluster.media import DecodeLimits
from bannercluster.media.decoders import planned_nbytes
from bannercluster.runtime.memory import MemoryPart, MemoryPlan, library_parts, memory_budget
from bannercluster.runtime.networks import NetworkPlan
from bannercluster.store.commit import planned_nbytes as commit_nbytes
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
) -> MemoryPlan:
    """Plan the memory of a run: of the network and the images, then of the commit."""
    config, networks = settings.embed, NetworkPlan.of(settings.runtime)
    pixels = model.input_size**2
    network = _OPENVINO + networks.threads * _ACTIVATIONS * pixels
    if needs_torch(config.model, config.weights, engine, settings.paths.cache):
        network += _TORCH
    decoders = planned_nbytes(networks.threads, DecodeLimits.of(config))
    commit = commit_nbytes(
        old, n_features=model.n_features, dtype=config.dtype, chunk_rows=config.chunk_rows
    )
    parts = (
        *library_parts(settings.runtime, networks.prefer),
        MemoryPart(f"network ({engine})", network, networks.per),
        MemoryPart("decoders", decoders, networks.per),
        MemoryPart("images in work", _IMAGES * 3 * pixels, "worker"),
        MemoryPart("part", config.part_rows * _PER_ROW, "worker"),
        MemoryPart("files", _PER_FILE * n_files, "process"),
        *(MemoryPart(what, nbytes, "process") for what, nbytes in commit),
    )
    return MemoryPlan("embed", parts, memory_budget(settings.runtime))
