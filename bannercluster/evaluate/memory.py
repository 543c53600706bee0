"""What an evaluation takes in memory, term by term; ``tests/memory`` holds it to the peak."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bannercluster.config import Settings
from bannercluster.models.card import ModelCard
from bannercluster.runtime.memory import (
    MemoryPart,
    MemoryPlan,
    library_parts,
    memory_budget,
    worker_kind,
)
from bannercluster.store.embeddings import EmbeddingStore
from bannercluster.traverse.segments import TILE_ROWS

_LOADED_LATER = 64 << 20  # scikit-learn's metrics, and SciPy with them
_PYTHON_FLOAT = 56  # bytes: the object, and its place in two lists
_LABELS, _WALK = "labels", "traversals"


def plan_memory(
    store: EmbeddingStore, models: Sequence[ModelCard], settings: Settings
) -> MemoryPlan:
    """Plan the memory of an evaluation: of the labels first, then of the traversals."""
    kind = worker_kind(settings.runtime, "threads")
    parts = (
        *library_parts(settings.runtime, "threads", _LOADED_LATER),
        *_label_parts(store, settings),
        *_walk_parts(store, models, kind == "processes"),
    )
    return MemoryPlan("evaluate", parts, memory_budget(settings.runtime))


def _label_parts(store: EmbeddingStore, settings: Settings) -> tuple[MemoryPart, ...]:
    if settings.paths.label is None:
        return ()
    aliases = store.table_size("aliases")
    # The columns; the content ids and the labels once more, codes and rows of them.
    joined = aliases.nbytes + (32 + 24 + 16) * aliases.n_rows
    if settings.paths.labels is not None:
        # The other table and its join: names on both sides, a hash table, contents in its order.
        joined += 2 * aliases.nbytes + 160 * aliases.n_rows
    return (
        MemoryPart("labels of rows", 12 * store.n_rows, "process"),
        MemoryPart("row index", 80 * store.n_rows, "process", _LABELS),
        MemoryPart("alias table", joined, "process", _LABELS),
    )


def _walk_parts(
    store: EmbeddingStore, models: Sequence[ModelCard], processes: bool
) -> tuple[MemoryPart, ...]:
    f, centres = store.n_features, sum(card.k for card in models)
    stored = np.dtype(store.manifest.dtype).itemsize
    once = 8 * centres * f  # all centres, or all sums, float64
    plain = any(card.normalize == "none" for card in models)
    # A tile as stored and as float32; then either its float64 copy and the squares of that, or
    # the copy and four float64 values a centre: distances while they are computed. Rows that are
    # not unit rows have those beside them.
    values = stored + 4 + 8 + (12 if plain else 0)
    tile = TILE_ROWS * (values * f + max(8 * f, 32 * centres))
    most_k = max((card.k for card in models), default=0)
    pairs = sum(card.k**2 for card in models)
    # Of a pass: shifted, rounded, what rounding lost; the moments; the message that carries them.
    stack = 8 * once + 84 * pairs
    # The models, merged moments; the exact inertia adds Python's floats, model by model.
    state = 5 * once + 2 * _PYTHON_FLOAT * most_k * f
    return (
        MemoryPart("tile in work", tile, "worker", _WALK),
        # Two sums a segment: in work, finished, waiting; and two products before they are added.
        MemoryPart("moments of segments", 8 * once, "worker", _WALK),
        MemoryPart("centres of a pass", stack, "worker" if processes else "process", _WALK),
        MemoryPart("models and moments", state, "process", _WALK),
    )
