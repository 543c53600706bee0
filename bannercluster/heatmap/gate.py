"""Whether a block of scores earns its place: the combination with it against that without."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt
import xarray as xr

from bannercluster.heatmap.combination import CrossTaught, cross_taught
from bannercluster.heatmap.quality import Estimated, gain, ranking
from bannercluster.heatmap.references import names_of
from bannercluster.heatmap.scorer import HeatmapScorer
from bannercluster.heatmap.statistics.scores import SCORE_NAMES, Blocks

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class TaughtScores:
    """Calibrated scores of labelled heatmaps: what a combination learns from.

    Parameters
    ----------
    names : tuple of str
        Of the scores.
    z : ndarray of shape (n, n_scores), float64
    n_clicks : ndarray of shape (n,), float64
    broken : ndarray of shape (n,), bool
    grid : ndarray of shape (n,), int64
    fault : ndarray of shape (n,), object
    oracle : ndarray of shape (n,), float64
        Log likelihood ratio of a heatmap whose densities with and without its fault are known.
    """

    names: tuple[str, ...]
    z: Array
    n_clicks: Array
    broken: npt.NDArray[np.bool_]
    grid: npt.NDArray[np.int64]
    fault: npt.NDArray[np.object_]
    oracle: Array

    @classmethod
    def of(
        cls,
        heatmaps: xr.Dataset,
        reference: npt.NDArray[np.bool_],
        broken: npt.NDArray[np.bool_],
        blocks: Blocks,
        n_workers: int,
    ) -> TaughtScores:
        """Score heatmaps against the references among them.

        Parameters
        ----------
        heatmaps : Dataset
            With the coordinates ``domain``, ``grid_id``, ``fault`` and ``oracle``.
        reference, broken : ndarray of shape (n_samples,), bool
        blocks : tuple of ScoreBlock
        n_workers : int
        """
        scorer = HeatmapScorer.fit(heatmaps, reference, blocks=blocks, n_workers=n_workers)
        labelled = np.flatnonzero(~reference)
        scored = scorer.score(heatmaps.isel(sample=labelled))
        chosen = scored.status == "scored"
        _, grid = np.unique(scored.grid_id[chosen].astype(str), return_inverse=True)
        return cls(
            names=scorer.names,
            z=scored.z[chosen],
            n_clicks=np.minimum(scored.n_clicks[chosen], scorer.most_clicks).astype(np.float64),
            broken=broken[labelled[chosen]],
            grid=grid,
            fault=names_of(heatmaps, "fault")[labelled[chosen]],
            oracle=heatmaps["oracle"].to_numpy()[labelled[chosen]],
        )

    @cached_property
    def statistics(self) -> TaughtScores:
        """The same without the scores of blocks."""
        n = len(SCORE_NAMES)
        return replace(self, names=self.names[:n], z=self.z[:, :n])

    @cached_property
    def taught(self) -> CrossTaught:
        """What is taught on all of them, and what is said of grids that were left out."""
        return cross_taught(self.names, self.z, self.n_clicks, self.broken, self.grid, self.fault)

    @property
    def auroc(self) -> Estimated:
        """How well combinations tell the broken ones on grids that they were not taught.

        With the ridge that is best for it, one of three.
        """
        return self.auroc_of(self.taught.left_out)

    def auroc_of(self, scores: Array) -> Estimated:
        """Return how well scores tell the broken ones from the others."""
        return ranking(scores, self.broken, self.grid).auroc


@dataclass(frozen=True)
class Gate:
    """What a block adds to the statistics, out of fold.

    Parameters
    ----------
    block : str
    auroc, baseline : Estimated
        With and without it.
    gain : Estimated
        Their difference on the same resampled grids.
    """

    block: str
    auroc: Estimated
    baseline: Estimated
    gain: Estimated

    @property
    def kept(self) -> bool:
        """Whether the whole interval of the gain lies above zero."""
        return self.gain.low > 0

    @classmethod
    def of(cls, block: str, scores: TaughtScores) -> Gate:
        """Compare the combination of all scores with that of the statistics alone."""
        alone = scores.statistics
        return cls(
            block,
            scores.auroc,
            alone.auroc,
            gain(scores.taught.left_out, alone.taught.left_out, scores.broken, scores.grid),
        )
