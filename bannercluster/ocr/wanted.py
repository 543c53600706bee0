"""Which contents are to be read, and what earlier runs have read of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from bannercluster.config import OcrConfig
from bannercluster.errors import UsageError
from bannercluster.media.rejection import MAY_PASS_LATER
from bannercluster.store.embeddings import EmbeddingStore

READING_FAILED = "reading_failed"
"""Reason of an image that was decoded, but whose text could not be read."""

Content = tuple[bytes, str]


@dataclass(frozen=True)
class Wanted:
    """The contents that a run is about.

    Parameters
    ----------
    contents : tuple of (content id, file)
        To be read, in the order of the store.
    n_with_text : int
        Contents left out because the table has text for them.
    n_without_file : int
        Contents left out because no file is known: their embeddings were imported.
    """

    contents: tuple[Content, ...]
    n_with_text: int
    n_without_file: int


def find_wanted(store: EmbeddingStore, config: OcrConfig) -> Wanted:
    """Choose the contents as the settings ask.

    With ``missing`` those none of whose banners has text in the text columns; columns that the
    table lacks hold none.

    Raises
    ------
    UsageError
        If no image is known at all.
    """
    rows = store.table("rows", ["content_id", "file"])
    has_file = pc.not_equal(rows["file"], "").fill_null(False)
    with_text = set() if config.which == "all" else _with_text(store, config.text_columns)
    pairs = zip(rows["content_id"].to_pylist(), rows["file"].to_pylist(), strict=True)
    there = [pair for pair, known in zip(pairs, has_file.to_pylist(), strict=True) if known]
    if not there:
        raise UsageError(
            f"{store.url} names no image files, as its embeddings were imported without them; "
            "expected a store made by `bc embed`"
        )
    contents = tuple(pair for pair in there if pair[0] not in with_text)
    return Wanted(contents, len(there) - len(contents), len(rows) - len(there))


def _with_text(store: EmbeddingStore, columns: Sequence[str]) -> set[bytes]:
    aliases = store.table("aliases")
    found: set[bytes] = set()
    for name in columns:
        if name in aliases.column_names:
            filled = pc.not_equal(pc.utf8_trim_whitespace(aliases[name]), "").fill_null(False)
            found.update(aliases["content_id"].filter(filled).to_pylist())
    return found


@dataclass(frozen=True)
class Fresh:
    """Contents that a run reads.

    Parameters
    ----------
    new, again : tuple of (content id, file)
        Those that no run has read; and those that were rejected for what another try could mend.
    """

    new: tuple[Content, ...]
    again: tuple[Content, ...]

    def without(self, done: set[bytes]) -> Fresh:
        """Return the same without some contents."""
        new = tuple(one for one in self.new if one[0] not in done)
        return Fresh(new, tuple(one for one in self.again if one[0] not in done))


def find_fresh(wanted: Wanted, rows: pa.Table) -> Fresh:
    """Return what is left to read, given the rows that are there."""
    open_reasons = pa.array([*sorted(MAY_PASS_LATER), READING_FAILED])
    is_open = pc.is_in(rows["reason"], value_set=open_reasons)
    again = set(rows["content_id"].filter(is_open).to_pylist())
    known = set(rows["content_id"].to_pylist())
    return Fresh(
        tuple(one for one in wanted.contents if one[0] not in known),
        tuple(one for one in wanted.contents if one[0] in again),
    )
