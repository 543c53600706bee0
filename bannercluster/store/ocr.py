"""Texts read off images: part files that never change, and a record that names them.

``<ocr>/parts/<name>.parquet`` has a row per content. ``<ocr>/ocr.json`` is written last and lists
the parts in their order; until it changes a reader sees the old, whole table. A content may lie in
several parts, as a rejected one is tried again: its last row counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bannercluster.errors import IncompatibleStoreError, StoreError
from bannercluster.store import files, tables
from bannercluster.store.parts import PartFolder
from bannercluster.store.points import OCR_PART, OCR_RECORD

VERSION = 1

LINE = pa.struct(
    [
        ("text", pa.string()),
        ("confidence", pa.float32()),
        ("box", pa.list_(pa.float32(), 8)),
    ]
)
"""``box``: x and y of the corners in pixels of the image as displayed, clockwise from top left."""

SCHEMA = pa.schema(
    [
        ("content_id", pa.binary(32)),
        ("text", pa.string()),
        ("lines", pa.list_(LINE)),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("reason", pa.string()),
        ("detail", pa.string()),
    ]
)
"""``text``: the lines in reading order, joined by line feeds; empty where there are none, null
where the content is rejected. ``reason`` and ``detail`` are null where it is not."""


@dataclass(frozen=True)
class OcrRecord:
    """What ``ocr.json`` says.

    Parameters
    ----------
    generation : int
        Number of commits so far.
    recipe : dict
        All that shapes a row; a table has one.
    parts : tuple of str
        Names of the parts, the oldest first.
    counts : dict
        ``contents``, ``with_text``, ``without_text``, ``rejected``.
    created, updated : str
        Times of the first and of the latest commit (ISO 8601, UTC).
    info : dict
        Versions and sources of the latest commit; part of no fingerprint.
    """

    generation: int
    recipe: dict[str, Any]
    parts: tuple[str, ...]
    counts: dict[str, int]
    created: str
    updated: str
    info: dict[str, Any]

    def check_recipe(self, recipe: dict[str, Any], url: str) -> None:
        """Raise IncompatibleStoreError if rows of a recipe do not belong beside these."""
        differing = [
            f"{key} {self.recipe.get(key)!r} (now {recipe.get(key)!r})"
            for key in sorted(self.recipe.keys() | recipe.keys())
            if self.recipe.get(key) != recipe.get(key)
        ]
        if differing:
            raise IncompatibleStoreError(
                f"the texts in {url} were read with {', '.join(differing)}; expected the same for "
                "all of a table: ask for what it has, or name another folder with --ocr"
            )


def load_record_if_any(url: str) -> OcrRecord | None:
    """Read the record, or return None where nothing was committed yet.

    Raises
    ------
    FormatVersionError
        If a newer bannercluster wrote it.
    StoreError
        If it is damaged.
    """
    where = files.join(url, "ocr.json")
    value = files.read_json_if_any(where)
    if value is None:
        return None
    files.check_version(value.pop("format_version", None), VERSION, where)
    try:
        return OcrRecord(**{**value, "parts": tuple(value["parts"])})
    except (KeyError, TypeError) as error:
        raise StoreError(f"{where} is damaged: {error}; run `bc ocr` into another folder") from None


def write_record(url: str, record: OcrRecord) -> None:
    """Write the record: what it names becomes the table."""
    value = {"format_version": VERSION, **asdict(record)}
    files.write_json(files.join(url, "ocr.json"), value, OCR_RECORD)


def parts_in(url: str) -> PartFolder:
    """Return the parts of a table, with those that no record lists."""
    return PartFolder(files.join(url, "parts"), SCHEMA, OCR_PART)


def read_rows(
    url: str, parts: Sequence[str] | None = None, columns: list[str] | None = None
) -> pa.Table:
    """Read the current row of every content, in the order of the parts.

    Parameters
    ----------
    url : str
    parts : sequence of str, optional
        Names of parts; those of the record by default.
    columns : list of str, optional
        Of `SCHEMA`, with ``content_id``.

    Raises
    ------
    StoreError
        If there is no table, or a part is missing or damaged.
    """
    if parts is None:
        record = load_record_if_any(url)
        if record is None:
            raise StoreError(f"no texts of images at {url}; run `bc ocr` first, or name --ocr")
        parts = record.parts
    names = columns or SCHEMA.names
    schema = pa.schema([SCHEMA.field(name) for name in names])
    folder = parts_in(url)
    read = [tables.read(folder.url_of(name), names).cast(schema) for name in parts]
    table = pa.concat_tables([schema.empty_table(), *read]).replace_schema_metadata(None)
    places = pa.table({"content_id": table["content_id"], "place": np.arange(len(table))})
    last = places.group_by("content_id").aggregate([("place", "max")])["place_max"]
    return table.take(last.take(pc.sort_indices(last)))


def read_texts(url: str) -> pa.Table:
    """Read the text of every content that was read, also of those without any.

    Parameters
    ----------
    url : str
        Folder of `bc ocr`.

    Returns
    -------
    table
        ``content_id`` fixed_size_binary[32]; ``text`` string, empty where there is none;
        ``confidence`` float32, mean of the lines weighted by their characters, null without text.

    Raises
    ------
    StoreError
        If there is no table, or a part is missing or damaged.
    """
    table = read_rows(url, columns=["content_id", "text", "lines", "reason"])
    table = table.filter(pc.is_null(table["reason"])).combine_chunks()
    lines = table["lines"].combine_chunks()
    row = pc.list_parent_indices(lines).to_numpy(zero_copy_only=False)
    flat = pc.list_flatten(lines)
    weight = pc.utf8_length(pc.struct_field(flat, "text")).to_numpy(zero_copy_only=False)
    value = pc.struct_field(flat, "confidence").to_numpy(zero_copy_only=False)
    total = np.bincount(row, weight, minlength=len(table))
    mean = np.bincount(row, weight * value, minlength=len(table)) / np.maximum(total, 1)
    confidence = pa.array(mean.astype(np.float32), mask=total == 0)
    return pa.table(
        {"content_id": table["content_id"], "text": table["text"], "confidence": confidence}
    )
