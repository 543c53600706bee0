"""Growth exponents against a slow and obvious reference."""

import numpy as np
import pytest

from bannercluster.bench.growth import fit_growth

SIZES = [100, 100, 1_000, 1_000, 30_000]


@pytest.mark.parametrize("exponent", [0.0, 0.5, 1.0, 2.0])
def test_a_power_law_is_found_without_error(exponent):
    found = fit_growth(SIZES, [3.0 * size**exponent for size in SIZES])
    assert found.exponent == pytest.approx(exponent, abs=1e-12)
    assert found.factor == pytest.approx(3.0)
    assert found.standard_error == pytest.approx(0.0, abs=1e-7)
    assert found.at(500) == pytest.approx(3.0 * 500**exponent)


def test_exponent_and_error_are_those_of_least_squares():
    costs = [1.0, 1.3, 8.0, 9.5, 400.0]
    found = fit_growth(SIZES, costs)
    x = np.stack([np.ones(5), np.log(SIZES)], axis=1)
    y = np.log(costs)
    beta = np.linalg.lstsq(x, y, rcond=None)[0]
    rest = y - x @ beta
    covariance = np.linalg.inv(x.T @ x) * (rest @ rest) / 3
    assert found.exponent == pytest.approx(beta[1])
    assert found.standard_error == pytest.approx(np.sqrt(covariance[1, 1]))


def test_two_measurements_have_no_error_to_state():
    found = fit_growth([10, 20], [1.0, 2.0])
    assert found.exponent == pytest.approx(1.0)
    assert found.standard_error is None


@pytest.mark.parametrize(
    ("sizes", "costs"), [([10, 10, 10], [1.0, 1.1, 1.2]), ([10, 20, 30], [0.0, 1.0, 2.0])]
)
def test_where_no_exponent_can_be_fitted_there_is_none(sizes, costs):
    assert fit_growth(sizes, costs) is None
