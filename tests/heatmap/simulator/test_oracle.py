"""The integrated likelihood ratio: its slopes, its sign, and what it does not know."""

import numpy as np
import pytest

from bannercluster.heatmap.simulator.benchmark import BenchmarkConfig, draw_grids, draw_of_grid
from bannercluster.heatmap.simulator.config import SimulatorConfig
from bannercluster.heatmap.simulator.faults import FAULTS
from bannercluster.heatmap.simulator.oracle import Oracle, _Effect, _Variation

CONFIG = BenchmarkConfig(
    grids=(2, 0, 2), healthy=2, clicks=(300,), simulator=SimulatorConfig(references=1)
)
GRIDS = draw_grids(CONFIG)


@pytest.fixture(scope="module")
def broken():
    return {one.broken.fault: one for one in draw_of_grid(CONFIG, GRIDS, 1) if not one.healthy}


@pytest.mark.parametrize("fault", [None, *FAULTS])
def test_slopes_are_those_of_the_bins(fault, broken):
    variation = _Variation.of(GRIDS[1].layout, CONFIG.simulator)
    effect = None if fault is None else _Effect.of(broken[fault].broken)
    rng = np.random.default_rng(3)
    theta = variation.mean + 0.5 * rng.normal(size=len(variation.mean)) / np.sqrt(
        variation.precision
    )
    found, slopes = variation.bins(theta, effect)
    assert found.sum() == pytest.approx(1, abs=1e-6)
    assert variation.probabilities(theta, effect) == pytest.approx(found, rel=1e-9, abs=1e-15)
    step = 1e-6
    for nth in range(0, len(theta), 3):
        moved = [theta.copy(), theta.copy()]
        moved[0][nth] += step
        moved[1][nth] -= step
        high, low = (variation.bins(one, effect)[0] for one in moved)
        expected = (high - low) / (2 * step)
        # A spot of half a bin is steep: differences are good to a few parts in a million.
        assert slopes[nth] == pytest.approx(expected, abs=1e-4 * np.abs(slopes[nth]).max() + 1e-9)


def test_bins_at_the_prior_s_mean_are_those_of_the_average_domain():
    layout = GRIDS[0].layout
    variation = _Variation.of(layout, CONFIG.simulator)
    density, _ = variation.density(variation.mean)
    assert variation.bins(variation.mean, None)[0] == pytest.approx(
        density.bin_probabilities().ravel()
    )
    shares = np.exp(layout.log_weight) / np.exp(layout.log_weight).sum()
    n = len(shares)
    assert density.weight[:n] / density.weight[:n].sum() == pytest.approx(shares)


@pytest.mark.parametrize("number", [0, 3])
def test_it_tells_broken_from_healthy(number):
    oracle = Oracle(GRIDS[number].layout, CONFIG.simulator)
    ratios = {True: [], False: []}
    for one in draw_of_grid(CONFIG, GRIDS, number):
        if one.reference or one.broken.share < 0.4:
            continue
        ratios[one.healthy].append(oracle.log_likelihood_ratio(_drawn(one), one.broken))
    assert np.median(ratios[False]) > 3
    assert all(np.isfinite(ratios[True] + ratios[False]))
    if ratios[True]:
        assert max(ratios[True]) < np.median(ratios[False])


@pytest.mark.parametrize("number", [2, 3])
def test_many_clicks_leave_no_doubt(number):
    """Where another audience looks like the fault, and where all clicks pass for background."""
    config = BenchmarkConfig(
        grids=(6, 0, 3), healthy=1, faulty=4, clicks=(5_000, 50_000), seed=77,
        simulator=SimulatorConfig(references=1),
    )  # fmt: skip
    grids = draw_grids(config)
    oracle = Oracle(grids[number].layout, config.simulator)
    told = {}
    for nth, one in enumerate(draw_of_grid(config, grids, number)):
        if one.reference or one.healthy or one.broken.fault not in ("offset", "uniform"):
            continue
        if one.broken.share > 0.4:
            told[one.broken.fault, nth] = oracle.log_likelihood_ratio(_drawn(one), one.broken)
    assert len(told) > 3
    assert min(told.values()) > 0, told


def test_another_audience_is_no_evidence():
    """Weights that differ as domains' do: whoever knows the density is sure, the oracle is not."""
    layout = GRIDS[0].layout
    oracle = Oracle(layout, CONFIG.simulator)
    drawn = [one for one in draw_of_grid(CONFIG, GRIDS, 0) if not one.healthy]
    uniform = next(one for one in drawn if one.broken.fault == "uniform")
    clicks = 50_000
    counts = np.round(clicks * _normed(uniform.domain.density)).reshape(64, 64)
    ratio = oracle.log_likelihood_ratio(counts, uniform.broken)
    healthy, shown = _normed(uniform.domain.density), _normed(uniform.broken)
    known = float((counts.ravel() * np.log(np.maximum(shown, 1e-12) / healthy)).sum())
    assert known < ratio < 0


def _drawn(one):
    density = one.domain.density if one.healthy else one.broken
    return one.draw_counts(density.bin_probabilities())


def _normed(density):
    probabilities = np.maximum(density.bin_probabilities().ravel(), 1e-12)
    return probabilities / probabilities.sum()
