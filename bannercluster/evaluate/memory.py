"""What an evaluation takes in memory, term by term; ``tests/memory`` holds it to the peak."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bannercluster.config import EvaluateConfig, Settings
from bannercluster.evaluate.stability import most_centres, stability_nbytes
from bannercluster.fusion.memory import fusion_parts
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

_LOADED_LATER = 96 << 20  # SciPy, the metrics of scikit-learn, and the loops compiled for them
_PYTHON_FLOAT = 56  # bytes: the object, and its place in two lists
_LABELS, _WALK, _SAMPLE, _SPLITS, _NOISE = (
    "labels",
    "traversals",
    "sample",
    "stability",
    "bootstrap",
)
_MANY_LABELS = 4_096
"""Labels that the tables are planned for: how many there are is only known when they are read."""


def plan_memory(
    store: EmbeddingStore, models: Sequence[ModelCard], settings: Settings
) -> MemoryPlan:
    """Plan the memory of an evaluation: of the labels first, then of the traversals."""
    kind = worker_kind(settings.runtime, "threads")
    parts = (
        *library_parts(settings.runtime, "threads", _LOADED_LATER),
        *fusion_parts(store),
        *_label_parts(store, settings),
        *_walk_parts(store, models, kind == "processes"),
        *_label_table_parts(store, models, settings),
        *_sample_parts(store, models, settings.evaluate),
        *_replicate_parts(models, settings.evaluate),
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
    clusters = _clusters_nbytes(store, models)
    return (
        # Those of the first pass, for the second. Which worker has how many is not known before.
        MemoryPart("clusters of rows", clusters, "worker" if processes else "process", _WALK),
        MemoryPart("tile in work", tile, "worker", _WALK),
        # Two sums a segment: in work, finished, waiting; and two products before they are added.
        MemoryPart("moments of segments", 8 * once, "worker", _WALK),
        MemoryPart("centres of a pass", stack, "worker" if processes else "process", _WALK),
        MemoryPart("models and moments", state, "process", _WALK),
    )


def _label_table_parts(
    store: EmbeddingStore, models: Sequence[ModelCard], settings: Settings
) -> tuple[MemoryPart, ...]:
    if settings.paths.label is None:
        return ()
    centres = sum(card.k for card in models)
    # In work, finished, waiting, merged; the flags of main clusters, distances and scores.
    tables = MemoryPart("tables of labels", 64 * centres * _MANY_LABELS, "process", _WALK)
    if not settings.evaluate.bootstrap:
        return (tables,)
    clusters = _clusters_nbytes(store, models)
    # Key, its sorted copy, order and marks of distinct ones; the columns; the cells themselves.
    joint = (48 + 24 + 24) * store.n_rows + 2 * clusters
    # Of a worker: chances, counts drawn, the cells they are in; a table and what is made of it.
    drawing = 40 * store.n_rows + clusters
    drawing += 80 * max((card.k for card in models), default=0) * _MANY_LABELS
    return (
        tables,
        # The labels of segments are joined: twice for a moment.
        MemoryPart("joined clusters of rows", clusters, "process"),
        MemoryPart("clusters of segments", clusters, "process", _WALK),
        MemoryPart("joint table", joint, "process", _NOISE),
        MemoryPart("replicate in work", drawing, "worker", _NOISE),
    )


def _clusters_nbytes(store: EmbeddingStore, models: Sequence[ModelCard]) -> int:
    """Bytes of the labels of all models: one byte each, or two above 256 clusters."""
    itemsize = 1 if max((card.k for card in models), default=0) <= 256 else 2
    return itemsize * len(models) * store.n_rows


def _sample_parts(
    store: EmbeddingStore, models: Sequence[ModelCard], config: EvaluateConfig
) -> tuple[MemoryPart, ...]:
    f, itemsize = store.n_features, np.dtype(store.manifest.dtype).itemsize
    n = min(config.silhouette_rows, store.n_rows)
    # Distances and their operands; blocks of 256 rows of a dozen matrices; the rows themselves.
    sample = 24 * n**2 + 12 * 8 * 256 * n + (itemsize + 4 + 16) * n * f
    splits = stability_nbytes(store.n_rows, f, config, most_centres(models), itemsize)
    return (
        MemoryPart("sample of rows", sample, "process", _SAMPLE),
        MemoryPart("halves that are fitted", splits, "process", _SPLITS),
    )


def _replicate_parts(models: Sequence[ModelCard], config: EvaluateConfig) -> tuple[MemoryPart, ...]:
    # Weights of a tile as drawn and as multiplied, for two reducers; scores of every run.
    tile = TILE_ROWS * (20 * config.bootstrap + 64 * len(models))
    return (MemoryPart("weights of replicates", tile, "worker", _WALK),)
