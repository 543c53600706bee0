"""Scans over windows: too many clicks (overlays) and too few (dead zones).

The scan statistic is that of M. Kulldorff, "A spatial scan statistic" (1997): the largest
binomial log likelihood ratio over windows.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import product

import numpy as np
import numpy.typing as npt

from bannercluster.heatmap.binning import EDGES, N_BINS, Counts
from bannercluster.heatmap.statistics.axes import cumulative, window_sums
from bannercluster.heatmap.statistics.domains import DomainFits
from bannercluster.heatmap.statistics.native import Float32, matrix_products, zone_ratios
from bannercluster.heatmap.statistics.ratios import log_mean
from bannercluster.heatmap.statistics.templates import SHARES
from bannercluster.heatmap.statistics.variation import Variation

Array = npt.NDArray[np.float64]

_SPOTS = (1, 2, 3, 5)
_SIDES = (8, 11, 14, 18, 24, 32, 41, 54)
_MOST_STRETCH = 3.9
_AREAS = (0.035, 0.6)
_STRIDE = 0.34
"""Zones: sides in bins, how much longer one may be, share of the slot, step in shares of a side."""

_N_ZONES = 2048
_ZONE_AREAS = (0.04, 0.6)
_ZONE_STRETCH = 3.0
"""Zones that lie anywhere: their number, areas as shares of the slot, how much longer one side is
than a square's at most."""

_SHARES = np.array([0.06, 0.1, 0.16, 0.24, 0.34, 0.46, 0.6, 0.75, 0.92])
"""Shares of the clicks of a zone that may be missing."""

_TINY = 1e-12


def spot_excess(counts: Counts, density: Array) -> Array:
    """Return the signed root of the largest likelihood ratio of an excess in a small square.

    Parameters
    ----------
    counts : ndarray of shape (n, 64, 64)
    density : ndarray of shape (64, 64) or (n, 64, 64)

    Returns
    -------
    scores : ndarray of shape (n,), float64
    """
    cells = counts.astype(np.float64)
    n_clicks = cells.sum(axis=(1, 2))[:, None, None]
    best = np.zeros(len(cells))
    for size in _SPOTS:
        share = window_sums(cells, size, size) / n_clicks
        expected = np.clip(window_sums(density, size, size), _TINY, 1 - _TINY)
        if expected.ndim == 2:
            expected = np.broadcast_to(expected, share.shape)
        high = share > expected
        f, p = share[high], expected[high]
        ratio = np.zeros(share.shape)
        ratio[high] = f * np.log(f / p) + np.maximum(1 - f, 0) * np.log(
            np.maximum(1 - f, _TINY) / (1 - p)
        )
        best = np.maximum(best, 2 * n_clicks[:, 0, 0] * ratio.max(axis=(1, 2)))
    scores: Array = np.sqrt(best)
    return scores


@dataclass(frozen=True, eq=False)
class ZoneTables:
    """Large windows of a profile.

    Parameters
    ----------
    explained : ndarray of shape (M, W), float32
        Share of the variance of a window's clicks that each direction of healthy variation takes
        where it is known exactly.
    """

    explained: Float32

    @classmethod
    def of(cls, density: Array, variation: Variation) -> ZoneTables:
        """Make the tables of a profile."""
        probability = _zones(density[None])[0]
        root = np.sqrt(density.ravel())
        along = _zones((variation.direction * root).reshape(-1, N_BINS, N_BINS))
        along -= (variation.direction @ root)[:, None] * probability
        whole = np.maximum(probability * (1 - probability), _TINY)
        return cls((along**2 / whole).astype(np.float32))


def zone_deficits(
    tables: ZoneTables, counts: Counts, fitted: DomainFits, shrinkage: Array
) -> tuple[Array, Array]:
    """Return the deficit of clicks in large windows, healthy variation fitted beside it.

    Parameters
    ----------
    tables : ZoneTables
    counts : ndarray of shape (n, 64, 64)
    fitted : DomainFits
    shrinkage : ndarray of shape (n, M), float64
        How much of a difference along each direction of variation is taken for the domain's.

    Returns
    -------
    largest : ndarray of shape (n,), float64
        Of all windows, in standard deviations.
    averaged : ndarray of shape (n,), float64
        Log of the mean over windows and missing shares of the likelihood ratio.
    """
    cells = counts.astype(np.float64)
    n_clicks = cells.sum(axis=(1, 2))[:, None]
    p = _zones(fitted.density)
    missing = p - _zones(cells) / n_clicks
    left = np.maximum(1 - matrix_products(shrinkage, tables.explained), _LEAST_LEFT)
    # A window that should have less than a click cannot miss one.
    information = np.maximum(p * (1 - p), _TINY) * left + 0.5 / n_clicks**2
    signal = np.maximum(np.sqrt(n_clicks) * missing / np.sqrt(information), 0)
    score, precision = n_clicks * missing, n_clicks * information
    by_share = [log_mean(share * score - 0.5 * share**2 * precision) for share in _SHARES]
    return signal.max(axis=1), log_mean(np.stack(by_share, axis=1))


