"""The scorer as its users meet it: simulated grids in, a table out."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
import xarray as xr

from bannercluster.errors import DataError
from bannercluster.heatmap.combination import Combination
from bannercluster.heatmap.dataset import heatmap_dataset
from bannercluster.heatmap.gate import TaughtScores
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
from bannercluster.heatmap.statistics.domains import DomainFits
from bannercluster.heatmap.statistics.profile import GridProfile
from bannercluster.heatmap.statistics.scores import ScoreBlock

CONFIG = BenchmarkConfig(
    grids=(3, 0, 3),
    healthy=4,
    faulty=1,
    clicks=(30, 1_000),
    simulator=SimulatorConfig(references=5, reference_clicks=(1_000, 2_500)),
)


def n_rows(profile: GridProfile, counts: np.ndarray, _: DomainFits) -> np.ndarray:
    """Return the score of a block, (n, 1): clicks far from the anchor."""
    share = counts / counts.sum(axis=(1, 2), keepdims=True)
    return np.abs(share - profile.anchor).sum(axis=(1, 2))[:, None]


def dataset(heatmaps: Heatmaps) -> xr.Dataset:
    return heatmap_dataset(
        heatmaps.counts,
        [f"domain-{nth}" for nth in heatmaps.domain],
        [f"grid-{nth}" for nth in heatmaps.grid],
        {"fault": heatmaps.fault},
    )


@pytest.fixture(scope="module")
def heatmaps() -> Heatmaps:
    grids = draw_grids(CONFIG)
    return Heatmaps.concatenated([simulate_grid(CONFIG, grids, nth) for nth in range(6)])


@pytest.fixture(scope="module")
def held_out(heatmaps: Heatmaps) -> Heatmaps:
    return heatmaps.where(heatmaps.split == "test")


@pytest.fixture(scope="module")
def combination(heatmaps: Heatmaps) -> Combination:
    taught = heatmaps.where(heatmaps.split == "train")
    return TaughtScores.of(dataset(taught), taught.reference, taught.broken).taught.combination


@pytest.fixture(scope="module")
def scorer(held_out: Heatmaps, combination: Combination) -> HeatmapScorer:
    return HeatmapScorer.fit(dataset(held_out), held_out.reference, combination=combination)


def test_broken_banners_rank_above_healthy_ones(scorer: HeatmapScorer, held_out: Heatmaps) -> None:
    shown = held_out.where(~held_out.reference)
    scored = scorer.score(dataset(shown))
    assert auroc(-scored.p, shown.broken) > 0.85
    assert auroc(-scored.p_untaught, shown.broken) > 0.8
    assert (scored.p[~shown.broken] <= 0.05).mean() < 0.15
    alerts = scored.alerts(0.1)
    assert alerts.sum() > 10
    assert (alerts & ~shown.broken).sum() <= 0.25 * alerts.sum()
    sure = shown.broken & alerts
    assert (scored.fault[sure] == shown.fault[sure]).mean() > 0.5
    assert shown.broken[scored.ranked()[:10]].all()


def test_rows_are_the_same_alone_in_any_order_and_with_more_threads(
    scorer: HeatmapScorer, held_out: Heatmaps, combination: Combination
) -> None:
    shown = held_out.where(np.flatnonzero(~held_out.reference)[::7])
    together = scorer.score(dataset(shown))
    order = np.random.default_rng(0).permutation(len(held_out))
    shuffled = held_out.where(order)
    again = HeatmapScorer.fit(
        dataset(shuffled), shuffled.reference, combination=combination, n_workers=2
    )
    others = [
        (again.score(dataset(shown.where(np.arange(len(shown))[::-1]))), slice(None, None, -1)),
        (scorer.score(dataset(shown.where(np.array([2])))), slice(2, 3)),
    ]
    for other, rows in others:
        for one in fields(RowScores):
            mine, theirs = getattr(together, one.name)[rows], getattr(other, one.name)
            np.testing.assert_array_equal(mine, theirs, err_msg=one.name)


def test_names_as_a_store_gives_them_back(scorer: HeatmapScorer, held_out: Heatmaps) -> None:
    shown = dataset(held_out.where(np.flatnonzero(~held_out.reference)[:6]))
    variable = {
        name: ("sample", shown[name].to_numpy().astype(np.dtypes.StringDType()))
        for name in ("domain", "grid_id")
    }
    read_back = scorer.score(shown.assign_coords(variable))
    np.testing.assert_array_equal(read_back.p, scorer.score(shown).p)
    assert read_back.grid_id.tolist() == shown["grid_id"].to_numpy().tolist()


def test_edge_cases_are_rows_with_a_status(scorer: HeatmapScorer, held_out: Heatmaps) -> None:
    counts = np.zeros((5, 64, 64), np.uint32)
    counts[1, 30, 30] = 1
    counts[2, 0, :] = 9  # all in the ring
    counts[3] = held_out.counts[held_out.reference][0] * 50  # more than any reference
    counts[4] = counts[3]
    name = f"grid-{held_out.grid[0]}"
    grids = [name, name, name, name, "unknown"]
    scored = scorer.score(heatmap_dataset(counts, ["d"] * 5, grids))
    assert scored.status.tolist() == ["no_clicks", "scored", "scored", "scored", "no_reference"]
    assert scored.count("no_reference") == 1
    assert scored.p[0] == 1
    assert scored.p[1] > 0.01
    assert scored.p[2] < 0.05
    assert np.isfinite(scored.z[1:4]).all()
    assert np.isnan(scored.p[4])
    assert np.isnan(scored.q[4])
    assert not scored.alerts(1.0)[4]
    maps = scorer.evidence(heatmap_dataset(counts, ["d"] * 5, grids))
    assert not maps[0].any()
    assert maps[2, 0].min() > 3
    assert np.isnan(maps[4]).all()


def test_two_references_and_one_are_defined(held_out: Heatmaps) -> None:
    chosen = np.zeros(len(held_out), bool)
    for grid, n in zip(np.unique(held_out.grid), (2, 3, 1), strict=True):
        own = np.flatnonzero(held_out.reference & (held_out.grid == grid))
        chosen[own[:n]] = True
    scorer = HeatmapScorer.fit(dataset(held_out), chosen)
    assert set(scorer.few) == {1}
    assert len(scorer.itself) == 2
    shown = held_out.where(~held_out.reference)
    scored = scorer.score(dataset(shown))
    assert (scored.status == "scored").all()
    of_two = shown.grid == np.unique(held_out.grid)[0]
    assert auroc(scored.tails[of_two], shown.broken[of_two]) > 0.6
    of_one = shown.grid == np.unique(held_out.grid)[2]
    assert auroc(scored.tails[of_one], shown.broken[of_one]) > 0.6
    assert ((scored.p > 0) & (scored.p <= 1)).all()
    with pytest.raises(DataError, match="none of 1 grids has two"):
        HeatmapScorer.fit(dataset(held_out), np.arange(len(held_out)) == 0)


def test_equal_references_count_once(held_out: Heatmaps) -> None:
    own = held_out.where(held_out.reference & (held_out.grid == held_out.grid[0]))
    twice = np.concatenate([np.arange(len(own)), np.arange(len(own))])
    one = HeatmapScorer.fit(dataset(own), np.ones(len(own), bool))
    other = HeatmapScorer.fit(dataset(own.where(twice)), np.ones(2 * len(own), bool))
    np.testing.assert_array_equal(one.judge.calibration.location, other.judge.calibration.location)


def test_block_is_calibrated_like_the_others(held_out: Heatmaps, combination: Combination) -> None:
    blocks = (ScoreBlock(("far",), n_rows),)
    scorer = HeatmapScorer.fit(dataset(held_out), held_out.reference, blocks=blocks)
    scored = scorer.score(dataset(held_out.where(~held_out.reference)))
    assert scored.names[-1] == "far"
    healthy = ~held_out.broken[~held_out.reference]
    assert abs(np.median(scored.z[healthy, -1])) < 0.7
    assert auroc(scored.z[:, -1], ~healthy) > 0.7
    with pytest.raises(DataError, match="trained on other scores; the difference is"):
        HeatmapScorer.fit(
            dataset(held_out), held_out.reference, combination=combination, blocks=blocks
        )
    bad = ScoreBlock(("bad",), lambda _, counts, fits: counts)
    with pytest.raises(DataError, match="'bad' gave an array of shape"):
        HeatmapScorer.fit(
            dataset(held_out),
            held_out.reference,
            blocks=(bad,),
        )


def test_other_datasets_are_refused(scorer: HeatmapScorer, held_out: Heatmaps) -> None:
    with pytest.raises(DataError, match="expected counts"):
        scorer.score(xr.Dataset())
    with pytest.raises(DataError, match="no domain"):
        scorer.score(dataset(held_out).drop_vars("domain"))
    with pytest.raises(DataError, match="healthy has the shape"):
        HeatmapScorer.fit(dataset(held_out), np.ones(3, bool))
