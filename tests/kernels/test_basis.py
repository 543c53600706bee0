"""Projections change which labels are decided in float64, and no label."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bannercluster.kernels.assign import assign
from bannercluster.kernels.basis import separating_directions
from bannercluster.kernels.rows import BASIS_ERROR, Recipe, prepare
from bannercluster.kernels.stack import Stack


def slow_labels(x: np.ndarray, runs: list[np.ndarray]) -> np.ndarray:
    """Float64 distances, one by one; the lowest index of those that are equal to 2**-40."""
    found = []
    for centres in runs:
        sq = np.stack([np.square(x.astype(np.float64) - c).sum(axis=1) for c in centres])
        found.append((sq <= sq.min(axis=0) * (1 + 2.0**-40)).argmax(axis=0))
    return np.stack(found)


def random_basis(generator: np.random.Generator, n_features: int, n_dims: int) -> np.ndarray:
    columns, _ = np.linalg.qr(generator.standard_normal((n_features, n_dims)))
    return columns.astype(np.float32)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n_features=st.integers(8, 700),
    n_dims=st.integers(1, 6),
    product=st.sampled_from(["float32", "bfloat16"]),
    offset=st.sampled_from([0.0, 3.0, 1e3]),
    scale=st.sampled_from([1e-3, 1.0, 1e3]),
    good=st.booleans(),
)
def test_labels_are_those_of_float64_with_any_basis(
    seed: int, n_features: int, n_dims: int, product: str, offset: float, scale: float, good: bool
) -> None:
    generator = np.random.Generator(np.random.PCG64(seed))
    x = ((generator.standard_normal((200, n_features)) + offset) * scale).astype(np.float32)
    runs = [x[generator.choice(200, 30)].reshape(k, -1, n_features).mean(1) for k in (2, 3, 5)]
    runs = [centres.astype(np.float64) for centres in runs]
    # Rows half way between two centres are the ones that a wrong bound would get wrong.
    x[:50] = ((runs[2][0] + runs[2][1]) / 2).astype(np.float32)
    basis = separating_directions(runs, n_dims)
    if not good or basis is None:
        basis = random_basis(generator, n_features, n_dims)
    recipe = Recipe("none", product, x.mean(axis=0), basis)
    labels = assign(prepare(x, recipe), Stack.of(runs, recipe))
    np.testing.assert_array_equal(labels, slow_labels(x, runs))


def test_bounds_hold_what_the_projection_loses() -> None:
    generator = np.random.Generator(np.random.PCG64(0))
    x = generator.standard_normal((64, 1_000)).astype(np.float32)
    mean = x.mean(axis=0)
    basis = random_basis(generator, 1_000, 32)
    rows = prepare(x, Recipe("none", "bfloat16", mean, basis))
    y, q = x.astype(np.float64) - mean, basis.astype(np.float64)
    operand = rows.operand.double().numpy()
    assert (np.linalg.norm(operand, axis=1) <= rows.norms.numpy()).all()
    assert (np.linalg.norm(y @ q - operand, axis=1) <= rows.residuals.numpy()).all()
    outside = np.linalg.norm(y - (y @ q) @ q.T, axis=1)
    assert (outside <= rows.rests.numpy()).all()
    assert (rows.rests.numpy() <= 1.01 * outside).all()
    assert operand.shape == (64, 32)


def test_directions_separate_the_centres() -> None:
    generator = np.random.Generator(np.random.PCG64(1))
    hidden = random_basis(generator, 300, 4).astype(np.float64)
    runs = [generator.standard_normal((k, 4)) @ hidden.T for k in (5, 10)]
    basis = separating_directions(runs, 8)
    assert basis is not None
    assert basis.shape == (300, 4)  # there are no others
    assert np.linalg.norm(basis.T @ basis - np.eye(4)) <= BASIS_ERROR
    for centres in runs:
        differences = centres - centres.mean(axis=0)
        left = differences - differences @ basis @ basis.T
        assert np.linalg.norm(left) < 1e-5 * np.linalg.norm(differences)


def test_principal_directions_of_rows_follow() -> None:
    generator = np.random.Generator(np.random.PCG64(2))
    both = random_basis(generator, 300, 7).astype(np.float64)
    runs = [generator.standard_normal((5, 4)) @ both[:, :4].T]
    spread = generator.standard_normal((900, 3)) * [3.0, 2.0, 1.5]
    rows = 7.0 + spread @ both[:, 4:].T + 0.01 * generator.standard_normal((900, 300))
    basis = separating_directions(runs, 7, rows.astype(np.float32))
    assert basis is not None
    assert basis.shape == (300, 7)
    assert np.linalg.norm(basis.T @ basis - np.eye(7)) <= BASIS_ERROR
    assert np.linalg.norm(both - basis @ (basis.T @ both)) < 0.02


@pytest.mark.parametrize("product", ["float32", "bfloat16"])
def test_a_good_basis_leaves_few_labels_to_float64(product: str) -> None:
    generator = np.random.Generator(np.random.PCG64(2))
    centres = generator.standard_normal((6, 512))
    x = centres[generator.integers(6, size=2_000)] + 0.3 * generator.standard_normal((2_000, 512))
    x = x.astype(np.float32)
    decided: dict[str, int] = {}
    for name, basis in (
        ("good", separating_directions([centres], 5)),
        ("random", random_basis(generator, 512, 5)),
    ):
        recipe = Recipe("none", product, x.mean(axis=0), basis)
        counts: list[int] = []
        assign(prepare(x, recipe), Stack.of([centres], recipe), counts.append)
        decided[name] = counts[0]
    assert decided["good"] < 100
    assert decided["random"] > 1_000
