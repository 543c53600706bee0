"""Lloyd's iterations of many runs at once: each run is what it would be alone."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bannercluster.errors import DataError
from bannercluster.kmeans.sweep import labels_of
from bannercluster.runtime.executor import ThreadExecutor
from bannercluster.traverse import segments
from bannercluster.traverse.sources import ArraySource
from bannercluster.traverse.walk import Walker

from .helpers import (
    ForgetfulExecutor,
    assert_same_runs,
    blobs,
    config,
    facts,
    first_rows,
    lloyd,
    sweep,
    unit,
)


def _labels(x, run, normalize="none"):
    with ThreadExecutor(1) as executor:
        return labels_of(Walker(ArraySource(x), executor), [run.centres], normalize, "float32")[0]


def _check(x, first, asked, found, rtol=1e-6):
    """A run against the slow reference on the rows as the run sees them."""
    labels, centres, inertia, n_iter = lloyd(
        x, first, asked.max_iter, asked.tol, spherical=asked.spherical
    )
    assert found.n_iter == n_iter
    np.testing.assert_allclose(found.centres, centres, rtol=1e-5, atol=1e-6 * np.abs(x).max())
    np.testing.assert_allclose(found.inertia, inertia, rtol=rtol)
    return labels


@pytest.mark.parametrize("tol", [0.0, 1e-4])
@pytest.mark.parametrize("product", ["float32", "bfloat16"])
@pytest.mark.parametrize("k", [1, 3, 8, 15])
def test_runs_are_those_of_the_reference(k, product, tol):
    x = blobs(2000, 8)
    asked = config(k=(k,), tol=tol)
    first = first_rows(x, k)
    found = sweep(x, asked, init={k: [first]}, product=product).best(k)
    labels = _check(x, first, asked, found)
    np.testing.assert_array_equal(_labels(x, found), labels)
    np.testing.assert_array_equal(found.sizes, np.bincount(labels, minlength=k))
    assert found.converged


@pytest.mark.parametrize("product", ["float32", "bfloat16"])
def test_rows_across_tiles_and_many_features(product):
    x = blobs(9000, 300, n_blobs=9, spread=0.2, dtype=np.float16)
    asked = config(k=(7,), max_iter=12, tol=0.0)
    first = first_rows(x, 7)
    found = sweep(x, asked, init={7: [first]}, product=product).best(7)
    labels = _check(x, first, asked, found)
    np.testing.assert_array_equal(_labels(x, found), labels)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(20, 400),
    k=st.integers(2, 12),
    n_far=st.integers(0, 3),
    max_iter=st.sampled_from([1, 2, 3, 50]),
    tol=st.sampled_from([0.0, 1e-4, 0.05]),
    spherical=st.booleans(),
    product=st.sampled_from(["float32", "bfloat16"]),
)
def test_drawn_runs(seed, n, k, n_far, max_iter, tol, spherical, product):
    """Some of the first centres lie so far away that their clusters are empty at first."""
    x = blobs(n, 3, seed=seed)
    if spherical:
        x = unit(x).astype(np.float32)
    first = first_rows(x, k, seed)
    far = min(n_far, k - 1)
    first[k - far :] += 100.0 * np.arange(1, far + 1)[:, None]
    asked = config(k=(k,), max_iter=max_iter, tol=tol, spherical=spherical)
    found = sweep(x, asked, init={k: [first]}, product=product).best(k)
    labels = _check(x, first, asked, found)
    np.testing.assert_array_equal(_labels(x, found), labels)
    np.testing.assert_array_equal(found.sizes, np.bincount(labels, minlength=k))


def test_empty_clusters_take_the_farthest_rows():
    x = np.array([[0.0], [1.0], [2.0], [3.0], [50.0], [90.0]], np.float32)
    first = np.array([[0.0], [-900.0], [1.5], [-901.0]])
    found = sweep(x, config(k=(4,), max_iter=1), init={4: [first]}).best(4)
    np.testing.assert_allclose(found.centres, [[0.0], [90.0], [2.0], [50.0]])
    assert (found.n_iter, found.converged) == (1, False)
    assert found.sizes.tolist() == [2, 1, 2, 1]


def test_a_cluster_that_gave_its_only_row_away_keeps_its_centre():
    x = np.array([[0.0], [1.0], [2.0], [3.0], [100.0]], np.float32)
    first = np.array([[1.5], [90.0], [-900.0]])
    found = sweep(x, config(k=(3,), max_iter=1), init={3: [first]}).best(3)
    assert found.centres.tolist() == [[1.5], [90.0], [100.0]]


def test_clusters_that_stay_empty_do_not_go_on_for_ever():
    x = np.repeat(np.array([[0.0, 1.0], [4.0, 0.0]], np.float32), 30, axis=0)
    first = np.array([[0.0, 0.0], [4.0, 1.0], [50.0, 0.0], [60.0, 0.0]])
    found = sweep(x, config(k=(4,), tol=0.0), init={4: [first]}).best(4)
    assert found.converged
    assert found.n_iter <= 4
    assert found.inertia == 0.0
    assert sorted(found.sizes.tolist()) == [0, 0, 30, 30]


def test_stops_at_max_iter_with_the_inertia_of_the_last_centres():
    x = blobs(1500, 4, spread=0.3)
    first = first_rows(x, 6)
    for max_iter in (1, 2, 3):
        found = sweep(x, config(k=(6,), max_iter=max_iter, tol=0.0), init={6: [first]}).best(6)
        assert (found.n_iter, found.converged) == (max_iter, False)
        distance = np.square(x[:, None].astype(float) - found.centres[None]).sum(axis=2)
        np.testing.assert_allclose(found.inertia, distance.min(axis=1).sum(), rtol=1e-9)


@pytest.mark.parametrize("offset", [10.0, 1000.0])
def test_a_common_offset_changes_no_label(offset):
    x = np.round(blobs(1500, 5) * 64) / 64
    first = first_rows(x, 5)
    asked = config(k=(5,))
    near = sweep(x, asked, init={5: [first]}).best(5)
    far = sweep(x + np.float32(offset), asked, init={5: [first + offset]}).best(5)
    assert near.n_iter == far.n_iter
    np.testing.assert_allclose(far.inertia, near.inertia, rtol=1e-6)
    np.testing.assert_allclose(far.centres - offset, near.centres, atol=1e-9)


@pytest.mark.parametrize("exponent", [-70, -30, 40, 70])
@pytest.mark.parametrize("product", ["float32", "bfloat16"])
def test_a_power_of_two_changes_no_digit(product, exponent):
    """Also where squares are beyond float32."""
    x = blobs(1200, 4)
    asked = config(k=(4,), n_init=2, seed=3)
    plain = sweep(x, asked, product=product)
    scaled = sweep(np.ldexp(x, exponent), asked, product=product)
    for one, other in zip(plain.runs, scaled.runs, strict=True):
        np.testing.assert_array_equal(np.ldexp(one.centres, exponent), other.centres)
        assert np.ldexp(one.inertia, 2 * exponent) == other.inertia
        assert one.sizes.tolist() == other.sizes.tolist()


# Runs beside each other


def test_a_run_does_not_notice_the_others():
    x = blobs(3000, 6, n_blobs=4)
    together = sweep(x, config(k=(3, 5), n_init=3, tol=0.0))
    assert len({run.n_iter for run in together.runs}) > 2  # they leave the stack one by one
    three = sweep(x, config(k=(3,), n_init=3, tol=0.0))
    five = sweep(x, config(k=(5,), n_init=3, tol=0.0))
    assert_same_runs(together.runs, (*three.runs, *five.runs))
    fewer = sweep(x, config(k=(5,), n_init=2, tol=0.0))
    assert_same_runs(together.runs[3:5], fewer.runs)
    swapped = sweep(x, config(k=(5, 3), n_init=3, tol=0.0))
    assert_same_runs(together.runs, (*swapped.runs[3:], *swapped.runs[:3]))


def test_one_traversal_for_all_runs():
    x = blobs(3000, 6, n_blobs=4)
    together = sweep(x, config(k=(3, 5, 8), n_init=4))
    longest = max(run.n_iter for run in together.runs)
    # statistics, iterations, the labels of the last centres; and relocations, of which are none
    assert together.n_passes <= longest + 2


def test_no_traversal_is_wasted():
    """Statistics, and one traversal an iteration; one more for labels that are not known yet."""
    x = blobs(2000, 6, n_blobs=4)
    for tol, more in ((0.0, 0), (0.01, 1)):
        found = sweep(x, config(k=(5,), tol=tol), init={5: [first_rows(x, 5)]})
        assert found.best(5).converged
        assert found.n_passes == 1 + found.best(5).n_iter + more


@pytest.mark.parametrize("product", ["float32", "bfloat16"])
def test_labels_that_are_lost_are_computed_again(monkeypatch, product):
    """While runs leave the stack one by one."""
    monkeypatch.setattr(segments, "TILE_ROWS", 256)
    x = blobs(3000, 6, n_blobs=4)
    asked = config(k=(5, 3), n_init=3, tol=1e-3)
    expected = sweep(x, asked)
    assert len({run.n_iter for run in expected.runs}) > 2
    with ForgetfulExecutor(1) as executor:
        found = sweep(x, asked, executor=executor, product=product, cache_nbytes=1 << 30)
    assert_same_runs(found.runs, expected.runs)


def test_best_run_has_the_lowest_inertia():
    found = sweep(blobs(1000, 4, spread=0.5), config(k=(7,), n_init=6))
    assert len({run.inertia for run in found.runs}) > 1
    assert found.best(7).inertia == min(run.inertia for run in found.runs)


def test_seed_decides():
    x = blobs(1000, 4, spread=0.5)
    asked = [config(k=(7,), n_init=2, seed=seed) for seed in (0, 0, 1)]
    first, again, other = (sweep(x, one) for one in asked)
    assert_same_runs(first.runs, again.runs)
    assert facts(first.runs[0]) != facts(other.runs[0])


def test_order_of_the_first_centres_is_the_order_of_the_clusters():
    x = blobs(2000, 6)
    first = first_rows(x, 6)
    order = np.array([4, 2, 0, 5, 1, 3])
    asked = config(k=(6,))
    one = sweep(x, asked, init={6: [first]}).best(6)
    other = sweep(x, asked, init={6: [first[order]]}).best(6)
    np.testing.assert_array_equal(one.centres[order], other.centres)
    np.testing.assert_array_equal(one.sizes[order], other.sizes)
    np.testing.assert_allclose(one.inertia, other.inertia, rtol=1e-15)
    assert one.n_iter == other.n_iter


def test_order_of_the_rows_does_not_matter():
    """The sums are exact; only the mean variance (the tolerance) is not."""
    x = blobs(9000, 6)
    order = np.random.default_rng(0).permutation(len(x))
    first = first_rows(x, 6)
    asked = config(k=(6,), tol=0.0)
    one = sweep(x, asked, init={6: [first]}).best(6)
    other = sweep(x[order], asked, init={6: [first]}).best(6)
    np.testing.assert_array_equal(one.centres, other.centres)
    np.testing.assert_array_equal(_labels(x, one)[order], _labels(x[order], other))


def test_repeated_rows_are_weights():
    x = blobs(700, 5)
    first = first_rows(x, 4)
    asked = config(k=(4,), tol=0.0)
    one = sweep(x, asked, init={4: [first]}).best(4)
    thrice = sweep(np.repeat(x, 4, axis=0), asked, init={4: [first]}).best(4)
    np.testing.assert_array_equal(thrice.sizes, 4 * one.sizes)
    np.testing.assert_allclose(thrice.centres, one.centres, atol=1e-9)
    np.testing.assert_allclose(thrice.inertia, 4 * one.inertia, rtol=1e-10)


# Normalised rows


@pytest.mark.parametrize("product", ["float32", "bfloat16"])
def test_l2_is_feeding_unit_rows(product):
    x = blobs(2500, 8)
    unit_x = unit(x).astype(np.float32)
    asked = {"k": (5,), "n_init": 2}
    l2 = sweep(x, config(**asked, normalize="l2"), product=product)
    fed = sweep(unit_x, config(**asked), product=product)
    np.testing.assert_allclose(l2.best(5).centres, fed.best(5).centres, atol=1e-6)
    np.testing.assert_allclose(l2.best(5).inertia, fed.best(5).inertia, rtol=1e-6)
    np.testing.assert_array_equal(_labels(x, l2.best(5), "l2"), _labels(unit_x, fed.best(5)))


def test_spherical_centres_have_length_one():
    x = blobs(2500, 8)
    asked = config(k=(3, 6), n_init=2, normalize="l2", spherical=True)
    found = sweep(x, asked)
    for run in found.runs:
        np.testing.assert_allclose(np.square(run.centres).sum(axis=1), 1.0, rtol=1e-12)
    first = unit(first_rows(x, 6))
    run = sweep(x, config(k=(6,), normalize="l2", spherical=True), init={6: [first]}).best(6)
    _check(unit(x), first, asked, run)


# What cannot be clustered


def test_more_clusters_than_rows():
    with pytest.raises(DataError, match="k = 9 is larger than the number of rows, 8") as error:
        sweep(blobs(8, 2), config(k=(3, 9)))
    assert error.value.exit_code == 2


def test_more_clusters_than_distinct_rows():
    x = np.repeat(blobs(4, 3), 100, axis=0)
    with pytest.raises(DataError, match=r"k = 5 .* only 4 distinct rows"):
        sweep(x, config(k=(4, 5)))
    assert sweep(x, config(k=(4,))).best(4).inertia == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("normalize", ["l2", "none"])
def test_rows_that_are_not_finite(monkeypatch, normalize, bad):
    monkeypatch.setattr(segments, "TILE_ROWS", 256)
    x = blobs(3000, 4)
    x[[1777, 2901], 2] = bad
    with pytest.raises(DataError, match=r"2 of 3000 rows .* \(the first is row 1777\)"):
        sweep(x, config(normalize=normalize))


def test_input_is_not_changed():
    x = blobs(500, 4)
    before = x.copy()
    first = first_rows(x, 3)
    kept = first.copy()
    for normalize in ("l2", "none"):
        sweep(x, config(normalize=normalize), init={3: [first]})
    np.testing.assert_array_equal(x, before)
    np.testing.assert_array_equal(first, kept)
