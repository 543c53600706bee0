"""Which events of a stream come more than once, in eight bytes an event."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Hashes = npt.NDArray[np.uint64]

_MIX = np.uint64(0x9E3779B97F4A7C15)
_SHIFT = np.uint64(29)
_CELLS = 1 << 22
"""Bytes of ids that are looked at in one piece."""


def hashes_of(ids: pa.Array) -> Hashes:
    """Return a 64-bit number for each id, the same for the same id.

    Parameters
    ----------
    ids : array of n strings or integers
        A missing one is as an empty one.

    Returns
    -------
    hashes : ndarray of shape (n,), uint64
        Two ids may share one: it says which rows to compare, not that they are equal.
    """
    text = as_text(ids).fill_null("")
    offsets = np.frombuffer(text.buffers()[1], np.int64)[text.offset :][: len(text) + 1]
    data = text.buffers()[2]
    octets = np.frombuffer(b"" if data is None else data, np.uint8)
    lengths = np.diff(offsets)
    found = np.empty(len(text), np.uint64)
    for length in np.unique(lengths).tolist():
        rows = np.flatnonzero(lengths == length)
        step = max(1, _CELLS // max(length, 1))
        for low in range(0, len(rows), step):
            some = rows[low : low + step]
            found[some] = _hashes(octets, offsets[some], length)
    return found


def as_text(ids: pa.Array) -> pa.Array:
    """Return ids as text: 12 and "12" are the same event."""
    if pa.types.is_dictionary(ids.type):
        ids = ids.cast(ids.type.value_type)
    return ids.cast(pa.large_string())


def repeated(hashes: list[Hashes]) -> Hashes:
    """Return the hashes that occur more than once, sorted.

    Parameters
    ----------
    hashes : list of ndarray of shape (n_i,), uint64
        Emptied, so that they are in memory only once.
    """
    together = np.concatenate([np.empty(0, np.uint64), *hashes])
    hashes.clear()
    together.sort()
    again = together[1:][together[1:] == together[:-1]]
    return np.unique(again)


def is_among(hashes: Hashes, known: Hashes) -> npt.NDArray[np.bool_]:
    """Return which hashes are among sorted ones."""
    if not len(known):
        return np.zeros(len(hashes), bool)
    place = np.minimum(np.searchsorted(known, hashes), len(known) - 1)
    among: npt.NDArray[np.bool_] = known[place] == hashes
    return among


def _hashes(octets: npt.NDArray[np.uint8], starts: npt.NDArray[np.int64], length: int) -> Hashes:
    """Return the hashes of ids of one length, by their words of eight bytes."""
    n_words = -(-length // 8)
    padded = np.zeros((len(starts), 8 * n_words), np.uint8)
    padded[:, :length] = octets[starts[:, None] + np.arange(length)]
    found = np.full(len(starts), length, np.uint64) * _MIX
    for word in padded.view("<u8").astype(np.uint64, copy=False).T:
        found = (found ^ word) * _MIX
        found ^= found >> _SHIFT
    return found
