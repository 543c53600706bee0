"""Labels are those of float64 arithmetic, whatever the precision of the product."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bannercluster.kernels.assign import assign
from bannercluster.kernels.rows import Recipe, prepare
from bannercluster.kernels.stack import Stack

from .references import CASES, DEVICES, at_the_edge_of_a_tie, clustered, nearest_labels, plain

PRODUCTS = ("float32", "bfloat16")


def _recipe(x, normalize, product, centred=True):
    whole = Recipe(normalize)
    mean = prepare(x, whole).x.double().mean(dim=0).float().numpy() if centred and len(x) else None
    return Recipe(normalize, product, mean)


def _check(x, runs, recipe, device="cpu"):
    rows = prepare(x, recipe, device)
    stack = Stack.of(runs, recipe)
    found = assign(rows, stack)
    assert found.shape == (len(runs), len(x))
    assert found.dtype == stack.label_dtype
    for labels, centres in zip(found, runs, strict=True):
        values = rows.x.cpu().numpy()
        wrong = labels != nearest_labels(values, centres)
        if wrong.any():
            assert at_the_edge_of_a_tie(values[wrong], centres).all()


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("product", PRODUCTS)
def test_labels_are_those_of_float64(case, product, device):
    for seed in range(4):
        rng = np.random.default_rng([seed, len(case)])
        f = int(rng.integers(1, 65))
        x, centres = CASES[case](rng, 600, f, 9)
        stored = x.astype(np.float32)
        for centred in (True, False):
            recipe = _recipe(stored, "none", product, centred)
            _check(stored, [centres, centres[::-1], centres[:1]], recipe, device)


@pytest.mark.parametrize("product", PRODUCTS)
@pytest.mark.parametrize("case", ["plain", "clustered", "midpoints", "offset", "zeros", "tiny"])
def test_labels_of_unit_rows(case, product):
    rng = np.random.default_rng(len(case))
    x, centres = CASES[case](rng, 600, 33, 9)
    centres = centres / np.abs(centres).max()
    stored = x.astype(np.float32)
    _check(stored, [centres, centres[:4]], _recipe(stored, "l2", product))


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    case=st.sampled_from(sorted(CASES)),
    n=st.sampled_from([0, 1, 2, 3, 17, 511, 512, 513, 1025]),
    f=st.integers(1, 40),
    ks=st.lists(st.integers(1, 12), min_size=1, max_size=4),
    product=st.sampled_from(PRODUCTS),
    normalize=st.sampled_from(["l2", "none"]),
    dtype=st.sampled_from([np.float16, np.float32]),
    centred=st.booleans(),
)
def test_labels_of_drawn_data(seed, case, n, f, ks, product, normalize, dtype, centred):
    rng = np.random.default_rng(seed)
    x, centres = CASES[case](rng, n, f, max(ks))
    if dtype == np.float16:
        x, centres = np.clip(x, -6e4, 6e4), np.clip(centres, -6e4, 6e4)
    stored = x.astype(dtype)
    runs = [centres[:k] for k in ks]
    _check(stored, runs, _recipe(stored, normalize, product, centred))


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("product", PRODUCTS)
def test_wide_rows_and_many_runs(product, device):
    rng = np.random.default_rng(5)
    x, centres = clustered(rng, 1500, 1792, 24)
    stored = (x + 3).astype(np.float16)
    runs = [centres[:15] + 3, centres[9:24] + 3, stored[:10].astype(np.float64)]
    _check(stored, runs, _recipe(stored, "l2", product), device)


@pytest.mark.parametrize("product", PRODUCTS)
def test_more_than_256_centres(product):
    rng = np.random.default_rng(0)
    x, centres = plain(rng, 700, 6, 300)
    stored = x.astype(np.float32)
    _check(stored, [centres, centres[:2]], _recipe(stored, "none", product))
    assert Stack.of([centres[:256]], Recipe()).label_dtype == np.uint8
    assert Stack.of([centres[:257]], Recipe()).label_dtype == np.uint16


@pytest.mark.parametrize("product", PRODUCTS)
def test_labels_do_not_depend_on_the_tile_or_the_neighbours_in_the_stack(product):
    rng = np.random.default_rng(1)
    x, centres = CASES["midpoints"](rng, 1000, 16, 8)
    stored = x.astype(np.float32)
    recipe = _recipe(stored, "none", product)
    whole = assign(prepare(stored, recipe), Stack.of([centres, centres[:3]], recipe))
    for low, high in ((0, 1), (0, 999), (137, 650), (999, 1000)):
        part = assign(prepare(stored[low:high], recipe), Stack.of([centres[:3]], recipe))
        np.testing.assert_array_equal(part[0], whole[1, low:high])


def test_lowest_index_of_equally_near_centres():
    x = np.array([[0.0, 0.0], [1.0, 0.0]], np.float32)
    centres = np.array([[3.0, 0.0], [0.0, 1.0], [0.0, -1.0], [1.0, 0.0], [-1.0, 0.0], [1.0, 0.0]])
    for product in PRODUCTS:
        recipe = Recipe("none", product)
        assert assign(prepare(x, recipe), Stack.of([centres], recipe)).tolist() == [[1, 3]]


@pytest.mark.parametrize(("product", "most"), [("float32", 0.0005), ("bfloat16", 0.002)])
def test_few_rows_need_the_second_look(product, most):
    rng = np.random.default_rng(2)
    x, centres = clustered(rng, 4096, 64, 10)
    stored = (0.3 * (x - centres[0]) + 3).astype(np.float32)
    recipe = _recipe(stored, "none", product)
    runs = [0.3 * (centres - centres[0]) + 3, 0.3 * (centres[:7] - centres[0]) + 3]
    told = []
    assign(prepare(stored, recipe), Stack.of(runs, recipe), told.append)
    assert len(told) == 1
    assert 0 <= told[0] <= most * 2 * len(stored)


def test_counts_what_was_decided_in_float64():
    x = np.zeros((5, 2), np.float32)
    x[0] = 9.0
    centres = np.array([[9.0, 9.0], [0.0, 1.0], [1.0, 0.0]])
    for product in PRODUCTS:
        told = []
        recipe = Recipe("none", product)
        assign(prepare(x, recipe), Stack.of([centres, centres[:1]], recipe), told.append)
        assert told == [4]


@pytest.mark.parametrize("product", PRODUCTS)
@pytest.mark.parametrize("case", [*(name for name in CASES if name != "huge"), "wide"])
def test_error_bound_is_rigorous(case, product):
    """What rounding does to a difference of two values of a row is inside the stated bound."""
    worst = 0.0
    for seed in range(6):
        rng = np.random.default_rng([seed, 99])
        if case == "wide":
            x, centres = clustered(rng, 200, 1792, 7)
        else:
            x, centres = CASES[case](rng, 200, int(rng.integers(1, 65)), 7)
        stored = x.astype(np.float32)
        recipe = _recipe(stored, "none", product)
        rows, stack = prepare(stored, recipe), Stack.of([centres], recipe)
        score = torch.mm(stack.operand, rows.operand.T).double().numpy()
        shift = 0.0 if product == "float32" else recipe.mean.astype(np.longdouble)
        wide = rows.x.numpy().astype(np.longdouble) - shift
        own = centres.astype(np.longdouble) - shift
        exact = 0.5 * np.square(own).sum(axis=1)[:, None] - own @ wide.T
        error = (stack.half_sq.astype(np.float64)[:, None] - score) - exact
        names = ("residuals", "norms", "rests")[: stack.pairs.shape[1]]
        sizes = [getattr(rows, name).double().numpy() for name in names]
        pairs = stack.pairs.astype(np.float64).reshape(7, 7, -1)
        slack = stack.slack.astype(np.float64)[0]
        assert (slack[: len(sizes)] >= pairs.max(axis=(0, 1))).all()
        rounding = float(stack.score_rounding) * np.abs(score)
        for j in range(7):
            # without the term for ties
            bound = rounding + rounding[j] + pairs[j] @ np.stack(sizes) + slack[len(sizes)]
            observed = np.abs(error - error[j])
            observed[j] = 0.0
            assert (observed <= bound).all()
            worst = max(worst, float((observed / bound).max()))
    if case in ("plain", "clustered", "near_ties", "mixed_scales", "wide"):
        assert worst > 0.001, "the bound says nothing"


def test_norms_and_residuals_are_upper_bounds():
    rng = np.random.default_rng(3)
    stored = CASES["mixed_scales"](rng, 500, 37, 3)[0].astype(np.float32)
    for product in PRODUCTS:
        recipe = _recipe(stored, "none", product)
        rows = prepare(stored, recipe)
        operand = rows.operand.double().numpy()
        shift = 0.0 if product == "float32" else recipe.mean.astype(np.float64)
        lost = stored.astype(np.float64) - shift - operand
        for bound, what in ((rows.norms, operand), (rows.residuals, lost)):
            exact = np.sqrt(np.square(what).sum(axis=1))
            assert (bound.double().numpy() >= exact).all()
            assert (bound.double().numpy() <= exact * (1 + 2e-6)).all()
