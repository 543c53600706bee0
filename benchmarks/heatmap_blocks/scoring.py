"""A block of features as scores: how far a heatmap lies from its grid's references."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from benchmarks.heatmap_blocks.material import CLICKS, Index, Mask, Material, Thinned

Array = npt.NDArray[np.float64]
Features = npt.NDArray[np.float32]

SCORES = ("cosine", "mahalanobis", "nearest")

N_NEAREST = 3
N_PARTS = 4
"""Parts of the training grids: the covariance that a grid is scored by is of the other parts."""


@dataclass(frozen=True, eq=False)
class Shrunk:
    """A covariance about zero, shrunk to a multiple of the identity.

    O. Ledoit and M. Wolf, "A well-conditioned estimator for large-dimensional covariance matrices"
    (2004), by products of the rows: features are more than rows.

    Parameters
    ----------
    directions : ndarray of shape (r, k), float64
        Principal components.
    variance : ndarray of shape (r,), float64
        Along them, shrunk.
    rest : float
        Variance in all other directions.
    """

    directions: Array
    variance: Array
    rest: float

    @classmethod
    def of(cls, rows: Array) -> Shrunk:
        """Estimate it from rows of shape (n, k)."""
        n, k = rows.shape
        gram = rows @ rows.T
        values, vectors = np.linalg.eigh(gram)
        mean = float(values.sum()) / (n * k)
        square = float((values**2).sum()) / n**2
        apart = square - k * mean**2
        chance = (float((np.diag(gram) ** 2).sum()) / n - square) / n
        share = float(np.clip(chance / apart, 1e-6, 1)) if apart > 0 else 1.0
        kept = values > values[-1] * 1e-9
        directions = (vectors[:, kept] / np.sqrt(values[kept])).T @ rows
        variance = (1 - share) * values[kept] / n + share * mean
        return cls(directions, variance, share * mean)

    def distance(self, rows: Array) -> Array:
        """Return Mahalanobis' distance of rows (n, k) from zero, (n,)."""
        along = rows @ self.directions.T
        square = (rows**2).sum(axis=1) / self.rest
        square += along**2 @ (1 / self.variance - 1 / self.rest)
        distance: Array = np.sqrt(np.maximum(square, 0))
        return distance


@dataclass(frozen=True, eq=False)
class Covariances:
    """Covariances of healthy heatmaps about their grid's mean, by level.

    Parameters
    ----------
    parts : list of list of Shrunk
        By part of the training grids, without that part, and level; the last is of all grids.
    """

    parts: list[list[Shrunk]]

    @classmethod
    def of(cls, thin: Thinned, features: Features) -> Covariances:
        """Estimate them from the thinned references of the training grids."""
        first = (thin.repeat == 0) & thin.whole
        away = np.zeros(features.shape)
        for _, _, rows, references in left_out(thin):
            mean = anchor(features, thin, references)
            away[rows] = features[rows] - mean
        parts = []
        for part in range(N_PARTS + 1):
            chosen = first & (thin.grid % N_PARTS != part)
            parts.append(
                [Shrunk.of(away[chosen & (thin.level == level)]) for level in range(len(CLICKS))]
            )
        return cls(parts)


def left_out(thin: Thinned) -> list[tuple[int, int, Mask, Mask]]:
    """Return place of a grid, level, a fold's rows, and those of the other references."""
    found = []
    for grid in np.unique(thin.grid).tolist():
        for level in range(len(CLICKS)):
            here = (thin.grid == grid) & (thin.level == level)
            for fold in np.unique(thin.fold[here]).tolist():
                out = thin.fold == fold
                found.append((grid, level, here & out, here & ~out))
    return found


def anchor(features: Features, thin: Thinned, references: Mask) -> Array:
    """Return the mean of the features of references, each counted once, (k,)."""
    own = thin.reference[references]
    _, which, number = np.unique(own, return_inverse=True, return_counts=True)
    weight = 1 / (number[which] * len(number))
    mean: Array = weight @ features[references].astype(np.float64)
    return mean


def scores(
    material: Material, maps: Features, thin: Features, covariances: Covariances, *, taught: bool
) -> tuple[Array, Array]:
    """Score heatmaps and left-out references by their features.

    Parameters
    ----------
    material : Material
    maps, thin : ndarray of shape (n, k) and (n_thin, k), float32
        Features of the heatmaps and of the thinned references.
    covariances : Covariances
    taught : bool
        Whether the covariances are of these grids.

    Returns
    -------
    values, left_out : ndarray of shape (n, 3) and (n_thin, 3), float64
        Larger is farther.
    """
    values, null = np.zeros((len(maps), 3)), np.zeros((len(thin), 3))
    of = material.thin
    for grid in range(material.n_grids):
        part = grid % N_PARTS if taught else N_PARTS
        for level in range(len(CLICKS)):
            healthy = covariances.parts[part][level]
            rows = (material.grid == grid) & (material.level == level)
            values[rows] = _far(maps[rows], thin, of, _at(of, grid, level), healthy)
    for grid, level, rows, references in left_out(of):
        healthy = covariances.parts[grid % N_PARTS if taught else N_PARTS][level]
        null[rows] = _far(thin[rows], thin, of, references, healthy)
    return values, null


def _at(thin: Thinned, grid: int, level: int) -> Mask:
    here: Mask = (thin.grid == grid) & (thin.level == level)
    return here


def _far(rows: Features, thin: Features, of: Thinned, references: Mask, healthy: Shrunk) -> Array:
    mean = anchor(thin, of, references)
    neighbours = thin[references & (of.repeat == 0)].astype(np.float64)
    own = rows.astype(np.float64)
    to_neighbours = np.sort(_chord(own, neighbours), axis=1)[:, :N_NEAREST].mean(axis=1)
    return np.stack(
        [_chord(own, mean[None])[:, 0], healthy.distance(own - mean), to_neighbours], axis=1
    )


def _chord(rows: Array, others: Array) -> Array:
    """Return the distance of directions, sqrt(2 - 2 cosine): the order of the cosine, (n, m)."""
    cosine = _unit(rows) @ _unit(others).T
    chord: Array = np.sqrt(np.maximum(2 - 2 * cosine, 0))
    return chord


def _unit(rows: Array) -> Array:
    unit: Array = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-300)
    return unit


def sketched(features: Features, n_kept: int, seed: int = 0) -> Features:
    """Return fewer numbers that have the same distances, but for about sqrt(2 / n_kept).

    Each feature is added, with a random sign, to a random one of the numbers: the count sketch of
    M. Charikar, K. Chen, M. Farach-Colton (2002).
    """
    rng = np.random.default_rng(np.random.SeedSequence([seed, features.shape[1]]))
    place: Index = rng.integers(n_kept, size=features.shape[1])
    sign = rng.choice(np.array([-1.0, 1.0]), features.shape[1])
    made = [np.bincount(place, sign * row, n_kept) for row in features]
    return np.asarray(made, np.float32).reshape(len(features), n_kept)
