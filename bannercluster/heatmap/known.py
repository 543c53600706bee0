"""What is known of heatmaps beforehand: which are healthy, and which fault others have."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from bannercluster.errors import DataError
from bannercluster.heatmap.pairs import Pairs
from bannercluster.heatmap.tables import Kind, RowTable, names_of, numbers_of, open_table

KEYS: dict[str, Kind] = {"domain": "text", "grid_id": "text"}

TRUTH: dict[str, Kind] = {**KEYS, "fault": "text"}
"""What a table of truth must have; ``fault`` is empty or missing where a banner is healthy."""

_TEXTS, _NUMBERS = ("split",), ("share", "severity", "detectability", "oracle", "seed")
"""What it may have beside them."""

REFERENCES_SCHEMA = pa.schema([("domain", pa.string()), ("grid_id", pa.string())])

TRUTH_SCHEMA = pa.schema(
    [
        ("domain", pa.string()),
        ("grid_id", pa.string()),
        ("fault", pa.string()),
        ("share", pa.float64()),
        ("severity", pa.float64()),
        ("detectability", pa.float64()),
        ("oracle", pa.float64()),
        ("seed", pa.int64()),
    ]
)
"""``share`` of the clicks that the fault touches, ``severity`` from 0 (mildest) to 1; the oracle's
log likelihood ratio of the clicks, in nats, and its expectation."""


@dataclass(frozen=True, eq=False)
class Known:
    """What tables say of heatmaps.

    Parameters
    ----------
    coords : dict of str to ndarray of shape (n,)
    n_absent : int
        Rows that name no heatmap.
    """

    coords: dict[str, npt.NDArray[np.generic]]
    n_absent: int


def open_references(url: str) -> RowTable:
    """Open a table of known-healthy banners.

    Raises
    ------
    UsageError, StoreError
        As :func:`~bannercluster.heatmap.tables.open_table`.
    """
    return open_table(url, KEYS, "references", "--references")


def open_truth(url: str) -> RowTable:
    """Open a table of known faults.

    Raises
    ------
    UsageError, StoreError
        As :func:`~bannercluster.heatmap.tables.open_table`.
    """
    return open_table(url, TRUTH, "truth", "--truth")


def known_of(pairs: Pairs, references: RowTable | None, truth: RowTable | None) -> Known:
    """Look up what is known of each heatmap.

    Returns
    -------
    Known
        ``reference`` (bool), with references; ``fault`` and what stands beside it, with truth;
        ``label`` (``healthy``, ``broken``, or empty where nothing is known), with either.

    Raises
    ------
    DataError
        If the tables contradict each other, or themselves.
    """
    coords: dict[str, npt.NDArray[np.generic]] = {}
    n_absent = 0
    if references is not None:
        coords["reference"], n_absent = _references(references, pairs)
    if truth is not None:
        found, absent = _truth(truth, pairs)
        coords |= found
        n_absent += absent
    if not coords:
        return Known({}, 0)
    label = coords.pop("label", np.full(len(pairs), "", object))
    reference = coords.get("reference", np.zeros(len(pairs), bool)).astype(bool)
    wrong = np.flatnonzero(reference & (label == "broken"))
    if len(wrong):
        raise DataError(
            f"{pairs.domain[wrong[0]]} on {pairs.grid_id[wrong[0]]} is among the references and "
            f"has a fault by the truth ({len(wrong):,} such heatmaps); expected references that "
            f"are healthy: take them out of one of the tables"
        )
    label[reference] = "healthy"
    return Known({**coords, "label": label}, n_absent)


def _references(table: RowTable, pairs: Pairs) -> tuple[npt.NDArray[np.bool_], int]:
    found, n_absent = np.zeros(len(pairs), bool), 0
    for rows in table.batches(tuple(KEYS)):
        place = pairs.find(rows)
        found[place[place >= 0]] = True
        n_absent += int((place < 0).sum())
    return found, n_absent


def _truth(table: RowTable, pairs: Pairs) -> tuple[dict[str, npt.NDArray[np.generic]], int]:
    n, n_absent = len(pairs), 0
    there = set.intersection(*(set(file.types) for file in table.files))
    texts = ("fault", *(name for name in _TEXTS if name in there))
    numbers = tuple(name for name in _NUMBERS if name in there)
    coords: dict[str, npt.NDArray[np.generic]] = {
        **{name: np.full(n, "", object) for name in ("label", *texts)},
        **{name: np.full(n, np.nan) for name in numbers},
    }
    seen = np.zeros(n, bool)
    for rows in table.batches((*KEYS, *texts, *numbers)):
        place = pairs.find(rows)
        there_are = place >= 0
        n_absent += int((~there_are).sum())
        at = place[there_are]
        _check_once(at, seen, pairs, table)
        for name in texts:
            codes, names = names_of(rows.columns[name])
            coords[name][at] = np.array([*names, ""], object)[codes[there_are]]
        for name in numbers:
            coords[name][at] = numbers_of(rows.columns[name])[there_are]
        coords["label"][at] = np.where(coords["fault"][at] == "", "healthy", "broken")
    return coords, n_absent


def _check_once(
    at: npt.NDArray[np.int64], seen: npt.NDArray[np.bool_], pairs: Pairs, table: RowTable
) -> None:
    found, counts = np.unique(at, return_counts=True)
    again = found[(counts > 1) | seen[found]]
    if len(again):
        raise DataError(
            f"{table.url} says twice what {pairs.domain[again[0]]} on {pairs.grid_id[again[0]]} "
            f"has; expected one row for each domain and grid"
        )
    seen[found] = True
