"""The users' synthetic banners for SimCLR: a batch is 8 classes with 2 instances each.

The class of a banner is its number of click clusters, 1 to 8. Clusters are round Gaussians with a
standard deviation of 1 to 10 pixels on a canvas of 224, drawn for each cluster. Where they lie is
the layout: anywhere (``random``), side by side (``horizontal``), one above the other
(``vertical``), on a grid with two rows or columns at least (``mixed``; primes leave cells empty).
In a ``broken`` batch there are 8 classes more: grids of the same numbers whose clusters have been
squeezed to a corner, moved, or joined by one more spot on top. The users' notes do not say how
theirs were broken, nor how grids vary: what is written here is our reading.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

from bannercluster.heatmap.binning import EDGES, MARGIN, N_BINS, Counts

Array = npt.NDArray[np.float64]
Layout = Literal["random", "horizontal", "vertical", "mixed"]
GRIDS: tuple[Layout, ...] = ("horizontal", "vertical", "mixed")

N_CLASSES = 8
N_INSTANCES = 2


@dataclass(frozen=True)
class BannerConfig:
    """The users' recipe in numbers.

    Parameters
    ----------
    random_share, grid_share : float
        Shares of the batches, from the first on, with random centres and with whole grids; in the
        rest grids are broken too.
    sd_px : (float, float)
        Standard deviation of a cluster, uniform, in pixels of the canvas.
    canvas_px : int
    n_clicks : int
        Of a banner.
    noise_share : (float, float)
        Share of clicks spread over the slot, uniform.
    weight_spread : float
        Standard deviation of the log weights of the clusters.
    """

    random_share: float = 0.5
    grid_share: float = 0.3
    sd_px: tuple[float, float] = (1.0, 10.0)
    canvas_px: int = 224
    n_clicks: int = 50_000
    noise_share: tuple[float, float] = (0.0, 0.1)
    weight_spread: float = 0.5


def draw_batch(
    step: int, n_steps: int, config: BannerConfig, rng: np.random.Generator
) -> tuple[Counts, npt.NDArray[np.int64]]:
    """Draw the batch of a step.

    Parameters
    ----------
    step, n_steps : int
        The stage follows from how far the training is.

    Returns
    -------
    counts : ndarray of shape (n_views, 64, 64), uint32
        16 views, 32 where grids are broken.
    label : ndarray of shape (n_views,), int64
        0 to 7: one less than the number of clusters; 8 more for a broken grid.
    """
    done = step / n_steps
    is_random = done < config.random_share
    kinds = (False,) if done < config.random_share + config.grid_share else (False, True)
    counts, label = [], []
    for is_broken in kinds:
        for n in range(1, N_CLASSES + 1):
            for _ in range(N_INSTANCES):
                layout = "random" if is_random else GRIDS[rng.integers(len(GRIDS))]
                centre = centres(n, layout, rng)
                if is_broken:
                    centre = broken(centre, rng)
                counts.append(draw_banner(centre, config, rng))
                label.append(n - 1 + N_CLASSES * is_broken)
    return np.stack(counts), np.asarray(label, np.int64)


def centres(n_clusters: int, layout: Layout, rng: np.random.Generator) -> Array:
    """Draw the centres (n_clusters, 2) of a whole banner, as shares of the slot."""
    if layout == "random":
        return rng.uniform(0, 1, (n_clusters, 2))
    if layout == "mixed":
        n_rows = int(rng.integers(2, max(3, n_clusters // 2 + 1)))
        n_columns = -(-n_clusters // n_rows)
    else:
        n_rows, n_columns = (1, n_clusters) if layout == "horizontal" else (n_clusters, 1)
    # Cells of equal size between margins of the banner's own.
    left, top = rng.uniform(0, 0.15, 2)
    right, bottom = 1 - rng.uniform(0, 0.15, 2)
    column, row = np.arange(n_clusters) % n_columns, np.arange(n_clusters) // n_columns
    x = left + (right - left) * (column + 0.5) / n_columns
    y = top + (bottom - top) * (row + 0.5) / n_rows
    return np.stack([x, y], axis=1)


def broken(centre: Array, rng: np.random.Generator) -> Array:
    """Break a grid: squeeze it to a corner, move it, or put one more spot on it."""
    kind = rng.integers(3)
    if kind == 0:
        corner = rng.integers(0, 2, 2)
        squeezed: Array = corner + rng.uniform(0.3, 0.8, 2) * (centre - corner)
        return squeezed
    if kind == 1:
        length, angle = rng.uniform(0.05, 0.30), rng.uniform(0, 2 * np.pi)
        moved: Array = centre + length * np.array([np.cos(angle), np.sin(angle)])
        return moved
    return np.concatenate([centre, rng.uniform(0, 1, (1, 2))])


def draw_banner(centre: Array, config: BannerConfig, rng: np.random.Generator) -> Counts:
    """Draw the clicks of a banner, binned.

    The counts are multinomial with the exact chances of the bins, which is the same as to draw
    clicks and to bin them, in a tenth of the time.
    """
    n = len(centre)
    weight = np.exp(config.weight_spread * rng.normal(size=n))
    sd = rng.uniform(*config.sd_px, n) * (1 + 2 * MARGIN) / config.canvas_px
    noise = rng.uniform(*config.noise_share)
    across = _in_bins(centre[:, 0], sd)
    down = _in_bins(centre[:, 1], sd)
    spots = np.einsum("n,ny,nx->yx", weight / weight.sum(), down, across)
    inside = np.diff(np.clip(EDGES, 0, 1))
    chance = (1 - noise) * spots + noise * np.outer(inside, inside)
    drawn = rng.multinomial(config.n_clicks, chance.reshape(-1) / chance.sum())
    return drawn.reshape(N_BINS, N_BINS).astype(np.uint32)


def _in_bins(centre: Array, sd: Array) -> Array:
    """Return the share (n, 64) of normal clicks in each bin; the tails belong to the edge bins."""
    below = ndtr((EDGES[None, 1:-1] - centre[:, None]) / sd[:, None])
    ends = np.zeros((len(centre), 1)), np.ones((len(centre), 1))
    return np.diff(np.concatenate([ends[0], below, ends[1]], axis=1), axis=1)
