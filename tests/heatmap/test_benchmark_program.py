"""The benchmark of heatmaps: what is kept, what is taught, and that its figures are right."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bannercluster.heatmap.combination import Combination, LabelledScores
from bannercluster.heatmap.model import NETWORK_SCORES
from bannercluster.heatmap.nulls import LADDER, NullScores
from bannercluster.heatmap.quality import ranking, recall_at
from bannercluster.heatmap.simulator.benchmark import BenchmarkConfig, Heatmaps
from bannercluster.heatmap.simulator.config import SimulatorConfig
from bannercluster.heatmap.simulator.faults import FAULTS
from bannercluster.heatmap.statistics.scores import SCORE_NAMES
from bannercluster.heatmap.verbs.report_benchmark import read_benchmark
from benchmarks.heatmap import figures, parts, resampling, simulating, teaching
from benchmarks.heatmap.curves import RATES, alert_budgets, curve
from benchmarks.heatmap.matrix import generalisation
from benchmarks.heatmap.outcomes import Outcomes
from benchmarks.heatmap.parts import Measured, Part
from benchmarks.heatmap.resampling import Resampled, estimated
from benchmarks.heatmap.simulating import USERS
from benchmarks.heatmap.teaching import SeedParts
from benchmarks.heatmap_speed import measured as measured_speed

CLICKS = (20, 50, 5_000, 50_000)
CONFIG = BenchmarkConfig(
    grids=(2, 0, 1),
    healthy=2,
    clicks=(20, 5_000),
    seed=3,
    simulator=SimulatorConfig(references=4),
)


class Here:
    """A pool that works in this process."""

    map = staticmethod(map)


def measured(name: str = "taught", **changes: Any) -> Any:
    part = parts.Part(name, CONFIG, (0, 1), SCORE_NAMES, "")
    return simulating.measure(Here, replace(part, **changes))


@pytest.fixture(scope="module")
def plain() -> Any:
    return measured()


def test_intervals_are_those_of_the_package_ties_and_all() -> None:
    rng = np.random.default_rng(0)
    grid = rng.integers(7, size=900) * 3
    broken = (rng.random(900) < 0.3) & (grid != 3)
    scores = np.round(rng.normal(size=900) + broken, 1)
    found = Resampled.of(scores, broken, grid, n_resamples=60)
    expected = ranking(scores, broken, grid, n_resamples=60)
    for one, known in ((found.auroc, expected.auroc), (found.recall, expected.recall)):
        own = estimated(one)
        assert (own.value, own.low, own.high) == pytest.approx(
            (known.value, known.low, known.high), abs=1e-12
        )
    assert (found.n_broken, found.n_healthy) == (expected.n_broken, expected.n_healthy)


def test_a_curve_is_the_recall_at_each_rate() -> None:
    rng = np.random.default_rng(1)
    broken = rng.random(5_000) < 0.4
    scores = np.round(rng.normal(size=5_000) + broken, 2)
    points = curve(scores, broken)
    assert points[-1] == [1.0, 1.0]
    assert [found for _, found in points[:-1]] == pytest.approx(
        [recall_at(scores, broken, rate) for rate in RATES[:-1].tolist()], abs=1e-4
    )
    assert points == sorted(points)


def test_alerts_within_a_budget() -> None:
    p = np.concatenate([np.full(300, 0.01), np.full(100, 0.9), np.linspace(0.02, 1, 600)])
    maps = heatmaps(1000, np.arange(1000) < 400)
    found = alert_budgets([Outcomes.of(maps, p, {}, 1)])
    assert found["at_p"] == {"recall": 0.75, "false_share": 0.0}
    assert found["budgets"]["0.05"]["as_simulated"]["recall"] == 0.75
    assert found["broken"] == 0.4
    # With few broken ones, the same p-values are no longer enough.
    assert found["budgets"]["0.1"]["0.02"] == {"recall": 0.0, "false_share": 0.0}


def test_what_is_kept_is_read_back(plain: Any, tmp_path: Path) -> None:
    path = tmp_path / "folder" / "one.npz"
    plain.keep(path)
    read = Measured.read(path)
    assert [one.name for one in path.parent.iterdir()] == ["one.npz"]
    assert (read.names, read.sources) == (plain.names, plain.sources)
    np.testing.assert_array_equal(read.values, plain.values)
    np.testing.assert_array_equal(read.null.values, plain.null.values)
    np.testing.assert_array_equal(read.heatmaps.fault, plain.heatmaps.fault)
    np.testing.assert_array_equal(read.heatmaps.broken, plain.heatmaps.broken)
    assert not read.other.any()


def test_a_part_is_named_after_what_it_is_made_by(tmp_path: Path) -> None:
    part = Part("taught", CONFIG, (0, 1), SCORE_NAMES, "")
    others = [
        replace(part, config=replace(CONFIG, seed=4)),
        replace(part, names=SCORE_NAMES[1:]),
        replace(part, network="abc"),
        replace(part, label="b"),
        replace(part, n_contaminated=1),
        replace(part, config=replace(CONFIG, simulator=SimulatorConfig())),
    ]
    paths = {one.path(str(tmp_path)) for one in (part, replace(part), *others)}
    assert len(paths) == 1 + len(others)


def test_other_domains_of_a_seen_grid_are_none_of_those_taught(plain: Any) -> None:
    """What is taught stays the same, to the bits, whatever is drawn beside it."""
    more = measured(others_of=(1,), n_others=3)
    taught, other = more.where(~more.other), more.where(more.other)
    np.testing.assert_array_equal(taught.values, plain.values)
    np.testing.assert_array_equal(taught.heatmaps.fault, plain.heatmaps.fault)
    np.testing.assert_array_equal(more.null.values, plain.null.values)
    assert set(other.heatmaps.grid.tolist()) == {1}
    own = other.heatmaps
    assert (~own.broken).sum() == 3 * len(CONFIG.clicks)
    assert {fault: int((own.fault == fault).sum()) for fault in FAULTS} == dict.fromkeys(FAULTS, 2)
    equal = (other.values[:, None] == taught.values[None]).all(axis=2)
    assert not equal.any()
    # Of the null, what is of that grid stays, under its new place.
    assert set(other.null.grid.tolist()) == {0}
    np.testing.assert_array_equal(other.null.values, plain.null.values[plain.null.grid == 1])


def test_broken_references_take_the_place_of_healthy_ones(plain: Any) -> None:
    part = Part("contaminated", CONFIG, (0, 1), SCORE_NAMES, "")
    clean = simulating._references((part, 1))
    dirty = simulating._references((replace(part, n_contaminated=1), 1))
    assert len(clean) == len(dirty) == 4
    np.testing.assert_array_equal(clean[:3], dirty[:3])
    assert not (clean == dirty[3]).all(axis=(1, 2)).any()
    assert dirty[3].sum() == 5_000
    worse = measured("contaminated", n_contaminated=1)
    np.testing.assert_array_equal(worse.heatmaps.fault, plain.heatmaps.fault)
    assert (worse.values != plain.values).any()


def test_a_held_out_fault_is_judged_by_those_that_never_saw_it() -> None:
    n = 2_200
    fault = np.array([FAULTS[nth % 11] if nth < n // 2 else "" for nth in range(n)], object)
    maps = heatmaps(n, fault != "", fault)
    truth, none = maps.broken.astype(float), np.zeros(n)
    scores = {"in_range_p": none} | {
        f"in_range_p_without:{name}": np.where((fault == name) & (name != "burst"), truth, none)
        for name in FAULTS
    }
    held = Outcomes.of(maps, np.ones(n), scores, 1)
    cells = generalisation(held, replace(held, scores=dict.fromkeys(scores, truth)))
    assert len(cells) == 8
    found = {
        (one["held_out_grid"], one["held_out_fault"], one["other_clicks"]): one for one in cells
    }
    assert found[True, False, False]["auroc"]["value"] == 0.5
    assert found[True, True, True]["auroc"]["value"] == pytest.approx(10.5 / 11, abs=1e-4)
    assert found[True, True, True]["recall"]["value"] == pytest.approx(10 / 11, abs=1e-4)
    assert found[False, True, False]["auroc"]["value"] == 1
    assert found[True, True, False]["clicks"] == [50, 5_000]
    assert found[True, True, True]["clicks"] == [20, 50_000]
    assert found[True, True, True]["n_broken"] + found[True, True, False]["n_broken"] == n // 2


def test_the_report_reads_all_figures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two seeds, on scores without simulation: what comes out is what the report takes."""
    monkeypatch.setattr(resampling, "N_RESAMPLES", 20)
    taught: list[Combination] = []
    n_rows: list[int] = []
    train = teaching.train_combination

    def noted(scores: LabelledScores, penalties: tuple[float, ...]) -> Combination:
        n_rows.append(len(scores.z))
        taught.append(train(scores, (0.03,)))
        return taught[-1]

    monkeypatch.setattr(teaching, "train_combination", noted)
    seeds = [teaching.outcomes_of(invented(seed)) for seed in (1, 2)]
    # With the network: whole, in range, and of two references. Alone: whole, 11, and 12 in range.
    assert len(taught) == 2 * (1 + 1 + 1 + 1 + 11 + 12)
    unknown = [set(FAULTS) - set(one.faults) for one in taught[: len(taught) // 2]]
    each = [{fault} for fault in FAULTS]
    assert unknown == [set(), set(), *each, set(), set(), *each, set()]
    assert n_rows[13] == n_rows[14] == n_rows[0] // 2  # 50 and 5,000 clicks, of four
    assert n_rows[15] < n_rows[14]
    result = {
        "simulator": {"grids": [4, 0, 4], "seed": 1},
        "seeds": [1, 2],
        **figures.figures(seeds, 20),
    }
    document = {"benchmark": "heatmap", "measured": "2026-11-22", "result": result}
    (tmp_path / "bench.json").write_text(json.dumps(document, allow_nan=False))
    views = read_benchmark(str(tmp_path / "bench.json"))
    quality = views.quality
    assert quality is not None
    assert [one.name for one in quality.curves] == [
        "this scorer", "oracle, on the heatmaps that it saw", "chi-square alone",
        "the users' recipe",
    ]  # fmt: skip
    assert len(quality.generalisation) == 8
    assert [row.name for row in quality.conditions] == [
        "this scorer, all held-out grids", "seed 1 alone", "seed 2 alone", "chi-square alone",
        "the users' recipe, uncalibrated", "the users' recipe, calibrated",
        "no reference is broken", "20 % of the references are broken",
        "two references for each grid",
    ]  # fmt: skip
    assert quality.faults_by_clicks is not None
    assert quality.faults_by_clicks.clicks == ("20", "50", "5,000", "50,000")
    assert len(quality.faults_by_clicks.rows) == 11
    assert views.blocks is not None
    both = quality.conditions[0].n_heatmaps
    assert both == sum(row.n_heatmaps for row in quality.conditions[1:3])
    seen = result["held_out_grids"]["on_the_marginal_oracle_s_heatmaps"]
    assert (seen["n_grids"], list(seen["by_clicks"])) == (2, ["20"])
    assert seen["log_odds"]["n_broken"] == seen["marginal_oracle"]["n_broken"]
    assert seen["gap"]["value"] == pytest.approx(
        seen["marginal_oracle"]["auroc"]["value"] - seen["log_odds"]["auroc"]["value"], abs=2e-4
    )
    assert any("does not know the fault" in goal.name for goal in quality.goals)
    assert result["users_baseline"]["uncalibrated"]["auroc"]["value"] == 1  # as it was invented


def heatmaps(
    n: int, broken: Any, fault: Any = None, n_grids: int = 4, clicks: tuple[int, ...] = CLICKS
) -> Heatmaps:
    """Heatmaps without counts, grids and clicks taking turns."""
    if fault is None:
        fault = np.where(broken, "burst", "").astype(object)
    turns = np.arange(n)
    return Heatmaps(
        counts=np.zeros((n, 0, 0), np.uint32),
        grid=turns // 11 % n_grids,
        domain=turns,
        n_clicks=np.array(clicks)[turns // (11 * n_grids) % len(clicks)],
        fault=fault,
        share=np.full(n, 0.5),
        severity=np.full(n, 0.5),
        reference=np.zeros(n, bool),
        split=np.full(n, "test", object),
        oracle=np.where(broken, 1.0, -1.0) + np.random.default_rng(9).normal(size=n),
        detectability=np.full(n, 9.0),
    )


def invented(seed: int) -> Any:
    """Parts whose scores are drawn, those of broken heatmaps a little higher."""
    rng = np.random.default_rng(seed)

    def part(names: tuple[str, ...], *, n: int = 704, other: bool = False) -> Measured:
        fault = np.array([FAULTS[nth % 11] if nth < n // 2 else "" for nth in range(n)], object)
        maps = heatmaps(n, fault != "", fault)
        values = rng.normal(size=(n, len(names))) + maps.broken[:, None]
        if USERS in names:
            values[:, -1] = maps.broken + 0.1 * rng.random(n)
        rows = [(grid, one, level) for grid in range(4) for one in range(10)
                for level in range(len(LADDER))]  # fmt: skip
        grid, reference, level = np.array(rows).T
        scores = rng.normal(size=(len(rows), len(names)))
        null = NullScores(scores, grid, reference % 5, reference, level)
        others = np.zeros(n, bool)
        if other:
            others[n // 4 : 3 * n // 4] = True
        return Measured(maps, names, values, null, np.arange(4), others, "")

    names = (*SCORE_NAMES, *NETWORK_SCORES)
    held_out = part((*names, USERS))
    oracle = np.where(rng.random(704) < 0.3, np.nan, held_out.heatmaps.oracle)
    contaminated = {0: part(names), 4: part(names)} if seed == 1 else {}
    marginal = None
    if seed == 1:
        some = held_out.where(held_out.heatmaps.grid < 2)
        answers = np.where(some.heatmaps.n_clicks == 20, some.heatmaps.oracle, np.nan)
        marginal = replace(
            some,
            names=("marginal_oracle", "searching_oracle"),
            values=np.stack([answers, answers / 2], axis=1),
        )
    return SeedParts(
        seed=seed,
        taught=part(names, n=1_408, other=True),
        held_out=held_out,
        two=part(names),
        few=part(names),
        oracle=oracle,
        marginal=marginal,
        contaminated=contaminated,
    )


def test_speed_is_of_all_heatmaps_of_the_grids() -> None:
    found = measured_speed(n_grids=1, repeats=1)
    assert found["heatmaps"] == 2 * 11 * 7
    rates = found["heatmaps_a_second"]
    assert set(rates) == {"statistics", "network", "own_healthy_density", "users_recipe"}
    for what, rate in rates.items():
        assert rate == pytest.approx(154 / found[what]["median_s"], rel=0.05)
