import numpy as np
import pytest

from bannercluster.heatmap.binning import EDGES, N_BINS, bin_clicks
from bannercluster.heatmap.simulator.density import Density

from .laws import p_value

N = 200_000


def mixture(seed=0):
    """Spots, a blurred box, a sharp box and single points, some of it outside the slot."""
    rng = np.random.default_rng(seed)
    spots = Density.spots(
        rng.gamma(2, size=5), rng.uniform(-0.05, 1.05, (5, 2)), rng.uniform(0.01, 0.2, (5, 2))
    )
    wide = Density(
        np.ones(1), np.array([[0.1, 0.2]]), np.array([[0.7, 0.4]]), np.full((1, 2), 0.05)
    )
    points = Density.spots(np.ones(3), rng.uniform(0, 1, (3, 2)), np.zeros((3, 2)))
    box = Density.box((0.0, 0.5), (1.3, 0.9))
    return Density.mix([(4, spots), (2, wide), (1, box), (0.5, points)])


CASES = {
    "as it is": lambda one: one,
    "moved": lambda one: one.moved(np.array([0.5, 1.7]), np.array([0.3, -0.2])),
    "mirrored": lambda one: one.moved(np.array([-1.0, 1.0]), np.array([1.0, 0.0])),
    "transposed": lambda one: one.transposed(),
    "blurred": lambda one: one.blurred(1.5),
    "mixed": lambda one: Density.mix([(0.3, one), (0.7, one.transposed())]),
}


@pytest.mark.parametrize("name", CASES)
def test_samples_follow_the_bin_probabilities(name):
    density = CASES[name](mixture())
    probabilities = density.bin_probabilities()
    assert probabilities.min() >= 0
    assert probabilities.sum() == pytest.approx(1, abs=1e-12)
    clicks, component = density.sample(np.random.default_rng(1), N)
    assert p_value(bin_clicks(clicks), probabilities) > 1e-3
    shares = np.bincount(component, minlength=len(density.weight)) / N
    assert shares == pytest.approx(density.weight, abs=5 * np.sqrt(0.25 / N))


def test_the_test_sees_a_small_difference():
    density = mixture()
    clicks, _ = density.sample(np.random.default_rng(1), N)
    other = density.moved(np.ones(2), np.array([0.005, 0.0]))
    assert p_value(bin_clicks(clicks), other.bin_probabilities()) < 1e-6


@pytest.mark.parametrize("name", ["moved", "mirrored", "transposed"])
def test_transforms_do_to_the_law_what_they_do_to_clicks(name):
    """The clicks of a density, moved one by one, follow the moved density."""
    clicks, _ = mixture().sample(np.random.default_rng(2), N)
    by_hand = {
        "moved": clicks * [0.5, 1.7] + [0.3, -0.2],
        "mirrored": clicks * [-1, 1] + [1, 0],
        "transposed": clicks[:, ::-1],
    }[name]
    probabilities = CASES[name](mixture()).bin_probabilities()
    assert p_value(bin_clicks(by_hand), probabilities) > 1e-3


def test_twice_mirrored_and_transposed_is_the_same():
    density = mixture()
    mirror = np.array([-1.0, 1.0]), np.array([1.0, 0.0])
    assert density.moved(*mirror).moved(*mirror).bin_probabilities() == pytest.approx(
        density.bin_probabilities(), abs=1e-14
    )
    again = density.transposed().bin_probabilities()
    turned = again.T
    assert turned == pytest.approx(density.bin_probabilities(), abs=1e-16)


def test_a_box_within_takes_its_clicks_and_no_others():
    density = mixture()
    within = np.array([0.2, 0.1]), np.array([0.83, 0.66])
    clicks, _ = density.sample(np.random.default_rng(3), N)
    inside = ((clicks >= within[0]) & (clicks < within[1])).all(axis=1)
    part = density.bin_probabilities(within)
    assert inside.mean() == pytest.approx(part.sum(), abs=5 * np.sqrt(0.25 / N))
    assert p_value(bin_clicks(clicks[inside]), part / part.sum()) > 1e-3


def test_integral_of_a_blurred_box_is_that_of_many_normal_laws():
    low, high, sd = np.array([0.1, 0.3]), np.array([0.4, 0.8]), np.array([0.03, 0.1])
    wide = Density(np.ones(1), low[None], high[None], sd[None])
    share = (np.arange(400) + 0.5) / 400
    centre = low + (high - low) * share[:, None]
    for axis in (0, 1):
        others = Density.spots(np.ones(400), centre, np.tile(sd, (400, 1)))
        found = wide.bin_probabilities().sum(axis=axis)
        assert found == pytest.approx(others.bin_probabilities().sum(axis=axis), abs=2e-6)


def test_single_points_lie_in_the_bins_of_their_clicks():
    points = np.random.default_rng(4).uniform(-0.3, 1.3, (500, 2))
    law = Density.spots(np.ones(500), points, np.zeros((500, 2))).bin_probabilities()
    assert law * 500 == pytest.approx(bin_clicks(points).astype(float), abs=1e-9)


def test_what_lies_beyond_is_in_the_edge():
    far = Density.spots(np.ones(1), np.array([[5.0, 0.5]]), np.full((1, 2), 0.01))
    assert far.bin_probabilities()[:, -1].sum() == pytest.approx(1, abs=1e-12)
    assert len(EDGES) == N_BINS + 1


def test_same_generator_same_clicks():
    one, other = (mixture().sample(np.random.default_rng(9), 50) for _ in range(2))
    assert np.array_equal(one[0], other[0])
    assert np.array_equal(one[1], other[1])
