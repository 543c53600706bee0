import numpy as np
import pytest

from bannercluster.heatmap.binning import bin_clicks
from bannercluster.heatmap.simulator.config import SimulatorConfig
from bannercluster.heatmap.simulator.density import Density
from bannercluster.heatmap.simulator.domains import draw_domain
from bannercluster.heatmap.simulator.faults import FAULTS, Broken, Setting, break_banner
from bannercluster.heatmap.simulator.layouts import FAMILIES, draw_layout

from .laws import p_value

CONFIG = SimulatorConfig()
N = 50_000


def domain_of(seed, family="matrix"):
    rng = np.random.default_rng([seed, 7])
    return draw_domain(rng, draw_layout(rng, "one", family, CONFIG), CONFIG)


def setting(seed=0, n_clicks=N):
    others = tuple(domain_of(seed + 1 + nth, "row").density for nth in range(3))
    return Setting(domain_of(seed).density, others, n_clicks)


@pytest.mark.parametrize("fault", FAULTS)
def test_clicks_follow_the_bin_probabilities(fault):
    for seed in range(3):
        rng = np.random.default_rng([seed, 11])
        broken = break_banner(rng, fault, setting(seed), CONFIG)
        probabilities = broken.bin_probabilities()
        assert probabilities.min() >= 0
        assert probabilities.sum() == pytest.approx(1, abs=1e-12)
        clicks, component, touched = broken.sample(rng, N)
        assert clicks.shape == (N, 2)
        assert component.max() < len(broken.healthy.weight)
        assert p_value(bin_clicks(clicks), probabilities) > 1e-3
        if fault != "dead_zone":
            assert touched.mean() == pytest.approx(broken.share, abs=5 * np.sqrt(0.25 / N))


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_changes_the_law_and_the_oracle_knows(fault):
    """The expected log likelihood ratio is positive, and the more clicks the more."""
    for seed in range(5):
        broken = break_banner(np.random.default_rng([seed, 13]), fault, setting(seed), CONFIG)
        healthy, shown = (
            np.maximum(one.bin_probabilities(), 1e-12) for one in (broken.healthy, broken)
        )
        assert (shown * np.log(shown / healthy)).sum() > 0
        assert (healthy * np.log(healthy / shown)).sum() > 0


def test_dead_zone_by_rejection():
    """Clicks drawn one by one, those that the zone swallows thrown away."""
    broken = break_banner(np.random.default_rng(5), "dead_zone", setting(5), CONFIG)
    low, high = broken.dead
    rng = np.random.default_rng(6)
    clicks, _ = broken.healthy.sample(rng, N)
    lost = ((clicks >= low) & (clicks < high)).all(axis=1) & (rng.random(N) < broken.share)
    assert lost.sum() > 100
    assert p_value(bin_clicks(clicks[~lost]), broken.bin_probabilities()) > 1e-3
    inside = broken.swallows(broken.sample(rng, N)[0])
    before = broken.swallows(clicks)
    expected = (1 - broken.share) * before.mean() / (1 - broken.share * before.mean())
    assert inside.mean() == pytest.approx(expected, abs=5 * np.sqrt(0.25 / N))


def test_other_faults_swallow_nothing():
    broken = break_banner(np.random.default_rng(0), "overlay", setting(), CONFIG)
    assert not broken.swallows(np.random.default_rng(0).random((100, 2))).any()


def test_a_share_of_nothing_is_healthy():
    healthy = setting().healthy
    broken = Broken(healthy, "offset", 0.0, 0.5, Density.transposed)
    assert broken.bin_probabilities() == pytest.approx(healthy.bin_probabilities(), abs=1e-15)


@pytest.mark.parametrize("fault", FAULTS)
def test_same_seed_same_fault(fault):
    one, other = (
        break_banner(np.random.default_rng(3), fault, setting(), CONFIG) for _ in range(2)
    )
    assert np.array_equal(one.bin_probabilities(), other.bin_probabilities())
    assert (one.share, one.severity) == (other.share, other.severity)
    assert CONFIG.share[0] <= one.share <= CONFIG.share[1]
    assert 0 <= one.severity <= 1


def test_wrong_layout_without_others_is_the_own_one_turned():
    alone = Setting(setting().healthy, (), N)
    for seed in range(6):
        broken = break_banner(np.random.default_rng(seed), "wrong_layout", alone, CONFIG)
        assert broken.touched.weight is alone.healthy.weight


@pytest.mark.parametrize("family", FAMILIES)
def test_healthy_domains_of_each_family(family):
    for seed in range(4):
        domain = domain_of(seed, family)
        assert domain.day_share.shape == (len(domain.density.weight), CONFIG.n_days)
        assert domain.day_share.sum(axis=1) == pytest.approx(1)
        law = domain.density.bin_probabilities()
        assert law.sum() == pytest.approx(1, abs=1e-12)
        # Healthy clicks stay in the slot, but for the blur at its rim.
        assert law[6:-6, 6:-6].sum() > 0.9
        background = domain.density.weight[-1]
        assert CONFIG.background[0] <= background <= CONFIG.background[1]


def test_devices_by_component():
    domain = domain_of(1)
    n = (len(domain.density.weight) - 1) // 2
    devices = domain.device_of(np.arange(2 * n))
    assert devices.tolist() == [0] * n + [1] * n
