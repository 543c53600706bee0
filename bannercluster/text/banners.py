"""Which banners there are, and what the tables say of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bannercluster.config import Settings, TextConfig
from bannercluster.errors import UsageError
from bannercluster.store import tables
from bannercluster.store.embeddings import EmbeddingStore
from bannercluster.store.ocr import load_record_if_any, read_texts

LANDING, OCR = "landing_page", "ocr"
"""What landing pages and OCR are called among the sources of a text."""

_OWN = ("banner_id", "file", "image_id", "first_day", "last_day")
_NOT_CARRIED = frozenset((*_OWN, "content_id", "nbytes", "modified", "day", "text_sources"))


@dataclass(frozen=True, eq=False)
class Banners:
    """The banners of a run.

    Parameters
    ----------
    about : table
        ``banner_id``, ``file``, ``image_id`` (null without images), ``first_day``, ``last_day``,
        and the columns that are carried along; names and days as bytes, since they may be no text.
    said : table
        The sources, row by row with ``about``: columns in their order, then OCR, then the landing
        page, as bytes.
    source : str
        Where the banners come from.
    """

    about: pa.Table
    said: pa.Table
    source: str


def load_banners(settings: Settings, names: pa.Array | None = None) -> Banners:
    """Read the banners: those of the store of images, or of a table.

    Parameters
    ----------
    settings : Settings
    names : array of str, optional
        What the banners are called that are read; all by default.

    Raises
    ------
    UsageError
        If there is neither, or a column asked for is missing, or there is no source at all.
    """
    paths, config = settings.paths, settings.text
    if paths.text_table is None:
        store = EmbeddingStore.open_if_any(paths.embeddings)
        if store is None:
            raise UsageError(
                f"no embeddings at {paths.embeddings}, whose banners could have texts; run `bc "
                "embed` first, or give a table of banners with --table"
            )
        table, source = store.table("aliases"), f"the banners of {store.url}"
        table = table.append_column("image_id", table["content_id"])
    else:
        source = paths.text_table
        table = tables.read_foreign(source, "the table of banners", check_utf8=False)
        table = _with_own_columns(table, source)
    if names is not None:
        called = pa.array(keys(table), pa.string())
        table = table.filter(pc.is_in(called, value_set=names))
    _check_names(table, config, source)
    said = _said(table, config, source)
    ocr = _ocr(settings, table)
    if ocr is not None:
        # A table without columns has no length to which a column could be added.
        alone = not said.column_names
        said = pa.table({OCR: ocr}) if alone else said.add_column(_n_columns(said), OCR, ocr)
    if not said.column_names:
        raise UsageError(
            f"{source} has nothing to read: none of the columns {', '.join(config.columns)}, no "
            f"--landing-column, and no OCR of its images; its columns are "
            f"{', '.join(_of_user(table))}: name those that are text with --text-columns"
        )
    left_out = _NOT_CARRIED.union(config.columns, {config.landing_column or ""})
    carried = [name for name in table.column_names if name not in left_out]
    return Banners(table.select([*_OWN, *carried]), said, source)


def _check_names(table: pa.Table, config: TextConfig, source: str) -> None:
    twice = sorted({name for name in table.column_names if table.column_names.count(name) > 1})
    if twice:
        raise UsageError(f"{source} has several columns {', '.join(twice)}; expected one of each")
    taken = sorted({LANDING, OCR}.intersection(config.columns))
    if taken:
        raise UsageError(
            f"--text-columns names {', '.join(taken)}, which stands for another source of text; "
            "give landing pages with --landing-column, and rename such a column of the table"
        )


def _with_own_columns(table: pa.Table, source: str) -> pa.Table:
    """Return a user's table with the columns that every banner has."""
    if not {"banner_id", "file"} & set(table.column_names):
        raise UsageError(
            f"{source} has neither 'banner_id' nor 'file'; expected a column that says which "
            f"banner a row is, among {', '.join(table.column_names)}"
        )
    day = table["day"] if "day" in table.column_names else None
    own = {"first_day": day, "last_day": day}
    for name in ("banner_id", "file"):
        own[name] = table[name] if name in table.column_names else None
    for name in (*own, "image_id", "content_id"):
        if name in table.column_names:
            table = table.drop_columns([name])
    for name, column in own.items():
        found = pa.nulls(len(table), pa.binary()) if column is None else _as_bytes(column)
        table = table.append_column(name, found)
    return table.append_column("image_id", pa.nulls(len(table), pa.binary(32)))


def _said(table: pa.Table, config: TextConfig, source: str) -> pa.Table:
    """Return the columns that are text, and the landing page behind them."""
    default = TextConfig().columns
    wanted = [
        name for name in config.columns if name in table.column_names or config.columns != default
    ]
    names = {name: name for name in wanted}
    if config.landing_column is not None:
        names[LANDING] = config.landing_column
    for name in names.values():
        if name not in table.column_names:
            raise UsageError(
                f"{source} has no column {name!r}; it has {', '.join(_of_user(table))}: name "
                "some of them with --text-columns and --landing-column"
            )
    return pa.table({name: _as_bytes(table[column]) for name, column in names.items()})


def _of_user(table: pa.Table) -> list[str]:
    return [name for name in table.column_names if name not in _NOT_CARRIED]


def _n_columns(said: pa.Table) -> int:
    return len(said.column_names) - (LANDING in said.column_names)


def _ocr(settings: Settings, table: pa.Table) -> pa.ChunkedArray | None:
    """Return what was read in the image of each banner; None where nothing was, or is wanted."""
    paths = settings.paths
    if settings.text.ocr == "none" or paths.text_table is not None:
        return None
    if load_record_if_any(paths.ocr) is None:
        return None
    read = read_texts(paths.ocr)
    place = pc.index_in(table["content_id"], value_set=read["content_id"].cast(pa.binary(32)))
    return _as_bytes(read["text"]).take(place)


def _as_bytes(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return a column as bytes, which need not be UTF-8; numbers as Python writes them."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return _as_bytes(column.cast(kind.value_type))
    binary = (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary)
    if not any(is_kind(kind) for is_kind in (*binary, pa.types.is_large_binary)):
        values = (None if value is None else str(value).encode() for value in column.to_pylist())
        return pa.chunked_array([pa.array(values, pa.large_binary())])
    return column.cast(pa.large_binary())


def decoded(value: bytes | None) -> str | None:
    """Return bytes as text.

    Raises
    ------
    UnicodeDecodeError
        If they are not UTF-8.
    """
    return None if value is None else value.decode()


def shown(values: pa.ChunkedArray) -> list[str | None]:
    """Return bytes as text; those that are not UTF-8 by their numbers, as Python shows them."""
    return [
        None if value is None else value.decode(errors="backslashreplace")
        for value in values.to_pylist()
    ]


def keys(about: pa.Table) -> list[str | None]:
    """Return what each banner is called: its id, or its file; None where it has neither."""
    ids, names = (shown(about[name].cast(pa.large_binary())) for name in ("banner_id", "file"))
    return [own or name or None for own, name in zip(ids, names, strict=True)]


def batches(n_rows: int, size: int) -> list[slice]:
    """Return slices of ``size`` rows."""
    return [slice(low, min(low + size, n_rows)) for low in np.arange(0, n_rows, size).tolist()]
