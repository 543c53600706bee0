"""`bc heatmap demo`: from nothing to a report, and nothing twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from .worlds import run


def test_from_nothing_to_a_report(
    empty: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BC_HEATMAP_SYNTH_N_REFERENCES", "3")
    monkeypatch.setenv("BC_HEATMAP_SYNTH_MAX_CLICKS", "300")
    small = ("demo", "--folder", "here", "--grids", "2", "--domains", "3")
    code, first, _ = run(capsys, *small)
    assert code == 0
    assert [one.name for one in empty.iterdir()] == ["here"]
    assert first["report"]["report"] == "here/report.html"
    assert (empty / "here/report.html").stat().st_size == first["report"]["nbytes"]
    assert first["score"]["n_heatmaps"] == first["features"]["n_heatmaps"] == 12
    steps = ("synth", "features", "train", "score")
    assert [first[name]["is_new"] for name in steps] == [True] * 4
    code, again, _ = run(capsys, *small)
    assert (code, [again[name]["is_new"] for name in steps]) == (0, [False] * 4)
    assert again["score"]["top"] == first["score"]["top"]
