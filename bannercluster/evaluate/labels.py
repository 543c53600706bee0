"""Known groups of banners, such as advertisers, joined to the rows of a store."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from bannercluster.config import EvaluateConfig, PathsConfig
from bannercluster.errors import DataError, UsageError
from bannercluster.models.evaluations import LabelFacts
from bannercluster.store import tables
from bannercluster.store.aliases import RowIndex
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
        pairs = list(
            zip(aliases["content_id"].to_pylist(), aliases[paths.label].to_pylist(), strict=True)
        )
        n_unmatched = 0
    else:
        source = paths.labels
        pairs, n_unmatched = _joined(paths.labels, paths.label, aliases)
    return _row_labels(store, config, paths.label, source, pairs, n_unmatched)


def _require(table: pa.Table, column: str, what: str) -> None:
    if column not in table.column_names:
        raise UsageError(
            f"{what} has no column {column!r}; it has {', '.join(table.column_names)}: name one "
            f"of them with "
            f"--label, or another table with --labels"
        )


def _joined(url: str, column: str, aliases: pa.Table) -> tuple[list[tuple[bytes, str | None]], int]:
    table = tables.read_foreign(url, "the labels table")
    _require(table, column, f"the labels table {url}")
    key = next((name for name in ("banner_id", "file") if name in table.column_names), None)
    if key is None:
        raise UsageError(
            f"the labels table {url} has neither 'banner_id' nor 'file'; expected one of them "
            f"to join by"
        )
    contents = dict(zip(aliases[key].to_pylist(), aliases["content_id"].to_pylist(), strict=True))
    named = zip(table[key].to_pylist(), table[column].to_pylist(), strict=True)
    pairs, n_unmatched = [], 0
    for name, label in named:
        content = None if name is None else contents.get(str(name))
        if content is None:
            n_unmatched += 1
        else:
            pairs.append((content, None if label is None else str(label)))
    return pairs, n_unmatched


def _row_labels(
    store: EmbeddingStore,
    config: EvaluateConfig,
    column: str,
    source: str,
    pairs: list[tuple[bytes, str | None]],
    n_unmatched: int,
) -> RowLabels:
    of_content: dict[bytes, Counter[str]] = defaultdict(Counter)
    for content, label in pairs:
        if label is not None and label != "":
            of_content[content][label] += 1
    clear = {content: found for content, found in of_content.items() if len(found) == 1}
    contents = list(clear)
    rows = RowIndex(store).rows_of(contents)
    label_of = [next(iter(clear[content])) for content in contents]
    n_of = Counter(label for label, row in zip(label_of, rows, strict=True) if row >= 0)
    names = tuple(sorted(label for label, n in n_of.items() if n >= config.min_banners))
    code_of = {label: code for code, label in enumerate(names)}
    codes = np.full(store.n_rows, -1, np.int32)
    weights = np.ones(store.n_rows, np.int64)
    n_ids: dict[bytes, int] = {}
    if config.weight == "ids":
        n_ids = Counter(store.table("aliases", ["content_id"])["content_id"].to_pylist())
    for content, label, row in zip(contents, label_of, rows, strict=True):
        if row >= 0 and label in code_of:
            codes[row] = code_of[label]
            weights[row] = n_ids.get(content, 1)
    n_labelled = int((codes >= 0).sum())
    if not n_labelled:
        raise DataError(
            f"no row of {store.url} has a label in column {column!r} of {source} ({n_unmatched} "
            f"rows of the table "
            f"name no banner of the store, {sum(n_of.values())} contents have labels with fewer "
            f"than "
            f"{config.min_banners} banners); expected labels joined by 'file' or 'banner_id'"
        )
    facts = LabelFacts(
        column,
        source,
        len(names),
        n_labelled,
        store.n_rows - n_labelled,
        len(of_content) - len(clear),
        sum(n for label, n in n_of.items() if label not in code_of),
        n_unmatched,
        config.weight,
    )
    return RowLabels(names, codes, weights, facts)
