"""The tables beside the store: a row per text, per banner with a text, and per rejected row."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bannercluster.store.aliases import keys_of
from bannercluster.store.embeddings import EmbeddingStore
from bannercluster.store.ledger import ALIASES, REJECTED, REPEATED_ID, in_schema
from bannercluster.text.banners import Banners, keys, shown
from bannercluster.text.parts import DESCRIBED

ROWS = pa.schema([DESCRIBED.field(0), ("file", pa.string()), *list(DESCRIBED)[1:]])
"""Row-aligned with ``embedding``; ``file`` is the image of the first banner that said the text."""

PAGE_STAGE, TEXT_STAGE = "landing_page", "text"
"""Stages of rejected rows: a page that was not read; a banner that has no text."""

NO_NAME = "no_name"


@dataclass(frozen=True, eq=False)
class Ledger:
    """The tables of the next generation, and the counts of the run.

    Parameters
    ----------
    aliases, rejected : table
    n_with, n_without : int
        Banners of this run; every one is counted once.
    sources : tuple of (sources, banners)
        Where the texts of this run come from.
    reasons : tuple of (reason, banners)
        Why banners have no text, and why pages were not read.
    n_refused : int
        Of these, all but banners that just say nothing.
    """

    aliases: pa.Table
    rejected: pa.Table
    n_with: int
    n_without: int
    sources: tuple[tuple[str, int], ...]
    reasons: tuple[tuple[str, int], ...]
    n_refused: int


def keep_ledger(
    banners: Banners,
    composed: pa.Table,
    verdicts: dict[bytes, tuple[str, str]],
    old: EmbeddingStore | None,
) -> Ledger:
    """Account for every banner.

    Parameters
    ----------
    banners : Banners
    composed : table
        Row by row what :mod:`.compose` made of them.
    verdicts : mapping of text id to (reason, detail)
        Texts that have no embedding.
    old : EmbeddingStore or None
        The generation before; what this run did not see is kept.
    """
    names = keys(banners.about)
    rows_of, rejected = _judge(names, composed, verdicts)
    aliases = _aliases(banners, composed, rows_of)
    sources = Counter(aliases["text_sources"].to_pylist())
    fresh = _rejected(banners, rejected, composed)
    reasons = Counter(fresh["reason"].to_pylist())
    n_without = sum(stage == TEXT_STAGE for _, stage, _, _ in rejected)
    if old is not None:
        asked = pa.array([name for name in set(names) if name is not None], pa.string())
        aliases = _behind_the_old(aliases, old.table("aliases"), asked)
        before = old.table("rejected").cast(REJECTED)
        seen = pc.is_in(keys_of(before), value_set=asked)
        nameless = pc.is_null(keys_of(before))
        kept = before.filter(pc.invert(pc.or_(seen, nameless)))
        fresh = pa.concat_tables([kept, fresh])
    return Ledger(
        aliases,
        fresh,
        len(names) - n_without,
        n_without,
        tuple(sources.most_common()),
        tuple(reasons.most_common()),
        sum(reasons.values()) - reasons["no_text"],
    )


_Verdict = tuple[int, str, str, str | None]
"""Row, stage, reason, detail."""


def _judge(
    names: list[str | None], composed: pa.Table, verdicts: dict[bytes, tuple[str, str]]
) -> tuple[dict[str, list[int]], list[_Verdict]]:
    """Return the rows of each banner that has a text, and the verdicts on the others.

    A banner has several rows where the table names it several times with the same text.
    """
    rows_of: dict[str, list[int]] = {}
    rejected: list[_Verdict] = []
    text_ids = composed["text_id"].to_pylist()
    columns = ("reason", "detail", "page_reason", "page_detail")
    why = zip(*(composed[column].to_pylist() for column in columns), strict=True)
    for row, (name, text_id, (reason, detail, page_reason, page_detail)) in enumerate(
        zip(names, text_ids, why, strict=True)
    ):
        if page_reason is not None:
            rejected.append((row, PAGE_STAGE, page_reason, page_detail))
        if reason is None:
            reason, detail = verdicts.get(text_id, (None, None))
        if name is None:
            reason, detail = NO_NAME, "neither a banner_id nor a file"
        elif reason is None and name in rows_of and text_ids[rows_of[name][0]] != text_id:
            reason = REPEATED_ID
            detail = f"{name} stands for another text in an earlier row"
        if reason is not None:
            rejected.append((row, TEXT_STAGE, reason, detail))
        elif name is not None:
            rows_of.setdefault(name, []).append(row)
    return rows_of, rejected


def _aliases(banners: Banners, composed: pa.Table, rows_of: dict[str, list[int]]) -> pa.Table:
    """Return a row for each banner that has a text, in their order."""
    about = banners.about
    days = {name: shown(about[name].cast(pa.large_binary())) for name in ("first_day", "last_day")}
    first = [rows[0] for rows in rows_of.values()]
    taken = about.take(pa.array(first, pa.int64()))
    texts = composed.take(pa.array(first, pa.int64()))
    columns: dict[str, object] = {
        "banner_id": shown(taken["banner_id"].cast(pa.large_binary())),
        "file": shown(taken["file"].cast(pa.large_binary())),
        "content_id": texts["text_id"],
        "first_day": [_least(days["first_day"], rows) for rows in rows_of.values()],
        "last_day": [_most(days["last_day"], rows) for rows in rows_of.values()],
        "nbytes": pc.binary_length(texts["text"]).cast(pa.int64()),
        "modified": pa.nulls(len(first), pa.string()),
        "image_id": taken["image_id"],
        "text_sources": texts["text_sources"],
    }
    for name in sorted(set(about.column_names) - set(columns)):
        column = taken[name]
        if not pa.types.is_binary(column.type) and not pa.types.is_string(column.type):
            values = (None if value is None else str(value) for value in column.to_pylist())
            columns[name] = pa.array(values, pa.string())
        else:
            columns[name] = shown(column.cast(pa.large_binary()))
    return pa.table(columns, schema=_schema(columns))


def _schema(names: object) -> pa.Schema:
    own = [*ALIASES, pa.field("image_id", pa.binary(32)), pa.field("text_sources", pa.string())]
    known = {field.name for field in own}
    more = sorted(set(names) - known)  # type: ignore[call-overload]
    return pa.schema([*own, *((name, pa.string()) for name in more)])


def _least(days: list[str | None], rows: list[int]) -> str | None:
    return min((day for day in (days[row] for row in rows) if day), default=None)


def _most(days: list[str | None], rows: list[int]) -> str | None:
    return max((day for day in (days[row] for row in rows) if day), default=None)


def _behind_the_old(aliases: pa.Table, old: pa.Table, asked: pa.Array) -> pa.Table:
    """Return the banners that this run did not see, and behind them its own, with their days."""
    schema = _schema([*aliases.column_names, *old.column_names])
    place = pc.index_in(keys_of(aliases), value_set=keys_of(old))
    before = old.select(["content_id", "first_day", "last_day"]).take(place)
    same = pc.equal(before["content_id"], aliases["content_id"]).fill_null(False)
    for name, better in (("first_day", pc.min_element_wise), ("last_day", pc.max_element_wise)):
        known = pc.if_else(same, before[name], pa.scalar(None, pa.string()))
        index = aliases.column_names.index(name)
        aliases = aliases.set_column(index, name, better(aliases[name], known))
    kept = old.filter(pc.invert(pc.is_in(keys_of(old), value_set=asked)))
    return pa.concat_tables([in_schema(kept, schema), in_schema(aliases, schema)])


def _rejected(banners: Banners, verdicts: list[_Verdict], composed: pa.Table) -> pa.Table:
    rows = [row for row, _, _, _ in verdicts]
    about = banners.about.select(["file", "banner_id"]).take(pa.array(rows, pa.int64()))
    texts = composed["text_id"].take(pa.array(rows, pa.int64())).to_pylist()
    return pa.table(
        {
            "file": shown(about["file"].cast(pa.large_binary())),
            "banner_id": shown(about["banner_id"].cast(pa.large_binary())),
            "content_id": texts,
            "stage": [stage for _, stage, _, _ in verdicts],
            "reason": [reason for _, _, reason, _ in verdicts],
            "detail": [detail for _, _, _, detail in verdicts],
        },
        schema=REJECTED,
    )


def first_files(banners: Banners, composed: pa.Table) -> dict[bytes, str | None]:
    """Return for each text the file of the first banner that says it."""
    names = shown(banners.about["file"].cast(pa.large_binary()))
    found: dict[bytes, str | None] = {}
    for text_id, name in zip(composed["text_id"].to_pylist(), names, strict=True):
        if text_id is not None:
            found.setdefault(text_id, name)
    return found


def in_rows(described: pa.Table, file_of: dict[bytes, str | None]) -> pa.Table:
    """Return what the parts say of texts as rows of the store's table."""
    names = [file_of.get(text_id) for text_id in described["content_id"].to_pylist()]
    return described.append_column("file", pa.array(names, pa.string())).select(ROWS.names)


def mostly_unknown(rows: pa.Table, share: float) -> int:
    """Return how many texts have more than this share of tokens that the model does not know."""
    return int(np.count_nonzero(rows["unknown_share"].to_numpy() > share))
