"""The alerts of a report, and how all that was scored is spread."""

from __future__ import annotations

from collections import Counter

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import xarray as xr

from bannercluster.heatmap.explanation import evidence
from bannercluster.heatmap.references import counts_of, names_of, profiles_of, references_of
from bannercluster.heatmap.report.page import ALERT_CAP
from bannercluster.heatmap.report.views import (
    AlertsView,
    AlertView,
    FaultGuess,
    GroupAlerts,
    PValues,
    ScoredView,
    Truth,
)
from bannercluster.heatmap.scores_table import figures, ranked


def alerts_view(found: xr.Dataset, table: pa.Table, rule: str, scores: str) -> AlertsView:
    """Return the alerts with their heatmaps, references and evidence.

    Parameters
    ----------
    found : Dataset
        The heatmaps, loaded.
    table : Table
        Of their scores.
    rule : str
        What makes an alert.
    scores : str
        Where the table lies.
    """
    order = ranked(table)
    is_alert = table["alert"].to_numpy(zero_copy_only=False)
    rows = order[is_alert[order]]
    shown = rows[:ALERT_CAP]
    counts, grid_id = counts_of(found), names_of(found, "grid_id")
    profiles = profiles_of(references_of(counts, grid_id, found["reference"].to_numpy()))
    views = []
    for row, line in zip(shown.tolist(), table.take(shown).to_pylist(), strict=True):
        profile = profiles[line["grid_id"]]
        views.append(
            AlertView(
                domain=line["domain"],
                grid_id=line["grid_id"],
                n_clicks=line["n_clicks"],
                p=line["p"],
                q=line["q"],
                counts=counts[row],
                reference=profile.density,
                evidence=evidence(profile, counts[row : row + 1])[0],
                guess=FaultGuess(line["fault"], share=line["share"]),
                truth=_truth(found, row),
            )
        )
    return AlertsView(
        tuple(views), len(rows), rule, rest=f"All are in {scores}, in the column alert"
    )


def scored_view(found: xr.Dataset, table: pa.Table) -> ScoredView:
    """Return the p-values of all, and the alerts by grid and by fault."""
    p = figures(table, "p")
    p_values = [PValues.of("all that was scored", p)]
    if "label" in found.coords:
        healthy = found["label"].to_numpy().astype(str) == "healthy"
        if healthy.any() and not np.isnan(p[healthy]).all():
            p_values.append(PValues.of("of these, known to be healthy", p[healthy]))
    grid_id, fault = (table[name].to_numpy(zero_copy_only=False) for name in ("grid_id", "fault"))
    alert = table["alert"].to_numpy(zero_copy_only=False)
    scored = ~np.isnan(p)
    by_grid = Counter(grid_id[alert].tolist())
    n_scored = Counter(grid_id[scored].tolist())
    return ScoredView(
        p_values=tuple(p_values),
        by_grid=tuple(GroupAlerts(name, by_grid[name], n) for name, n in n_scored.items()),
        by_fault=_by_fault(fault[alert]),
        note="Were all banners healthy, each bar would be as high as the others.",
    )


def _by_fault(fault: npt.NDArray[np.object_]) -> tuple[GroupAlerts, ...]:
    return tuple(GroupAlerts(name, n) for name, n in Counter(fault.tolist()).items() if name)


def _truth(found: xr.Dataset, row: int) -> Truth | None:
    """Return what is known of a heatmap; None where nothing is."""
    if "label" not in found.coords or not str(found["label"].to_numpy()[row]):
        return None
    fault = str(found["fault"].to_numpy()[row]) if "fault" in found.coords else ""
    return Truth(fault, _known(found, "share", row), _known(found, "severity", row))


def _known(found: xr.Dataset, name: str, row: int) -> float | None:
    value = float(found[name].to_numpy()[row]) if name in found.coords else float("nan")
    return None if np.isnan(value) else value
