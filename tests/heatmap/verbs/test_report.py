"""`bc heatmap report`: one page, of the scores that lie there."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from bannercluster.heatmap.scores_table import read_scores, write_scores

from .test_score import keep, stored
from .worlds import run

SCORES = "data/heatmap_scores.parquet"
PAGE = Path("data/heatmap-report.html")


@pytest.fixture
def reported(scored: Path, empty: Path) -> Path:
    shutil.copytree(scored / "data", empty / "data")
    return empty


def estimated(value: float) -> dict[str, float]:
    return {"value": value, "low": value - 0.01, "high": value + 0.01}


def ranked(value: float) -> dict[str, object]:
    auroc, recall = estimated(value), estimated(value - 0.1)
    return {"n_broken": 5_000, "n_healthy": 9_000, "auroc": auroc, "recall": recall}


BENCHMARK = {
    "benchmark": "heatmap",
    "measured": "2026-11-22T10:00:00+00:00",
    "result": {
        "simulator": {"grids": [120, 20, 60], "seed": 7},
        "held_out_grids": {
            "log_odds": ranked(0.975),
            "statistics_only": ranked(0.961),
            "on_the_oracle_s_heatmaps": {"log_odds": ranked(0.97), "oracle": ranked(0.984)},
        },
        "gate": {"comparison": {"value": 0.014, "low": 0.009, "high": 0.019}},
        "by_clicks": {
            "5000": {**ranked(0.99), "false_positive_rate": estimated(0.011)},
            "20": {**ranked(0.9), "false_positive_rate": estimated(0.03)},
        },
        "by_fault": {"dead_zone": {**ranked(0.83), "oracle": estimated(0.88)}},
        "held_out_fault": {"dead_zone": {"held_out": estimated(0.81), "drop": 0.02}},
        "two_references": {"log_odds": ranked(0.92)},
    },
}


def ranked_with_points(value: float) -> dict[str, object]:
    return {**ranked(value), "points": [[0.001, 0.5], [0.01, value - 0.1], [1.0, 1.0]]}


FURTHER = {
    "seeds": [7, 8, 9],
    "roc": {"log_odds": ranked_with_points(0.975), "users": ranked_with_points(0.741)},
    "by_seed": {
        str(seed): {**ranked(0.97), "false_positive_rate": estimated(0.01)} for seed in (7, 8, 9)
    },
    "users_baseline": {"uncalibrated": ranked(0.741), "calibrated": ranked(0.862)},
    "contaminated_references": {
        share: {
            "n_grids": 30,
            "n_contaminated": round(20 * float(share)),
            "n_references": 20,
            "log_odds": ranked(0.97 - float(share) / 4),
            "false_positive_rate": estimated(0.011),
        }
        for share in ("0", "0.2", "0.1")
    },
    "by_fault_and_clicks": {"dead_zone": {"5000": ranked(0.876), "20": ranked(0.543)}},
    "generalisation": [
        {"held_out_grid": grid, "held_out_fault": True, "other_clicks": True, **ranked(value)}
        for grid, value in ((False, 0.913), (True, 0.897))
    ],
}


def test_the_page_has_what_was_found(reported: Path, capsys: pytest.CaptureFixture) -> None:
    code, made, _ = run(capsys, "report")
    assert (code, made["nbytes"]) == (0, PAGE.stat().st_size)
    assert made["sections"] == ["scored", "quality", "pictures"]
    page = PAGE.read_text()
    table, _ = read_scores(SCORES)
    alerts = table.filter(table["alert"])
    assert made["n_alerts"] == len(alerts) > 0
    assert f"{len(alerts)} of 18 heatmaps look broken." in page
    for name in alerts["domain"].to_pylist():
        assert name in page
    assert "Maximum variance unfolding" in page
    assert "6 broken and 12 healthy ones of which the truth is known" in page
    assert "bc heatmap score --heatmaps data/heatmaps.zarr" in page


def test_a_page_without_truth_and_pictures(reported: Path, capsys: pytest.CaptureFixture) -> None:
    found = stored()
    n = found.sizes["sample"]
    blank = np.full(n, "", object)
    keep(found, label=blank, fault=blank)
    assert run(capsys, "score", "--most-alerts", "1")[0] == 0
    code, made, _ = run(capsys, "report", "--unfolded", "0")
    assert (code, made["sections"], made["n_alerts"]) == (0, ["scored", "pictures"], 1)
    page = PAGE.read_text()
    assert "1 of 18 heatmaps looks broken." in page
    assert "A cross is an alert." in page
    assert "of which the truth is known" not in page


def test_figures_of_a_benchmark_are_shown(reported: Path, capsys: pytest.CaptureFixture) -> None:
    Path("bench.json").write_text(json.dumps(BENCHMARK))
    code, made, _ = run(capsys, "report", "--benchmark", "bench.json")
    assert (code, made["sections"]) == (0, ["scored", "quality", "pictures", "blocks"])
    page = PAGE.read_text()
    for text in ("0.975", "0.984", "5,000 broken and 9,000 healthy", "of 60 held-out grids",
                 "worst: dead zone, 0.020", "not reached", "comparison"):  # fmt: skip
        assert text in page


def test_further_sections_of_a_benchmark_are_shown(
    reported: Path, capsys: pytest.CaptureFixture
) -> None:
    whole = {**BENCHMARK, "result": {**BENCHMARK["result"], **FURTHER}}
    Path("bench.json").write_text(json.dumps(whole))
    assert run(capsys, "report", "--benchmark", "bench.json")[0] == 0
    page = PAGE.read_text()
    for text in ("of 180 held-out grids", "seeds 7, 8 and 9", "seed 8 alone",
                 "the users&#39; recipe, calibrated", "0.862", "20 % of the references are broken",
                 "4 of 20 on each of 30 grids", "By fault and number of clicks", "0.543",
                 "seen grid, held-out fault", "0.913", "0.897",
                 "this scorer: 87.5 % found at 1.0 %"):  # fmt: skip
        assert text in page, text
    assert page.index("10 % of the references") < page.index("20 % of the references")


def test_a_benchmark_of_before_has_no_empty_sections(
    reported: Path, capsys: pytest.CaptureFixture
) -> None:
    old = {**BENCHMARK["result"]}
    del old["two_references"]
    Path("bench.json").write_text(json.dumps({**BENCHMARK, "result": old}))
    assert run(capsys, "report", "--benchmark", "bench.json")[0] == 0
    page = PAGE.read_text()
    assert "0.984" in page
    for heading in ("Beside others", "By fault and number", "Does it generalise", "ROC curves"):
        assert heading not in page


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"benchmark": "sweep"}, "is of the benchmark 'sweep'; expected 'heatmap'"),
        ({"result": {"held_out_grids": {}}}, "not of the form that the report reads (KeyError"),
        ({"result": {"gate": {"x": {"value": "a lot"}}}}, "not of the form that the report reads"),
    ],
)
def test_a_benchmark_of_another_form_is_refused(
    reported: Path, capsys: pytest.CaptureFixture, change: dict[str, object], said: str
) -> None:
    Path("bench.json").write_text(json.dumps(BENCHMARK | change))
    code, _, err = run(capsys, "report", "--benchmark", "bench.json")
    assert code == 2
    assert said in err
    assert run(capsys, "report", "--benchmark", "none.json")[0] == 2
    assert not PAGE.exists()


def test_scores_of_other_heatmaps_are_refused(
    reported: Path, capsys: pytest.CaptureFixture
) -> None:
    found = stored()
    counts = found["counts"].to_numpy().copy()
    counts[0, 0, 0] += 1
    keep(found, counts=counts)
    code, _, err = run(capsys, "report")
    assert code == 2
    assert "are of other heatmaps than those in data/heatmaps.zarr" in err
    Path(SCORES).unlink()
    code, _, err = run(capsys, "report")
    assert code == 2
    assert "no scores at data/heatmap_scores.parquet" in err


def test_a_model_that_has_changed_since_is_not_told_of(
    reported: Path, capsys: pytest.CaptureFixture
) -> None:
    table, mark = read_scores(SCORES)
    other = type(mark)(**{**mark.__dict__, "model": "f" * 64})
    write_scores(SCORES, table.replace_schema_metadata(None), other)
    assert run(capsys, "report", "--unfolded", "0")[0] == 0
    page = PAGE.read_text()
    assert "ffffffffffff, no longer in data/heatmap-model" in page
    assert "AUROC, grids left out" not in page
