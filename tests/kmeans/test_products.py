"""A sweep that may project its rows gives the same bits as one that may not."""

import numpy as np
import pytest
import torch

from bannercluster.config import ClusterConfig
from bannercluster.kernels.rows import Recipe
from bannercluster.kmeans import products
from bannercluster.kmeans.products import Products
from bannercluster.kmeans.sweep import Sweep, SweepResult
from bannercluster.runtime.executor import ThreadExecutor
from bannercluster.traverse.sources import ArraySource
from bannercluster.traverse.walk import Walker

N_ROWS, N_FEATURES = 9_000, 300


@pytest.fixture(scope="module")
def rows() -> np.ndarray:
    generator = np.random.Generator(np.random.PCG64(0))
    latent = generator.standard_normal((N_ROWS, 6)).astype(np.float32)
    mixing = generator.standard_normal((6, N_FEATURES)).astype(np.float32)
    noise = generator.standard_normal((N_ROWS, N_FEATURES)).astype(np.float32)
    return np.maximum(latent @ mixing + 0.5 * noise, 0.0)


def sweep(rows: np.ndarray, product: str = "bfloat16") -> SweepResult:
    config = ClusterConfig(k=(3, 5), n_init=2, max_iter=12, tol=0.0, normalize="none")
    with ThreadExecutor(2) as executor:
        return Sweep(config, product).run(Walker(ArraySource(rows), executor, 1 << 30))


def same(one: SweepResult, other: SweepResult) -> bool:
    return all(
        a.inertia == b.inertia and a.n_iter == b.n_iter and np.array_equal(a.centres, b.centres)
        for a, b in zip(one.runs, other.runs, strict=True)
    )


@pytest.mark.parametrize("product", ["float32", "bfloat16"])
@pytest.mark.parametrize("dims", [4, 16])
def test_projected_and_full_sweeps_agree_bit_for_bit(
    rows: np.ndarray, monkeypatch: pytest.MonkeyPatch, product: str, dims: int
) -> None:
    full = sweep(rows, product)
    tried: list[int] = []

    def trial(recipe: Recipe, *_: object) -> float:
        tried.append(_dims(recipe))
        return 0.0 if tried[-1] == dims else 1.0

    monkeypatch.setattr(products, "_LEAST_ROWS", 0)
    monkeypatch.setattr(products, "DIMS", (4, 16))
    monkeypatch.setattr(products, "_trial_s", trial)
    projected = sweep(rows, product)
    assert dims in tried
    assert same(full, projected)


def test_the_fastest_recipe_is_taken_and_kept(
    rows: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(products, "DIMS", (4, 8))
    full = Recipe("none", "bfloat16", rows.mean(axis=0))
    chooser = Products(full, torch.from_numpy(rows[:512]))
    generator = np.random.Generator(np.random.PCG64(1))
    centres = [rows[generator.choice(N_ROWS, 5)].astype(np.float64) for _ in range(3)]
    assert chooser.choose(centres) is full  # single rows lie outside of any few directions
    monkeypatch.setattr(products, "_trial_s", lambda recipe, *_: 0.5 if _dims(recipe) == 8 else 1.0)
    settled = chooser.choose(centres)
    assert _dims(settled) == 8
    assert chooser.settled
    assert chooser.choose(centres) is settled


def _dims(recipe: Recipe) -> int:
    return 0 if recipe.basis is None else recipe.basis.shape[1]


def test_small_jobs_try_nothing(rows: np.ndarray) -> None:
    full = Recipe("none", "bfloat16", rows.mean(axis=0))
    assert Products.of(full, rows[:512], 8_000).trial is None
    assert Products.of(full, rows[:512, :100], 10**6).trial is None
    assert Products.of(full, rows[:512], 10**6).trial is not None
