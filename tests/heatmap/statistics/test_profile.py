"""Profiles of clean, contaminated and scarce references; variation and fit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bannercluster.errors import DataError
from bannercluster.heatmap.statistics.axes import slot_density
from bannercluster.heatmap.statistics.domains import DomainModel
from bannercluster.heatmap.statistics.elements import Elements
from bannercluster.heatmap.statistics.estimation import SpreadCase, estimate_spread
from bannercluster.heatmap.statistics.fitting import FitTables, fit
from bannercluster.heatmap.statistics.profile import GridProfile, trusted
from bannercluster.heatmap.statistics.spread import VariationSpread
from bannercluster.heatmap.statistics.structure import elements_of

from .healthy import (
    CONFIG,
    density_of,
    generator,
    heatmap,
    layout,
    profile,
    references,
    sample,
    solved_by_covariance,
)


def test_density_is_positive_and_sums_to_one() -> None:
    density = profile().density
    assert density.min() > 0
    assert density.sum() == pytest.approx(1.0)


@pytest.mark.parametrize("number", [0, 1, 4])
def test_broken_references_do_not_count(number: int) -> None:
    clean = references(12, number)
    broken = np.concatenate([clean[:9], clean[9:, ::-1]])  # a quarter mirrored
    found = GridProfile.of(broken)
    assert not found.kept[9:].any()
    assert found.kept[:9].sum() >= 8
    of_clean = GridProfile.of(clean[:9]).density
    naive = (broken / broken.sum(axis=(1, 2), keepdims=True)).mean(axis=0)
    assert _hellinger(found.density, of_clean) < 0.2 * _hellinger(naive, of_clean)


def test_healthy_references_count() -> None:
    kept = [trusted(references(12, number)).mean() for number in range(8)]
    assert np.mean(kept) > 0.97


def test_few_clicks_do_not_make_a_reference_suspect() -> None:
    few = np.stack([heatmap(density_of(0, nth), 40, 21, nth) for nth in range(10)])
    assert trusted(few).mean() >= 0.9


def _hellinger(one: np.ndarray, other: np.ndarray) -> float:
    return float(((np.sqrt(one) - np.sqrt(other)) ** 2).sum())


def test_one_and_two_references_have_the_variation_of_all_grids() -> None:
    spread = VariationSpread(weight=0.3)
    for n in (1, 2):
        found = GridProfile.of(references()[:n], spread=spread)
        assert found.n_references == n
        assert found.variation.variance.max() > 1e-3
    one, many = (GridProfile.of(references()[:n]).variation.variance.sum() for n in (1, 12))
    assert one > 1.3 * many  # the mean of one reference is less certain


def test_references_without_clicks_are_no_references() -> None:
    with pytest.raises(DataError, match="3 references of a grid, and none has a click"):
        GridProfile.of(np.zeros((3, 64, 64), np.uint32))
    some = np.concatenate([references()[:2], np.zeros((1, 64, 64), np.uint32)])
    assert GridProfile.of(some).n_dropped == 1


def test_elements_are_those_of_a_mixture() -> None:
    truth = Elements(
        np.array([0.5, 0.3]),
        np.array([[0.25, 0.3], [0.7, 0.6]]),
        np.array([[0.05, 0.08], [0.03, 0.05]]),
    )
    found = elements_of(truth.densities().sum(axis=0))
    order = np.argsort(-found.weight)[:2]
    np.testing.assert_allclose(found.centre[order], truth.centre, atol=0.01)
    np.testing.assert_allclose(found.weight[order], truth.weight, atol=0.03)
    assert 1 - found.weight.sum() == pytest.approx(0.2, abs=0.03)


def test_fit_is_the_posterior_mean_by_dense_algebra() -> None:
    made = profile()
    tables = FitTables.of(made.density, made.variation)
    counts = sample()[4:5]
    n_clicks = counts.sum()
    p = made.density.ravel()
    u = (counts.ravel() / n_clicks - p) / np.sqrt(p)
    V = made.variation.direction
    np.testing.assert_allclose(V @ V.T, np.eye(len(V)), atol=1e-8)
    solved = solved_by_covariance(made.variation, n_clicks, u)
    found = fit(tables, counts)
    distance = n_clicks * (u**2).sum() - found.explained[0]
    assert distance == pytest.approx(u @ solved, rel=1e-4)


def test_fitted_density_is_nearer_to_the_domains() -> None:
    made = profile()
    gain = []
    for domain in range(60, 80):
        truth = density_of(0, domain)
        found = made.domains.fit(heatmap(truth, 20_000, 4, domain)[None])
        gain.append(_hellinger(found.density[0], truth) / _hellinger(made.density, truth))
    assert np.median(gain) < 0.2


def test_spread_is_found_again() -> None:
    """References made by the law itself: the estimate comes back."""
    truth = VariationSpread(weight=0.3, shift=0.02, own_shift=0.004, width=0.15, background=0.05)
    rng = generator(31)
    cases = []
    for number in range(6):
        made = replace(profile(12, number), spread=truth)
        model = DomainModel.of(
            made.density, made.elements, truth, bandwidth=made.bandwidth, inflation=11 / 12
        )
        domains = model.prior_sd * rng.normal(size=(10, len(model.prior_sd)))
        drawn = [
            heatmap(model.density(theta), 50_000, 32, number, nth).reshape(64, 64)
            for nth, theta in enumerate(domains)
        ]
        cases.append(SpreadCase(made, np.stack(drawn)))
    found = estimate_spread(cases)
    assert found.weight == pytest.approx(truth.weight, rel=0.15)
    assert found.shift == pytest.approx(truth.shift, rel=0.35)
    assert found.own_shift == pytest.approx(truth.own_shift, rel=0.25)
    assert found.width == pytest.approx(truth.width, rel=0.2)
    assert found.background == pytest.approx(truth.background, rel=0.35)


def test_spread_of_simulated_references_is_the_simulators() -> None:
    """With narrow spots too, which shifts move by more than their width."""
    made = [profile(12, number) for number in range(8)]
    found = estimate_spread([SpreadCase(one, references(12, n)) for n, one in enumerate(made)])
    assert found.weight == pytest.approx(0.33, rel=0.2)
    assert found.shift == pytest.approx(CONFIG.jitter, rel=0.4)
    assert found.own_shift == pytest.approx(0.5 * CONFIG.jitter, rel=0.4)


def test_the_slot_lies_inside_the_ring() -> None:
    assert slot_density()[0, 0] == 0
    assert layout().centre.min() > 0
    assert CONFIG.domain_spread == 0.3
