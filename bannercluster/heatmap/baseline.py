"""The users' recipe: heatmaps bootstrapped to 50,000 clicks with noise, cosine to an anchor."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter

from bannercluster.heatmap.binning import Counts
from bannercluster.heatmap.statistics.profile import GridProfile
from bannercluster.heatmap.thinning import content_key

Array = npt.NDArray[np.float64]

N_BOOTSTRAPPED = 50_000
"""Clicks that every heatmap is brought to."""

NOISE_SD = 1.0
"""Of the noise that moves each drawn click, in bins."""


def bootstrapped(counts: Counts) -> Array:
    """Draw 50,000 clicks of each heatmap with replacement, and blur them by the noise.

    Adding normal noise to each drawn click is, but for its own chance, a normal blur of what was
    drawn: the recipe is a kernel density estimate, and hides how many clicks there were.

    Parameters
    ----------
    counts : ndarray of shape (n, 64, 64), uint32
        Each with a click.

    Returns
    -------
    heatmaps : ndarray of shape (n, 64, 64), float64
        Each sums to 50,000. The same heatmap gives the same one, alone and in a batch.
    """
    made = np.empty(counts.shape)
    for nth, own in enumerate(counts):
        words = np.frombuffer(content_key(own), "<u4").tolist()
        rng = np.random.default_rng(np.random.SeedSequence([*words, N_BOOTSTRAPPED]))
        shares = own.ravel() / own.sum(dtype=np.float64)
        drawn = rng.multinomial(N_BOOTSTRAPPED, shares).reshape(own.shape)
        made[nth] = gaussian_filter(drawn.astype(np.float64), NOISE_SD, mode="nearest")
    return made


def users_cosine(profile: GridProfile, counts: Counts) -> Array:
    """Return one minus the cosine similarity of the recipe's pixels to the mean reference, (n,).

    As the users have it: neither calibrated nor aware of the number of clicks.
    """
    anchor = gaussian_filter(profile.anchor, NOISE_SD, mode="nearest").ravel()
    anchor /= np.linalg.norm(anchor)
    pixels = bootstrapped(counts).reshape(len(counts), -1)
    return np.array([1 - float(one @ anchor) / float(np.linalg.norm(one)) for one in pixels])
