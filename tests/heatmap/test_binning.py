import numpy as np
import pytest

from bannercluster.heatmap.binning import CENTRES, EDGES, N_BINS, bin_clicks, bin_of, n_beyond


def slow_counts(clicks):
    """One click after the other, by the edges themselves."""
    counts = np.zeros((N_BINS, N_BINS), np.uint32)
    for x, y in clicks:
        column, row = (
            min(max(sum(value >= edge for edge in EDGES) - 1, 0), N_BINS - 1) for value in (x, y)
        )
        counts[row, column] += 1
    return counts


def test_counts_are_those_of_the_edges():
    clicks = np.random.default_rng(0).uniform(-0.3, 1.3, (2_000, 2))
    assert np.array_equal(bin_clicks(clicks), slow_counts(clicks))


def test_row_is_y_and_column_is_x():
    counts = bin_clicks(np.array([[CENTRES[60], CENTRES[3]]]))
    assert counts[3, 60] == counts.sum() == 1
    assert counts.dtype == np.uint32


def test_no_clicks():
    assert bin_clicks(np.empty((0, 2))).sum() == 0
    assert n_beyond(np.empty((0, 2))) == 0


def test_what_lies_beyond_goes_to_the_edge_and_is_counted():
    far = np.array([[-0.11, 0.5], [1.11, 0.5], [0.5, -7.0], [0.5, 1.7e308], [-np.inf, np.inf]])
    counts = bin_clicks(far)
    assert n_beyond(far) == 5
    assert counts[:, 0].sum() == 2
    assert counts[:, -1].sum() == 1
    assert (counts[0].sum(), counts[-1].sum()) == (1, 2)
    ring = np.array([[-0.1, 0.5], [1.1, 0.5], [-0.05, 1.05]])
    assert n_beyond(ring) == 0


@pytest.mark.parametrize("bin_", [0, 1, 31, 63])
def test_centres_are_in_their_bins(bin_):
    assert bin_of(CENTRES[[bin_]]) == [bin_]
    assert EDGES[bin_] < CENTRES[bin_] < EDGES[bin_ + 1]
