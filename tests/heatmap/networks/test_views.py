import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bannercluster.errors import UsageError
from bannercluster.heatmap.binning import CENTRES, N_BINS, bin_clicks
from bannercluster.heatmap.networks.views import (
    BIN_WIDTH,
    CHANGES,
    Move,
    ViewConfig,
    draw_change,
    jitter,
    moved,
    negatives,
    places,
    positives,
    thin,
    two_parts,
)


def heatmap(n_clicks, seed=0, n_spots=4):
    rng = np.random.default_rng(seed)
    centre = rng.uniform(0.1, 0.9, (n_spots, 2))
    clicks = centre[rng.integers(n_spots, size=n_clicks)] + 0.03 * rng.normal(size=(n_clicks, 2))
    return bin_clicks(clicks)


def one_click(y, x, n=1):
    counts = np.zeros((N_BINS, N_BINS), np.uint32)
    counts[y, x] = n
    return counts


@given(n_clicks=st.integers(0, 300), kept=st.floats(0, 1), seed=st.integers(0, 9))
@settings(max_examples=40, deadline=None)
def test_thinning_draws_clicks_that_were_there(n_clicks, kept, seed):
    counts = heatmap(n_clicks, seed)
    before = counts.copy()
    n = int(kept * n_clicks)
    drawn = thin(counts, n, np.random.default_rng(seed))
    assert drawn.dtype == np.uint32
    assert drawn.sum() == n
    assert (drawn <= counts).all()
    np.testing.assert_array_equal(counts, before)


def test_every_click_is_as_likely_to_be_kept():
    counts = one_click(3, 5, 30) + one_click(40, 2, 10)
    rng = np.random.default_rng(0)
    drawn = np.array([thin(counts, 8, rng)[3, 5] for _ in range(4000)])
    # Hypergeometric: mean 6, variance 8 * 0.75 * 0.25 * 32 / 39.
    assert drawn.mean() == pytest.approx(6, abs=5 * np.sqrt(1.231 / 4000))
    assert drawn.var() == pytest.approx(1.231, rel=0.15)


@pytest.mark.parametrize("n_clicks", [0, 1, 2, 3, 41, 5000])
def test_two_parts_share_no_click(n_clicks):
    counts = heatmap(n_clicks)
    for seed in range(20):
        first, second = two_parts(counts, ViewConfig(), np.random.default_rng(seed))
        assert (first.astype(np.int64) + second <= counts).all()
        least = min(20, n_clicks // 2)
        assert min(first.sum(), second.sum()) >= least
        assert max(first.sum(), second.sum()) <= n_clicks // 2


def test_views_of_one_heatmap_have_different_numbers_of_clicks():
    counts, config = heatmap(50_000), ViewConfig(most_clicks=10_000)
    rng = np.random.default_rng(0)
    numbers = np.array([[p.sum() for p in two_parts(counts, config, rng)] for _ in range(60)])
    assert numbers.min() >= 20
    assert numbers.max() <= 10_000
    assert np.log10(numbers).std() > 0.5  # log-uniform over 2.7 decades: 0.78
    assert abs(np.corrcoef(np.log(numbers).T)[0, 1]) < 0.5


def test_a_positive_moves_by_one_bin_at_most():
    counts, config = one_click(30, 20, 400), ViewConfig()
    seen = set()
    for seed in range(30):
        for view in positives(counts, config, np.random.default_rng(seed)):
            y, x = np.nonzero(view)
            seen |= set(zip((y - 30).tolist(), (x - 20).tolist(), strict=True))
    assert {abs(v) for pair in seen for v in pair} == {0, 1}


def test_no_jitter_moves_nothing():
    counts = heatmap(2000)
    rng = np.random.default_rng(0)
    np.testing.assert_array_equal(moved(counts, Move(), rng), counts)
    move = jitter(ViewConfig(jitter_bins=0), rng)
    np.testing.assert_array_equal(moved(counts, move, rng), counts)


@pytest.mark.parametrize(
    ("move", "expected"),
    [
        (Move((-1, 1)), lambda c: c[:, ::-1]),
        (Move((1, -1)), lambda c: c[::-1]),
        (Move((-1, -1)), lambda c: c[::-1, ::-1]),
        (Move(transposed=True), lambda c: c.T),
        (Move(shift=(2 * BIN_WIDTH, 0)), lambda c: np.roll(c, 2, axis=1)),
        (Move(shift=(0, -3 * BIN_WIDTH)), lambda c: np.roll(c, -3, axis=0)),
    ],
)
def test_moves_of_whole_bins(move, expected):
    counts = heatmap(3000)
    counts[:5], counts[-5:], counts[:, :5], counts[:, -5:] = 0, 0, 0, 0
    found = moved(counts, move, np.random.default_rng(0))
    np.testing.assert_array_equal(found, expected(counts))


def test_a_rescaled_view_has_no_gaps_between_bins():
    even = np.full((N_BINS, N_BINS), 50, np.uint32)
    larger = moved(even, Move((2.0, 2.0)), np.random.default_rng(0))
    assert larger[10:-10, 10:-10].min() > 0
    assert larger[10:-10, 10:-10].mean() == pytest.approx(12.5, rel=0.05)
    assert larger.sum() == even.sum()  # the rest is in the edge of the ring


def test_places_are_within_their_bins():
    counts = heatmap(500)
    clicks = places(counts, np.random.default_rng(0))
    np.testing.assert_array_equal(bin_clicks(clicks), counts)
    x = places(one_click(7, 9, 5000), np.random.default_rng(1))
    assert x.mean(axis=0) == pytest.approx(CENTRES[[9, 7]], abs=BIN_WIDTH / 50)
    assert x.std(axis=0) == pytest.approx(BIN_WIDTH / np.sqrt(12), rel=0.05)


@pytest.mark.parametrize("change", CHANGES)
def test_a_negative_is_far_beyond_the_jitter(change):
    for seed in range(30):
        move = draw_change(change, ViewConfig(), np.random.default_rng(seed))
        corners = np.array([[0.1, 0.2], [0.9, 0.2], [0.1, 0.7], [0.9, 0.7]])
        assert np.abs(move(corners) - corners).max() > 1.5 * BIN_WIDTH


def test_two_views_of_a_changed_heatmap_are_changed_alike():
    counts = one_click(20, 40, 400)
    for seed in range(20):
        views = negatives(counts, "shift", 2, ViewConfig(), np.random.default_rng(seed))
        middle = [np.argwhere(view).mean(axis=0) for view in views]
        assert np.abs(middle[0] - middle[1]).max() <= 2.5  # each has its own jitter
        assert np.abs(middle[0] - [20, 40]).max() > 0.9
    assert len(negatives(counts, "flip", 1, ViewConfig(), np.random.default_rng(0))) == 1


def test_configs_that_cannot_be_meant_are_refused():
    with pytest.raises(UsageError, match="jitter_bins is 2"):
        ViewConfig(jitter_bins=2)
    with pytest.raises(UsageError, match="fewest <= most"):
        ViewConfig(fewest_clicks=5, most_clicks=4)
