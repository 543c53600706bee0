"""How good scores are where the truth is known, with intervals over grids."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

_LEVEL = 0.95


@dataclass(frozen=True)
class Estimated:
    """A figure with the ends of its 95 % interval."""

    value: float
    low: float
    high: float


def auroc(scores: Array, broken: npt.NDArray[np.bool_]) -> float:
    """Return the probability that a broken heatmap scores above a healthy one, ties by half."""
    healthy = np.sort(scores[~broken])
    below = np.searchsorted(healthy, scores[broken], side="left")
    upto = np.searchsorted(healthy, scores[broken], side="right")
    return float((below + upto).mean() / (2 * len(healthy)))


def recall_at(scores: Array, broken: Mask, false_positive_rate: float = 0.01) -> float:
    """Return the share of broken heatmaps above all but so large a share of healthy ones."""
    healthy = np.sort(scores[~broken])
    allowed = int(np.floor(false_positive_rate * len(healthy)))
    limit = healthy[len(healthy) - 1 - allowed]
    return float((scores[broken] > limit).mean())


@dataclass(frozen=True, eq=False)
class GridBootstrap:
    """Heatmaps resampled grid by grid: those of one grid are not independent.

    Parameters
    ----------
    rows : tuple of ndarray
        Numbers of the heatmaps of each grid.
    n_resamples, seed : int
    """

    rows: tuple[npt.NDArray[np.int64], ...]
    n_resamples: int
    seed: int

    @classmethod
    def of(
        cls, grid: npt.NDArray[np.int64], n_resamples: int = 500, seed: int = 0
    ) -> GridBootstrap:
        """Group heatmaps by their grid."""
        rows = tuple(np.flatnonzero(grid == one) for one in np.unique(grid).tolist())
        return cls(rows, n_resamples, seed)

    def estimate(self, figure: Callable[[npt.NDArray[np.int64]], float]) -> Estimated:
        """Return a figure of heatmaps with its percentile interval.

        Parameters
        ----------
        figure : callable
            Of the numbers of heatmaps, with repetitions; NaN where it is not defined.
        """
        rng = np.random.default_rng(self.seed)
        n = len(self.rows)
        drawn = [
            figure(np.concatenate([self.rows[one] for one in rng.integers(n, size=n).tolist()]))
            for _ in range(self.n_resamples)
        ]
        low, high = np.nanquantile(drawn, [(1 - _LEVEL) / 2, (1 + _LEVEL) / 2])
        return Estimated(figure(np.concatenate(self.rows)), float(low), float(high))


@dataclass(frozen=True)
class Ranking:
    """How well scores rank broken heatmaps above healthy ones.

    Parameters
    ----------
    n_broken, n_healthy : int
    auroc, recall : Estimated
        The latter at a false positive rate of 1 %, the limit set on the same heatmaps.
    """

    n_broken: int
    n_healthy: int
    auroc: Estimated
    recall: Estimated


def ranking(
    scores: Array,
    broken: Mask,
    grid: npt.NDArray[np.int64],
    *,
    n_resamples: int = 500,
    seed: int = 0,
) -> Ranking:
    """Measure scores.

    Parameters
    ----------
    scores : ndarray of shape (n,)
        Larger is more broken.
    broken : ndarray of shape (n,), bool
        Some are, some are not.
    grid : ndarray of shape (n,), int64
    """
    bootstrap = GridBootstrap.of(grid, n_resamples, seed)

    def figure(measure: Callable[[Array, Mask], float]) -> Estimated:
        def of(rows: npt.NDArray[np.int64]) -> float:
            chosen = broken[rows]
            if chosen.all() or not chosen.any():
                return float("nan")
            return measure(scores[rows], chosen)

        return bootstrap.estimate(of)

    return Ranking(int(broken.sum()), int((~broken).sum()), figure(auroc), figure(recall_at))


def gain(
    scores: Array,
    baseline: Array,
    broken: Mask,
    grid: npt.NDArray[np.int64],
    *,
    n_resamples: int = 500,
    seed: int = 0,
) -> Estimated:
    """Return what scores gain in AUROC over a baseline on the same heatmaps, paired."""

    def difference(rows: npt.NDArray[np.int64]) -> float:
        chosen = broken[rows]
        if chosen.all() or not chosen.any():
            return float("nan")
        return auroc(scores[rows], chosen) - auroc(baseline[rows], chosen)

    return GridBootstrap.of(grid, n_resamples, seed).estimate(difference)


def false_positive_rate(
    p: Array,
    grid: npt.NDArray[np.int64],
    nominal: float = 0.01,
    *,
    n_resamples: int = 500,
    seed: int = 0,
) -> Estimated:
    """Return which share of healthy heatmaps has a p-value up to the nominal rate.

    Parameters
    ----------
    p : ndarray of shape (n,)
        Of healthy heatmaps.
    """

    def share(rows: npt.NDArray[np.int64]) -> float:
        return float((p[rows] <= nominal).mean())

    return GridBootstrap.of(grid, n_resamples, seed).estimate(share)
