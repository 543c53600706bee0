"""Templates, ratios, scans and repeats: each fault raises the scores that look for it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import logsumexp

from bannercluster.heatmap.binning import EDGES
from bannercluster.heatmap.simulator.domains import draw_domain
from bannercluster.heatmap.simulator.faults import Setting, break_banner
from bannercluster.heatmap.statistics.axes import cumulative
from bannercluster.heatmap.statistics.domains import DomainFits
from bannercluster.heatmap.statistics.fitting import FitTables, fit
from bannercluster.heatmap.statistics.native import zone_ratios
from bannercluster.heatmap.statistics.ratios import RatioTables, likelihood_ratios, own_ratios
from bannercluster.heatmap.statistics.repeats import collisions, local_dispersion, ring_share
from bannercluster.heatmap.statistics.scans import (
    ZoneTables,
    _drawn_zones,
    spot_excess,
    zone_deficits,
    zone_likelihood,
)
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
    tables = RatioTables.of(made.density, templates)
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


def test_own_ratio_is_against_each_own_density() -> None:
    made = profile()
    templates = Templates.of(made.density, made.others)
    tables = RatioTables.of(made.density, templates)
    counts = sample()[2:5]
    own = made.domains.fit(counts).density
    found = own_ratios(tables, counts, own)
    assert found.shape == (3, len(FAMILIES))
    touched = templates.density[templates.family == FAMILIES.index("squeeze")]
    for nth in range(3):
        mixed = (1 - SHARES[:, None, None]) * own[nth] + SHARES[:, None, None] * touched[:, None]
        ratios = (counts[nth] * np.log(mixed / own[nth])).sum(axis=(-2, -1)).ravel()
        by_hand = logsumexp(ratios) - np.log(len(ratios))
        assert found[nth, FAMILIES.index("squeeze")] == pytest.approx(by_hand, rel=1e-3, abs=1e-3)


def test_zone_likelihood_is_the_mean_over_zones() -> None:
    """Each zone's ratio is that of a density in which its bins lose a share."""
    counts = sample()[3:5]
    own = profile().domains.fit(counts).density
    zones = _drawn_zones()
    chosen = generator(8).choice(len(zones.edges), 5, replace=False)
    out = np.empty((len(zones.edges), len(SHARES)))
    for one, density in zip(counts, own, strict=True):
        tables = zones.edges, zones.inside, zones.log_kept, SHARES
        zone_ratios(cumulative(one.astype(float)), cumulative(density), *tables, out)
        for zone in chosen.tolist():
            inside = np.zeros((64, 64))
            x, y = zones.edges[zone]
            for row in range(3):
                for column in range(3):
                    box = slice(y[row], y[row + 1]), slice(x[column], x[column + 1])
                    inside[box] = zones.inside[zone, row, column]
            kept = (1 - SHARES[:, None, None] * inside) * density
            kept /= kept.sum(axis=(1, 2), keepdims=True)
            by_hand = (one * np.log(kept / density)).sum(axis=(1, 2))
            np.testing.assert_allclose(out[zone], by_hand, rtol=1e-6, atol=1e-6)
    averaged = zone_likelihood(counts, own)
    assert averaged[1] == pytest.approx(logsumexp(out) - np.log(out.size))


def test_zones_lie_in_the_slot_and_have_their_areas() -> None:
    zones = _drawn_zones()
    covered = zones.edges[:, :, 2] - zones.edges[:, :, 1]
    sides = np.stack(
        [zones.inside[:, 1, [0, 2]].sum(axis=1), zones.inside[:, [0, 2], 1].sum(axis=1)]
    )
    width = EDGES[1] - EDGES[0]
    area = (covered + sides.T).prod(axis=1) * width**2
    assert 0.0399 < area.min() < 0.042
    assert 0.57 < area.max() < 0.6001
    low, high = np.searchsorted(EDGES, [0.0, 1.0])
    assert zones.edges.min() >= low - 1
    assert zones.edges.max() <= high + 1


def test_zone_that_lost_its_clicks_is_likelier_than_a_healthy_one() -> None:
    own = density_of(0, 60)
    dead = own.copy()
    dead[20:40, 15:35] *= 0.3
    counts = np.stack([heatmap(one / one.sum(), 10_000, 9) for one in (own, dead)])
    healthy, broken = zone_likelihood(counts, profile().domains.fit(counts).density)
    assert healthy < 0 < 5 < broken


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
