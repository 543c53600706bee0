"""Views of a heatmap: what a network shall hold to be the same, and what it must tell apart.

The same: parts of the clicks of one heatmap, of different numbers, moved by one bin at most. Two
parts share no click: drawn with shared clicks, views would be recognised by the clicks that they
share. Other: the clicks shifted, mirrored or rescaled, which is what broken banners look like.

All views pass through the same steps: clicks get a place within their bin (uniform), move, and are
binned again. A view can therefore not be told by gaps between bins or by blur.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from bannercluster.errors import UsageError
from bannercluster.heatmap.binning import CENTRES, EDGES, N_BINS, Counts, bin_clicks

Array = npt.NDArray[np.float64]

BIN_WIDTH = float(EDGES[1] - EDGES[0])
"""In widths of the slot."""

Change = Literal["shift", "flip", "rescale"]
CHANGES: tuple[Change, ...] = ("shift", "flip", "rescale")


@dataclass(frozen=True)
class ViewConfig:
    """What is drawn, and from where. Lengths are shares of the slot.

    Parameters
    ----------
    fewest_clicks : int
        Of a view; a heatmap with fewer than twice as many is halved.
    most_clicks : int
        Of a view. The number of a view is log-uniform up to this, or up to half of the heatmap.
    jitter_bins : float
        Largest shift of a positive in each axis, in bins; uniform up to it.
    shift : (float, float)
        Length of the shift of a negative, uniform; its direction is uniform too.
    squeeze, overflow : (float, float)
        Factors of a rescaled negative, one of the two ranges, each axis its own; towards a corner
        or the centre of the slot.
    """

    fewest_clicks: int = 20
    most_clicks: int = 20_000
    jitter_bins: float = 1.0
    shift: tuple[float, float] = (0.05, 0.30)
    squeeze: tuple[float, float] = (0.3, 0.9)
    overflow: tuple[float, float] = (1.1, 2.0)

    def __post_init__(self) -> None:
        if not 0 <= self.jitter_bins <= 1:
            raise UsageError(
                f"jitter_bins is {self.jitter_bins}; expected 0 to 1: a banner that lies more than "
                "a bin beside its place is a broken one"
            )
        if not 1 <= self.fewest_clicks <= self.most_clicks:
            raise UsageError(
                f"views have {self.fewest_clicks} to {self.most_clicks} clicks; expected "
                "1 <= fewest <= most"
            )


@dataclass(frozen=True)
class Move:
    """An affine move of clicks, axis by axis: ``pivot + scale * (click - pivot) + shift``.

    Parameters
    ----------
    scale, pivot, shift : (float, float)
        Of x and y. A scale of -1 about 0.5 mirrors the slot.
    transposed : bool
        Whether x and y change places first.
    """

    scale: tuple[float, float] = (1.0, 1.0)
    pivot: tuple[float, float] = (0.5, 0.5)
    shift: tuple[float, float] = (0.0, 0.0)
    transposed: bool = False

    def __call__(self, clicks: Array) -> Array:
        """Move clicks of shape (n, 2)."""
        pivot = np.asarray(self.pivot)
        turned = clicks[:, ::-1] if self.transposed else clicks
        moved: Array = pivot + np.asarray(self.scale) * (turned - pivot) + np.asarray(self.shift)
        return moved

    def after(self, jitter: Move) -> Move:
        """Return this move with the shift of another added."""
        shift = (self.shift[0] + jitter.shift[0], self.shift[1] + jitter.shift[1])
        return Move(self.scale, self.pivot, shift, self.transposed)


def thin(counts: Counts, n_clicks: int, rng: np.random.Generator) -> Counts:
    """Draw clicks of a heatmap without putting any back.

    Parameters
    ----------
    counts : ndarray of shape (64, 64), uint32
    n_clicks : int
        At most those there are.

    Returns
    -------
    ndarray of shape (64, 64), uint32
    """
    flat = counts.reshape(-1)
    kept = np.zeros_like(flat)
    filled = np.flatnonzero(flat)
    if n_clicks > 0:
        # Empty bins only take time: 0.08 ms instead of 0.3 ms for 50,000 clicks.
        kept[filled] = rng.multivariate_hypergeometric(
            flat[filled].astype(np.int64), n_clicks, method="marginals"
        )
    return kept.reshape(counts.shape)


def two_parts(counts: Counts, config: ViewConfig, rng: np.random.Generator) -> list[Counts]:
    """Draw two views' clicks, of their own numbers each, that have no click in common.

    Given the density of the clicks the two are independent. A heatmap with fewer than two clicks
    gives at least one empty part.
    """
    first_n, second_n = (_n_clicks(counts, config, rng) for _ in range(2))
    first = thin(counts, first_n, rng)
    return [first, thin(counts - first, second_n, rng)]


def places(counts: Counts, rng: np.random.Generator) -> Array:
    """Return clicks (n, 2), each at a uniform place within its bin."""
    cell = np.repeat(np.arange(counts.size), counts.reshape(-1))
    centre = np.stack([CENTRES[cell % N_BINS], CENTRES[cell // N_BINS]], axis=1)
    inside: Array = centre + BIN_WIDTH * (rng.random(centre.shape) - 0.5)
    return inside


def moved(counts: Counts, move: Move, rng: np.random.Generator) -> Counts:
    """Move the clicks of a heatmap; what leaves the ring is counted in its edge."""
    return bin_clicks(move(places(counts, rng)))


def positives(counts: Counts, config: ViewConfig, rng: np.random.Generator) -> list[Counts]:
    """Draw two views of one heatmap that a network shall hold to be the same."""
    return [moved(part, jitter(config, rng), rng) for part in two_parts(counts, config, rng)]


def negatives(
    counts: Counts, change: Change, n_views: int, config: ViewConfig, rng: np.random.Generator
) -> list[Counts]:
    """Draw one or two views of a heatmap that has been changed, both in the same way.

    Parameters
    ----------
    change : {"shift", "flip", "rescale"}
    n_views : {1, 2}
        Two are positives of one another, as those of `positives` are.
    """
    change_of_all = draw_change(change, config, rng)
    parts = two_parts(counts, config, rng)[:n_views]
    return [moved(part, change_of_all.after(jitter(config, rng)), rng) for part in parts]


def jitter(config: ViewConfig, rng: np.random.Generator) -> Move:
    """Draw a shift of one bin at most."""
    x, y = config.jitter_bins * BIN_WIDTH * rng.uniform(-1, 1, 2)
    return Move(shift=(x, y))


def draw_change(change: Change, config: ViewConfig, rng: np.random.Generator) -> Move:
    """Draw what breaks a banner.

    ``flip`` is one of: mirrored left to right, top to bottom, both, transposed.
    """
    if change == "shift":
        length, angle = rng.uniform(*config.shift), rng.uniform(0, 2 * np.pi)
        return Move(shift=(length * np.cos(angle), length * np.sin(angle)))
    if change == "flip":
        flips = (Move((-1, 1)), Move((1, -1)), Move((-1, -1)), Move(transposed=True))
        return flips[rng.integers(len(flips))]
    factors = config.squeeze if rng.random() < 0.5 else config.overflow
    x, y = rng.uniform(*factors, 2)
    towards = rng.choice([0.0, 0.5, 1.0], 2)
    return Move(scale=(x, y), pivot=(float(towards[0]), float(towards[1])))


def _n_clicks(counts: Counts, config: ViewConfig, rng: np.random.Generator) -> int:
    half = int(counts.sum(dtype=np.int64)) // 2
    most = min(half, config.most_clicks)
    if most <= config.fewest_clicks:
        return most
    return int(np.exp(rng.uniform(np.log(config.fewest_clicks), np.log(most))))
