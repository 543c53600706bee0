"""Domains and grids as numbers: which heatmap a row belongs to."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from bannercluster.heatmap.tables import Rows, names_of

Pair = tuple[str, str]
"""A grid and a domain: in this order heatmaps are sorted."""

_HALF = 32


class PairSet:
    """The domains and grids that rows name, gathered batch after batch."""

    def __init__(self) -> None:
        self._domains: dict[str, int] = {}
        self._grids: dict[str, int] = {}
        self._keys: npt.NDArray[np.int64] = np.empty(0, np.int64)

    def add(self, rows: Rows) -> None:
        """Take note of the pairs of some rows; rows without a domain or a grid name none."""
        keys = _keys(
            _learned(rows, "domain", self._domains), _learned(rows, "grid_id", self._grids)
        )
        self._keys = np.union1d(self._keys, keys[keys >= 0])

    def pairs(self) -> set[Pair]:
        """Return the pairs so far."""
        domains, grids = list(self._domains), list(self._grids)
        low = (1 << _HALF) - 1
        return {(grids[key & low], domains[key >> _HALF]) for key in self._keys.tolist()}


class Pairs:
    """The pairs that have a heatmap each, in the order of the heatmaps: by grid, then by domain.

    Parameters
    ----------
    pairs : iterable of (grid, domain)

    Attributes
    ----------
    domain, grid_id : list of str
        Of each heatmap.
    """

    def __init__(self, pairs: Iterable[Pair]) -> None:
        ordered = sorted(pairs)
        self.domain = [domain for _, domain in ordered]
        self.grid_id = [grid for grid, _ in ordered]
        self._domains = {name: nth for nth, name in enumerate(dict.fromkeys(self.domain))}
        self._grids = {name: nth for nth, name in enumerate(dict.fromkeys(self.grid_id))}
        keys = _keys(
            np.array([self._domains[name] for name in self.domain], np.int64),
            np.array([self._grids[name] for name in self.grid_id], np.int64),
        )
        self._place = np.argsort(keys)
        self._sorted = keys[self._place]

    def __len__(self) -> int:
        return len(self.domain)

    def find(self, rows: Rows) -> npt.NDArray[np.int64]:
        """Return the place of the heatmap of each row, -1 where there is none, shape (n,)."""
        keys = _keys(_known(rows, "domain", self._domains), _known(rows, "grid_id", self._grids))
        if not len(self):
            return np.full(len(keys), -1, np.int64)
        nth = np.minimum(np.searchsorted(self._sorted, keys), len(self) - 1)
        return np.where(self._sorted[nth] == keys, self._place[nth], -1)


def _keys(domain: npt.NDArray[np.int64], grid: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    return np.where((domain < 0) | (grid < 0), np.int64(-1), (domain << _HALF) | grid)


def _learned(rows: Rows, column: str, known: dict[str, int]) -> npt.NDArray[np.int64]:
    codes, names = names_of(rows.columns[column])
    for code in np.unique(codes[codes >= 0]).tolist():
        known.setdefault(names[code], len(known))
    return _numbers(codes, names, known)


def _known(rows: Rows, column: str, known: dict[str, int]) -> npt.NDArray[np.int64]:
    return _numbers(*names_of(rows.columns[column]), known)


def _numbers(
    codes: npt.NDArray[np.int64], names: list[str], known: dict[str, int]
) -> npt.NDArray[np.int64]:
    numbers = np.array([*(known.get(name, -1) for name in names), -1], np.int64)
    found: npt.NDArray[np.int64] = numbers[codes]
    return found
