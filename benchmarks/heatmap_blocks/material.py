"""Simulated heatmaps beside thinned references, and what the statistics say of both."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from bannercluster.heatmap.binning import Counts
from bannercluster.heatmap.calibration import calibrate
from bannercluster.heatmap.nulls import LADDER, NullScores
from bannercluster.heatmap.references import fold_scorer, profiles_of, references_of
from bannercluster.heatmap.simulator.benchmark import (
    BenchmarkConfig,
    Heatmaps,
    draw_grids,
    simulate_grid,
)
from bannercluster.heatmap.statistics.scores import Scorecard
from bannercluster.heatmap.thinning import thinned

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

CLICKS = (20, 100, 1_000, 20_000)
"""Clicks of the heatmaps, and levels that references are thinned to."""

REPEATS = (2, 2, 2, 1)
"""Heatmaps thinned of one reference, by level."""

_N_FOLDS = 5


@dataclass(frozen=True, eq=False)
class Thinned:
    """References of grids thinned to each level, one entry of each array per heatmap.

    Parameters
    ----------
    counts : ndarray of shape (n, 64, 64), uint32
    grid, fold, reference, level, repeat : ndarray of shape (n,), int64
        Place of the grid, fold that is left out with it, number of the reference in its grid,
        index into ``CLICKS``, number of the thinning.
    """

    counts: Counts
    grid: Index
    fold: Index
    reference: Index
    level: Index
    repeat: Index

    @classmethod
    def of(cls, references: list[Counts]) -> Thinned:
        """Thin the references of grids; one with fewer clicks than a level asks stays as it is."""
        counts, rows = [], []
        for place, some in enumerate(references):
            for number, own in enumerate(some):
                for level, n_clicks in enumerate(CLICKS):
                    enough = own.sum(dtype=np.int64) >= n_clicks
                    for repeat in range(REPEATS[level] if enough else 1):
                        counts.append(thinned(own, n_clicks, repeat) if enough else own)
                        rows.append((place, number % _N_FOLDS, number, level, repeat))
        return cls(np.stack(counts), *np.array(rows, np.int64).T)

    @property
    def whole(self) -> Mask:
        """Whether one has as many clicks as its level asks.

        Others stand in for references of that level, but do not say what a healthy heatmap of so
        many clicks scores.
        """
        enough: Mask = self.counts.sum(axis=(1, 2)) == np.array(CLICKS)[self.level]
        return enough


@dataclass(frozen=True, eq=False)
class Material:
    """Heatmaps of some grids, their thinned references, and the statistics' scores.

    Parameters
    ----------
    maps : Heatmaps
        Without the references.
    grid, level : ndarray of shape (n,), int64
        Place of the grid, and index into ``CLICKS``.
    references : list of ndarray of shape (r, 64, 64), uint32
        Of each grid, as they are.
    thin : Thinned
    statistics : ndarray of shape (n, n_scores), float64
        Calibrated.
    """

    maps: Heatmaps
    grid: Index
    level: Index
    references: list[Counts]
    thin: Thinned
    statistics: Array

    @property
    def n_grids(self) -> int:
        """Number of grids."""
        return len(self.references)

    def calibrated(self, values: Array, left_out: Array) -> Array:
        """Return scores of the heatmaps as z.

        Parameters
        ----------
        values : ndarray of shape (n, n_scores), float64
        left_out : ndarray of shape (n_thin, n_scores), float64
            Of thinned references, each against the others; those that are not whole do not count.
        """
        return _calibrated(values, self.grid, self.level, left_out, self.thin, self.n_grids)


def make_material(config: BenchmarkConfig, numbers: list[int]) -> Material:
    """Simulate some of the grids and score their heatmaps by the statistics."""
    if config.clicks != CLICKS:
        raise ValueError(f"heatmaps of {config.clicks} clicks; references are thinned to {CLICKS}")
    grids = draw_grids(config)
    drawn = [simulate_grid(config, grids, number) for number in numbers]
    ids = np.concatenate([np.full(len(one), f"{one.grid[0]:04d}", object) for one in drawn])
    everything = Heatmaps.concatenated(drawn)
    found = references_of(everything.counts, ids, everything.reference)
    profiles = profiles_of(found)
    references = list(found.values())
    thin = Thinned.of(references)
    maps = everything.where(~everything.reference)
    grid = np.searchsorted(np.array(numbers), maps.grid)
    level = np.searchsorted(np.array(CLICKS), maps.n_clicks)
    values, left_out = [], None
    for place, profile in enumerate(profiles.values()):
        values.append(Scorecard.of(profile).scores(maps.counts[grid == place]).values)
        score = fold_scorer(profile, ())
        if left_out is None:
            left_out = np.zeros((len(thin.counts), values[0].shape[1]))
        folds = np.arange(len(references[place])) % _N_FOLDS
        for fold in range(_N_FOLDS):
            rows = (thin.grid == place) & (thin.fold == fold) & thin.whole
            left_out[rows] = score(references[place][folds != fold], thin.counts[rows])
    z = _calibrated(np.concatenate(values), grid, level, left_out, thin, len(references))
    return Material(maps, grid, level, references, thin, z)


def _calibrated(
    values: Array, grid: Index, level: Index, left_out: Array, thin: Thinned, n_grids: int
) -> Array:
    chosen = thin.whole
    null = NullScores(
        left_out[chosen],
        *(one[chosen] for one in (thin.grid, thin.fold, thin.reference, thin.level)),
    )
    # The calibration names levels by their place on its ladder, and interpolates between them.
    # All heatmaps lie on a level, so the four levels take its first places.
    calibration, _ = calibrate(null, n_grids)
    return calibration.z(values, grid, np.array(LADDER, float)[level])


def config_of(grids: tuple[int, int, int], seed: int, healthy: int) -> BenchmarkConfig:
    """Return what is simulated."""
    return replace(BenchmarkConfig(), grids=grids, healthy=healthy, clicks=CLICKS, seed=seed)
