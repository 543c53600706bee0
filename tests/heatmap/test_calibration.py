"""Calibration, combination and p-values on scores whose law is known."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from bannercluster.errors import DataError, IncompatibleStoreError
from bannercluster.heatmap import combination as combining
from bannercluster.heatmap.alerts import ConformalNull, benjamini_hochberg
from bannercluster.heatmap.calibration import _References, calibrate, position
from bannercluster.heatmap.combination import (
    Combination,
    LabelledScores,
    cross_taught,
    expanded,
    tail_sum,
    train_combination,
)
from bannercluster.heatmap.judging import Judge
from bannercluster.heatmap.nulls import LADDER, NullScores
from bannercluster.heatmap.quality import auroc
from bannercluster.heatmap.statistics.scores import SCORE_NAMES
from bannercluster.heatmap.suspects import believed
from bannercluster.heatmap.thinning import content_order, thinned, thinned_to

N_LEVELS = len(LADDER)


def _null(n_grids: int, n_references: int, seed: int = 0, top: int = N_LEVELS) -> NullScores:
    """Scores whose location and scale differ by grid and level."""
    rng = np.random.default_rng(seed)
    location, scale = _law(n_grids)
    parts = []
    for grid in range(n_grids):
        for reference in range(n_references):
            levels = np.arange(top if reference % 2 else min(top, 9))
            values = location[grid] + levels + scale[grid] * rng.normal(size=len(levels))
            parts.append((values, grid, reference % 5, reference, levels))
    n = [len(part[0]) for part in parts]
    return NullScores(
        values=np.concatenate([part[0] for part in parts])[:, None],
        grid=np.repeat([part[1] for part in parts], n),
        fold=np.repeat([part[2] for part in parts], n),
        reference=np.repeat([part[3] for part in parts], n),
        level=np.concatenate([part[4] for part in parts]),
    )


def _law(n_grids: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(99)
    return 2 * rng.normal(size=n_grids), np.exp(0.3 * rng.normal(size=n_grids))


def test_calibrated_scores_are_standard_on_every_level() -> None:
    n_grids = 30
    calibration, left_out = calibrate(_null(n_grids, 20), n_grids)
    location, scale = _law(n_grids)
    rng = np.random.default_rng(5)
    for level in (0, 4, N_LEVELS - 1):
        grid = np.repeat(np.arange(n_grids), 100)
        values = location[grid] + level + scale[grid] * rng.normal(size=len(grid))
        z = calibration.z(values[:, None], grid, np.full(len(grid), float(LADDER[level])))
        assert abs(z.mean()) < 0.12
        assert z.std() == pytest.approx(1, abs=0.1)
    assert left_out.std() == pytest.approx(1, abs=0.1)


def test_moments_are_those_of_the_references_one_by_one() -> None:
    """Grids of five, no and one reference, one to four repeats of each, in any order."""
    rng = np.random.default_rng(4)
    n_repeats = {(0, one): 1 + one % 4 for one in range(5)} | {(2, 3): 2}
    rows = [both for both, n in n_repeats.items() for _ in range(n)]
    grid, reference = rng.permutation(np.array(rows)).T
    values = rng.normal(size=(len(rows), 3)) + reference[:, None]
    null = NullScores(values, grid, reference, reference, np.full(len(rows), 6))
    found = _References.of(null, 6, 4)
    for left_out in (-1, 3):
        moments = found.moments(found.reference != left_out)
        own = [values[(grid == 0) & (reference == one)] for one in range(5) if one != left_out]
        means, n = np.array([one.mean(axis=0) for one in own]), len(own)
        repeats = np.mean([len(one) for one in own])
        squares = sum(((one - one.mean(axis=0)) ** 2).sum(axis=0) for one in own)
        between = means.var(axis=0, ddof=1)
        variance = between + squares / (n * (repeats - 1)) * (1 - 1 / repeats)
        degrees = (n - 1) / np.clip(between / variance, 1 / repeats, 1)
        assert moments.n_references.tolist() == [n, 0, int(left_out < 0), 0]
        np.testing.assert_allclose(moments.mean[0], means.mean(axis=0))
        np.testing.assert_allclose(moments.between[0], between)
        np.testing.assert_allclose(moments.variance[0], variance)
        np.testing.assert_allclose(moments.degrees[0], degrees)
        if left_out < 0:
            np.testing.assert_allclose(moments.mean[2], values[grid == 2].mean(axis=0))
        assert (moments.variance[1:] == 0).all()
        assert (moments.degrees[1:] == 1).all()


def test_left_out_references_are_not_calibrated_by_themselves() -> None:
    null = _null(12, 2)
    inside, left_out = calibrate(null, 12)
    clicks = np.array(LADDER, float)[null.level]
    own = inside.z(null.values, null.grid, clicks)
    assert left_out.std() > 1.15 * own.std()


def test_grid_without_references_is_the_mean_of_grids() -> None:
    calibration, _ = calibrate(_null(20, 10), 21)
    np.testing.assert_allclose(calibration.location[20], calibration.location[-1])


def test_shrinkage_follows_what_grids_differ_by() -> None:
    """Grids that are alike share one location; grids that differ keep their own."""
    n_grids = 40
    null = _null(n_grids, 6)
    alike, _ = calibrate(_same(null), n_grids)
    apart, _ = calibrate(null, n_grids)
    location, _ = _law(n_grids)
    assert alike.location[:-1, 2, 0].std() < 0.2
    found = apart.location[:-1, 2, 0] - 2
    assert np.corrcoef(found, location)[0, 1] > 0.95


def _same(null: NullScores) -> NullScores:
    rng = np.random.default_rng(3)
    values = null.level[:, None] + rng.normal(size=null.values.shape)
    return NullScores(values, null.grid, null.fold, null.reference, null.level)


def test_ladder_ends_where_references_do() -> None:
    calibration, _ = calibrate(_null(6, 10, top=6), 6)
    assert calibration.most_clicks == LADDER[5]


def test_position_interpolates_in_log_clicks() -> None:
    low, share = position(np.array([1.0, 30.0, 1e9]), N_LEVELS)
    assert low.tolist() == [0, 2, N_LEVELS - 1]
    assert share[1] == pytest.approx(np.log(30 / 20) / np.log(50 / 20))
    assert share[[0, 2]].tolist() == [0, 0]


def test_nothing_to_calibrate_on() -> None:
    empty = NullScores(np.zeros((0, 1)), *(np.zeros(0, np.int64) for _ in range(4)))
    with pytest.raises(DataError, match="no grid has two references"):
        calibrate(empty, 1)


def test_p_values_hold_in_every_level() -> None:
    n_grids = 40
    judge = Judge.fit(_null(n_grids, 20), n_grids, None)
    location, scale = _law(n_grids)
    rng = np.random.default_rng(8)
    for n_clicks in (20, 200, 1_000, 50_000):
        level, share = position(np.array([float(n_clicks)]), N_LEVELS)
        grid = np.repeat(np.arange(n_grids), 100)
        values = location[grid] + (level + share)[0] + scale[grid] * rng.normal(size=len(grid))
        clicks = np.full(len(grid), float(n_clicks))
        z = judge.calibration.z(values[:, None], grid, clicks)
        p = judge.judge(z, grid, clicks).p
        assert 0.003 < (p <= 0.01).mean() < 0.02
        assert (p <= 0.1).mean() == pytest.approx(0.1, abs=0.025)


def test_tails_beside_a_regression_are_those_of_the_statistics() -> None:
    """A block may have been taught faults: it does not speak for those that nobody showed."""
    rng = np.random.default_rng(9)
    n, names = 400, (*SCORE_NAMES, "block")
    broken = np.arange(n) % 2 == 1
    z, clicks, grid = rng.normal(size=(n, len(names))), np.full(n, 100.0), np.arange(n) % 8
    combination = train_combination(
        LabelledScores(names, z + broken[:, None], clicks, broken, grid), (0.02,)
    )
    null = _null(4, 20)
    null = replace(null, values=rng.normal(size=(len(null.values), len(names))))
    louder = z.copy()
    louder[:, -1] += 5
    for taught, is_same in ((combination, True), (None, False)):
        judge = Judge.fit(null, 4, taught)
        plain, loud = (judge.judge(one, grid % 4, clicks) for one in (z, louder))
        assert (loud.tails == plain.tails).all() == is_same
        assert not (loud.log_odds == plain.log_odds).any()


def test_only_heatmaps_of_too_many_clicks_are_thinned() -> None:
    counts = np.zeros((3, 64, 64), np.uint32)
    counts[0, 3, 4], counts[1, :, 5], counts[2, 9, 9] = 7, 40, 100
    fewer = thinned_to(counts, 100)
    np.testing.assert_array_equal(fewer[[0, 2]], counts[[0, 2]])
    assert fewer[1].sum() == 100
    assert counts[1].sum() == 64 * 40
    assert thinned_to(counts[:0], 100).shape == (0, 64, 64)


def test_levels_with_few_scores_take_those_beside_them() -> None:
    level = np.repeat([0, 1, 2], [1_600, 40, 1_600])
    scores = np.arange(len(level), dtype=float)
    null = ConformalNull.of(scores, level, 3)
    assert [len(one) for one in null.levels] == [1_600, 3_240, 1_600]


def test_conformal_p_value_counts_itself() -> None:
    null = ConformalNull((np.arange(9.0),))
    p = null.p_values(np.array([-1.0, 8.0, 8.5]), np.ones(3))
    np.testing.assert_allclose(p, [1.0, 0.2, 0.1])


def test_benjamini_hochberg_is_the_definition() -> None:
    rng = np.random.default_rng(2)
    p = np.concatenate([rng.random(60), rng.random(20) * 1e-3, [np.nan, np.nan]])
    q = benjamini_hochberg(p)
    known = np.sort(p[~np.isnan(p)])
    for rate in (0.01, 0.05, 0.2):
        passing = np.flatnonzero(known <= rate * np.arange(1, 81) / 80)
        alerts = passing[-1] + 1 if len(passing) else 0
        assert (q <= rate).sum() == alerts
    assert np.isnan(q[-2:]).all()
    assert np.isnan(benjamini_hochberg(np.array([np.nan]))).all()


def _labelled(n: int = 600) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(6)
    broken = np.arange(n) % 2 == 1
    z = rng.normal(size=(n, 4))
    z[broken, 0] += 2
    return z, rng.choice([20.0, 300.0, 5_000.0], n), broken, np.arange(n) // 2 % 10


def _four(*given: np.ndarray) -> LabelledScores:
    return LabelledScores(tuple("wxyz"), *given)


def test_combination_learns_and_comes_back_from_json() -> None:
    z, n_clicks, broken, grid = _labelled()
    fault = np.where(broken, np.array(["a", "b", "c"], object)[np.arange(len(z)) // 2 % 3], "")
    z[fault == "c", 3] += 5
    made = train_combination(_four(z, n_clicks, broken, grid, fault))
    assert made.auroc is not None
    assert made.auroc > 0.9
    assert auroc(made.log_odds(z, n_clicks), broken) > 0.9
    named = made.likely_fault(z, n_clicks)
    assert (named == fault)[fault == "c"].mean() > 0.9
    again = Combination.from_json(made.to_json())
    np.testing.assert_array_equal(again.log_odds(z, n_clicks), made.log_odds(z, n_clicks))
    assert again.names == made.names
    assert again.faults == made.faults
    with pytest.raises(IncompatibleStoreError, match="version 99"):
        Combination.from_json('{"version": 99}')


def test_a_fault_counts_for_itself() -> None:
    """Broken heatmaps that one score in four sees are found although three others see nothing."""
    rng = np.random.default_rng(8)
    n = 4_000
    kind = rng.integers(5, size=n)
    z = rng.normal(size=(n, 4))
    seen = np.flatnonzero(kind < 4)
    z[seen, kind[seen]] += 4
    fault = np.array(["a", "b", "c", "d", ""], object)[kind]
    n_clicks, grid = np.full(n, 400.0), np.arange(n) % 10
    broken = fault != ""
    made = train_combination(_four(z, n_clicks, broken, grid, fault))
    truth = np.log(np.exp(4 * z - 8).sum(axis=1))
    assert auroc(made.log_odds(z, n_clicks), broken) > auroc(truth, broken) - 0.005
    assert (made.likely_fault(z, n_clicks) == fault)[broken].mean() > 0.95
    assert made.names_faults


def test_broken_without_a_name_are_learned_too() -> None:
    z, n_clicks, broken, grid = _labelled()
    made = train_combination(_four(z, n_clicks, broken, grid))
    assert made.faults == ("?",)
    assert not made.names_faults
    assert auroc(made.log_odds(z, n_clicks), broken) > 0.85


def test_lessons_count_as_if_two_of_three_were_healthy() -> None:
    """Three times as many healthy lessons do not make it think that fewer are broken."""
    z, n_clicks, broken, grid = _labelled()
    times = np.repeat(np.arange(len(z)), np.where(broken, 1, 3))
    lessons = (z, n_clicks, broken, grid)
    once, thrice = (
        train_combination(_four(*own), (5.0,)).log_odds(z, n_clicks)
        for own in (lessons, tuple(one[times] for one in lessons))
    )
    assert abs(np.median(thrice - once)) < 0.1
    assert np.corrcoef(once, thrice)[0, 1] > 0.999


def test_left_out_references_teach_what_is_healthy() -> None:
    """A score by which references look broken, and healthy lessons do not, is believed less."""
    z, n_clicks, broken, grid = _labelled(2_000)
    rng = np.random.default_rng(3)
    shifted = rng.normal(size=(1_000, 4))
    shifted[:, 0] += 2
    lessons = _four(z, n_clicks, broken, grid)
    references = _four(shifted, rng.choice(n_clicks, 1_000), np.zeros(1_000, bool), grid[:1_000])
    alone, taught = (
        train_combination(one, (0.3,)) for one in (lessons, replace(lessons, references=references))
    )
    loud = np.tile([2.0, 0, 0, 0], (3, 1))
    levels = np.array([20.0, 300.0, 5_000.0])
    assert (taught.log_odds(loud, levels) < alone.log_odds(loud, levels) - 0.3).all()
    elsewhere = replace(lessons, references=replace(references, n_clicks=np.full(1_000, 7.0)))
    np.testing.assert_array_equal(
        train_combination(elsewhere, (0.3,)).log_odds(z, n_clicks), alone.log_odds(z, n_clicks)
    )


def test_references_of_some_clicks_do_not_make_those_look_healthy() -> None:
    """There are five times as many healthy ones of 20 clicks, and none more of the others."""
    z, n_clicks, broken, grid = _labelled(3_000)
    lessons = _four(z, n_clicks, broken, grid)
    own = np.repeat(np.flatnonzero(~broken & (n_clicks == 20)), 4)
    once, more = (
        train_combination(one, (5.0,)).log_odds(z, n_clicks)
        for one in (lessons, replace(lessons, references=lessons.where(own)))
    )
    for number in (20, 300, 5_000):
        assert abs(np.median((more - once)[n_clicks == number])) < 0.05


def test_references_of_a_left_out_grid_do_not_teach(monkeypatch: pytest.MonkeyPatch) -> None:
    z, n_clicks, broken, grid = _labelled()
    lessons = _four(z, n_clicks, broken, grid)
    chosen = ~broken & (grid != 3)
    references = replace(lessons.where(chosen), z=z[chosen] + 100)  # beyond all others
    shown = []
    regression = combining._regression

    def noted(features: np.ndarray, *others: Any) -> Any:
        shown.append((len(features), int((features[:, 8] > 1).sum())))  # the first tail
        return regression(features, *others)

    monkeypatch.setattr(combining, "_regression", noted)
    found = cross_taught(replace(lessons, references=references), (0.08,))
    assert found.left_out.shape == (len(z),)
    number = [int((references.grid % 5 != fold).sum()) for fold in range(5)]
    asked = [int((grid % 5 != fold).sum()) for fold in range(5)]
    assert [n for n, _ in shown[:5]] == [a + b for a, b in zip(asked, number, strict=True)]
    assert [n_far for _, n_far in shown[:5]] == number


def test_one_heatmap_of_each_reference_and_number_of_clicks() -> None:
    null = NullScores.concatenated([_null(3, 4), _null(3, 4)])
    z = np.arange(len(null.values), dtype=float)[:, None]
    found = LabelledScores.of_references(("only",), null, z)
    rows = found.z[:, 0].astype(int)
    each = np.stack([null.grid, null.reference, null.level])[:, rows]
    assert len(np.unique(each, axis=1).T) == len(rows)
    assert len(rows) == len(_null(3, 4).values)
    np.testing.assert_array_equal(found.n_clicks, np.array(LADDER)[null.level[rows]])
    np.testing.assert_array_equal(found.grid, null.grid[rows])
    assert not found.broken.any()


def test_ridge_is_chosen_by_recall_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two ridges the one that ranks a little worse, but has no healthy ones at the top."""
    z, n_clicks, broken, grid = _labelled()
    healthy_on_top, broken_below = broken.astype(float), broken.astype(float)
    healthy_on_top[np.flatnonzero(~broken)[:20]] = 2
    broken_below[np.flatnonzero(broken)[:30]] = -1
    assert auroc(healthy_on_top, broken) > auroc(broken_below, broken)
    found = {0.02: healthy_on_top, 0.08: broken_below, 0.3: healthy_on_top}
    monkeypatch.setattr(combining._Lessons, "left_out", lambda lessons, penalty: found[penalty])
    made, left_out = cross_taught(_four(z, n_clicks, broken, grid))
    assert made.penalty == 0.08
    assert made.auroc == auroc(broken_below, broken)
    assert left_out is broken_below


