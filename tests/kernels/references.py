"""Slow, obvious references of the kernels, and the data that is hard for them."""

import inspect
import math
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch

TIE = 2.0**-40
"""What the kernels promise: squared distances closer than this, relatively, are equal."""

DEVICES = [
    "cpu",
    pytest.param(
        "cuda",
        marks=[
            pytest.mark.gpu,
            pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no CUDA device"),
        ],
    ),
]

Array = npt.NDArray[np.float64]


def call(function: Callable[..., Any], given: Mapping[str, Any]) -> Any:
    """Call a loop with those of the given arrays that it asks for by name."""
    names = inspect.signature(getattr(function, "py_func", function)).parameters
    return function(*(given[name] for name in names))


def sq_dists(x: npt.ArrayLike, centres: npt.ArrayLike) -> npt.NDArray[np.longdouble]:
    """Squared distances (n, k), by differences, in 80 bits."""
    rows, own = np.asarray(x, np.longdouble), np.asarray(centres, np.longdouble)
    out = np.empty((len(rows), len(own)), np.longdouble)
    for j in range(len(own)):
        out[:, j] = np.square(rows - own[j]).sum(axis=1)
    return out


def nearest_labels(x: npt.ArrayLike, centres: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Lowest index among the nearest centres."""
    found = sq_dists(x, centres)
    if not len(found):
        return np.empty(0, np.int64)
    return (found <= found.min(axis=1, keepdims=True) * (1 + TIE)).argmax(axis=1)


def at_the_edge_of_a_tie(x: npt.ArrayLike, centres: npt.ArrayLike) -> npt.NDArray[np.bool_]:
    """Rows for which the rounding of float64 itself decides whether two centres tie."""
    found = sq_dists(x, centres)
    apart = found / found.min(axis=1, keepdims=True) - 1
    edge: npt.NDArray[np.bool_] = (np.abs(apart / TIE - 1) < 0.01).any(axis=1)
    return edge


def unit(x: npt.ArrayLike) -> Array:
    """Rows divided by their norms; zero rows stay zero."""
    rows = np.asarray(x, np.float64)
    norms = np.sqrt(np.square(rows).sum(axis=1))
    return rows / np.where(norms > 0, norms, 1.0)[:, None]


def cluster_sums(
    x: npt.ArrayLike, labels: npt.ArrayLike, k: int, grid: float
) -> tuple[list[list[Fraction]], list[int]]:
    """Sums of the rows of each cluster, each value rounded to the grid, as fractions."""
    rows = np.asarray(x, np.float64)
    sums = [[Fraction(0)] * rows.shape[1] for _ in range(k)]
    counts = [0] * k
    for row, label in zip(rows.tolist(), np.asarray(labels).tolist(), strict=True):
        counts[label] += 1
        for f, value in enumerate(row):
            sums[label][f] += Fraction(round(Fraction(value) * Fraction(grid))) / Fraction(grid)
    return sums, counts


def seeded(x: npt.ArrayLike, k: int, entropy: tuple[int, ...]) -> npt.NDArray[np.int64]:
    """Greedy k-means++ of one run with the same random numbers, in float64."""
    rows = np.asarray(x, np.float64)
    generator = np.random.Generator(np.random.PCG64(list(entropy)))
    chosen = [int(generator.integers(len(rows)))]
    nearest = np.square(rows - rows[chosen[0]]).sum(axis=1)
    while len(chosen) < k:
        cumulative = np.cumsum(nearest)
        draws = generator.random(2 + int(math.log(k))) * cumulative[-1]
        candidates = np.searchsorted(cumulative, draws)
        options = [np.minimum(nearest, np.square(rows - rows[c]).sum(axis=1)) for c in candidates]
        best = int(np.argmin([option.sum() for option in options]))
        nearest = options[best]
        chosen.append(int(candidates[best]))
    return np.array(chosen)


def silhouettes(x: npt.ArrayLike, labels: npt.NDArray[np.integer], metric: str) -> Array:
    """Silhouettes by their definition: all pairs."""
    rows = np.asarray(x, np.float64)
    if metric == "cosine":
        distance = 1 - unit(rows) @ unit(rows).T
    else:
        distance = np.square(rows[:, None] - rows[None]).sum(axis=2)
    used = np.unique(labels)
    scores = np.full(len(rows), np.nan)
    if len(used) < 2:
        return scores
    for i, own in enumerate(labels):
        same = np.flatnonzero(labels == own)
        if len(same) == 1:
            scores[i] = 0.0
            continue
        within = distance[i, same[same != i]].mean()
        other = min(distance[i, labels == c].mean() for c in used if c != own)
        largest = max(within, other)
        scores[i] = (other - within) / largest if largest > 0 else 0.0
    return scores


# Data


def plain(rng: np.random.Generator, n: int, f: int, k: int) -> tuple[Array, Array]:
    return rng.normal(size=(n, f)), rng.normal(size=(k, f))


def clustered(rng: np.random.Generator, n: int, f: int, k: int) -> tuple[Array, Array]:
    centres = 5 * rng.normal(size=(k, f))
    return centres[rng.integers(k, size=n)] + rng.normal(size=(n, f)), centres


def near_ties(rng: np.random.Generator, n: int, f: int, k: int) -> tuple[Array, Array]:
    """Rows as far from the first centre as from the others, but for one part in 1e9."""
    row = rng.normal(size=f).astype(np.float32).astype(np.float64)
    away = rng.normal(size=(k, f))
    away /= np.sqrt(np.square(away).sum(axis=1, keepdims=True))
    centres = row + 0.3 * away * (1 + 1e-9 * rng.integers(-2, 3, size=(k, 1)))
    return np.repeat(row[None], n, axis=0), centres


def midpoints(rng: np.random.Generator, n: int, f: int, k: int) -> tuple[Array, Array]:
    """Rows half way between two centres, give or take 1e-9."""
    centres = rng.normal(size=(k, f))
    left, right = centres[rng.integers(k, size=n)], centres[rng.integers(k, size=n)]
    return (left + right) / 2 + 1e-9 * rng.choice([-1, 0, 1], size=(n, 1)) * (left - right), centres


def offset(rng: np.random.Generator, n: int, f: int, k: int) -> tuple[Array, Array]:
    x, centres = clustered(rng, n, f, k)
    return x + 1e5, centres + 1e5


def duplicate_centres(rng: np.random.Generator, n: int, f: int, k: int) -> tuple[Array, Array]:
    x, centres = clustered(rng, n, f, k)
    return x, centres[rng.integers((k + 1) // 2, size=k)]


def rows_are_centres(rng: np.random.Generator, n: int, f: int, k: int) -> tuple[Array, Array]:
    centres = rng.normal(size=(k, f)).astype(np.float32).astype(np.float64)
    return centres[rng.integers(k, size=n)], centres


def whole_numbers(rng: np.random.Generator, n: int, f: int, k: int) -> tuple[Array, Array]:
    """Values that bfloat16 holds exactly: only the rounding of the products is left."""
    return rng.integers(-9, 10, size=(n, f)) * 1.0, rng.integers(-9, 10, size=(k, f)) * 1.0


def far_rows(rng: np.random.Generator, n: int, f: int, k: int) -> tuple[Array, Array]:
    """Rows so far away that some centres are equally near by the rule of ties."""
    x, centres = plain(rng, n, f, k)
    return x * 10.0 ** rng.uniform(8, 13, size=(n, 1)), centres


def mixed_scales(rng: np.random.Generator, n: int, f: int, k: int) -> tuple[Array, Array]:
    x, centres = plain(rng, n, f, k)
    return x * 10.0 ** rng.uniform(-6, 6, size=(n, 1)), centres * 10.0 ** rng.uniform(-3, 3, (k, 1))


def zeros(rng: np.random.Generator, n: int, f: int, k: int) -> tuple[Array, Array]:
    x, centres = plain(rng, n, f, k)
    x[rng.random(n) < 0.5] = 0.0
    centres[rng.integers(k)] = 0.0
    return x, centres


def tiny(rng: np.random.Generator, n: int, f: int, k: int) -> tuple[Array, Array]:
    """Values whose products leave the range of float32 below."""
    x, centres = clustered(rng, n, f, k)
    scale = 10.0 ** rng.uniform(-30, -18)
    return x * scale, centres * scale


def huge(rng: np.random.Generator, n: int, f: int, k: int) -> tuple[Array, Array]:
    """Values whose products leave the range of float32 above."""
    x, centres = clustered(rng, n, f, k)
    scale = 10.0 ** rng.uniform(17, 36)
    return x * scale, centres * scale


CASES = {
    case.__name__: case
    for case in (
        plain,
        clustered,
        near_ties,
        midpoints,
        offset,
        duplicate_centres,
        rows_are_centres,
        whole_numbers,
        far_rows,
        mixed_scales,
        zeros,
        tiny,
        huge,
    )
}
