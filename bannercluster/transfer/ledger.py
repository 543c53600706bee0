"""The tables of the next generation: those of the store, with what an import adds and changes."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bannercluster.store.aliases import ids_of
from bannercluster.store.embeddings import EmbeddingStore
from bannercluster.store.ledger import REJECTED, ROWS, aliases_schema, in_schema
from bannercluster.transfer.blocks import keys_of
from bannercluster.transfer.columns import NO_FIRST, NO_LAST
from bannercluster.transfer.decisions import Decider
from bannercluster.transfer.journal import Journal

_ORDER = [(name, "ascending") for name in ("file", "banner_id", "reason", "detail", "stage")]


def tables_after(
    old: EmbeddingStore | None, journal: Journal, decider: Decider
) -> dict[str, pa.Table]:
    """Return the tables ``rows``, ``aliases`` and ``rejected`` of the next generation.

    A banner that the import has seen has the content that it has there; its days are widened where
    the content is still the same. Other banners keep their rows.
    """
    aliases = _with_days(journal.table("aliases").drop_columns(["row"]), decider)
    rejected = journal.table("rejected")
    rows = in_schema(journal.table("rows"), ROWS)
    if old is not None:
        aliases = _merged(old.table("aliases"), aliases, decider)
        rejected = pa.concat_tables([_still_rejected(old.table("rejected"), decider), rejected])
        rows = pa.concat_tables([in_schema(old.table("rows"), ROWS), rows])
    return {"rows": rows, "aliases": aliases, "rejected": _distinct(rejected)}


def named(table: pa.Table) -> pa.ChunkedArray:
    """Return what a banner is known by: its id, else its file."""
    return pc.coalesce(table["banner_id"], table["file"])


def _with_days(aliases: pa.Table, decider: Decider) -> pa.Table:
    first = _texts(decider.first_days, decider.first_days == NO_FIRST)
    last = _texts(decider.last_days, decider.last_days == NO_LAST)
    dated = aliases.append_column("first_day", first).append_column("last_day", last)
    return in_schema(dated, aliases_schema(dated.column_names))


def _texts(days: np.ndarray, unknown: np.ndarray) -> pa.Array:
    return pa.array(days, pa.int32(), mask=unknown).cast(pa.date32()).cast(pa.string())


def _merged(old: pa.Table, new: pa.Table, decider: Decider) -> pa.Table:
    schema = aliases_schema([*old.column_names, *new.column_names])
    old, new = in_schema(old, schema), in_schema(new, schema)
    alias = _aliases_of(old, decider)
    again = np.flatnonzero(alias >= 0)
    if not len(again):
        return pa.concat_tables([old, new])
    known = alias[again]
    same = (ids_of(old["content_id"])[again] == ids_of(new["content_id"])[known]).all(axis=1)
    for name, widen in (("first_day", pc.min_element_wise), ("last_day", pc.max_element_wise)):
        before, now = old[name].take(pa.array(again)), new[name].take(pa.array(known))
        widened = pc.if_else(pa.array(same), widen(before, now), now)
        place = new.column_names.index(name)
        new = new.set_column(place, name, _replaced(new[name], known, widened))
    # Banners of before keep their places; those that are new follow.
    order = np.arange(len(old))
    order[again] = len(old) + known
    added = np.ones(len(new), bool)
    added[known] = False
    order = np.concatenate([order, len(old) + np.flatnonzero(added)])
    return pa.concat_tables([old, new]).take(pa.array(order))


def _replaced(column: pa.ChunkedArray, places: np.ndarray, values: pa.ChunkedArray) -> pa.Array:
    order = np.arange(len(column))
    order[places] = len(column) + np.arange(len(places))
    return pa.chunked_array([*column.chunks, *values.chunks], column.type).take(pa.array(order))


def _still_rejected(old: pa.Table, decider: Decider) -> pa.Table:
    """Return the rows rejected earlier whose banner the import has not accepted."""
    return old.cast(REJECTED).filter(pa.array(_aliases_of(old, decider) < 0))


def _aliases_of(table: pa.Table, decider: Decider) -> np.ndarray:
    """Return the number of the import's alias of each row, -1 where it has none."""
    names = named(table)
    parts = [decider.alias_of(keys_of(chunk)) for chunk in names.chunks]
    found = np.concatenate([*parts, np.empty(0, np.int64)])
    found[np.asarray(names.is_null())] = -1
    return found


def _distinct(rejected: pa.Table) -> pa.Table:
    """Return rows in a fixed order, each of them once: a source may be imported again."""
    grouped = rejected.group_by(REJECTED.names, use_threads=False).aggregate([])
    return grouped.select(REJECTED.names).sort_by(_ORDER).cast(REJECTED)
