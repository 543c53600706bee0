"""The table of scores: a row for each heatmap, in the order of the store."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import xarray as xr

from bannercluster.errors import StoreError, UsageError
from bannercluster.heatmap.binning import Counts
from bannercluster.heatmap.references import counts_of, names_of, references_of
from bannercluster.heatmap.scored import ScoredHeatmaps
from bannercluster.heatmap.scorer import HeatmapScorer
from bannercluster.heatmap.thinning import content_key
from bannercluster.store import files, points, tables

Bool = npt.NDArray[np.bool_]

REFERENCE, DOUBTFUL = "reference", "doubtful_reference"
"""Status of references that are believed, and of those too unlike the others of their grid: these
are judged as any heatmap is."""

_KEY = b"bannercluster_heatmap_scores"
_FIGURES = ("p", "q", "p_taught", "p_untaught", "log_odds", "tails")


@dataclass(frozen=True)
class ScoresMark:
    """What scores were made from, and which of them are alerts.

    Parameters
    ----------
    heatmaps : str
        Fingerprint of the heatmaps.
    model : str
        Fingerprint of the model; empty where none was used.
    scorer : str
        Fingerprint of how they are scored.
    false_discovery_rate : float
    most_alerts : int or None
    """

    heatmaps: str
    model: str
    scorer: str
    false_discovery_rate: float
    most_alerts: int | None

    def same_scores(self, other: ScoresMark) -> bool:
        """Whether the scores are the same, whatever of them are alerts."""
        mine, theirs = ((one.heatmaps, one.model, one.scorer) for one in (self, other))
        return mine == theirs


def doubtful_references(heatmaps: xr.Dataset, reference: Bool, scorer: HeatmapScorer) -> Bool:
    """Return which references the profiles or the calibration of their grids leave out, (n,).

    Those without clicks, which say nothing, are not among them.
    """
    counts, grid_id = counts_of(heatmaps), names_of(heatmaps, "grid_id")
    doubtful = np.zeros(len(counts), bool)
    suspects = frozenset() if scorer.judge is None else scorer.judge.suspects
    for number, (name, own) in enumerate(references_of(counts, grid_id, reference).items()):
        kept = scorer.profiles[name].kept
        left_out = {
            content_key(one)
            for nth, one in enumerate(own)
            if not kept[nth] or (number, nth) in suspects
        }
        if left_out:
            rows = np.flatnonzero(reference & (grid_id == name))
            doubtful[rows] = [_is_one_of(one, left_out) for one in counts[rows]]
    return doubtful


def _is_one_of(counts: Counts, keys: set[bytes]) -> bool:
    return bool(counts.any()) and content_key(counts) in keys


def table_of(
    heatmaps: xr.Dataset, reference: Bool, doubtful: Bool, scored: ScoredHeatmaps
) -> pa.Table:
    """Return the table, without alerts.

    Parameters
    ----------
    heatmaps : Dataset
        All of them.
    reference, doubtful : ndarray of shape (n_samples,), bool
    scored : ScoredHeatmaps
        Of all but the references that are believed.
    """
    n = len(reference)
    rows = np.flatnonzero(~reference | doubtful)
    status = np.full(n, REFERENCE, object)
    status[rows] = np.where(doubtful[rows] & (scored.status == "scored"), DOUBTFUL, scored.status)
    fault = np.full(n, "", object)
    fault[rows] = scored.fault
    columns: dict[str, object] = {
        "domain": names_of(heatmaps, "domain"),
        "grid_id": names_of(heatmaps, "grid_id"),
        "n_clicks": heatmaps["n_clicks"].to_numpy(),
        "reference": reference,
        "status": status,
    }
    for name in _FIGURES:
        columns[name] = _spread(n, rows, getattr(scored, name))
    columns |= {"fault": fault, "share": _spread(n, rows, scored.share)}
    for nth, name in enumerate(scored.names):
        columns[f"z_{name}"] = _spread(n, rows, scored.z[:, nth])
    return pa.table({name: pa.array(values) for name, values in columns.items()})


def _spread(n: int, rows: npt.NDArray[np.int64], values: npt.NDArray[np.float64]) -> pa.Array:
    """Return a column: null where there is no value."""
    column = np.full(n, np.nan)
    column[rows] = values
    return pa.array(column, pa.float64(), mask=np.isnan(column))


def ranked(table: pa.Table) -> npt.NDArray[np.int64]:
    """Return the rows by how broken they look: by p, then by the log odds; those without last."""
    p, log_odds = figures(table, "p"), figures(table, "log_odds")
    return np.lexsort((-log_odds, p))


def figures(table: pa.Table, name: str) -> npt.NDArray[np.float64]:
    """Return a column of figures, NaN where there is none."""
    return np.asarray(table[name].to_numpy(zero_copy_only=False), np.float64)


def with_alerts(table: pa.Table, false_discovery_rate: float, most_alerts: int | None) -> pa.Table:
    """Return the table with the column ``alert`` behind the figures.

    Alerts are the rows of q at most ``false_discovery_rate``, the surest ``most_alerts`` of them.
    """
    alert = np.zeros(len(table), bool)
    sure = figures(table, "q") <= false_discovery_rate
    order = ranked(table)
    alert[order[sure[order]][:most_alerts]] = True
    names = [name for name in table.column_names if name != "alert"]
    place = names.index("q") + 1
    return table.select(names).add_column(place, "alert", pa.array(alert))


def write_scores(url: str, table: pa.Table, mark: ScoresMark) -> None:
    """Write the table, atomically."""
    metadata = {_KEY: json.dumps(mark.__dict__).encode()}
    tables.write(url, table.replace_schema_metadata(metadata), points.HEATMAP_SCORES)


def read_scores(url: str) -> tuple[pa.Table, ScoresMark]:
    """Read the table and what it was made from.

    Raises
    ------
    UsageError
        If there is none, or it is another table.
    StoreError, FormatVersionError
        If it is damaged, or newer than this code.
    """
    if not files.exists(url):
        raise UsageError(
            f"no scores at {url}; expected the table of `bc heatmap score`: run it first, or name "
            f"another with --scores"
        )
    table = tables.read(url)
    text = (table.schema.metadata or {}).get(_KEY)
    if text is None:
        raise UsageError(
            f"{url} is a table, but not one of scores; expected that of `bc heatmap score`: name "
            f"another place with --scores"
        )
    try:
        return table, ScoresMark(**json.loads(text))
    except (TypeError, ValueError) as error:
        raise StoreError(
            f"the scores {url} are damaged ({error}): delete the file and run `bc heatmap score` "
            f"again"
        ) from error


def read_scores_if_any(url: str) -> tuple[pa.Table, ScoresMark] | None:
    """Read the table as :func:`read_scores`, or None where there is none."""
    return read_scores(url) if files.exists(url) else None
