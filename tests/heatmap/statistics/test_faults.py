"""Templates, ratios, scans and repeats: each fault raises the scores that look for it."""

from __future__ import annotations

import numpy as np
import pytest

from bannercluster.heatmap.simulator.domains import draw_domain
from bannercluster.heatmap.simulator.faults import Setting, break_banner
from bannercluster.heatmap.statistics.domains import DomainFits
from bannercluster.heatmap.statistics.fitting import FitTables, fit
from bannercluster.heatmap.statistics.ratios import RatioTables, fitted_signals, likelihood_ratios
from bannercluster.heatmap.statistics.repeats import collisions, local_dispersion, ring_share
from bannercluster.heatmap.statistics.scans import ZoneTables, spot_excess, zone_deficits
from bannercluster.heatmap.statistics.scores import SCORE_NAMES, Scorecard
from bannercluster.heatmap.statistics.templates import FAMILIES, SHARES, Templates

from .healthy import (
    CONFIG,
    density_of,
    generator,
    heatmap,
    layout,
    profile,
    sample,
    solved_by_covariance,
)

LOOKS_FOR = {
    "squeeze": "ratio_squeeze",
    "overflow": "ratio_overflow",
    "offset": "ratio_offset",
    "dead_zone": "zone_deficit",
    "overlay": "fitted_spot_excess",
    "edges": "ratio_edges",
    "close_button": "ratio_close_button",
    "wrong_layout": "ratio_wrong_layout",
    "lattice": "periodicity",
    "uniform": "ratio_uniform",
    "burst": "collisions",
}


@pytest.fixture(scope="module")
def scorecard() -> Scorecard:
    return Scorecard.of(profile())


@pytest.mark.parametrize("fault", LOOKS_FOR)
def test_fault_raises_its_score(scorecard: Scorecard, fault: str) -> None:
    column = SCORE_NAMES.index(LOOKS_FOR[fault])
    healthy, broken = [], []
    others = (density_from(5),)
    for nth in range(16):
        domain = draw_domain(generator(0, 1, 100 + nth), layout(), CONFIG).density
        rng = generator(41, nth)
        found = break_banner(rng, fault, Setting(domain, others, 400), CONFIG)
        healthy.append(heatmap(domain.bin_probabilities(), 400, 42, nth))
        broken.append(heatmap(found.bin_probabilities(), 400, 43, nth))
    low = scorecard.scores(np.stack(healthy)).values[:, column]
    high = scorecard.scores(np.stack(broken)).values[:, column]
    above = (high[:, None] > low[None, :]).mean()
    assert above > (0.6 if fault == "dead_zone" else 0.75), above


def density_from(number: int):
    return draw_domain(generator(number, 1, 0), layout(number), CONFIG).density


def test_templates_are_densities_in_order_of_family() -> None:
    made = Templates.of(profile().density, (density_of(5, 0),))
    np.testing.assert_allclose(made.density.sum(axis=(1, 2)), 1.0)
    assert made.density.min() >= 0
    assert (np.diff(made.family) >= 0).all()
    assert set(made.family.tolist()) == set(range(len(FAMILIES)))


def test_likelihood_ratio_is_the_sum_over_clicks() -> None:
    made = profile()
    templates = Templates.of(made.density, made.others)
    tables = RatioTables.of(made.density, templates, made.variation)
    counts = sample()
    found = likelihood_ratios(tables, counts)
    family = FAMILIES.index("offset")
    own = templates.density[templates.family == family]
    mixed = (1 - SHARES[:, None, None]) * made.density + SHARES[:, None, None] * own[:, None]
    ratios = (counts[3] * np.log(mixed / made.density)).sum(axis=(-2, -1))
    assert found.best[3, family] == pytest.approx(ratios.max(), rel=1e-4)
    assert found.averaged[3, family] == pytest.approx(np.log(np.exp(ratios).mean()), rel=1e-3)
    nth = np.unravel_index(ratios.argmax(), ratios.shape)[1]
    assert found.share[3, family] == SHARES[nth]


