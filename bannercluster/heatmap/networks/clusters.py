"""The users' generator: images with a known number of Gaussian click clusters under noise.

An image is a function of (seed, index): batches of any size, made in any order, hold the same
images. The distributions are those of `ClusterConfig`; they were frozen before any training.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bannercluster.errors import UsageError


@dataclass(frozen=True)
class ClusterConfig:
    """How an image is drawn.

    1. The number of clusters k is uniform on ``0 ... max_clusters``.
    2. The number of clicks N is log-uniform on ``n_clicks`` (a fixed number where both ends agree).
    3. The share of noise is uniform on ``noise_share``; each click is noise with that probability
       (all clicks are where k = 0). Noise is uniform on the canvas.
    4. Centres are uniform on the canvas without a margin of ``margin_px`` at each edge. Nothing
       keeps centres apart: clusters may coincide.
    5. Both axes of a cluster have a standard deviation uniform on ``sd_px``, drawn independently;
       its angle is uniform on 0 ... pi.
    6. Sizes: the clicks that are no noise are shared out (multinomial) in proportion to weights
       uniform on ``size_ratio``.
    7. A click off the canvas is lost: the image then holds less than N.

    Parameters
    ----------
    max_clusters : int
    n_clicks : tuple of int
        Least and most.
    noise_share : tuple of float
    sd_px : tuple of float
    size_ratio : tuple of float
        Relative sizes, before they are normalised.
    margin_px : float
    n_pixels : int
        Of each side of the canvas.
    """

    max_clusters: int = 20
    n_clicks: tuple[int, int] = (500, 50_000)
    noise_share: tuple[float, float] = (0.0, 0.3)
    sd_px: tuple[float, float] = (1.0, 10.0)
    size_ratio: tuple[float, float] = (0.2, 1.0)
    margin_px: float = 10.0
    n_pixels: int = 224

    def __post_init__(self) -> None:
        for name in ("n_clicks", "noise_share", "sd_px", "size_ratio"):
            low, high = getattr(self, name)
            if not 0 <= low <= high:
                raise UsageError(
                    f"{name} is {(low, high)}, expected 0 <= least <= most: change its ends"
                )
        if self.sd_px[0] <= 0 or self.size_ratio[0] <= 0 or self.noise_share[1] > 1:
            raise UsageError(
                f"got sd_px {self.sd_px}, size_ratio {self.size_ratio} and noise_share "
                f"{self.noise_share}, expected positive ones and a share of at most 1: change them"
            )
        if self.max_clusters < 0 or not 0 <= 2 * self.margin_px < self.n_pixels:
            raise UsageError(
                f"got {self.max_clusters} clusters and a margin of {self.margin_px} px on a canvas "
                f"of {self.n_pixels} px, expected none or more, and room between the margins: "
                f"change them"
            )


@dataclass(frozen=True)
class ClusterImage:
    """An image and what it was drawn from.

    Parameters
    ----------
    counts : (n_pixels, n_pixels) uint32 array
        Clicks of each pixel, axes (y, x).
    centres : (k, 2) float64 array
        (x, y) in px; pixel i covers i ... i + 1.
    covariances : (k, 2, 2) float64 array
        In px^2.
    n_drawn : (k,) int64 array
        Clicks drawn from each cluster, those that were lost included.
    n_noise : int
    """

    counts: npt.NDArray[np.uint32]
    centres: npt.NDArray[np.float64]
    covariances: npt.NDArray[np.float64]
    n_drawn: npt.NDArray[np.int64]
    n_noise: int

    @property
    def n_clusters(self) -> int:
        """The number to be predicted: k, also where a cluster got no click."""
        return len(self.centres)


def cluster_image(config: ClusterConfig, seed: int, index: int) -> ClusterImage:
    """Draw one image."""
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, index])))
    k = int(rng.integers(config.max_clusters + 1))
    n_clicks = _log_uniform(rng, config.n_clicks)
    share = rng.uniform(*config.noise_share) if k else 1.0
    low, high = config.margin_px, config.n_pixels - config.margin_px
    centres = rng.uniform(low, high, (k, 2))
    sd, angle = rng.uniform(*config.sd_px, (k, 2)), rng.uniform(0, np.pi, k)
    weights = rng.uniform(*config.size_ratio, k)
    factors = _factors(sd, angle)
    n_noise = int(rng.binomial(n_clicks, share))
    sizes = np.zeros(0, np.int64)
    if k:
        sizes = rng.multinomial(n_clicks - n_noise, weights / weights.sum())
    clicks = rng.standard_normal((n_clicks - n_noise, 2), np.float32)
    which = np.repeat(np.arange(k), sizes)
    turned = np.einsum("nij,nj->ni", factors.astype(np.float32)[which], clicks)
    turned += centres.astype(np.float32)[which]
    noise = rng.random((n_noise, 2), np.float32) * np.float32(config.n_pixels)
    counts = _binned(np.concatenate([turned, noise]), config.n_pixels)
    covariances = factors @ factors.transpose(0, 2, 1)
    return ClusterImage(counts, centres, covariances, sizes, n_noise)


def cluster_images(config: ClusterConfig, seed: int, start: int, stop: int) -> list[ClusterImage]:
    """Draw the images ``start ... stop - 1`` of a seed."""
    return [cluster_image(config, seed, index) for index in range(start, stop)]


def _log_uniform(rng: np.random.Generator, ends: tuple[int, int]) -> int:
    if ends[0] == ends[1]:
        return ends[0]
    low, high = np.log(np.maximum(ends, 1))
    return round(float(np.exp(rng.uniform(low, high))))


def _factors(
    sd: npt.NDArray[np.float64], angle: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Return rotations times deviations, (k, 2, 2): F F^T is the covariance."""
    cos, sin = np.cos(angle), np.sin(angle)
    turn = np.stack([np.stack([cos, -sin], axis=-1), np.stack([sin, cos], axis=-1)], axis=-2)
    factors: npt.NDArray[np.float64] = turn * sd[:, None, :]
    return factors


def _binned(clicks: npt.NDArray[np.float32], n_pixels: int) -> npt.NDArray[np.uint32]:
    """Count (n, 2) clicks (x, y) in pixels; those off the canvas are lost."""
    at = np.floor(clicks).astype(np.int64)
    inside = ((at >= 0) & (at < n_pixels)).all(axis=1)
    flat = at[inside, 1] * n_pixels + at[inside, 0]
    counts = np.bincount(flat, minlength=n_pixels * n_pixels)
    return counts.reshape(n_pixels, n_pixels).astype(np.uint32)
