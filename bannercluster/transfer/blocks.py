"""Rows of a source made ready for the store: values as stored, identities, days, reasons."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bannercluster.transfer.columns import (
    NO_FIRST,
    NO_LAST,
    Layout,
    as_text,
    content_ids_of,
    days_of,
)
from bannercluster.transfer.digests import halves
from bannercluster.transfer.vectors import REASONS, Vectors, as_stored

ID_NBYTES = 32
_DOMAIN = b"bannercluster embedding "
NO_ID, BAD_DAY, BAD_CONTENT_ID = (
    REASONS.index(name) for name in ("no_id", "bad_day", "bad_content_id")
)


class VectorsOf(Protocol):
    """Gives the vectors of some rows as a matrix."""

    def __call__(self, n_features: int) -> Vectors:
        """Return them; those of another dimension are refused."""


@dataclass(frozen=True)
class RawRows:
    """Rows as a source has them.

    Parameters
    ----------
    where : str
        The file or array, for messages.
    first : int
        Number of the first row there.
    columns : dict of str to array
        By their names in the source; those that a file lacks are left out.
    n : int
    vectors : function of the dimension
    """

    where: str
    first: int
    columns: dict[str, pa.Array]
    n: int
    vectors: VectorsOf


@dataclass(frozen=True)
class Target:
    """What rows are made ready for.

    Parameters
    ----------
    layout : Layout
    n_features : int
    dtype : str
        Of the store.
    day : int or None
        Day (since 1970) of rows that say none.
    """

    layout: Layout
    n_features: int
    dtype: str
    day: int | None


@dataclass(frozen=True)
class Block:
    """Rows made ready.

    Parameters
    ----------
    values : (n, n_features) array
        As stored; what a refused row holds means nothing.
    contents : (n, 32) uint8 array
    content_keys, id_keys : (n, 2) uint64 arrays
        Digests of the content and of the banner's id.
    reasons, lengths : (n,) arrays
        As in :class:`~bannercluster.transfer.vectors.Vectors`.
    first_day, last_day : (n,) int32 arrays
    text : table
        ``banner_id``, ``file`` and the columns that are carried along, as text.
    where, first : str, int
        Place of the first row in the source.
    """

    values: np.ndarray
    contents: np.ndarray
    content_keys: np.ndarray
    id_keys: np.ndarray
    reasons: np.ndarray
    lengths: np.ndarray
    first_day: np.ndarray
    last_day: np.ndarray
    text: pa.Table
    where: str
    first: int

    def __len__(self) -> int:
        return len(self.reasons)

    def rest(self, start: int) -> Block:
        """Return the rows from ``start`` on."""
        return replace(
            self,
            values=self.values[start:],
            contents=self.contents[start:],
            content_keys=self.content_keys[start:],
            id_keys=self.id_keys[start:],
            reasons=self.reasons[start:],
            lengths=self.lengths[start:],
            first_day=self.first_day[start:],
            last_day=self.last_day[start:],
            text=self.text.slice(start),
            first=self.first + start,
        )


def prepare(raw: RawRows, target: Target) -> Block:
    """Make rows of a source ready."""
    layout, n = target.layout, raw.n
    vectors = raw.vectors(target.n_features)
    values, reasons = as_stored(vectors, np.dtype(target.dtype).newbyteorder("<"))

    def column(name: str | None) -> pa.Array | None:
        return None if name is None else raw.columns.get(name)

    def text(name: str | None) -> pa.Array:
        found = column(name)
        return pa.nulls(n, pa.string()) if found is None else as_text(found)

    banner_id, file = _not_empty(text(layout.banner_id)), _not_empty(text(layout.file))
    named = pc.coalesce(banner_id, file)
    first, last, bad_day = _days(column, layout, target.day, n)
    contents, bad_content = _contents(column(layout.content_id), values, reasons == 0)
    for code, bad in ((BAD_CONTENT_ID, bad_content), (BAD_DAY, bad_day)):
        reasons[bad & (reasons == 0)] = code
    reasons[np.asarray(named.is_null())] = NO_ID
    carried = {name: text(name) for name in layout.extra}
    return Block(
        values, contents, halves(contents), keys_of(named), reasons, vectors.lengths, first, last,
        pa.table({"banner_id": banner_id, "file": file, **carried}), raw.where, raw.first,
    )  # fmt: skip


def keys_of(named: pa.Array) -> np.ndarray:
    """Return the digests of ids: (n, 2) uint64."""
    texts = named.fill_null("").cast(pa.binary()).to_pylist()
    digests = b"".join([hashlib.sha256(text).digest()[:16] for text in texts])
    return np.frombuffer(digests, np.uint64).reshape(len(texts), 2)


def vector_id_prefix(dtype: str) -> bytes:
    """Return what stands before the bytes of a vector in its content id."""
    return _DOMAIN + dtype.encode() + b"\0"


def _not_empty(text: pa.Array) -> pa.Array:
    return pc.if_else(pc.equal(text, ""), None, text)


def _days(
    column: object, layout: Layout, default: int | None, n: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return first and last day of each row, and which of them have a bad one."""
    first, last = np.full(n, NO_FIRST), np.full(n, NO_LAST)
    if default is not None:
        first[:] = last[:] = default
    bad = np.zeros(n, bool)
    for name, targets in (
        (layout.day, (first, last)),
        (layout.first_day, (first,)),
        (layout.last_day, (last,)),
    ):
        found = column(name)  # type: ignore[operator]
        if found is not None:
            days, known, not_a_day = days_of(found)
            bad |= not_a_day
            for target in targets:
                target[known] = days[known]
    return first, last, bad


def _contents(
    given: pa.Array | None, values: np.ndarray, good: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the content ids, (n, 32) uint8, and which rows have a bad one."""
    n = len(values)
    ids, known = np.zeros((n, ID_NBYTES), np.uint8), np.zeros(n, bool)
    bad = np.zeros(n, bool)
    if given is not None:
        ids, known, bad = content_ids_of(given)
    rows = np.flatnonzero(good & ~known & ~bad)
    if len(rows):
        start = hashlib.sha256(vector_id_prefix(values.dtype.name))
        digests = []
        for row in values if len(rows) == n else values[rows]:
            digest = start.copy()
            digest.update(row)
            digests.append(digest.digest())
        ids[rows] = np.frombuffer(b"".join(digests), np.uint8).reshape(-1, ID_NBYTES)
    return ids, bad
