"""Whether a block of scores earns its place: the combination with it against that without."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt
import xarray as xr

from bannercluster.heatmap.calibration import calibrate
from bannercluster.heatmap.combination import CrossTaught, LabelledScores, cross_taught
from bannercluster.heatmap.quality import Estimated, gain, ranking
from bannercluster.heatmap.references import names_of
from bannercluster.heatmap.scorer import HeatmapScorer
from bannercluster.heatmap.statistics.scores import SCORE_NAMES, Blocks

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class TaughtScores:
    """Calibrated scores of labelled heatmaps, and what combinations that learn from them say.

    Parameters
    ----------
    scores : LabelledScores
    rows : ndarray of shape (n,), int64
        Which of the heatmaps that were given have them: neither references nor empty ones.
    """

    scores: LabelledScores
    rows: npt.NDArray[np.int64]

    @classmethod
    def of(
        cls,
        heatmaps: xr.Dataset,
        reference: npt.NDArray[np.bool_],
        broken: npt.NDArray[np.bool_],
        blocks: Blocks = (),
        n_workers: int = 1,
    ) -> TaughtScores:
        """Score heatmaps against the references among them.

        Parameters
        ----------
        heatmaps : Dataset
            ``counts(sample, y, x)`` uint32 with the coordinates ``domain``, ``grid_id`` and, to
            learn their names, ``fault``.
        reference : ndarray of shape (n_samples,), bool
            Known to be healthy: profiles and calibration are made of them.
        broken : ndarray of shape (n_samples,), bool
            Of the others, which are broken.
        blocks : tuple of ScoreBlock
            Further scores, as for ``HeatmapScorer.fit``.
        n_workers : int
            Threads; the result does not depend on it.

        Raises
        ------
        DataError
            If the Dataset is another.
        """
        scorer, null = HeatmapScorer.fit_with_null(
            heatmaps, reference, blocks=blocks, n_workers=n_workers
        )
        labelled = np.flatnonzero(~reference)
        scored = scorer.score(heatmaps.isel(sample=labelled))
        chosen = scored.status == "scored"
        rows = labelled[chosen]
        place = {name: number for number, name in enumerate(scorer.profiles)}
        grid = np.array([place[name] for name in scored.grid_id[chosen].tolist()], np.int64)
        _, healthy = calibrate(null, len(place))
        return cls(
            LabelledScores(
                names=scorer.names,
                z=scored.z[chosen],
                n_clicks=np.minimum(scored.n_clicks[chosen], scorer.most_clicks).astype(np.float64),
                broken=broken[rows],
                grid=grid,
                fault=names_of(heatmaps, "fault")[rows] if "fault" in heatmaps.coords else None,
                references=LabelledScores.of_references(scorer.names, null, healthy),
            ),
            rows,
        )

    @cached_property
    def statistics(self) -> TaughtScores:
        """The same without the scores of blocks."""
        return replace(self, scores=self.scores.columns(SCORE_NAMES))

    @cached_property
    def taught(self) -> CrossTaught:
        """What is taught on all of them, and what is said of grids that were left out."""
        return cross_taught(self.scores)

    @property
    def auroc(self) -> Estimated:
        """How well combinations tell the broken ones on grids that they were not taught.

        With the ridge that is best for it, one of three.
        """
        return self.auroc_of(self.taught.left_out)

    def auroc_of(self, scores: Array) -> Estimated:
        """Return how well scores of the same heatmaps tell the broken ones from the others."""
        return ranking(scores, self.scores.broken, self.scores.grid).auroc


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
        alone, labelled = scores.statistics, scores.scores
        return cls(
            block,
            scores.auroc,
            alone.auroc,
            gain(scores.taught.left_out, alone.taught.left_out, labelled.broken, labelled.grid),
        )
