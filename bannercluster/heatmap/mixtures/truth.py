"""What can be known at all: EM from the true parameters, and the true clusters that BIC keeps."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bannercluster.heatmap.mixtures.em import EmConfig, Fit, fit
from bannercluster.heatmap.mixtures.model import PIXEL_VARIANCE, Array, Mixture, Points, bic
from bannercluster.heatmap.mixtures.path import PathConfig, best_smaller


def fit_from_truth(
    counts: npt.NDArray[np.integer],
    centres: Array,
    covariances: Array,
    n_drawn: npt.NDArray[np.integer],
    config: EmConfig | None = None,
) -> Fit:
    """Fit the mixture that an image was drawn from, starting at the truth.

    Parameters
    ----------
    counts : (side, side) integer array
    centres : (k, 2) float64 array
        (x, y) in px.
    covariances : (k, 2, 2) float64 array
        Of the clicks, in px^2.
    n_drawn : (k,) integer array
        Clicks drawn from each cluster, those off the canvas included.
    config : EmConfig, optional

    Returns
    -------
    Fit
        Its component i is cluster i.
    """
    points = Points.of_counts(counts)
    # A cluster without a click starts with half of one: a share of 0 would stay 0.
    drawn = np.maximum(n_drawn.astype(np.float64), 0.5)
    total = max(points.n_clicks, float(drawn.sum()) + 1.0)
    start = Mixture(
        drawn / total,
        centres.astype(np.float64),
        covariances + PIXEL_VARIANCE * np.eye(2),
        1.0 - float(drawn.sum()) / total,
    )
    return fit(points, start, config)


def pruned(counts: npt.NDArray[np.integer], start: Fit, config: PathConfig | None = None) -> Fit:
    """Merge or remove components as long as BIC falls.

    From the truth this gives the largest part of the true clusters that the clicks support: the
    ceiling of every count that is made from the same image by the same criterion.
    """
    config = config or PathConfig()
    points = Points.of_counts(counts)
    now = start
    while now.mixture.n_components:
        found = best_smaller(points, now.mixture, config)
        k = now.mixture.n_components
        if found is None or bic(found.log_likelihood, k - 1, points.n_clicks) >= bic(
            now.log_likelihood, k, points.n_clicks
        ):
            return now
        now = found
    return now
