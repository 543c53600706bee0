"""Why a heatmap looks broken: which fault would explain it, and where."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter

from bannercluster.heatmap.binning import N_BINS, Counts
from bannercluster.heatmap.combination import Combination
from bannercluster.heatmap.statistics.profile import GridProfile
from bannercluster.heatmap.statistics.scores import SCORE_NAMES, Scores
from bannercluster.heatmap.statistics.templates import FAMILIES

Array = npt.NDArray[np.float64]

_SMOOTH = 1.5
"""Standard deviation of the smoothing of evidence, in bins."""

_N_PLACES = float(N_BINS * N_BINS)


def evidence(profile: GridProfile, counts: Counts) -> npt.NDArray[np.float32]:
    """Return where there are too many clicks (positive) and too few, in standard deviations.

    Residuals are summed over a normal window and divided by the root of what Poisson's law and
    the healthy variation of the domain make of it.

    Parameters
    ----------
    counts : ndarray of shape (n, 64, 64), uint32

    Returns
    -------
    maps : ndarray of shape (n, 64, 64), float32
        Zero for heatmaps without clicks.
    """
    root = np.sqrt(profile.density)
    directions = profile.variation.direction.reshape(-1, N_BINS, N_BINS) * root
    spread = gaussian_filter(directions, (0, _SMOOTH, _SMOOTH)) ** 2
    # The variance of a weighted sum of counts has the squared weights: a window narrower by 2^0.5.
    chance = gaussian_filter(profile.density, _SMOOTH / np.sqrt(2)) / (4 * np.pi * _SMOOTH**2)
    healthy = np.tensordot(profile.variation.variance, spread, axes=1)
    maps = np.zeros(counts.shape, np.float32)
    for nth, cells in enumerate(counts.astype(np.float64)):
        n_clicks = cells.sum()
        if n_clicks:
            residual = gaussian_filter(cells / n_clicks - profile.density, _SMOOTH)
            maps[nth] = residual / np.sqrt(chance / n_clicks + healthy)
    return maps


def likely_fault(
    combination: Combination | None, raw: Scores, z: Array, n_clicks: Array
) -> npt.NDArray[np.object_]:
    """Return the likeliest fault of each heatmap, were it broken, shape (n,)."""
    if combination is None or not combination.names_faults:
        return untaught_fault(raw.values)
    return combination.likely_fault(z, n_clicks)


def share_of(fault: npt.NDArray[np.object_], raw: Scores) -> Array:
    """Return the share of clicks that the fault would touch, shape (n,); NaN without templates."""
    share = np.full(len(fault), np.nan)
    for family, column in zip(FAMILIES, raw.share.T, strict=True):
        share[fault == family] = column[fault == family]
    return share


def untaught_fault(values: Array) -> npt.NDArray[np.object_]:
    """Return the fault with the largest likelihood ratio, averaged over its forms, shape (n,).

    Parameters
    ----------
    values : ndarray of shape (n, len(SCORE_NAMES)), float64
        Raw scores. Templates, spots (as ``overlay``) and zones (as ``dead_zone``) compete; repeats
        have no likelihood, so that bursts and lattices are named overlays.
    """
    column = {name: values[:, nth] for nth, name in enumerate(SCORE_NAMES)}
    ratios = {family: np.sinh(column[f"ratio_{family}"]) for family in FAMILIES}
    ratios["overlay"] = column["fitted_spot_excess"] ** 2 / 2 - np.log(_N_PLACES)
    ratios["dead_zone"] = column["zone_ratio"]
    names = np.array(list(ratios), object)
    chosen: npt.NDArray[np.object_] = names[np.argmax(np.stack(list(ratios.values())), axis=0)]
    return chosen
