"""What a report takes in memory, term by term; ``tests/memory`` holds it to the peak."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from bannercluster.config import Settings
from bannercluster.fusion.memory import fusion_parts
from bannercluster.media import DecodeLimits
from bannercluster.media.decoders import planned_nbytes
from bannercluster.models.evaluations import Evaluation, label_metrics_url
from bannercluster.models.kmeans import KMeansModel
from bannercluster.runtime.devices import n_cores
from bannercluster.runtime.memory import (
    MemoryPart,
    MemoryPlan,
    library_parts,
    memory_budget,
    worker_kind,
)
from bannercluster.store import tables
from bannercluster.store.embeddings import EmbeddingStore
from bannercluster.traverse.segments import TILE_ROWS, cut

_ASSIGNING, _PAGE = "assigning", "page"
_PAGE_NBYTES = 64 << 20  # the views, the thumbnails, the template and the text, at 10 MB of HTML
_PICTURE_NBYTES = 16 << 20  # bytes of a file and of its picture, in a worker


def plan_memory(
    store: EmbeddingStore,
    evaluation: Evaluation,
    models: Sequence[KMeansModel],
    settings: Settings,
) -> MemoryPlan:
    """Plan the memory of a report: of the assignment first, then of the page."""
    n, f = store.n_rows, store.n_features
    stored = np.dtype(store.manifest.dtype).itemsize
    segment = max((one.stop - one.start for one in cut(n)), default=0)
    rows, aliases = store.table_size("rows"), store.table_size("aliases")
    rejected = store.table_size("rejected")
    where = label_metrics_url(settings.paths.evaluation, evaluation.label_metrics_key)
    labels = tables.size_of(where)
    sample = min(settings.report.map_points, n)
    centres = sum(model.centres.nbytes for model in models)
    # The content ids of all aliases once more, their rows, those of them that are different.
    index = 72 * n + (40 + 48) * aliases.n_rows
    per: Literal["process", "worker"] = (
        "worker" if worker_kind(settings.runtime, "threads") == "processes" else "process"
    )
    decoders = planned_nbytes(n_cores(), DecodeLimits.of(settings.embed))
    parts = (
        *library_parts(settings.runtime, "threads"),
        *fusion_parts(store),
        MemoryPart("clusters and distances", 12 * n * len(models), "process"),
        # As in predict, for every model.
        MemoryPart("centres", 3 * centres, "process", _ASSIGNING),
        MemoryPart("tile in work", TILE_ROWS * (stored + 8) * f, "worker", _ASSIGNING),
        MemoryPart("segments in flight", 3 * 12 * segment * len(models), "worker", _ASSIGNING),
        # As stored, twice; float32; what the principal components take beside it.
        MemoryPart("map", (2 * stored + 4 + 12) * sample * f, "process", _PAGE),
        MemoryPart("tables", rows.nbytes + aliases.nbytes + rejected.nbytes, "process", _PAGE),
        # As read, those of the chosen model once more.
        MemoryPart("label metrics", 2 * labels.nbytes, "process", _PAGE),
        MemoryPart("row index and order", index, "process", _PAGE),
        MemoryPart("page", _PAGE_NBYTES, "process", _PAGE),
        MemoryPart("pictures in work", _PICTURE_NBYTES, "worker", _PAGE),
        MemoryPart("decoders", decoders, per, _PAGE),
    )
    return MemoryPlan("report", parts, memory_budget(settings.runtime))
