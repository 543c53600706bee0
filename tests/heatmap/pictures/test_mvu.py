"""Unfolding: known answers, agreement of the solvers, certificates, and inputs that are hard."""

from __future__ import annotations

import importlib
import importlib.util
from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from bannercluster.errors import ConfigError, DataError, EngineError
from bannercluster.heatmap.pictures import mvu
from bannercluster.heatmap.pictures.graph import neighbour_graph
from bannercluster.heatmap.pictures.mvu import POINT_CAP, UnfoldingConfig, unfold
from bannercluster.heatmap.pictures.problem import Unfolding

NOISY = UnfoldingConfig(n_neighbors=3, n_components=4)
METHODS = ("interior", "factorised")


def noise(n, n_features=8, seed=0):
    return np.random.default_rng(seed).standard_normal((n, n_features))


def polyline_variance(points):
    """Sum of squared distances to the mean of points laid out on a line, steps kept."""
    at = np.r_[0.0, np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))]
    return float(((at - at.mean()) ** 2).sum())


def spiral(n):
    turn = np.linspace(0.0, 3.0, n)
    return np.c_[np.cos(turn), np.sin(turn), 0.3 * turn] * 4.0


def rolled(n_along, n_across):
    """A strip rolled up, and the same strip flat, with the distances of the rolled one along it."""
    turn, across = np.meshgrid(np.linspace(0, 4.0, n_along), np.arange(n_across) * 0.3)
    points = np.c_[3 * np.cos(turn.ravel()), across.ravel(), 3 * np.sin(turn.ravel())]
    step = 2 * 3 * np.sin(4.0 / (n_along - 1) / 2)
    along = np.tile(np.arange(n_along) * step, n_across)
    return points, np.c_[along, across.ravel()]


@pytest.mark.parametrize("method", METHODS)
def test_a_chain_becomes_a_straight_line_of_known_variance(method):
    points = spiral(40)
    found = unfold(points, UnfoldingConfig(n_neighbors=1, method=method))
    assert found.n_edges == 39
    assert found.objective == pytest.approx(polyline_variance(points), rel=1e-5)
    assert found.bound == pytest.approx(found.objective, rel=1e-5)
    assert found.shares[0] == pytest.approx(1.0, abs=1e-5)
    steps = np.abs(np.diff(found.coordinates[:, 0]))
    np.testing.assert_allclose(steps, np.linalg.norm(np.diff(points, axis=0), axis=1), rtol=1e-4)
    assert found.converged


def test_a_rolled_strip_becomes_flat():
    points, flat = rolled(20, 3)
    found = unfold(points, UnfoldingConfig(n_neighbors=8, wide=True))
    assert found.converged
    assert found.shares.sum() > 0.999
    unrolled = cdist(found.coordinates, found.coordinates)
    wanted = cdist(flat, flat)
    # Chords across two steps are a little shorter than two steps, hence not exactly the flat strip.
    assert np.abs(unrolled - wanted).max() < 0.03 * wanted.max()
    assert np.abs(cdist(points, points) - wanted).max() > 0.3 * wanted.max()


def test_points_that_are_flat_already_stay_as_they_are():
    points = np.random.default_rng(1).random((30, 2))
    found = unfold(points, UnfoldingConfig(n_neighbors=29))
    centred = points - points.mean(axis=0)
    assert found.objective == pytest.approx((centred**2).sum(), rel=1e-4)
    np.testing.assert_allclose(
        cdist(found.coordinates, found.coordinates), cdist(points, points), atol=2e-3
    )


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("wide", [False, True])
def test_solvers_agree_with_cvxpy(method, wide):
    pytest.importorskip("cvxpy", reason="cvxpy is not installed (extra heatmap)")
    config = replace(NOISY, n_neighbors=2 if wide else 3, wide=wide, n_components=23)
    points = noise(24)
    found = unfold(points, replace(config, method=method))
    theirs = unfold(points, replace(config, method="cvxpy"))
    assert theirs.method == "cvxpy"
    assert theirs.converged
    assert found.objective == pytest.approx(theirs.objective, rel=1e-3)
    assert found.worst_residual < 1e-3
    assert abs(found.gap) < 1e-5
    if method == "interior":  # an optimum need not be the only one: the factor may find another
        ours, other = (cdist(x.coordinates, x.coordinates) for x in (found, theirs))
        assert np.abs(ours - other).max() < 0.01 * other.max()


