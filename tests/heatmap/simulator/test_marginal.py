"""The likelihood ratio of all faults together."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bannercluster.heatmap.combination import auroc
from bannercluster.heatmap.simulator.config import SimulatorConfig
from bannercluster.heatmap.simulator.domains import draw_domain
from bannercluster.heatmap.simulator.faults import FAULTS, Broken, Setting, break_banner
from bannercluster.heatmap.simulator.layouts import draw_layout
from bannercluster.heatmap.simulator.marginal import MarginalOracle

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


def test_more_draws_change_little() -> None:
    counts, _ = heatmaps(11, 20, 1)
    more = replace(ORACLE, n_domains=4_000, n_faults=500)
    few, _ = ORACLE.by_simulation(generator(7), counts)
    many, _ = more.by_simulation(generator(8), counts)
    assert np.median(abs(few - many)) < 0.5
