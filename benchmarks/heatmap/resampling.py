"""AUROC and recall with intervals over grids, for many heatmaps many times.

The figures are those of ``bannercluster.heatmap.quality.ranking``, to the last digits: a resample
of grids is a weight of each heatmap, so that everything is sorted once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bannercluster.heatmap.quality import Estimated

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

N_RESAMPLES = 500
_LEVEL = 0.95


@dataclass(frozen=True, eq=False)
class Resampled:
    """Figures of heatmaps as they are, then of each resample, shape (1 + n_resamples,).

    Parameters
    ----------
    n_broken, n_healthy : int
    auroc, recall : ndarray of float64
        The latter at a false positive rate, the limit set on the same heatmaps. NaN where a
        resample has no broken or no healthy ones.
    """

    n_broken: int
    n_healthy: int
    auroc: Array
    recall: Array

    @classmethod
    def of(
        cls,
        scores: Array,
        broken: Mask,
        grid: npt.NDArray[np.int64],
        *,
        rate: float = 0.01,
        n_resamples: int | None = None,
        seed: int = 0,
    ) -> Resampled:
        """Measure scores, larger ones more broken; ``N_RESAMPLES`` times if it is not said."""
        n_resamples = N_RESAMPLES if n_resamples is None else n_resamples
        _, place = np.unique(grid, return_inverse=True)
        n_grids = int(place.max()) + 1
        order = np.argsort(scores[~broken], kind="stable")
        healthy, of_healthy = scores[~broken][order], place[~broken][order]
        of_broken = place[broken]
        below = np.searchsorted(healthy, scores[broken], side="left")
        upto = np.searchsorted(healthy, scores[broken], side="right")
        rng = np.random.default_rng(seed)
        found = np.full((1 + n_resamples, 2), np.nan)
        for nth in range(1 + n_resamples):
            drawn = np.arange(n_grids) if nth == 0 else rng.integers(n_grids, size=n_grids)
            times = np.bincount(drawn, minlength=n_grids)
            summed = np.concatenate([[0], np.cumsum(times[of_healthy])])
            weight, total = times[of_broken], summed[-1]
            if weight.any() and total:
                wins = (weight * (summed[below] + summed[upto])).sum() / 2
                limit = np.searchsorted(summed[1:], total - np.floor(rate * total), side="left")
                above = weight[below > limit].sum()
                found[nth] = wins / (weight.sum() * total), above / weight.sum()
        return cls(len(of_broken), len(healthy), *found.T)

    @classmethod
    def mean(cls, parts: Sequence[Resampled]) -> Resampled:
        """Return the mean of figures over the same resamples of the same grids."""
        return cls(
            sum(part.n_broken for part in parts),
            parts[0].n_healthy,
            np.mean([part.auroc for part in parts], axis=0),
            np.mean([part.recall for part in parts], axis=0),
        )


def estimated(figures: Array) -> Estimated:
    """Return a figure with its percentile interval: the first of the array, the others resampled.

    Parameters
    ----------
    figures : ndarray of shape (1 + n_resamples,)
    """
    resampled = figures[1:][~np.isnan(figures[1:])]
    ends = np.quantile(resampled, [(1 - _LEVEL) / 2, (1 + _LEVEL) / 2]) if len(resampled) else None
    low, high = (np.nan, np.nan) if ends is None else ends.tolist()
    return Estimated(float(figures[0]), low, high)
