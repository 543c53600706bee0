"""One task: the sources of some hundred banners, cleaned and joined to their texts.

The rule: columns in the order in which they were named, then OCR, then the landing page; each
cleaned by itself; those that say something, one a line; cut behind the characters allowed. The id
of a text is the SHA-256 of its UTF-8 bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Literal

import pyarrow as pa

from bannercluster.media.texts import clean, cut, has_own_text
from bannercluster.runtime.executor import Executor, Shared
from bannercluster.runtime.progress import Progress
from bannercluster.store.fingerprint import content_id
from bannercluster.text.banners import LANDING, OCR, batches, decoded
from bannercluster.text.pages import PageRefused, page_text

BATCH = 256

COMPOSED = pa.schema(
    [
        ("text", pa.large_string()),
        ("text_id", pa.binary(32)),
        ("text_sources", pa.string()),
        ("reason", pa.string()),
        ("detail", pa.string()),
        ("page_reason", pa.string()),
        ("page_detail", pa.string()),
    ]
)
"""A row per banner: its text or the reason why it has none, and why its page was not read."""


@dataclass(frozen=True)
class ComposeJob:
    """What all batches of a run have in common.

    Parameters
    ----------
    landing_pages : str or None
        Folder of landing pages.
    ocr : {"missing", "all", "none"}
    max_characters, max_page_nbytes : int
    """

    landing_pages: str | None
    ocr: Literal["missing", "all", "none"]
    max_characters: int
    max_page_nbytes: int


def compose_all(
    said: pa.Table, job: ComposeJob, executor: Executor, progress: Progress
) -> pa.Table:
    """Compose the texts of all banners, in their order."""
    items = [said.slice(one.start, one.stop - one.start) for one in batches(len(said), BATCH)]
    done: dict[int, pa.Table] = {}
    progress.start("reading", len(said), "banners")
    try:
        shared = executor.share(job)
        for index, table in executor.map_unordered(partial(compose, shared), items):
            done[index] = table
            progress.advance(len(table))
    finally:
        progress.finish()
    return pa.concat_tables([COMPOSED.empty_table(), *(done[index] for index in sorted(done))])


def compose(shared: Shared[ComposeJob], said: pa.Table) -> pa.Table:
    """Compose the texts of a batch. Idempotent."""
    job = shared.get()
    columns = {name: said[name].to_pylist() for name in said.column_names}
    rows = [
        _row(job, {name: values[i] for name, values in columns.items()}) for i in range(len(said))
    ]
    return pa.Table.from_pylist(rows, schema=COMPOSED)


def _row(job: ComposeJob, said: dict[str, bytes | None]) -> dict[str, object]:
    row: dict[str, object] = {}
    sources: dict[str, str] = {}
    for name, value in said.items():
        try:
            text = decoded(value)
        except UnicodeDecodeError as error:
            if name != LANDING:
                return {"reason": "undecodable", "detail": f"{name} is not UTF-8: {error.reason}"}
            row |= {"page_reason": "page_undecodable", "page_detail": f"not UTF-8: {error.reason}"}
            continue
        if name == LANDING and text is not None and text.strip():
            try:
                text = page_text(text, job.landing_pages, job.max_page_nbytes)
            except PageRefused as refused:
                row |= {"page_reason": refused.reason, "page_detail": refused.detail}
                continue
        if text is not None:
            sources[name] = text
    own = (text for name, text in sources.items() if name != OCR)
    if job.ocr == "missing" and has_own_text(own, job.max_characters):
        sources.pop(OCR, None)
    cleaned = {name: clean(text, job.max_characters) for name, text in sources.items()}
    pieces = {name: text for name, text in cleaned.items() if text}
    text = cut("\n".join(pieces.values()), job.max_characters)
    if not text:
        return {**row, "reason": "no_text", "detail": _why(said)}
    return {
        **row,
        "text": text,
        "text_id": content_id(text.encode()),
        "text_sources": "+".join(pieces),
    }


def _why(said: dict[str, bytes | None]) -> str:
    return f"nothing to read in {', '.join(_names(said))}"


def _names(said: dict[str, bytes | None]) -> Iterator[str]:
    for name in said:
        yield name.replace("_", " ") if name == LANDING else name.upper() if name == OCR else name
