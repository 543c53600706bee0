"""Stored values become float32 rows; the source is left alone."""

import warnings

import numpy as np
import pytest
import torch

from bannercluster.kernels.rows import Recipe, normalized, prepare, sq_norms, to_float32

from .references import DEVICES, unit


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_rows_are_the_stored_values(dtype):
    stored = np.random.default_rng(0).normal(size=(70, 9)).astype(dtype)
    rows = prepare(stored, Recipe("none"))
    np.testing.assert_array_equal(rows.x.numpy(), stored.astype(np.float32))
    assert rows.operand is rows.x
    assert not rows.residuals.any()


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_unit_rows(dtype, device):
    stored = np.random.default_rng(1).normal(size=(300, 33)).astype(dtype)
    stored[7] = 0.0
    found = prepare(stored, Recipe("l2"), device).x.cpu().numpy()
    np.testing.assert_allclose(found, unit(stored), rtol=2**-23, atol=0)
    assert not found[7].any()


def test_norms_in_float64():
    x = np.random.default_rng(2).normal(size=(50, 300)).astype(np.float32) * np.float32(1e25)
    exact = np.square(x.astype(np.longdouble)).sum(axis=1)
    np.testing.assert_allclose(sq_norms(torch.from_numpy(x)).numpy(), exact, rtol=1e-14)


def test_length_of_a_row_survives_extreme_scales():
    x = np.random.default_rng(3).normal(size=(20, 5))
    for scale in (1e-37, 1.0, 1e37):
        found = normalized(torch.from_numpy((x * scale).astype(np.float32)), "l2").double()
        np.testing.assert_allclose(found.square().sum(dim=1), 1.0, rtol=1e-6)


@pytest.mark.parametrize("product", ["float32", "bfloat16"])
@pytest.mark.parametrize("normalize", ["l2", "none"])
@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_input_is_not_changed(dtype, normalize, product):
    stored = np.random.default_rng(4).normal(size=(40, 8)).astype(dtype)
    before = stored.copy()
    for given in (stored, stored[5:], np.asfortranarray(stored), torch.from_numpy(stored)):
        prepare(given, Recipe(normalize, product, np.ones(8, np.float32)))
        np.testing.assert_array_equal(stored, before)


def test_bytes_of_a_tile():
    """Rows, operand where it is another, and two or three bounds a row."""
    stored = np.ones((10, 4), np.float16)
    assert 10 * (16 + 8) <= prepare(stored, Recipe("none")).nbytes <= 10 * (16 + 12)
    assert 10 * (24 + 8) <= prepare(stored, Recipe("none", "bfloat16")).nbytes <= 10 * (24 + 12)


def test_float32_is_not_copied_unless_it_is_read_only():
    stored = np.ones((3, 2), np.float32)
    assert to_float32(stored).data_ptr() == stored.ctypes.data
    stored.setflags(write=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rows = to_float32(stored)
    assert rows.data_ptr() != stored.ctypes.data
    assert rows.tolist() == stored.tolist()


def test_key_tells_recipes_apart():
    mean = np.ones(3, np.float32)
    recipes = [
        Recipe("l2"),
        Recipe("none"),
        Recipe("l2", "bfloat16"),
        Recipe("l2", "float32", mean),
        Recipe("l2", "float32", 2 * mean),
    ]
    assert len({recipe.key for recipe in recipes}) == len(recipes)
