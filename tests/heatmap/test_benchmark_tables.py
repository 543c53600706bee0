"""The tables of docs/heatmap.md are those of the results that are kept."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from benchmarks.heatmap.tables import clicks_table, tables
from benchmarks.results import kept

PAGE = Path(__file__).parents[2] / "docs" / "heatmap.md"


@pytest.fixture
def measured() -> tuple[dict[str, Any], dict[str, Any]]:
    return kept("heatmap"), kept("heatmap_speed")


def test_the_page_shows_what_was_measured(measured: tuple[dict[str, Any], dict[str, Any]]) -> None:
    page = PAGE.read_text()
    for table in (*tables(*measured), clicks_table(kept("heatmap_clicks"))):
        assert table in page


def test_what_is_reached_depends_on_the_figures(
    measured: tuple[dict[str, Any], dict[str, Any]],
) -> None:
    def row(name: str, value: float, low: float = 0.0, high: float = 1.0) -> str:
        result, speed = copy.deepcopy(measured)
        figure = {"value": value, "low": low, "high": high}
        result["held_out_grids"]["log_odds"] |= {"auroc": figure, "recall": figure}
        result["by_clicks"]["300"]["false_positive_rate"] = figure
        speed["heatmaps_a_second"]["statistics"] = value
        (found,) = (
            line for line in tables(result, speed)[0].splitlines() if line.startswith(f"| {name}")
        )
        return found

    for value, verdict in ((0.98, "reached"), (0.96, "the floor"), (0.94, "not reached")):
        assert row("AUROC, mixed", value).endswith(f"| 0.970 (0.95) | {verdict} |")
    for value, verdict in ((0.9, "reached"), (0.8, "the floor"), (0.7996, "not reached")):
        assert row("recall", value).endswith(f"| 0.88 (0.80) | {verdict} |")
    for low, high, verdict in (
        (0.004, 0.011, "reached"),
        (0.002, 0.011, "not reached"),
        (0.004, 0.021, "not reached"),
        (0.004, 0.009, "not reached"),
    ):
        assert row("at 300 clicks", 0.008, low, high).endswith(f"| {verdict} |")
    assert row("statistics", 199.4).endswith("| 199 | 200 | not reached |")
    assert row("statistics", 200.0).endswith("| 200 | 200 | reached |")