def test_the_figures_are_those_of_the_coordinates():
    points = noise(30)
    found = unfold(points, replace(NOISY, n_components=29))
    graph = neighbour_graph(points, 3)
    lengths = ((found.coordinates[graph.first] - found.coordinates[graph.second]) ** 2).sum(axis=1)
    errors = lengths - graph.sq_dist
    np.testing.assert_allclose(lengths, graph.sq_dist, rtol=1e-5)
    assert found.worst_residual == pytest.approx(np.abs(errors / graph.sq_dist).max(), abs=1e-12)
    assert found.objective == pytest.approx((found.coordinates**2).sum())
    assert found.shares.sum() == pytest.approx(1.0)
    np.testing.assert_allclose(found.coordinates.mean(axis=0), 0.0, atol=1e-9)
    assert -1e-6 < found.gap < 1e-5
    assert abs(found.least_eigenvalue) < 1e-6
    largest = np.abs(found.coordinates).argmax(axis=0)[:3]
    assert (found.coordinates[largest, range(3)] > 0).all()


def test_any_multipliers_give_a_bound():
    points = noise(20)
    graph = neighbour_graph(points, 3)
    problem = Unfolding(graph)
    best = unfold(points, NOISY).objective
    own = np.random.default_rng(2)
    for _ in range(20):
        bound, _ = problem.bound(own.random(graph.n_edges))
        assert bound >= best * (1 - 1e-6)
    assert problem.bound(-np.ones(graph.n_edges))[0] == np.inf


def test_a_stop_that_is_too_early_is_told():
    found = unfold(noise(30), replace(NOISY, max_iterations=2))
    assert found.n_iterations == 2
    assert not found.converged


def test_the_unfolding_moves_and_scales_with_the_points():
    points = noise(25)
    turn, _ = np.linalg.qr(noise(8, seed=3))
    one, other = unfold(points, NOISY), unfold(1e-3 * points @ turn + 50.0, NOISY)
    assert other.objective == pytest.approx(1e-6 * one.objective, rel=1e-5)
    assert one.coordinates.tobytes() == unfold(points, NOISY).coordinates.tobytes()


def test_repeated_rows_are_weights():
    points = noise(15)
    repeated = np.vstack((points, points[:5], points[:2]))
    found = unfold(repeated, NOISY)
    assert found.n_points == 15
    np.testing.assert_array_equal(found.coordinates[15:20], found.coordinates[:5])
    # The same with repeats a hair apart, which a solver without weights would see as points.
    graph = neighbour_graph(repeated, 3)
    np.testing.assert_array_equal(graph.weights, [3] * 2 + [2] * 3 + [1] * 10)
    np.testing.assert_allclose(found.coordinates.mean(axis=0), 0.0, atol=1e-8)
    assert found.objective == pytest.approx(
        (unfold(repeated, replace(NOISY, n_components=14)).coordinates ** 2).sum()
    )
    almost = repeated + 1e-9 * noise(22, seed=4)
    assert unfold(almost, NOISY).objective == pytest.approx(found.objective, rel=1e-4)


def test_weights_agree_with_cvxpy():
    pytest.importorskip("cvxpy", reason="cvxpy is not installed (extra heatmap)")
    repeated = np.vstack((noise(14), noise(14)[:6]))
    ours, theirs = unfold(repeated, NOISY), unfold(repeated, replace(NOISY, method="cvxpy"))
    factor = unfold(repeated, replace(NOISY, method="factorised"))
    assert ours.objective == pytest.approx(theirs.objective, rel=1e-4)
    assert factor.objective == pytest.approx(theirs.objective, rel=1e-3)


@pytest.mark.parametrize("apart", [20.0, 1e3])
def test_far_groups_are_bridged_by_their_nearest_points(apart):
    near, far = noise(20), noise(20, seed=5) + apart
    points = np.vstack((near, far))
    graph = neighbour_graph(points, 3)
    assert graph.n_bridges == 1
    between = (graph.first < 20) & (graph.second >= 20)
    assert between.sum() == 1
    assert graph.sq_dist[between][0] == pytest.approx(cdist(near, far).min() ** 2)
    found = unfold(points, NOISY)
    assert found.converged
    assert found.n_bridges == 1
    sides = np.sign(found.coordinates[:, 0])
    assert abs(sides[:20].sum()) == 20
    assert sides[0] != sides[-1]


