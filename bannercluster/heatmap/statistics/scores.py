"""All scores of heatmaps against the profile of their grid."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import logsumexp

from bannercluster.errors import DataError
from bannercluster.heatmap.binning import Counts
from bannercluster.heatmap.statistics.distances import (
    BANDWIDTHS,
    SCALES,
    Slices,
    chi_square,
    cosine,
    kernel_discrepancy,
    sliced_wasserstein,
)
from bannercluster.heatmap.statistics.domains import KINDS, DomainFits
from bannercluster.heatmap.statistics.fitting import FitTables, fit
from bannercluster.heatmap.statistics.profile import GridProfile
from bannercluster.heatmap.statistics.ratios import (
    RatioTables,
    likelihood_ratios,
    own_ratios,
)
from bannercluster.heatmap.statistics.repeats import (
    collisions,
    local_dispersion,
    periodicity,
    ring_share,
)
from bannercluster.heatmap.statistics.scans import (
    ZoneTables,
    spot_excess,
    zone_deficits,
    zone_likelihood,
)
from bannercluster.heatmap.statistics.templates import FAMILIES, Templates

Array = npt.NDArray[np.float64]

ScoreFunction = Callable[[GridProfile, Counts, DomainFits], Array]
"""Scores of some heatmaps (n, 64, 64) against a profile, given their own healthy densities:
(n, n_scores), larger is more broken.

A heatmap's scores must have the same bits alone and in a batch."""


@dataclass(frozen=True)
class ScoreBlock:
    """Scores beside the statistics, such as those of a network.

    Parameters
    ----------
    names : tuple of str
    score : callable
        ``(profile, counts, fits) -> (n, len(names))``.
    """

    names: tuple[str, ...]
    score: ScoreFunction


Blocks = tuple[ScoreBlock, ...]


def score_names(blocks: Blocks) -> tuple[str, ...]:
    """Return the names of all scores: the statistics', then those of the blocks."""
    return (*SCORE_NAMES, *(name for block in blocks for name in block.names))


SCORE_NAMES: tuple[str, ...] = (
    *(f"chi_square_{size}" for size in SCALES),
    *(f"fitted_chi_square_{size}" for size in SCALES),
    *(f"mmd_{bandwidth:.0f}" for bandwidth in BANDWIDTHS),
    *("cosine_mean", "cosine_random", "cosine_pair"),
    "sliced_wasserstein",
    "mahalanobis",
    *(f"domain_{kind}" for kind in KINDS),
    *(f"ratio_{family}" for family in FAMILIES),
    "ratio_any",
    *(f"own_ratio_{family}" for family in (*FAMILIES, "dead_zone")),
    *("spot_excess", "fitted_spot_excess"),
    *("zone_deficit", "zone_ratio"),
    *("collisions", "local_dispersion", "periodicity", "ring_share"),
)
"""Names of the columns of ``Scorecard.scores``."""

_ROWS = 64
"""Heatmaps that are scored together: their temporaries stay in the caches."""

_SLICES = Slices()


@dataclass(frozen=True, eq=False)
class Scores:
    """Scores of heatmaps.

    Parameters
    ----------
    values : ndarray of shape (n, n_scores), float64
        The statistics, then the scores of the blocks.
    share : ndarray of shape (n, len(FAMILIES)), float64
        Share of the clicks that each fault would touch, were it the one.
    """

    values: Array
    share: Array


@dataclass(frozen=True, eq=False)
class Scorecard:
    """A profile with the tables that make scoring fast, and the blocks beside the statistics."""

    profile: GridProfile
    fits: FitTables
    ratios: RatioTables
    zones: ZoneTables
    blocks: Blocks = ()

    @classmethod
    def of(cls, profile: GridProfile, blocks: Blocks = ()) -> Scorecard:
        """Make the tables of a profile."""
        fits = FitTables.of(profile.density, profile.variation)
        templates = Templates.of(profile.density, profile.others)
        ratios = RatioTables.of(profile.density, templates)
        zones = ZoneTables.of(profile.density, profile.variation)
        return cls(profile, fits, ratios, zones, blocks)

    def scores(self, counts: Counts) -> Scores:
        """Score heatmaps, each with at least one click.

        Parameters
        ----------
        counts : ndarray of shape (n, 64, 64), uint32
        """
        parts = [self._scores(counts[low : low + _ROWS]) for low in range(0, len(counts), _ROWS)]
        if not parts:
            n_scores = len(score_names(self.blocks))
            return Scores(np.empty((0, n_scores)), np.empty((0, len(FAMILIES))))
        return Scores(
            np.concatenate([part.values for part in parts]),
            np.concatenate([part.share for part in parts]),
        )

    def _scores(self, counts: Counts) -> Scores:
        profile, density = self.profile, self.profile.density
        varied = fit(self.fits, counts)
        fitted = profile.domains.fit(counts)
        plain = chi_square(counts, density)
        ratios = likelihood_ratios(self.ratios, counts)
        anchors = np.stack([profile.anchor, profile.first, profile.pair])
        columns = [
            plain,
            chi_square(counts, fitted.density),
            kernel_discrepancy(counts, density),
            cosine(counts, anchors),
            sliced_wasserstein(counts, density, _SLICES)[:, None],
            _mahalanobis(counts, density, varied.explained)[:, None],
            fitted.deviation,
            _compressed(ratios.averaged),
            _compressed(logsumexp(ratios.averaged, axis=1, keepdims=True)),
            _compressed(own_ratios(self.ratios, counts, fitted.density)),
            _compressed(zone_likelihood(counts, fitted.density))[:, None],
            spot_excess(counts, density)[:, None],
            spot_excess(counts, fitted.density)[:, None],
            *(one[:, None] for one in zone_deficits(self.zones, counts, fitted, varied.shrinkage)),
            collisions(counts, fitted.density)[:, None],
            local_dispersion(counts)[:, None],
            periodicity(counts, fitted.density)[:, None],
            np.arcsinh(ring_share(counts, density))[:, None],
            *(_of_block(block, profile, counts, fitted) for block in self.blocks),
        ]
        return Scores(np.concatenate(columns, axis=1), ratios.share)


def _of_block(block: ScoreBlock, profile: GridProfile, counts: Counts, fits: DomainFits) -> Array:
    found = np.asarray(block.score(profile, counts, fits), np.float64)
    expected = (len(counts), len(block.names))
    if found.shape != expected or not np.isfinite(found).all():
        raise DataError(
            f"the block {block.names[0]!r} gave an array of shape {found.shape} for "
            f"{len(counts)} heatmaps; expected finite scores of shape {expected}"
        )
    return found


def _mahalanobis(counts: Counts, density: Array, explained: Array) -> Array:
    """Return the root of Mahalanobis' distance under Poisson's and the healthy variation, (n,).

    P. C. Mahalanobis (1936): whitened squares, less what the variation explains.
    """
    cells = counts.astype(np.float64)
    n_clicks = cells.sum(axis=(1, 2))
    square = (cells**2 / density).sum(axis=(1, 2)) / n_clicks - n_clicks
    distance: Array = np.sqrt(np.maximum(square - explained, 0))
    return distance


def _compressed(ratios: Array) -> Array:
    """Return log likelihood ratios on a scale on which the strongest do not drown the others."""
    values: Array = np.arcsinh(ratios)
    return values
