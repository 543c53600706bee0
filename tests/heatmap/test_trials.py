from pathlib import Path

import numpy as np
import pytest
from scipy.spatial import cKDTree

from bannercluster.errors import DataError, UsageError
from bannercluster.heatmap.simulator.config import SimulatorConfig
from bannercluster.heatmap.simulator.faults import FAULTS
from bannercluster.heatmap.trials import (
    Trials,
    density_of,
    inject,
    pool_trials,
    read_trials,
    split_trials,
)

REAL = Path(__file__).parents[2].parent / "shared" / "data" / "iweb_clicks" / "clicks_parsed.csv"
CONFIG = SimulatorConfig()


def trials(n_trials=60, seed=0):
    rng = np.random.default_rng(seed)
    size = rng.integers(3, 12, n_trials)
    trial = np.repeat(np.arange(n_trials), size)
    names = np.array([f"s{nth % 7}" for nth in range(n_trials)], object)
    group = np.array([("map", "sat")[nth % 2] for nth in range(n_trials)], object)
    return Trials(rng.random((len(trial), 2)), trial, group, names, (800, 600))


def rows(clicks):
    return {tuple(one) for one in clicks.tolist()}


def test_pools_are_whole_trials_but_the_last():
    all_of = trials()
    pool = pool_trials(np.random.default_rng(1), all_of, 100)
    assert len(pool.clicks) == len(rows(pool.clicks)) == 100
    for number in np.unique(pool.trial):
        own = all_of.clicks[all_of.trial == number]
        assert rows(pool.clicks[pool.trial == number]) <= rows(own)
    cut = [n for n in np.unique(pool.trial)
           if (pool.trial == n).sum() < (all_of.trial == n).sum()]  # fmt: skip
    assert len(cut) <= 1
    assert rows(pool.spare) == rows(all_of.clicks) - rows(pool.clicks)
    with pytest.raises(DataError, match=r"are wanted and 60 trials have"):
        pool_trials(np.random.default_rng(1), all_of, 10_000)


def test_every_trial_is_drawn_as_often():
    all_of = trials(12)
    hits = np.zeros(12)
    for seed in range(600):
        pool = pool_trials(np.random.default_rng(seed), all_of, 10)
        hits[np.unique(pool.trial)] += 1
    assert hits.min() > 0.6 * hits.mean()
    one, other = (pool_trials(np.random.default_rng(5), all_of, 30) for _ in range(2))
    assert np.array_equal(one.clicks, other.clicks)


@pytest.mark.parametrize("by", ["trial", "subject"])
def test_parts_share_nothing(by):
    all_of = trials()
    parts = split_trials(np.random.default_rng(0), all_of, (2, 1), by)
    assert sum(part.n_trials for part in parts) == all_of.n_trials
    clicks = [rows(part.clicks) for part in parts]
    assert clicks[0] | clicks[1] == rows(all_of.clicks)
    assert not clicks[0] & clicks[1]
    if by == "subject":
        assert not set(parts[0].subject) & set(parts[1].subject)
    else:
        assert [part.n_trials for part in parts] == [40, 20]
    for part in parts:
        assert np.array_equal(np.unique(part.trial), np.arange(part.n_trials))


def test_some_trials_keep_what_belongs_to_them():
    all_of = trials()
    part = all_of.where(all_of.group == "sat")
    assert set(part.group) == {"sat"}
    assert rows(part.clicks[part.trial == 0]) == rows(all_of.clicks[all_of.trial == 1])


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_leaves_what_it_does_not_touch(fault):
    for seed in range(4):
        rng = np.random.default_rng(seed)
        pool = pool_trials(rng, trials(), 150)
        other = np.random.default_rng(99).random((500, 2))
        found = inject(rng, fault, pool, (other,), CONFIG)
        assert found.clicks.shape == (150, 2)
        kept = found.clicks[~found.touched]
        assert rows(kept) <= rows(pool.clicks)
        assert len(rows(kept)) == len(kept)
        share = broken_share(found, pool)
        assert share == pytest.approx(found.broken.share, abs=0.2)
        if fault in ("squeeze", "overflow", "offset", "wrong_layout"):
            # Moved one by one: distinct clicks stay distinct.
            assert len(rows(found.clicks)) == 150


def broken_share(found, pool):
    """Share of the clicks that were touched; of a dead zone, of those in it before."""
    if found.broken.touched is not None:
        return found.touched.mean()
    inside = found.broken.swallows(pool.clicks).sum()
    left = found.broken.swallows(found.clicks[~found.touched]).sum()
    return 1 - left / inside if inside > 30 else found.broken.share


def test_moved_clicks_are_the_clicks_moved():
    rng = np.random.default_rng(8)
    pool = pool_trials(rng, trials(), 150)
    found = inject(rng, "offset", pool, (), CONFIG)
    shift = (found.clicks - pool.clicks)[found.touched]
    assert np.ptp(shift, axis=0) == pytest.approx(0, abs=1e-12)
    assert CONFIG.offset[0] <= np.hypot(*shift[0]) <= CONFIG.offset[1]


def test_a_dead_zone_is_filled_from_the_spare_clicks():
    rng = np.random.default_rng(2)
    pool = pool_trials(rng, trials(), 150)
    found = inject(rng, "dead_zone", pool, (), CONFIG)
    new = found.clicks[found.touched]
    assert len(new)
    assert rows(new) <= rows(pool.spare)
    without = inject(
        np.random.default_rng(2), "dead_zone", type(pool)(pool.clicks, pool.trial, pool.spare[:0]),
        (), CONFIG,
    )  # fmt: skip
    assert len(without.clicks) < 150


def test_the_density_of_clicks_draws_them():
    clicks = trials().clicks
    drawn, component = density_of(clicks).sample(np.random.default_rng(0), 500)
    assert np.array_equal(drawn, clicks[component])


def test_tables_that_cannot_be_meant(tmp_path):
    file = tmp_path / "clicks.csv"
    with pytest.raises(UsageError, match="does not exist"):
        read_trials(str(file))
    file.write_text("subject,trial,x\n1,0,5\n")
    with pytest.raises(UsageError, match="no column map_type, y"):
        read_trials(str(file))
    file.write_text("subject,map_type,trial,x,y\n1,map,0,5,soon\n")
    with pytest.raises(DataError, match="expected x and y in pixels"):
        read_trials(str(file))
    file.write_text("subject,map_type,trial,x,y\n1,map,0,5,\n")
    with pytest.raises(DataError, match="expected some, all with x and y"):
        read_trials(str(file))


@pytest.mark.real
@pytest.mark.skipif(not REAL.exists(), reason=f"{REAL.name} of iweb_clicks is not here")
def test_real_trials():
    found = read_trials(str(REAL))
    assert (found.n_trials, len(found.clicks)) == (479, 5_029)
    size = np.bincount(found.trial)
    assert (size.min(), size.max()) == (3, 44)
    assert found.clicks.min(axis=0).tolist() == [0, 0]
    assert found.clicks.max(axis=0).tolist() == [1, 1]
    assert found.slot == (1090, 803)
    assert len(set(found.subject)) == 28
    maps = found.where(found.group == "map")
    pool = pool_trials(np.random.default_rng(0), maps, 1_000)
    squeezed = inject(np.random.default_rng(1), "squeeze", pool, (), CONFIG)
    # Clicks that moved are clicks of the pool, scaled: nearer to one another than before.
    moved, at = squeezed.clicks[squeezed.touched], pool.clicks[squeezed.touched]
    assert cKDTree(moved).query(moved, 2)[0][:, 1].mean() < cKDTree(at).query(at, 2)[0][:, 1].mean()
