"""Which contents are to be read, and what earlier runs have read of them."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from bannercluster.config import Settings
from bannercluster.errors import UsageError
from bannercluster.media.rejection import MAY_PASS_LATER
from bannercluster.media.texts import has_own_text
from bannercluster.store.aliases import keys_of
from bannercluster.store.embeddings import EmbeddingStore
from bannercluster.store.parts import Content

READING_FAILED = "reading_failed"
"""Reason of an image that was decoded, but whose text could not be read."""

_AT_A_TIME = 1 << 16


@dataclass(frozen=True)
class Wanted:
    """The contents that a run is about.

    Parameters
    ----------
    contents : tuple of (content id, file)
        To be read, in the order of the store.
    n_with_text : int
        Contents left out because the table has text for all their banners.
    n_without_file : int
        Contents left out because no file is known: their embeddings were imported.
    """

    contents: tuple[Content, ...]
    n_with_text: int
    n_without_file: int


def find_wanted(
    store: EmbeddingStore, settings: Settings, banners: pa.Array | None = None
) -> Wanted:
    """Choose the contents as the settings ask.

    With ``missing`` those that some banner without text of its own (:mod:`.media.texts`) in the
    text columns shows; columns that the table lacks hold none.

    Parameters
    ----------
    store : EmbeddingStore
    settings : Settings
    banners : array of str, optional
        What the banners are called whose images may be read, each in the file of that banner. By
        default all contents may, each in the file that it was embedded from first.

    Raises
    ------
    UsageError
        If no image is known at all.
    """
    rows = store.table("rows", ["content_id", "file"])
    if banners is not None:
        rows = _of_banners(store, rows, banners)
    has_file = pc.not_equal(rows["file"], "").fill_null(False)
    with_text = set() if settings.ocr.which == "all" else _with_text(store, settings)
    pairs = zip(rows["content_id"].to_pylist(), rows["file"].to_pylist(), strict=True)
    there = [pair for pair, known in zip(pairs, has_file.to_pylist(), strict=True) if known]
    if not there and banners is None:
        raise UsageError(
            f"{store.url} names no image files, as its embeddings were imported without them; "
            "expected a store made by `bc embed`"
        )
    contents = tuple(pair for pair in there if pair[0] not in with_text)
    return Wanted(contents, len(there) - len(contents), len(rows) - len(there))


def _of_banners(store: EmbeddingStore, rows: pa.Table, banners: pa.Array) -> pa.Table:
    """Return the rows that some banners show, with the file of the first of these banners."""
    aliases = store.table("aliases", ["banner_id", "file", "content_id"])
    own = aliases.filter(pc.is_in(keys_of(aliases), value_set=banners))
    place = pc.index_in(rows["content_id"], value_set=own["content_id"].cast(pa.binary(32)))
    shown = pa.table({"content_id": rows["content_id"], "file": own["file"].take(place)})
    return shown.filter(pc.is_valid(place))


def _with_text(store: EmbeddingStore, settings: Settings) -> set[bytes]:
    """Return the contents all of whose banners have text of their own."""
    aliases, longest = store.table("aliases"), settings.text.max_characters
    said = [name for name in settings.ocr.text_columns if name in aliases.column_names]
    found: set[bytes] = set()
    lacking: set[bytes] = set()
    for batch in aliases.select(["content_id", *said]).to_batches(max_chunksize=_AT_A_TIME):
        columns = (column.to_pylist() for column in batch.columns)
        for content, *texts in zip(*columns, strict=True):
            (found if has_own_text(texts, longest) else lacking).add(content)
    return found - lacking


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
