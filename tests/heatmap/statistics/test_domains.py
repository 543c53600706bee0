"""A heatmap's own healthy density: slopes, modes, and densities near to the domains'."""

from __future__ import annotations

import numpy as np
import pytest

from bannercluster.heatmap.statistics.axes import slot_density, uniform_axis
from bannercluster.heatmap.statistics.domains import KINDS, DomainModel
from bannercluster.heatmap.statistics.elements import Elements
from bannercluster.heatmap.statistics.structure import elements_of
from bannercluster.heatmap.statistics.variation import VariationSpread

from .healthy import density_of, generator, heatmap, profile, sample


@pytest.fixture(scope="module")
def model() -> DomainModel:
    return profile().domains


def test_slopes_are_differences(model: DomainModel) -> None:
    theta = generator(1).normal(size=len(model.prior_sd)) * model.prior_sd
    slopes = model._slopes(theta)
    for nth in range(len(theta)):
        step = np.zeros(len(theta))
        step[nth] = 1e-5
        by_hand = (model.density(theta + step) - model.density(theta - step)) / 2e-5
        np.testing.assert_allclose(slopes[nth], by_hand, atol=2e-6 + 1e-4 * abs(by_hand).max())


def test_fit_is_a_mode_of_the_posterior(model: DomainModel) -> None:
    """No step in any direction is likelier by more than the promised precision."""
    seen = sample()[4].ravel().astype(float)
    theta, density = model._fit(seen)
    precision = model.prior_sd**-2.0

    def value(at: np.ndarray) -> float:
        return float(seen @ np.log(model.density(at)) - 0.5 * at @ (precision * at))

    assert value(theta) == pytest.approx(
        seen @ np.log(density) - 0.5 * theta @ (precision * theta), abs=1e-9
    )
    assert value(theta) > value(np.zeros_like(theta)) + 10
    rng = generator(2)
    for _ in range(40):
        step = rng.normal(size=len(theta)) * model.prior_sd * 0.05
        assert value(theta + step) < value(theta) + 0.3


def test_one_click_moves_nothing_much(model: DomainModel) -> None:
    fitted = model.fit(sample()[:1])
    np.testing.assert_allclose(fitted.density.sum(axis=(1, 2)), 1.0)
    assert fitted.density.min() > 0
    assert fitted.energy.shape == (1, len(KINDS))
    assert fitted.energy.max() < 2


def test_more_background_shows_in_the_background(model: DomainModel) -> None:
    own = density_of(0, 70)
    slot = slot_density()
    fitted = model.fit(
        np.stack(
            [
                heatmap(own, 4_000, 5),
                heatmap(0.4 * own + 0.6 * slot, 4_000, 5),
            ]
        )
    )
    assert fitted.background[1] > fitted.background[0] + 1
    assert fitted.energy[1, KINDS.index("background")] == pytest.approx(fitted.background[1] ** 2)


def test_what_no_spot_says_is_kept() -> None:
    """An element with a flat top: the density at no deviation is the profile's."""
    box = np.outer(uniform_axis(0.2, 0.5), uniform_axis(0.3, 0.8))
    density = 0.8 * box + 0.2 * slot_density() + 1e-7
    density /= density.sum()
    # As wide as the spots of the profile, when domains do not shift.
    still = VariationSpread(shift=0.0, own_shift=0.0)
    made = DomainModel.of(density, elements_of(density), still, bandwidth=0.0, inflation=1.0)
    found = made.density(np.zeros(len(made.prior_sd))).reshape(64, 64)
    assert abs(found - density).sum() < 0.05


def test_sharp_spots_behind_a_blurred_profile() -> None:
    """The mean over domains that shift is wider than each of them."""
    x = np.linspace(0.2, 0.8, 4)
    spots = Elements(np.full(4, 0.22), np.stack([x, x], axis=1), np.full((4, 2), 0.03))
    density = spots.densities().sum(axis=0)
    spread = VariationSpread(shift=0.02, own_shift=0.01)
    made = DomainModel.of(density, spots, spread, bandwidth=0.0, inflation=1.0)
    np.testing.assert_allclose(made.sd, np.sqrt(0.03**2 - 0.02**2 - 0.01**2))
