"""A heatmap's own healthy density: slopes, modes, and densities near to the domains'."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtr

from bannercluster.heatmap.statistics.axes import open_edges, slot_density, uniform_axis
from bannercluster.heatmap.statistics.domains import KINDS, DomainModel
from bannercluster.heatmap.statistics.elements import WIDTHS, Elements
from bannercluster.heatmap.statistics.fisher import _axes_of, _solve, information_at, write_density
from bannercluster.heatmap.statistics.structure import elements_of
from bannercluster.heatmap.statistics.variation import VariationSpread

from .healthy import density_of, generator, heatmap, profile, sample


@pytest.fixture(scope="module")
def model() -> DomainModel:
    return profile().domains


def slow_density(model: DomainModel, theta: np.ndarray) -> np.ndarray:
    """The density by the law of DomainModel, whole normal laws and no loops over bins."""
    k, edges = len(model.weight), open_edges()
    common, own = theta[k + 1 : k + 3], theta[k + 3 : 3 * k + 3].reshape(2, k).T
    raw = model.background * np.exp(theta[k]) * slot_density()
    for nth in range(k):
        centre = model.centre[nth] + common + own[nth]
        for width in WIDTHS:
            sd = width * model.sd[nth] * np.exp(theta[3 * k + 3 + nth])
            x, y = (np.diff(ndtr((edges - centre[axis]) / sd[axis])) for axis in (0, 1))
            raw += model.weight[nth] * np.exp(theta[nth]) / len(WIDTHS) * np.outer(y, x)
    raw = raw * model.ratio + 1e-9
    return raw / raw.sum()


def random_theta(model: DomainModel, seed: int) -> np.ndarray:
    return generator(seed).normal(size=len(model.prior_sd)) * model.prior_sd


def test_density_as_a_slow_one(model: DomainModel) -> None:
    theta = random_theta(model, 3)
    slow = slow_density(model, theta)
    np.testing.assert_allclose(model.density(theta), slow, rtol=2e-5, atol=1e-12)


@pytest.mark.parametrize("n_clicks", [20.0, 50_000.0])
def test_information_by_differences(model: DomainModel, n_clicks: float) -> None:
    """Fisher's information of a multinomial law is sum(N dp dp' / p); the prior adds to it."""
    theta = random_theta(model, 1)
    steps = 1e-5 * np.eye(len(theta))
    slopes = np.array(
        [
            (slow_density(model, theta + step) - slow_density(model, theta - step)).ravel() / 2e-5
            for step in steps
        ]
    )
    by_hand = n_clicks * (slopes / slow_density(model, theta).ravel()) @ slopes.T
    by_hand += np.diag(model.prior_sd**-2.0)
    scale = np.sqrt(np.diag(by_hand))
    found = information_at(model._shape, theta, n_clicks)
    assert abs((found - by_hand) / np.outer(scale, scale)).max() < 2e-4
    assert np.linalg.eigvalsh(found).min() > 0


def test_steps_solve_their_equations() -> None:
    root = generator(6).normal(size=(30, 12))
    matrix, right, found = root.T @ root, generator(7).normal(size=12), np.empty(12)
    expected = np.linalg.solve(matrix, right)
    _solve(matrix, right, found)
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_fit_is_a_mode_of_the_posterior(model: DomainModel) -> None:
    """No step in any direction is likelier by more than the promised precision."""
    counts = sample()[4:5]
    seen = counts[0].astype(float)
    thetas, densities = model._modes(counts)
    theta, density = thetas[0], densities[0]
    precision = model.prior_sd**-2.0

    def value(at: np.ndarray) -> float:
        return float((seen * np.log(model.density(at))).sum() - 0.5 * at @ (precision * at))

    assert value(theta) == pytest.approx(
        (seen * np.log(density)).sum() - 0.5 * theta @ (precision * theta), abs=1e-9
    )
    assert value(theta) > value(np.zeros_like(theta)) + 10
    rng = generator(2)
    for _ in range(40):
        step = rng.normal(size=len(theta)) * model.prior_sd * 0.05
        assert value(theta + step) < value(theta) + 0.3


def test_no_number_is_too_small_for_its_digits(model: DomainModel) -> None:
    """Some processors take a hundred times as long for subnormal numbers."""
    room = _axes_of(model._shape)
    density = np.empty((64, 64))
    write_density(model._shape, random_theta(model, 4), *room, density)
    tiny = abs(room[0])
    assert not ((tiny > 0) & (tiny < 1e-19)).any()
    assert density.min() > 1e-12


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
    found = made.density(np.zeros(len(made.prior_sd)))
    assert abs(found - density).sum() < 0.05


def test_sharp_spots_behind_a_blurred_profile() -> None:
    """The mean over domains that shift is wider than each of them."""
    x = np.linspace(0.2, 0.8, 4)
    spots = Elements(np.full(4, 0.22), np.stack([x, x], axis=1), np.full((4, 2), 0.03))
    density = spots.densities().sum(axis=0)
    spread = VariationSpread(shift=0.02, own_shift=0.01)
    made = DomainModel.of(density, spots, spread, bandwidth=0.0, inflation=1.0)
    np.testing.assert_allclose(made.sd, np.sqrt(0.03**2 - 0.02**2 - 0.01**2))