@pytest.mark.parametrize("apart", [1e5, 1e6, 1e9])
def test_groups_farther_apart_than_float64_can_bear_are_told_or_merged(apart):
    points = np.vstack((noise(20), noise(20, seed=5) + apart))
    try:
        found = unfold(points, replace(NOISY, n_components=39))
    except DataError as error:
        assert "one by one" in str(error)  # noqa: PT017 - every outcome here is a defined one
        return
    graph = neighbour_graph(points, 3)
    assert found.n_points == graph.n_points
    if found.converged:  # rounding decides whether it does: where it says so, it must be true
        y = found.coordinates[graph.representatives]
        lengths = ((y[graph.first] - y[graph.second]) ** 2).sum(axis=1)
        np.testing.assert_allclose(lengths, graph.sq_dist, rtol=2e-3)


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("method", METHODS)
def test_few_points_keep_their_distances(n, method):
    points = noise(n)
    found = unfold(points, UnfoldingConfig(n_neighbors=9, n_components=4, method=method))
    assert found.n_neighbors == n - 1
    assert found.coordinates.shape == (n, 4)
    np.testing.assert_allclose(
        cdist(found.coordinates, found.coordinates), cdist(points, points), atol=2e-3
    )
    assert found.converged


def test_three_points_on_a_line():
    found = unfold(np.array([[0.0], [1.0], [3.0]]), UnfoldingConfig(n_neighbors=2))
    assert found.converged
    assert abs(found.coordinates[0, 0] - found.coordinates[2, 0]) == pytest.approx(3.0, abs=2e-3)


@pytest.mark.parametrize("value", [0.0, 7.5])
def test_constant_features_are_one_place(value):
    found = unfold(np.full((9, 4), value))
    assert found.method == "none"
    assert not found.coordinates.any()
    assert not found.shares.any()
    assert found.converged


def test_features_that_do_not_vary_change_nothing():
    points = noise(20)
    padded = np.c_[points, np.full((20, 3), 4.0)]
    assert unfold(padded, NOISY).objective == pytest.approx(unfold(points, NOISY).objective)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_values_that_are_not_finite_are_refused(bad):
    points = noise(6)
    points[4, 1] = bad
    with pytest.raises(DataError, match=r"1 of 6 rows \(first: row 4\)"):
        unfold(points)


def test_blocks_that_cannot_be_unfolded_are_refused():
    with pytest.raises(DataError, match="at least one"):
        unfold(np.zeros((0, 3)))
    with pytest.raises(DataError, match="shape"):
        unfold(np.zeros(3))
    with pytest.raises(DataError, match="sample"):
        unfold(np.zeros((POINT_CAP + 1, 1)))
    with pytest.raises(DataError, match="overflow"):
        unfold(np.array([[0.0], [1e200]]))
    with pytest.raises(DataError, match="edges"):
        unfold(noise(120), UnfoldingConfig(n_neighbors=119, method="interior"))
    with pytest.raises(DataError, match="cvxpy unfolds up to"):
        unfold(noise(121), UnfoldingConfig(method="cvxpy"))


def test_many_edges_are_left_to_the_factor(monkeypatch):
    assert unfold(noise(12), NOISY).method == "interior"
    monkeypatch.setattr(mvu, "INTERIOR_EDGE_CAP", 10)
    assert unfold(noise(12), NOISY).method == "factorised"


@pytest.mark.parametrize(
    "change",
    [{"n_neighbors": 0}, {"n_components": 0}, {"tolerance": 0.0}, {"method": "magic"}],
)
def test_settings_out_of_range_are_refused(change):
    with pytest.raises(ConfigError, match=next(iter(change))):
        UnfoldingConfig(**change)


def test_without_cvxpy_the_error_says_what_to_do(monkeypatch):
    def missing(name):
        raise ModuleNotFoundError(f"No module named {name!r}")

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(EngineError, match=r"pip install 'bannercluster\[heatmap\]'"):
        unfold(noise(6), UnfoldingConfig(method="cvxpy"))


def test_wide_joins_the_neighbours_of_a_point():
    # The nearest of 0 are 1 and -1.1, which have nearer ones themselves.
    points = np.array([0.0, 1.0, -1.1, 1.5, 1.6, -1.7, -1.8])[:, None]
    plain, wide = (neighbour_graph(points, 2, wide=w) for w in (False, True))
    pairs = {(int(a), int(b)) for a, b in zip(plain.first, plain.second, strict=True)}
    more = {(int(a), int(b)) for a, b in zip(wide.first, wide.second, strict=True)}
    assert pairs <= more
    assert (1, 2) in more
    assert (1, 2) not in pairs
