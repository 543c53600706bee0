"""What a store knows of the files of a run: what need not be read, decoded or embedded again."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute

from bannercluster.embed.inventory import Entry
from bannercluster.media.rejection import MAY_PASS_LATER
from bannercluster.store.aliases import new_to
from bannercluster.store.embeddings import EmbeddingStore
from bannercluster.store.parts import Content
from bannercluster.store.staging import Verdicts


def known_files(
    old: EmbeddingStore | None, entries: Sequence[Entry]
) -> dict[str, tuple[int, str, bytes]]:
    """Size, stamp and content of those of the files that the store has seen, and of no others."""
    if old is None:
        return {}
    table = old.table("aliases", ["file", "nbytes", "modified", "content_id"])
    asked = pa.array(list(dict.fromkeys(entry.file for entry in entries)), pa.string())
    # Of the banners with one file the last says what it holds.
    backwards = table.take(pa.array(np.arange(len(table))[::-1]))
    place = pa.compute.index_in(asked, value_set=backwards["file"])
    there = pa.compute.is_valid(place)
    found = backwards.take(place.filter(there))
    columns = (found[name].to_pylist() for name in ("nbytes", "modified", "content_id"))
    return dict(zip(asked.filter(there).to_pylist(), zip(*columns, strict=True), strict=True))


def known_verdicts(old: EmbeddingStore | None) -> Verdicts:
    """Contents that were rejected earlier; what another limit or try could mend is left out."""
    if old is None:
        return {}
    return {
        row["content_id"]: (row["reason"], row["detail"])
        for row in old.table("rejected").to_pylist()
        if row["content_id"] is not None and row["reason"] not in MAY_PASS_LATER
    }


def fresh_contents(
    entries: Sequence[Entry],
    contents: dict[str, bytes],
    old: EmbeddingStore | None,
    verdicts: Verdicts,
) -> list[Content]:
    """Contents that are neither in the store nor rejected, each with its first file."""
    fresh: dict[bytes, str] = {}
    for entry in entries:
        content = contents.get(entry.file)
        if content is not None and content not in verdicts:
            fresh.setdefault(content, entry.file)
    return new_to(old, fresh.items())
