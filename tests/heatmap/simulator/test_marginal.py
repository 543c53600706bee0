"""The likelihood ratio of all faults together."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bannercluster.heatmap.quality import auroc
from bannercluster.heatmap.simulator.config import SimulatorConfig
from bannercluster.heatmap.simulator.domains import draw_domain
from bannercluster.heatmap.simulator.faults import FAULTS, Broken, Setting, break_banner
from bannercluster.heatmap.simulator.layouts import draw_layout
from bannercluster.heatmap.simulator.marginal import MarginalOracle, _Searched, _Seen

CONFIG = SimulatorConfig()


def generator(*path: int) -> np.random.Generator:
    return np.random.default_rng(np.random.SeedSequence([17, *path]))


LAYOUT = draw_layout(generator(0), "g", "hero", CONFIG)
OTHER = draw_domain(generator(1), draw_layout(generator(2), "o", "row", CONFIG), CONFIG).density
ORACLE = MarginalOracle(LAYOUT, (OTHER,), CONFIG, n_domains=1_500, n_faults=200, n_tried=8)


def heatmaps(n: int, n_clicks: int, fault: int | None) -> tuple[np.ndarray, list[Broken]]:
    """Draw healthy heatmaps (None), or ones whose faults take turns."""
    counts, faults = [], []
    for nth in range(n):
        rng = generator(3, n_clicks, 0 if fault is None else 1, nth)
        domain = draw_domain(rng, LAYOUT, CONFIG).density
        kind = FAULTS[nth % len(FAULTS)]
        broken = break_banner(rng, kind, Setting(domain, (OTHER,), n_clicks), CONFIG)
        shown = (domain if fault is None else broken).bin_probabilities()
        counts.append(rng.multinomial(n_clicks, shown.ravel() / shown.sum()).reshape(64, 64))
        faults.append(broken)
    return np.stack(counts).astype(np.uint32), faults


def test_the_mean_of_the_inverse_ratio_of_broken_heatmaps_is_one() -> None:
    """As that of any ratio of probabilities, under the law below."""
    broken, _ = heatmaps(660, 4, 1)
    ratio, effective = ORACLE.by_simulation(generator(4), broken)
    values = np.exp(-ratio)
    assert 0.2 < values.std() < 1
    assert values.mean() == pytest.approx(1.0, abs=0.1)
    assert np.median(effective) > 200


def test_both_ways_agree_and_tell_broken_ones() -> None:
    healthy, others = heatmaps(22, 80, None)
    broken, truths = heatmaps(22, 80, 1)
    counts = np.concatenate([healthy, broken])
    simulated, _ = ORACLE.by_simulation(generator(5), counts)
    faults = [*others, *truths]
    found = np.array(
        [ORACLE.by_laplace(generator(6, nth), one, faults[nth]) for nth, one in enumerate(counts)]
    )
    is_broken = np.arange(len(counts)) >= len(healthy)
    assert auroc(simulated, is_broken) > 0.8
    assert auroc(found, is_broken) > 0.8
    # Of healthy ones neither needs the fault; few drawn ones make the one less exact.
    near = simulated < 2
    assert np.median(abs(found - simulated)[near & ~is_broken]) < 1


def test_the_search_agrees_with_simulation() -> None:
    """Both are told nothing: also the ratios of broken heatmaps agree, where they are not huge."""
    counts = np.concatenate([heatmaps(22, 80, fault)[0] for fault in (None, 1)])
    simulated, _ = ORACLE.by_simulation(generator(5), counts)
    searching = replace(ORACLE, n_searched=200, n_refined=40)
    found = searching.by_search(generator(9), counts)
    assert auroc(found, np.arange(44) >= 22) > 0.8
    near = abs(simulated) < 4
    assert near.sum() > 20
    assert np.median(abs(found - simulated)[near]) < 0.7


def test_the_search_weighs_faults_as_they_are() -> None:
    """On the density that they were drawn for, at the share of the clicks that it tries."""
    rng, healthy = generator(10), draw_domain(generator(11), LAYOUT, CONFIG).density
    setting = Setting(healthy, (OTHER,), 300)
    drawn = [break_banner(rng, fault, setting, CONFIG) for fault in FAULTS]
    searched = _Searched.of(drawn, CONFIG)
    density = np.maximum(healthy.bin_probabilities(), 1e-12)
    counts = rng.multinomial(300, density.ravel() / density.sum())
    ratios = searched.log_ratios(_Seen.of(counts.reshape(64, 64)), density.ravel())
    assert len(ratios) == 8 * len(FAULTS)
    shares = [searched.fault(nth).share for nth in range(8)]
    assert shares == sorted(shares)
    assert CONFIG.share[0] < shares[0] < shares[-1] < CONFIG.share[1]
    for nth, found in enumerate(ratios.tolist()):
        probability = searched.fault(nth).bin_probabilities().ravel()
        wanted = counts @ np.log(np.maximum(probability, 1e-12) / density.ravel())
        assert found == pytest.approx(wanted, abs=2e-3 * max(1, abs(wanted)))


def test_more_draws_change_little() -> None:
    counts, _ = heatmaps(11, 20, 1)
    more = replace(ORACLE, n_domains=4_000, n_faults=500)
    few, _ = ORACLE.by_simulation(generator(7), counts)
    many, _ = more.by_simulation(generator(8), counts)
    assert np.median(abs(few - many)) < 0.5
