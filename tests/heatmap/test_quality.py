"""Figures where the truth is known."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from bannercluster.heatmap.quality import (
    GridBootstrap,
    auroc,
    false_positive_rate,
    gain,
    ranking,
    recall_at,
)


def test_auroc_is_scikit_learn_s():
    rng = np.random.default_rng(0)
    scores, broken = rng.integers(0, 9, 200).astype(float), rng.random(200) < 0.3
    assert auroc(scores, broken) == pytest.approx(roc_auc_score(broken, scores))


@pytest.mark.parametrize(("rate", "expected"), [(0.0, 0.25), (0.01, 0.75), (0.02, 1.0)])
def test_recall_counts_the_broken_above_the_allowed_false_alarms(rate, expected):
    healthy = np.arange(100.0)
    scores = np.concatenate([healthy, [99.0, 99.5, 98.5, 97.5]])
    broken = np.arange(104) >= 100
    assert recall_at(scores, broken, rate) == expected


def test_recall_at_a_tie_with_the_limit_is_no_recall():
    scores = np.concatenate([np.arange(100.0), [98.0]])
    assert recall_at(scores, np.arange(101) == 100, 0.01) == 0


def test_intervals_are_of_grids_and_not_of_heatmaps():
    """A thousand equal heatmaps of two grids are two observations."""
    grid = np.repeat([3, 7], 500)
    values = np.repeat([0.0, 1.0], 500)
    found = GridBootstrap.of(grid, 400).estimate(lambda rows: float(values[rows].mean()))
    assert (found.low, found.value, found.high) == (0.0, 0.5, 1.0)


def test_ranking_and_gain():
    rng = np.random.default_rng(1)
    broken, grid = rng.random(600) < 0.5, np.arange(600) % 12
    good = broken + 0.6 * rng.normal(size=600)
    worse = broken + 2.0 * rng.normal(size=600)
    found = ranking(good, broken, grid, n_resamples=100)
    assert found.auroc.value == pytest.approx(roc_auc_score(broken, good))
    assert found.auroc.low < found.auroc.value < found.auroc.high
    assert (found.n_broken, found.n_healthy) == (broken.sum(), (~broken).sum())
    better = gain(good, worse, broken, grid, n_resamples=100)
    assert better.low > 0
    none = gain(good, good, broken, grid, n_resamples=20)
    assert (none.low, none.value, none.high) == (0, 0, 0)


def test_false_positive_rate_counts_p_at_the_nominal_rate_as_an_alarm():
    p = np.array([0.01, 0.010001, 0.5, 0.001])
    found = false_positive_rate(p, np.zeros(4, int), 0.01)
    assert (found.low, found.value, found.high) == (0.5, 0.5, 0.5)
