"""Heatmaps as the images that pretrained networks take: 8 bits, three equal channels.

Two recipes. ``counts``: what was counted, under a root or a logarithm. ``bootstrap``: the users'
baseline, 50,000 clicks drawn with replacement from those there are, plus noise. Resampling and
noise of standard deviation h are together a draw from a kernel density estimate of bandwidth h:
they add no information, and hide the number of clicks. It is kept to be compared with.

Both divide by the brightest pixel of the image: a network that was trained on photographs sees
shape and not size. The number of clicks is a feature of its own.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

from bannercluster.errors import UsageError
from bannercluster.heatmap.binning import EDGES, Counts
from bannercluster.heatmap.networks.views import places

Array = npt.NDArray[np.float64]
Picture = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class RenderConfig:
    """How a heatmap becomes an image.

    Parameters
    ----------
    recipe : {"counts", "bootstrap"}
    scale : {"sqrt", "log", "linear"}
        Of a pixel's count, before it is divided by that of the brightest pixel.
    n_bootstrap : int
        Clicks of the bootstrap.
    bandwidth : float
        Standard deviation of its noise, as a share of the slot.
    seed : int
        Of its random numbers, with the counts themselves: a heatmap has one image, whatever it is
        rendered beside.
    """

    recipe: Literal["counts", "bootstrap"] = "counts"
    scale: Literal["sqrt", "log", "linear"] = "sqrt"
    n_bootstrap: int = 50_000
    bandwidth: float = 0.02
    seed: int = 0

    def __post_init__(self) -> None:
        if self.n_bootstrap < 1 or self.bandwidth < 0:
            raise UsageError(
                f"a bootstrap of {self.n_bootstrap} clicks with noise of {self.bandwidth}; "
                "expected at least 1 click, and noise of 0 or more"
            )


def picture(counts: Counts, config: RenderConfig, size_px: int) -> Picture:
    """Render one heatmap.

    Parameters
    ----------
    counts : ndarray of shape (64, 64), uint32
        Raw counts. Without any the image is black.
    config : RenderConfig
    size_px : int
        Side of the square.

    Returns
    -------
    ndarray of shape (size_px, size_px, 3), uint8
    """
    if config.recipe == "counts":
        coarse = Image.fromarray(_scaled(counts.astype(np.float64), config).astype(np.float32))
        grey = np.asarray(coarse.resize((size_px, size_px), Image.Resampling.BILINEAR), np.float64)
    else:
        digest = hashlib.sha256(counts.astype("<u4").tobytes()).digest()
        seed = np.random.SeedSequence([config.seed, int.from_bytes(digest)])
        rng = np.random.default_rng(seed)
        clicks = bootstrapped(places(counts, rng), config.n_bootstrap, config.bandwidth, rng)
        grey = _scaled(_binned(clicks, size_px), config)
    brightest = grey.max()
    shade = np.rint(255 * grey / brightest) if brightest > 0 else np.zeros_like(grey)
    return np.repeat(shade.astype(np.uint8)[:, :, None], 3, axis=2)


def bootstrapped(clicks: Array, n_clicks: int, bandwidth: float, rng: np.random.Generator) -> Array:
    """Draw clicks with replacement and add normal noise: the users' recipe.

    Parameters
    ----------
    clicks : ndarray of shape (n, 2), float64
    n_clicks : int
        Clicks drawn, also where there are more; none from none.
    bandwidth : float
        Standard deviation of the noise in each axis, as a share of the slot.

    Returns
    -------
    ndarray of shape (n_clicks, 2), float64
    """
    if len(clicks) == 0:
        return clicks
    drawn = clicks[rng.integers(len(clicks), size=n_clicks)]
    noisy: Array = drawn + bandwidth * rng.normal(size=drawn.shape)
    return noisy


def _scaled(values: Array, config: RenderConfig) -> Array:
    if config.scale == "sqrt":
        return np.sqrt(values)
    return np.log1p(values) if config.scale == "log" else values


def _binned(clicks: Array, size_px: int) -> Array:
    """Count clicks in pixels of the canvas: the slot and its ring, as in `heatmap.binning`."""
    low, high = EDGES[0], EDGES[-1]
    cell = np.clip((clicks - low) * (size_px / (high - low)), 0, size_px - 1).astype(np.int64)
    flat = np.bincount(cell[:, 1] * size_px + cell[:, 0], minlength=size_px * size_px)
    return flat.reshape(size_px, size_px).astype(np.float64)
