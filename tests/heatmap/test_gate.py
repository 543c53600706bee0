"""The gate: a block stays where it adds to the statistics, on grids that were left out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bannercluster.heatmap.combination import LabelledScores
from bannercluster.heatmap.gate import Gate, TaughtScores
from bannercluster.heatmap.quality import Estimated
from bannercluster.heatmap.simulated import dataset_of
from bannercluster.heatmap.simulator.benchmark import Heatmaps, draw_grids, simulate_grid
from bannercluster.heatmap.statistics.domains import DomainFits
from bannercluster.heatmap.statistics.profile import GridProfile
from bannercluster.heatmap.statistics.scores import SCORE_NAMES, ScoreBlock

from .verbs.worlds import small_recipe

N, N_GRIDS = 600, 12


def drawn(seed: int = 0) -> TaughtScores:
    """Scores of which the first tells a little, and no other one anything."""
    rng = np.random.default_rng(seed)
    broken = rng.random(N) < 0.5
    z = rng.normal(size=(N, len(SCORE_NAMES)))
    z[:, 0] += broken
    grid = np.arange(N) % N_GRIDS
    fault = np.where(broken, "overlay", "").astype(object)
    labelled = LabelledScores(SCORE_NAMES, z, np.full(N, 300.0), broken, grid, fault)
    return TaughtScores(labelled, np.arange(N))


def with_block(scores: TaughtScores, strength: float) -> TaughtScores:
    own = scores.scores
    block = np.random.default_rng(1).normal(size=(N, 1)) + strength * own.broken[:, None]
    more = replace(own, names=(*own.names, "block"), z=np.concatenate([own.z, block], axis=1))
    return replace(scores, scores=more)


def test_a_block_that_adds_is_kept() -> None:
    gate = Gate.of("block", with_block(drawn(), 1.5))
    assert gate.kept
    assert gate.gain.value == pytest.approx(gate.auroc.value - gate.baseline.value)
    assert 0.05 < gate.gain.value < 0.3


def test_a_block_that_says_nothing_is_not_kept() -> None:
    gate = Gate.of("block", with_block(drawn(), 0.0))
    assert not gate.kept
    assert abs(gate.gain.value) < 0.02


def test_figures_are_of_grids_that_taught_nothing() -> None:
    """With 300 features of 600 heatmaps a fit to chance looks good, unless grids are left out."""
    scores = drawn()
    broken = np.random.default_rng(5).random(N) < 0.5
    guessed = replace(scores, scores=replace(scores.scores, broken=broken))
    assert abs(guessed.auroc.value - 0.5) < 0.08
    own = guessed.scores
    taught = guessed.taught.combination.log_odds(own.z, own.n_clicks)
    assert guessed.auroc_of(taught).value > 0.65


def test_the_statistics_do_not_depend_on_blocks() -> None:
    config = replace(small_recipe().lessons, grids=(2, 0, 0), clicks=(20, 300))
    grids = draw_grids(config)
    heatmaps = Heatmaps.concatenated([simulate_grid(config, grids, one.number) for one in grids])
    dataset = dataset_of(heatmaps, grids, 0)

    def above(profile: GridProfile, counts: np.ndarray, fits: DomainFits) -> np.ndarray:
        return counts[:, :8].sum(axis=(1, 2))[:, None] / counts.sum(axis=(1, 2))[:, None]

    known = (dataset, heatmaps.reference, heatmaps.broken)
    plain = TaughtScores.of(*known)
    both = TaughtScores.of(*known, (ScoreBlock(("above",), above),))
    assert both.scores.names == (*plain.scores.names, "above")
    assert np.array_equal(both.statistics.scores.z, plain.scores.z)
    assert both.statistics.scores.names == plain.scores.names == SCORE_NAMES
    assert np.array_equal(both.rows, np.flatnonzero(~heatmaps.reference))
    left_out, plainly = both.statistics.scores.references, plain.scores.references
    assert left_out is not None
    assert plainly is not None
    assert np.array_equal(left_out.z, plainly.z)
    assert np.isin(plain.scores.n_clicks, plainly.n_clicks).all()
    per_grid = np.bincount(plainly.grid[plainly.n_clicks == 20])
    assert per_grid.tolist() == [config.simulator.references] * 2


def test_an_interval_that_contains_zero_is_not_enough() -> None:
    sure, unsure = (Estimated(0.01, low, 0.02) for low in (0.001, -0.001))
    one = Estimated(0.9, 0.89, 0.91)
    assert Gate("block", one, one, sure).kept
    assert not Gate("block", one, one, unsure).kept
