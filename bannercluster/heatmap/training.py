"""A combination from labelled heatmaps, such as simulated ones."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import xarray as xr

from bannercluster.heatmap.combination import Combination, train_combination
from bannercluster.heatmap.references import names_of
from bannercluster.heatmap.scorer import HeatmapScorer
from bannercluster.heatmap.statistics.scores import Blocks


def train(
    heatmaps: xr.Dataset,
    reference: npt.NDArray[np.bool_],
    broken: npt.NDArray[np.bool_],
    *,
    blocks: Blocks = (),
    n_workers: int = 1,
) -> Combination:
    """Teach the combination of scores which heatmaps are broken.

    Parameters
    ----------
    heatmaps : Dataset
        ``counts(sample, y, x)`` uint32 with the coordinates ``domain``, ``grid_id`` and, to learn
        their names, ``fault``.
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
        If there is nothing to learn, or the Dataset is another.
    """
    scorer = HeatmapScorer.fit(heatmaps, reference, blocks=blocks, n_workers=n_workers)
    labelled = np.flatnonzero(~reference)
    scored = scorer.score(heatmaps.isel(sample=labelled))
    chosen = scored.status == "scored"
    fault = names_of(heatmaps, "fault")[labelled[chosen]] if "fault" in heatmaps.coords else None
    _, grid = np.unique(scored.grid_id[chosen].astype(str), return_inverse=True)
    return train_combination(
        scorer.names,
        scored.z[chosen],
        np.minimum(scored.n_clicks[chosen], scorer.most_clicks).astype(np.float64),
        broken[labelled[chosen]],
        grid,
        fault,
    )
