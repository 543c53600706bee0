"""What fused rows take in memory beside what any rows take."""

from __future__ import annotations

from bannercluster.fusion.store import SAMPLE_ROWS, FusedStore
from bannercluster.runtime.memory import MemoryPart
from bannercluster.store.embeddings import EmbeddingStore
from bannercluster.traverse.segments import TILE_ROWS


def fusion_parts(store: EmbeddingStore, *, fit: bool = False) -> tuple[MemoryPart, ...]:
    """Return the parts of a plan; none where rows are those of one store.

    Parameters
    ----------
    store : EmbeddingStore
    fit : bool
        Whether a fusion is fitted.
    """
    if not isinstance(store, FusedStore):
        return ()
    images, texts = store.ads.images, store.ads.texts
    f, g = images.n_features, texts.n_features
    # Ids and the rows of both; while they are joined two indexes, keys, and pairs in their order.
    joined = 48 * store.n_rows
    joining = 250 * (images.n_rows + texts.n_rows)
    # Both halves as stored, gathered, in float64 and of length one.
    tile = TILE_ROWS * (f + g) * (2 + 2 + 8 + 4) + TILE_ROWS * 4 * store.n_features
    parts = (
        MemoryPart("images and texts of ads", joined, "process"),
        MemoryPart("joining images and texts", joining, "process", "joining"),
        MemoryPart("expected texts", 4 * f * g, "process"),
        MemoryPart("tile that is fused", tile, "worker"),
    )
    if not fit:
        return parts
    n = min(SAMPLE_ROWS, store.n_rows)
    # Rows as stored, of length one and centred; Gram matrix, its vectors, and what eigh takes.
    fitting = n * (f + g) * (2 + 12 + 8) + 6 * 8 * min(n, f) ** 2
    return (*parts, MemoryPart("fitting the fusion", fitting, "process", "fusion"))
