"""The elements of a layout are found as they are: no fragments, no two in one."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from bannercluster.heatmap.simulator.domains import draw_domain
from bannercluster.heatmap.simulator.layouts import FAMILIES, Family, draw_layout
from bannercluster.heatmap.statistics.elements import WIDTHS, Elements
from bannercluster.heatmap.statistics.profile import GridProfile
from bannercluster.heatmap.statistics.structure import _merged, elements_of

from .healthy import CONFIG, density_of, generator, heatmap, profile


def test_two_bands_that_touch_are_two() -> None:
    """From their common peak EM alone makes one of them, and a wide one behind."""
    truth = Elements(
        np.array([0.25, 0.3, 0.25]),
        np.array([[0.5, 0.62], [0.5, 0.70], [0.5, 0.80]]),
        np.array([[0.2, 0.03], [0.18, 0.012], [0.2, 0.035]]),
    )
    found = elements_of(truth.density())
    assert len(found) == 3
    order = np.argsort(found.centre[:, 1])
    np.testing.assert_allclose(found.centre[order], truth.centre, atol=0.008)
    np.testing.assert_allclose(found.weight[order], truth.weight, atol=0.03)


def test_wide_spot_has_no_fragments() -> None:
    truth = Elements(np.array([0.9]), np.array([[0.5, 0.5]]), np.array([[0.2, 0.22]]))
    assert len(elements_of(truth.density())) == 1


def test_spot_has_the_width_that_it_says() -> None:
    spot = Elements(np.array([1 - 1e-3]), np.array([[0.5, 0.4]]), np.array([[0.06, 0.1]]))
    assert (WIDTHS**2).mean() == pytest.approx(1)
    assert WIDTHS[1] / WIDTHS[0] == pytest.approx(CONFIG.mobile_blur)
    across = spot.density().sum(axis=0)
    centres = (np.arange(64) + 0.5) * 1.2 / 64 - 0.1
    mean = across @ centres
    assert mean == pytest.approx(0.5, abs=1e-3)
    assert np.sqrt(across @ (centres - mean) ** 2) == pytest.approx(0.06, rel=0.05)


def test_steps_of_em_never_lose() -> None:
    density = profile().density
    own = Elements(np.full(5, 0.17), generator(3).uniform(0.2, 0.8, (5, 2)), np.full((5, 2), 0.05))
    reached = [own.divergence(density)]
    for _ in range(30):
        own = own.refined(density, 1)
        reached.append(own.divergence(density))
    # But for the width of a bin, which is taken off the spots.
    assert (np.diff(reached) < 2e-3).all()
    assert reached[-1] < 0.5 * reached[0]


def test_merged_spot_has_the_moments_of_both() -> None:
    own = Elements(
        np.array([0.2, 0.1]), np.array([[0.3, 0.5], [0.6, 0.5]]), np.array([[0.05, 0.1]] * 2)
    )
    cost, spot = _merged(own, 0, 1)
    assert cost > 0
    np.testing.assert_allclose(spot.centre, [[0.4, 0.5]])
    expected = np.sqrt(0.05**2 + (2 * 0.1**2 + 0.2**2) / 3)
    np.testing.assert_allclose(spot.sd, [[expected, 0.1]])
    same = Elements(own.weight, np.tile(own.centre[:1], (2, 1)), own.sd)
    assert _merged(same, 0, 1)[0] == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("family", FAMILIES)
def test_elements_of_a_simulated_grid_are_the_layouts(family: Family) -> None:
    layout = draw_layout(generator(77), "g", family, CONFIG)
    domains = [draw_domain(generator(78, nth), layout, CONFIG).density for nth in range(20)]
    counts = [heatmap(one.bin_probabilities(), 20_000, 79, nth) for nth, one in enumerate(domains)]
    found = GridProfile.of(np.stack(counts)).elements
    away = np.linalg.norm(layout.centre[:, None] - found.centre[None], axis=2)
    true, own = linear_sum_assignment(np.minimum(away, 0.2))
    weight = np.exp(layout.log_weight) / np.exp(layout.log_weight).sum()
    near = away[true, own] < 0.03
    assert weight[true[near]].sum() > 0.9
    assert abs(len(found) - len(weight)) <= 2


def test_a_flat_density_has_elements() -> None:
    """Nothing to find is no error."""
    flat = np.full((64, 64), 1 / 4096)
    found = elements_of(flat)
    np.testing.assert_allclose(found.density().sum(), 1.0, atol=0.05)
    assert np.isfinite(found.centre).all()


def test_the_profile_of_one_click_has_elements() -> None:
    counts = heatmap(density_of(0, 1), 1, 5)
    assert len(GridProfile.of(counts[None]).elements) >= 1