_LEAST_LEFT = 1e-3
"""Of a window's variance, what is never explained."""


def zone_likelihood(counts: Counts, densities: Array) -> Array:
    """Return the likelihood ratio of a zone that loses clicks, against healthy densities.

    Parameters
    ----------
    counts : ndarray of shape (n, 64, 64)
    densities : ndarray of shape (n, 64, 64)
        Each heatmap's own.

    Returns
    -------
    averaged : ndarray of shape (n,), float64
        Log of the mean over zones of all sizes and places, and over shares of their clicks that
        are missing, of prod((1 - share * inside)) / (1 - share * p(zone))^N.
    """
    zones = _drawn_zones()
    found = np.empty((len(counts), len(zones.edges), len(SHARES)))
    for one, density, ratios in zip(counts, densities, found, strict=True):
        zone_ratios(
            cumulative(one.astype(np.float64)),
            cumulative(density),
            zones.edges,
            zones.inside,
            zones.log_kept,
            SHARES,
            ratios,
        )
    return log_mean(found.reshape(len(counts), -1))


@dataclass(frozen=True, eq=False)
class _Zones:
    """Zones whose edges lie within bins: each is nine boxes of bins, of which it covers a share.

    Parameters
    ----------
    edges : ndarray of shape (n, 2, 4), int64
        First bin of the box on the low side, the middle, the high side, and the end, by axis.
    inside : ndarray of shape (n, 3, 3), float64
        Share of the bins of each box, row and column, that lies in the zone.
    log_kept : ndarray of shape (n, 3, 3, n_shares), float64
        Log of what is left of their clicks.
    """

    edges: npt.NDArray[np.int64]
    inside: Array
    log_kept: Array


@cache
def _drawn_zones() -> _Zones:
    """Return zones spread evenly over log area, log stretch and place (an additive recurrence)."""
    # The root of x^5 = x + 1: its powers make an even sequence in four dimensions (M. Roberts,
    # "The unreasonable effectiveness of quasirandom sequences", 2018).
    root = 1.1673039782614187
    steps = root ** -np.arange(1.0, 5.0)
    area, stretch, *place = ((0.5 + np.arange(1, _N_ZONES + 1)[:, None] * steps) % 1).T
    area = _ZONE_AREAS[0] * (_ZONE_AREAS[1] / _ZONE_AREAS[0]) ** area
    stretch = _ZONE_STRETCH ** (2 * stretch - 1)
    longest = np.minimum(np.sqrt(area[:, None] * np.stack([stretch, 1 / stretch], axis=1)), 1.0)
    sides = np.minimum(area[:, None] / longest[:, ::-1], 1.0)
    low = np.stack(place, axis=1) * (1 - sides)
    low, high = ((edge - EDGES[0]) / (EDGES[1] - EDGES[0]) for edge in (low, low + sides))
    first, last = np.floor(low).astype(np.int64), np.floor(high).astype(np.int64)
    edges = np.stack([first, first + 1, last, last + 1], axis=2)
    covered = np.stack([first + 1 - low, np.ones_like(low), high - last], axis=2)
    inside = covered[:, 1, :, None] * covered[:, 0, None, :]
    return _Zones(edges, inside, np.log1p(-SHARES * inside[..., None]))


def _placed() -> npt.NDArray[np.int64]:
    """Return the windows: top, left, bottom and right edges in bins, shape (4, W)."""
    low, high = int(np.searchsorted(EDGES, 0.0)) - 1, int(np.searchsorted(EDGES, 1.0)) + 1
    found = []
    for height, width in product(_SIDES, repeat=2):
        area = height * width * (EDGES[1] - EDGES[0]) ** 2
        if _AREAS[0] < area < _AREAS[1] and 1 / _MOST_STRETCH < height / width < _MOST_STRETCH:
            tops = range(low, high - height + 1, max(1, int(height * _STRIDE)))
            lefts = range(low, high - width + 1, max(1, int(width * _STRIDE)))
            found += [(top, left, top + height, left + width) for top in tops for left in lefts]
    return np.array(found).T


_TOP, _LEFT, _BOTTOM, _RIGHT = _placed()


def _zones(cells: Array) -> Array:
    """Return the sums over the large windows, shape (n, W)."""
    total = cumulative(cells)
    sums: Array = total[:, _BOTTOM, _RIGHT] - total[:, _TOP, _RIGHT]
    sums -= total[:, _BOTTOM, _LEFT] - total[:, _TOP, _LEFT]
    # Picked columns lie in another order in memory, in which a row's sum has other bits.
    return np.ascontiguousarray(sums)
