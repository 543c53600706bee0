"""Grids with one, two or four references, judged by what simulated grids with as few showed."""

from __future__ import annotations

import json
from dataclasses import fields

import numpy as np
import pytest

from bannercluster.heatmap import few as teaching
from bannercluster.heatmap.combination import Combination, train_combination
from bannercluster.heatmap.few import (
    MANY,
    NUMBERS,
    few_as_json,
    few_from_json,
    judge_for,
    teach_few,
)
from bannercluster.heatmap.gate import TaughtScores
from bannercluster.heatmap.judging import Judge
from bannercluster.heatmap.quality import auroc
from bannercluster.heatmap.scored import RowScores
from bannercluster.heatmap.scorer import HeatmapScorer
from bannercluster.heatmap.simulator.benchmark import (
    BenchmarkConfig,
    Heatmaps,
    draw_grids,
    simulate_grid,
)
from bannercluster.heatmap.simulator.config import SimulatorConfig

from .test_scorer import dataset

CONFIG = BenchmarkConfig(
    grids=(6, 0, 10),
    healthy=5,
    faulty=1,
    clicks=(60, 1_000),
    seed=3,
    simulator=SimulatorConfig(references=7, reference_clicks=(1_200, 3_000)),
)


def part(split: str) -> Heatmaps:
    grids = draw_grids(CONFIG)
    return Heatmaps.concatenated(
        [simulate_grid(CONFIG, grids, one.number) for one in grids if one.split == split]
    )


@pytest.fixture(scope="module")
def taught() -> tuple[Combination, dict[int, Judge]]:
    maps = part("train")
    combination = TaughtScores.of(dataset(maps), maps.reference, maps.broken).taught.combination
    names = np.array([f"grid-{nth}" for nth in maps.grid], object)
    return combination, teach_few(
        maps.counts, names, maps.reference, maps.fault, combination, (), 1
    )


def first(maps: Heatmaps, n: int) -> np.ndarray:
    """Choose the first references of each grid."""
    chosen = np.zeros(len(maps), bool)
    for grid in np.unique(maps.grid):
        chosen[np.flatnonzero(maps.reference & (maps.grid == grid))[:n]] = True
    return chosen


@pytest.mark.slow
def test_p_values_hold_with_two_references(taught: tuple[Combination, dict[int, Judge]]) -> None:
    combination, few = taught
    maps = part("test")
    shown = maps.where(~maps.reference)
    scorer = HeatmapScorer.fit(dataset(maps), first(maps, 2), combination=combination, few=few)
    assert scorer.judge is None
    scored = scorer.score(dataset(shown))
    assert (scored.status == "scored").all()
    assert auroc(scored.log_odds, shown.broken) > 0.8
    healthy = scored.p[~shown.broken]
    assert 0.01 < (healthy <= 0.05).mean() < 0.12
    assert 0.2 < (healthy <= 0.3).mean() < 0.45


def test_judges_come_back_from_json(taught: tuple[Combination, dict[int, Judge]]) -> None:
    combination, few = taught
    assert set(few) == set(NUMBERS)
    again = few_from_json(json.loads(json.dumps(few_as_json(few), allow_nan=False)))
    maps = part("test").where(np.arange(60))
    for n in (1, 2):
        own, other = (
            HeatmapScorer.fit(
                dataset(maps), first(maps, n), combination=combination, few=judges
            ).score(dataset(maps))
            for judges in (few, again)
        )
        for one in fields(RowScores):
            np.testing.assert_array_equal(getattr(own, one.name), getattr(other, one.name))


def test_no_more_grids_and_heatmaps_than_it_takes(
    taught: tuple[Combination, dict[int, Judge]], monkeypatch: pytest.MonkeyPatch
) -> None:
    combination, few = taught
    monkeypatch.setattr(teaching, "_MOST_GRIDS", 3)
    monkeypatch.setattr(teaching, "_MOST_OF_A_GRID", 20)
    seen = []

    def noted(scores, penalties):
        seen.append((scores.broken, scores.grid, scores.references))
        return train_combination(scores, penalties)

    monkeypatch.setattr(teaching, "train_combination", noted)
    maps = part("train")
    names = np.array([f"grid-{nth}" for nth in maps.grid], object)
    fewer = teach_few(maps.counts, names, maps.reference, maps.fault, combination, (), 1)
    assert set(fewer) == set(few)
    for broken, grid, references in seen:
        assert np.bincount(grid).tolist() == [20] * 3
        assert references is None  # p-values count them
        assert 0 < broken.sum() < len(broken)


def test_who_judges_whom(taught: tuple[Combination, dict[int, Judge]]) -> None:
    combination, few = taught
    assert judge_for(few, 1) is few[1]
    assert judge_for(few, 3) is few[2]
    assert judge_for(few, 4) is few[4]
    assert judge_for({2: few[2]}, 1) is few[2]
    maps = part("test")
    maps = maps.where(maps.grid < maps.grid.min() + 3)
    chosen = first(maps, MANY)
    last = maps.grid == maps.grid.max()
    chosen[np.flatnonzero(chosen & last)[MANY - 1 :]] = False
    scorer = HeatmapScorer.fit(dataset(maps), chosen, combination=combination, few=few)
    assert f"grid-{maps.grid.max()}" not in scorer.itself
    assert len(scorer.itself) == len(np.unique(maps.grid)) - 1
    assert scorer.judge is not None
