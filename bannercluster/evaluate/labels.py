"""Known groups of banners, such as advertisers, joined to the rows of a store."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bannercluster.config import EvaluateConfig, PathsConfig
from bannercluster.errors import DataError, UsageError
from bannercluster.models.evaluations import LabelFacts
from bannercluster.store import tables
from bannercluster.store.aliases import RowIndex, ids_of
from bannercluster.store.embeddings import EmbeddingStore


@dataclass(frozen=True)
class RowLabels:
    """Labels of rows.

    Parameters
    ----------
    names : tuple of str
    codes : (n_rows,) int32 array
        Index into ``names``; -1 for a row without a label.
    weights : (n_rows,) int64 array
        What a row counts: 1, or its number of ids.
    facts : LabelFacts
    """

    names: tuple[str, ...]
    codes: np.ndarray
    weights: np.ndarray
    facts: LabelFacts


def load_labels(
    store: EmbeddingStore, paths: PathsConfig, config: EvaluateConfig
) -> RowLabels | None:
    """Join the column ``paths.label`` to the rows; None where no column is named.

    A content counts once, however many banners show it (with ``weight="ids"`` as often as it has
    ids). A content with several different labels is left out, and counted.

    Raises
    ------
    UsageError
        If the table or the column is missing, or has no column to join by.
    DataError
        If no row has a label.
    """
    if paths.label is None:
        if paths.labels is not None:
            raise UsageError(
                f"--labels {paths.labels} needs --label COLUMN: which column names the group?"
            )
        return None
    aliases = store.table("aliases")
    if paths.labels is None:
        source = "the manifest"
        _require(aliases, paths.label, f"the alias table of {store.url}, made from the manifest,")
        contents, labels = ids_of(aliases["content_id"]), _texts(aliases[paths.label])
        n_unmatched = 0
    else:
        source = paths.labels
        contents, labels, n_unmatched = _joined(paths.labels, paths.label, aliases)
    index = RowIndex(store)
    n_ids = None
    if config.weight == "ids":
        rows = index.rows_of_ids(ids_of(aliases["content_id"]))
        n_ids = np.bincount(rows[rows >= 0], minlength=store.n_rows)
    del aliases
    found = _labels_of_contents(index, store.n_rows, contents, labels)
    return _row_labels(store, config, paths.label, source, found, n_ids, n_unmatched)


def _require(table: pa.Table, column: str, what: str) -> None:
    if column not in table.column_names:
        raise UsageError(
            f"{what} has no column {column!r}; it has {', '.join(table.column_names)}: name one "
            f"of them with "
            f"--label, or another table with --labels"
        )


def _joined(url: str, column: str, aliases: pa.Table) -> tuple[np.ndarray, pa.ChunkedArray, int]:
    table = tables.read_foreign(url, "the labels table")
    _require(table, column, f"the labels table {url}")
    key = next((name for name in ("banner_id", "file") if name in table.column_names), None)
    if key is None:
        raise UsageError(
            f"the labels table {url} has neither 'banner_id' nor 'file'; expected one of them "
            f"to join by"
        )
    # Several banners may have had one file: the last of them says what it holds.
    backwards = pa.array(np.arange(len(aliases))[::-1])
    known = aliases[key].take(backwards)
    place = pc.index_in(_texts(table[key]), value_set=known, skip_nulls=True)
    matched = pc.is_valid(place)
    contents = aliases["content_id"].take(backwards).take(place.filter(matched))
    return ids_of(contents), _texts(table[column]).filter(matched), place.null_count


def _texts(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return a column as text: numbers and dates as Python writes them."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return _texts(column.cast(kind.value_type))
    if pa.types.is_string(kind) or pa.types.is_integer(kind) or pa.types.is_null(kind):
        return column.cast(pa.string())
    texts = (None if value is None else str(value) for value in column.to_pylist())
    return pa.chunked_array([pa.array(texts, pa.string())])


@dataclass(frozen=True)
class _Found:
    """The labels of contents: of rows by their number, behind them contents without a row.

    Parameters
    ----------
    names : list of str
    least, most : (n,) int32 array
        Lowest and highest index into ``names`` of a content's labels; ``most`` is -1 without one.
    """

    names: list[str]
    least: np.ndarray
    most: np.ndarray


def _labels_of_contents(
    index: RowIndex, n_rows: int, contents: np.ndarray, labels: pa.ChunkedArray
) -> _Found:
    named = pc.not_equal(labels, "").fill_null(False)
    if not pc.all(named).as_py():
        contents, labels = contents[named.to_numpy()], labels.filter(named)
    encoded = labels.combine_chunks().dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    code = encoded.indices.to_numpy()
    place = index.rows_of_ids(contents)
    lost = place < 0
    n_lost = 0
    if lost.any():
        others, which = np.unique(contents[lost], axis=0, return_inverse=True)
        place[lost], n_lost = n_rows + which.reshape(-1), len(others)
    least = np.full(n_rows + n_lost, np.iinfo(np.int32).max, np.int32)
    most = np.full(n_rows + n_lost, -1, np.int32)
    np.minimum.at(least, place, code)
    np.maximum.at(most, place, code)
    return _Found(encoded.dictionary.to_pylist(), least, most)


def _row_labels(
    store: EmbeddingStore,
    config: EvaluateConfig,
    column: str,
    source: str,
    found: _Found,
    n_ids: np.ndarray | None,
    n_unmatched: int,
) -> RowLabels:
    clear = found.least[: store.n_rows] == found.most[: store.n_rows]
    n_of = np.bincount(found.most[: store.n_rows][clear], minlength=len(found.names))
    names = tuple(
        sorted(
            name
            for name, n in zip(found.names, n_of.tolist(), strict=True)
            if n >= config.min_banners
        )
    )
    # One more than there are names: -1, no label, stays -1.
    code_of = {name: code for code, name in enumerate(names)}
    codes_of = np.array([*(code_of.get(name, -1) for name in found.names), -1], np.int32)
    codes = np.where(clear, codes_of[found.most[: store.n_rows]], np.int32(-1))
    weights = np.ones(store.n_rows, np.int64)
    if n_ids is not None:
        weights = np.where(codes >= 0, np.maximum(n_ids, 1), 1)
    n_labelled = int((codes >= 0).sum())
    if not n_labelled:
        raise DataError(
            f"no row of {store.url} has a label in column {column!r} of {source} ({n_unmatched} "
            f"rows of the table "
            f"name no banner of the store, {int(n_of.sum())} contents have labels with fewer "
            f"than "
            f"{config.min_banners} banners); expected labels joined by 'file' or 'banner_id'"
        )
    facts = LabelFacts(
        column,
        source,
        len(names),
        n_labelled,
        store.n_rows - n_labelled,
        int(np.count_nonzero((found.most >= 0) & (found.least != found.most))),
        int(n_of[codes_of[:-1] < 0].sum()),
        n_unmatched,
        config.weight,
    )
    return RowLabels(names, codes, weights, facts)
