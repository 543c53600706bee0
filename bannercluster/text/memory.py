"""What embedding texts takes in memory, term by term."""

from __future__ import annotations

from bannercluster.config import Settings
from bannercluster.encoders.sentences import SentenceFolder
from bannercluster.encoders.sentences.openvino_network import is_exported
from bannercluster.runtime.memory import MemoryPart, MemoryPlan, library_parts, memory_budget
from bannercluster.runtime.networks import NetworkPlan
from bannercluster.store.commit import planned_nbytes as commit_nbytes
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
) -> MemoryPlan:
    """Plan the memory of a run: of the network and the texts, then of the commit."""
    config, networks = settings.text, NetworkPlan.of(settings.runtime)
    weights = (model.transformer / "model.safetensors").stat().st_size
    activations = networks.threads * _ACTIVATIONS * model.n_features
    network = 2 * weights + (activations + _PREPARED) * model.max_tokens
    if engine != "openvino" or not is_exported(model, settings.paths.cache):
        network += _TORCH
    pages = () if config.landing_column is None else (_PAGE * config.max_page_bytes,)
    commit = commit_nbytes(
        old, n_features=model.n_features, dtype=config.dtype, chunk_rows=config.chunk_rows
    )
    parts = (
        *library_parts(settings.runtime, networks.prefer),
        MemoryPart(f"network ({engine})", network, networks.per),
        *(MemoryPart("landing page in work", nbytes, "worker") for nbytes in pages),
        MemoryPart("part", config.part_rows * _PER_ROW, "worker"),
        MemoryPart("banners", _PER_BANNER * n_banners, "process"),
        # As they came, cleaned, and those that are new in parts.
        MemoryPart("texts", 4 * said_nbytes, "process"),
        *(MemoryPart(what, nbytes, "process") for what, nbytes in commit),
    )
    return MemoryPlan("text", parts, memory_budget(settings.runtime))
