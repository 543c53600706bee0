import dataclasses

import numpy as np
import pytest

from bannercluster.heatmap.binning import bin_clicks
from bannercluster.heatmap.simulator.benchmark import (
    BenchmarkConfig,
    Heatmaps,
    draw_grids,
    draw_of_grid,
    simulate_grid,
)
from bannercluster.heatmap.simulator.config import SimulatorConfig
from bannercluster.heatmap.simulator.faults import FAULTS
from bannercluster.heatmap.simulator.layouts import FAMILIES, TRAINING_FAMILIES

from .laws import p_value

CONFIG = BenchmarkConfig(
    grids=(3, 1, 3),
    healthy=2,
    clicks=(20, 1_000),
    simulator=SimulatorConfig(references=3),
)


@pytest.fixture(scope="module")
def grids():
    return draw_grids(CONFIG)


@pytest.fixture(scope="module")
def simulated(grids):
    return {number: simulate_grid(CONFIG, grids, number) for number in (0, 5)}


def equal(one: Heatmaps, other: Heatmaps) -> bool:
    def same(left, right):
        return np.array_equal(left, right, equal_nan=left.dtype.kind == "f")

    names = [field.name for field in dataclasses.fields(Heatmaps)]
    return all(same(getattr(one, name), getattr(other, name)) for name in names)


def test_same_bits_whatever_the_order_of_grids(grids, simulated):
    again = {number: simulate_grid(CONFIG, draw_grids(CONFIG), number) for number in (5, 0)}
    assert all(equal(simulated[number], again[number]) for number in (0, 5))
    assert not equal(simulated[0], simulated[5])


def test_another_seed_draws_others(grids, simulated):
    other = dataclasses.replace(CONFIG, seed=1)
    assert not equal(simulated[0], simulate_grid(other, draw_grids(other), 0))


def test_more_heatmaps_do_not_change_those_there(grids, simulated):
    """A further healthy domain, fault or number of clicks leaves the references as they were."""
    more = dataclasses.replace(CONFIG, healthy=4)
    found = simulate_grid(more, draw_grids(more), 0)
    here = simulated[0].where(simulated[0].reference)
    assert np.array_equal(found.where(found.reference).counts, here.counts)


def test_families_of_the_test_split_are_held_out(grids):
    of_split = {
        split: {grid.layout.family for grid in grids if grid.split == split}
        for split in ("train", "validation", "test")
    }
    assert of_split["train"] == set(TRAINING_FAMILIES)
    assert of_split["validation"] <= set(TRAINING_FAMILIES)
    assert of_split["test"] == set(FAMILIES) - set(TRAINING_FAMILIES)
    assert [grid.split for grid in grids] == ["train"] * 3 + ["validation"] + ["test"] * 3


def test_what_a_grid_has(simulated):
    one = simulated[0]
    n_levels = len(CONFIG.clicks)
    assert one.reference.sum() == 3
    assert (one.n_clicks == one.counts.sum(axis=(1, 2))).all()
    rest = one.where(~one.reference)
    assert (~rest.broken).sum() == CONFIG.healthy * n_levels
    for fault in FAULTS:
        assert sorted(rest.n_clicks[rest.fault == fault]) == list(CONFIG.clicks)
    # No broken banner is of the domain of a healthy one or of another broken one.
    broken, healthy = one.where(one.broken), one.where(~one.broken)
    assert len(set(broken.domain)) == len(broken)
    assert not set(broken.domain) & set(healthy.domain)
    assert np.isnan(one.oracle[one.reference]).all()
    assert np.isnan(one.share[~one.broken]).all()


def test_the_oracle_tells_broken_from_healthy(simulated):
    both = Heatmaps.concatenated(list(simulated.values()))
    many = both.where(~both.reference & (both.n_clicks == 1_000))
    assert (many.detectability > 0).all()
    assert (many.oracle[many.broken] > 0).mean() > 0.9
    assert (many.oracle[~many.broken] < 0).mean() > 0.9


def test_counts_are_binned_clicks_in_law(grids):
    """Multinomial counts, and the clicks of the same banner, follow the same probabilities."""
    config = dataclasses.replace(CONFIG, clicks=(100_000,), healthy=1)
    drawn = list(draw_of_grid(config, grids, 1))
    counts = simulate_grid(config, grids, 1).counts
    for nth, one in enumerate(drawn):
        source = one.domain.density if one.healthy else one.broken
        law = source.bin_probabilities()
        assert p_value(counts[nth], law) > 1e-4
        assert p_value(bin_clicks(source.sample(one.rng, one.n_clicks)[0]), law) > 1e-4