def test_what_is_said_of_left_out_grids_does_not_depend_on_their_labels() -> None:
    z, n_clicks, broken, grid = _labelled()
    own = grid % 5 == 0
    before, after = (
        cross_taught(_four(z, n_clicks, labels, grid), (0.08,)).left_out
        for labels in (broken, broken ^ own)
    )
    np.testing.assert_array_equal(before[own], after[own])
    assert (before[~own] != after[~own]).all()
    assert 0.5 < auroc(before, broken) < 1


def test_combination_needs_both_kinds() -> None:
    z, n_clicks, broken, grid = _labelled()
    with pytest.raises(DataError, match="600 of 600 heatmaps"):
        train_combination(_four(z, n_clicks, np.ones_like(broken), grid))


def test_log_odds_are_the_same_alone() -> None:
    z, n_clicks, broken, grid = _labelled()
    made = train_combination(_four(z, n_clicks, broken, grid))
    together = made.log_odds(z, n_clicks)
    for nth in (0, 7, 599):
        alone = made.log_odds(z[nth : nth + 1], n_clicks[nth : nth + 1])
        assert alone[0] == together[nth]
        one = slice(nth, nth + 1)
        assert tail_sum(z[one])[0] == tail_sum(z)[nth]
        np.testing.assert_array_equal(
            expanded(z[one], n_clicks[one])[0], expanded(z, n_clicks)[nth]
        )