def test_fitted_signal_is_generalised_least_squares() -> None:
    made = profile()
    templates = Templates.of(made.density, made.others)
    tables = RatioTables.of(made.density, templates, made.variation)
    counts = sample()[4:5]
    n_clicks = counts.sum()
    varied = fit(FitTables.of(made.density, made.variation), counts)
    found = fitted_signals(tables, counts, varied.n_clicks, varied.shrunk, varied.shrinkage)
    p = made.density.ravel()
    u = (counts.ravel() / n_clicks - p) / np.sqrt(p)
    own = templates.density[templates.family == FAMILIES.index("offset")].reshape(-1, 4096)
    t = (own - p) / np.sqrt(p)
    solved = solved_by_covariance(made.variation, n_clicks, t.T)
    expected = (u @ solved / np.sqrt((t.T * solved).sum(axis=0))).max()
    assert found[0, FAMILIES.index("offset")] == pytest.approx(expected, rel=1e-2)


def test_zone_deficit_is_the_efficient_score() -> None:
    made = profile()
    counts = sample()[4:5].copy()
    counts[0, 20:44, 20:44] //= 2
    n_clicks = float(counts.sum())
    shrinkage = fit(FitTables.of(made.density, made.variation), counts).shrinkage
    tables = ZoneTables.of(made.density, made.variation)
    at_profile = DomainFits(made.density[None], np.zeros((1, 5)), np.zeros(1))
    found, _ = zone_deficits(tables, counts, at_profile, shrinkage)
    p = made.density.ravel()
    zone = np.zeros((64, 64))
    zone[20:44, 20:44] = 1
    t = np.sqrt(p) * (zone.ravel() - (p * zone.ravel()).sum())
    u = (counts.ravel() / n_clicks - p) / np.sqrt(p)
    solved = solved_by_covariance(made.variation, n_clicks, t)
    # The window of 24 bins beside it is almost the same one.
    assert found[0] >= -n_clicks * (u @ t) / np.sqrt(t @ solved) * 0.8
    fitted, _ = zone_deficits(tables, counts, made.domains.fit(counts), shrinkage)
    whole, _ = zone_deficits(tables, sample()[4:5], made.domains.fit(sample()[4:5]), shrinkage)
    assert fitted[0] > 5 > whole[0]


def test_spot_excess_is_the_binomial_likelihood_ratio() -> None:
    density = np.full((64, 64), 1 / 4096)
    counts = np.ones((1, 64, 64), np.uint32)
    counts[0, 30, 30] += 50
    n, k, p = 4146, 51, 1 / 4096
    f = k / n
    by_hand = 2 * n * (f * np.log(f / p) + (1 - f) * np.log((1 - f) / (1 - p)))
    assert spot_excess(counts, density)[0] == pytest.approx(np.sqrt(by_hand), rel=1e-6)


def test_repeats_count_pairs() -> None:
    density = np.full((64, 64), 1 / 4096)
    counts = np.zeros((2, 64, 64), np.uint32)
    counts[0, 10, 10] = 4  # six pairs
    counts[1, 10, 10:14] = 1  # none
    found = collisions(counts, density)
    due = 12 / 4096
    np.testing.assert_allclose(found, np.log([(12 + 0.5) / (due + 0.5), 0.5 / (due + 0.5)]))
    beside = (2 * 3) / 8  # three neighbouring pairs, each seen from both ends
    np.testing.assert_allclose(
        local_dispersion(counts), np.log([12.5 / 0.5, 0.5 / (beside + 0.5)]), rtol=1e-6
    )


def test_ring_share_counts_clicks_outside() -> None:
    counts = sample()[3:4].copy()
    before = ring_share(counts, profile().density)
    counts[0, 0, 0] += 30
    assert ring_share(counts, profile().density)[0] > before[0] + 5


@pytest.mark.parametrize("clicks", [1, 300])
def test_clicks_all_in_the_ring_are_finite(scorecard: Scorecard, clicks: int) -> None:
    counts = np.zeros((1, 64, 64), np.uint32)
    counts[0, 0, 0] = clicks
    assert np.isfinite(scorecard.scores(counts).values).all()


def test_scores_have_the_same_bits_alone_and_in_a_batch(scorecard: Scorecard) -> None:
    counts = np.concatenate([sample()] * 12)[:70]  # more than are scored together
    together = scorecard.scores(counts)
    for nth in range(6):
        alone = scorecard.scores(counts[nth : nth + 1])
        np.testing.assert_array_equal(alone.values[0], together.values[nth])
        np.testing.assert_array_equal(alone.values[0], together.values[nth + 60])
        np.testing.assert_array_equal(alone.share[0], together.share[nth])
