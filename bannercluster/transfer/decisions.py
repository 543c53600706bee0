"""Which row is new, which a duplicate, which refused: decided block after block, nothing written.

The rules, row after row in the order of the source. A row that was refused when it was made ready
counts for nothing else. The first row of an id says which content the id stands for; a later row
of the same id with another content is refused (``repeated_id``). The first accepted row of a
content makes it a row of the store, unless it is one already.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bannercluster.transfer.blocks import Block
from bannercluster.transfer.columns import NO_FIRST, NO_LAST
from bannercluster.transfer.digests import DigestMap, first_of_each
from bannercluster.transfer.vectors import REASONS

_REPEATED_ID = REASONS.index("repeated_id")
_LEAST_SIZE = 1024


@dataclass(frozen=True)
class Decision:
    """What is to be done with the first rows of a block.

    Parameters
    ----------
    n : int
        How many of its rows are decided.
    reasons : (n,) uint8 array
        Codes of ``REASONS``.
    row : (n,) int64 array
        Row of the store of the content of an accepted row.
    is_row : (n,) bool array
        Rows that become rows of the store.
    is_alias : (n,) bool array
        Rows that make a new alias; the other accepted ones are seen again.
    alias : (n,) int64 array
        Number of the alias of an accepted row, among those of this import.
    """

    n: int
    reasons: np.ndarray
    row: np.ndarray
    is_row: np.ndarray
    is_alias: np.ndarray
    alias: np.ndarray

    @property
    def accepted(self) -> np.ndarray:
        """(n,) bool array."""
        accepted: np.ndarray = self.reasons == 0
        return accepted


@dataclass(frozen=True)
class Counts:
    """Every row of a source in exactly one place: ``n_in = n_ok + n_duplicate + n_rejected``."""

    n_in: int = 0
    n_ok: int = 0
    n_duplicate: int = 0
    n_rejected: int = 0


class Decider:
    """Knows the ids and contents so far.

    Parameters
    ----------
    content_keys : (n_rows, 2) uint64 array
        Contents of the rows that the store has.
    """

    def __init__(self, content_keys: np.ndarray) -> None:
        self.counts = Counts()
        self.n_rows = len(content_keys)
        self.n_aliases = 0
        self._ids, self._contents = DigestMap(), DigestMap()
        self._contents.add(content_keys, np.arange(self.n_rows))
        self._row_of_alias = _Growing(np.int64, 0)
        self._first_day = _Growing(np.int32, NO_FIRST)
        self._last_day = _Growing(np.int32, NO_LAST)
        self._seen_row = _Growing(np.bool_, False)

    @property
    def first_days(self) -> np.ndarray:
        """(n_aliases,) int32 array."""
        return self._first_day.upto(self.n_aliases)

    @property
    def last_days(self) -> np.ndarray:
        """(n_aliases,) int32 array."""
        return self._last_day.upto(self.n_aliases)

    def alias_of(self, id_keys: np.ndarray) -> np.ndarray:
        """Return the number of the alias of each id, -1 for ids not seen in this import."""
        return self._ids.find(id_keys)

    def decide(self, block: Block, most_rows: int) -> Decision:
        """Decide rows of a block, up to the one that makes the ``most_rows``-th new row.

        Changes nothing: `apply` does.
        """
        reasons = block.reasons.copy()
        good = np.flatnonzero(reasons == 0)
        keys, contents = block.id_keys[good], block.content_keys[good]
        alias, row = self._ids.find(keys), self._contents.find(contents)
        of_id, of_content = first_of_each(keys), first_of_each(contents)
        # What the id stands for: the row of its alias, else the content of its first row here.
        known = alias >= 0
        same = np.where(
            known,
            row == self._row_of_alias.upto(self.n_aliases)[alias] if self.n_aliases else False,
            of_content == of_content[of_id],
        )
        reasons[good[~same]] = _REPEATED_ID
        # Of the accepted rows with an unknown content the first is the new row.
        new = np.flatnonzero(same & (row < 0))
        first_new = new[first_of_each(contents[new])]
        is_new = np.zeros(len(good), bool)
        is_new[first_new] = True
        numbers = self.n_rows + np.cumsum(is_new) - 1
        row[new] = numbers[first_new]
        is_alias = same & ~known & (of_id == np.arange(len(good)))
        alias[~known] = (self.n_aliases + np.cumsum(is_alias) - 1)[of_id[~known]]
        n = len(block)
        if is_new.sum() >= most_rows:
            n = int(good[np.flatnonzero(is_new)[most_rows - 1]]) + 1
        return Decision(
            n, reasons[:n], *(_spread(one, good, len(block))[:n] for one in
            (row, is_new, is_alias, alias)),
        )  # fmt: skip

    def apply(self, block: Block, decision: Decision) -> None:
        """Take decided rows as done."""
        n, accepted = decision.n, decision.accepted
        id_keys, content_keys = block.id_keys[:n], block.content_keys[:n]
        self._ids.add(id_keys[decision.is_alias], decision.alias[decision.is_alias])
        self._contents.add(content_keys[decision.is_row], decision.row[decision.is_row])
        self.n_rows += int(decision.is_row.sum())
        self.n_aliases += int(decision.is_alias.sum())
        rows, aliases = decision.row[accepted], decision.alias[accepted]
        self._row_of_alias.upto(self.n_aliases)[aliases] = rows
        np.minimum.at(self.first_days, aliases, block.first_day[:n][accepted])
        np.maximum.at(self.last_days, aliases, block.last_day[:n][accepted])
        seen = self._seen_row.upto(self.n_rows)
        fresh = np.unique(rows)
        n_ok = int((~seen[fresh]).sum())
        seen[fresh] = True
        counts, n_accepted = self.counts, int(accepted.sum())
        self.counts = Counts(
            counts.n_in + n,
            counts.n_ok + n_ok,
            counts.n_duplicate + n_accepted - n_ok,
            counts.n_rejected + n - n_accepted,
        )

    def restore(
        self,
        id_keys: np.ndarray,
        rows: np.ndarray,
        new_content_keys: np.ndarray,
        counts: Counts,
    ) -> None:
        """Take up what an import has done that did not end.

        Parameters
        ----------
        id_keys : (n_aliases, 2) uint64 array
            Of the aliases that it made, in their order.
        rows : (n_aliases,) int64 array
            Row of the store of each.
        new_content_keys : (n, 2) uint64 array
            Of the rows that it made.
        counts : Counts
        """
        self._contents.add(new_content_keys, self.n_rows + np.arange(len(new_content_keys)))
        self.n_rows += len(new_content_keys)
        self.n_aliases = len(id_keys)
        self._ids.add(id_keys, np.arange(self.n_aliases))
        self._row_of_alias.upto(self.n_aliases)[:] = rows
        self._seen_row.upto(self.n_rows)[rows] = True
        self.counts = counts

    def see(self, aliases: np.ndarray, first: np.ndarray, last: np.ndarray) -> None:
        """Widen the days of aliases."""
        np.minimum.at(self.first_days, aliases, first)
        np.maximum.at(self.last_days, aliases, last)


def _spread(values: np.ndarray, places: np.ndarray, n: int) -> np.ndarray:
    """Return values at their places among n, zero elsewhere."""
    out = np.zeros(n, values.dtype)
    out[places] = values
    return out


class _Growing:
    """An array that grows at its end."""

    def __init__(self, dtype: type, fill: object) -> None:
        self._fill = fill
        self._data: np.ndarray = np.full(_LEAST_SIZE, fill, dtype)

    def upto(self, n: int) -> np.ndarray:
        """Return a view of the first n values."""
        if n > len(self._data):
            more = np.full(max(n, len(self._data) * 3 // 2), self._fill, self._data.dtype)
            more[: len(self._data)] = self._data
            self._data = more
        return self._data[:n]