def test_auroc_counts_pairs() -> None:
    scores = np.array([1.0, 2.0, 2.0, 3.0])
    assert auroc(scores, np.array([False, False, True, True])) == pytest.approx(3.5 / 4)


def test_thinning_takes_clicks_away_and_always_the_same() -> None:
    rng = np.random.default_rng(1)
    counts = rng.poisson(3.0, (5, 64, 64)).astype(np.uint32)
    few = thinned(counts[0], 500)
    assert few.sum() == 500
    assert (few <= counts[0]).all()
    np.testing.assert_array_equal(few, thinned(counts[0].copy(), 500))
    assert not np.array_equal(few, thinned(counts[0], 500, repeat=1))
    mean = np.mean([thinned(counts[0], 500, repeat=nth) for nth in range(400)], axis=0)
    expected = 500 * counts[0] / counts[0].sum()
    assert np.abs(mean - expected).max() < 6 * np.sqrt(expected.max() / 400)
    shuffled = counts[[3, 1, 0, 4, 2]]
    np.testing.assert_array_equal(counts[content_order(counts)], shuffled[content_order(shuffled)])


def test_broken_references_are_suspected_and_healthy_ones_are_not() -> None:
    """Twelve references of each grid, scores standard normal; two of each grid are broken."""
    z, n_clicks, broken, grid = _labelled(4_000)
    combination = train_combination(_four(z + 2.0 * broken[:, None], n_clicks, broken, grid))
    rng = np.random.default_rng(9)
    rows = [(g, one, level) for g in range(8) for one in range(12) for level in range(len(LADDER))]
    number, reference, level = np.array(rows).T
    values = rng.normal(size=(len(rows), 4))
    clean = NullScores(values, number, reference % 5, reference, level)
    same, none = believed(clean, 8, combination)
    assert none == frozenset()
    np.testing.assert_array_equal(same.values, values)
    bad = reference >= 10
    dirty = replace(clean, values=values + 12.0 * bad[:, None])
    kept, suspects = believed(dirty, 8, combination)
    assert suspects == {(g, one) for g in range(8) for one in (10, 11)}
    np.testing.assert_array_equal(kept.values, values[~bad])
    # A grid of which all look broken keeps half of them.
    lost = replace(clean, values=values + 12.0 * (number == 3)[:, None] * (reference > 0)[:, None])
    assert sum(g == 3 for g, _ in believed(lost, 8, combination)[1]) <= 6
