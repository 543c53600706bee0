"""What is known of a healthy grid: its density of clicks, its elements and their variation."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter

from bannercluster.errors import DataError
from bannercluster.heatmap.binning import EDGES, N_BINS, Counts
from bannercluster.heatmap.statistics.axes import pooled, slot_density
from bannercluster.heatmap.statistics.domains import DomainModel
from bannercluster.heatmap.statistics.elements import Elements
from bannercluster.heatmap.statistics.spread import VariationSpread
from bannercluster.heatmap.statistics.structure import elements_of
from bannercluster.heatmap.statistics.variation import Variation

Array = npt.NDArray[np.float64]

_SLOT_SHARE, _FLAT_SHARE = 0.01, 0.005
"""Shares of the profile that lie everywhere in the slot, and everywhere: no bin is impossible."""

_LEAST_TO_JUDGE = 5
"""References that it takes before one of them can be told to differ from the others."""

_FAR = 3.0
"""Times the median of the squared distances, at which a reference is left out."""

_SAME = 0.01
"""Squared Hellinger distance below which references never differ: what healthy domains vary by."""

_BIN = float(EDGES[1] - EDGES[0])

_FEW_CLICKS = 300.0
"""Clicks at which a reference's chance variation is about that of its domain."""


@dataclass(frozen=True, eq=False)
class GridProfile:
    """The healthy heatmap of a grid.

    Parameters
    ----------
    density : ndarray of shape (64, 64), float64
        Probability of each bin: positive, sums to one.
    anchor : ndarray of shape (64, 64), float64
        Mean of the references' densities as they are, for the users' similarities.
    first : ndarray of shape (64, 64), float64
        Density of one reference, the users' other anchor.
    pair : ndarray of shape (64, 64), float64
        Mean of the densities of two references (of one, where there is no other).
    elements : Elements
    spread : VariationSpread
    bandwidth : float
        Standard deviation that the density was smoothed by, in widths of the slot.
    n_references : int
        Those that count.
    n_dropped : int
        Those that were too far from the others, or had no clicks.
    kept : ndarray of shape (n,), bool
        Which of the references given count.
    others : tuple of ndarray
        Densities of other grids: what a wrong layout may show.
    """

    density: Array
    anchor: Array
    first: Array
    pair: Array
    elements: Elements
    spread: VariationSpread
    bandwidth: float
    n_references: int
    n_dropped: int
    kept: npt.NDArray[np.bool_]
    others: tuple[Array, ...] = ()

    @classmethod
    def of(
        cls,
        reference_counts: Counts,
        *,
        spread: VariationSpread | None = None,
        others: tuple[Array, ...] = (),
        elements: Elements | None = None,
    ) -> GridProfile:
        """Make the profile of a grid from heatmaps that are thought to be healthy.

        Parameters
        ----------
        reference_counts : ndarray of shape (n, 64, 64), uint32
            Some may be broken: from five on, those far from the others do not count.
        spread : VariationSpread, optional
            Estimated over grids.
        others : tuple of ndarray of shape (64, 64)
        elements : Elements, optional
            Where to start from: those of a profile of almost the same references.

        Raises
        ------
        DataError
            If no reference has a click.
        """
        kept = trusted(reference_counts)
        if not kept.any():
            raise DataError(
                f"{len(reference_counts)} references of a grid, and none has a click: give at "
                "least one known-healthy heatmap of each grid"
            )
        counts = reference_counts[kept].astype(np.float64)
        n_clicks = counts.sum(axis=(1, 2))
        shares = counts / n_clicks[:, None, None]
        weight = n_clicks / (n_clicks + _FEW_CLICKS)
        mean = np.tensordot(weight / weight.sum(), shares, axes=1)
        density = smoothed(mean, n_clicks.sum())
        found = elements_of(density) if elements is None else elements.refined(density, 8)
        return cls(
            density=density,
            anchor=shares.mean(axis=0),
            first=shares[0],
            pair=shares[:2].mean(axis=0),
            elements=found,
            spread=spread or VariationSpread(),
            bandwidth=_bandwidth(n_clicks.sum()) * _BIN,
            n_references=int(kept.sum()),
            n_dropped=int((~kept).sum()),
            kept=kept,
            others=others,
        )

    @cached_property
    def variation(self) -> Variation:
        """How healthy domains differ from the profile, its own uncertainty included."""
        return Variation.of(self.density, self.elements, self.spread, 1 + 1 / self.n_references)

    @cached_property
    def domains(self) -> DomainModel:
        """The densities that healthy domains have."""
        return DomainModel.of(
            self.density,
            self.elements,
            self.spread,
            bandwidth=self.bandwidth,
            inflation=1 + 1 / self.n_references,
        )


def smoothed(mean: Array, n_clicks: float) -> Array:
    """Return a density without empty bins from the mean of references with so many clicks."""
    smooth = gaussian_filter(mean, _bandwidth(n_clicks), mode="nearest")
    rest = 1 - _SLOT_SHARE - _FLAT_SHARE
    density: Array = rest * smooth + _SLOT_SHARE * slot_density() + _FLAT_SHARE / N_BINS**2
    density /= density.sum()
    return density


def _bandwidth(n_clicks: float) -> float:
    """Return the standard deviation of the smoothing, in bins."""
    return float(np.clip(0.6 * (20_000 / n_clicks) ** (1 / 6), 0.6, 3.0))


def trusted(reference_counts: Counts) -> npt.NDArray[np.bool_]:
    """Return which references count, shape (n,): those with clicks that resemble the others.

    The distance is Hellinger's from the median of the references, over squares of 4 bins, less
    what chance adds to it. The median bears almost half of broken ones.
    """
    n_clicks = reference_counts.sum(axis=(1, 2), dtype=np.float64)
    kept: npt.NDArray[np.bool_] = n_clicks > 0
    if kept.sum() < _LEAST_TO_JUDGE:
        return kept
    coarse = pooled(reference_counts[kept].astype(np.float64), 4)
    roots = np.sqrt(coarse / n_clicks[kept, None, None])
    centre = np.median(roots, axis=0)
    occupied = (coarse > 0).sum(axis=(1, 2))
    chance = occupied / (4 * n_clicks[kept])
    distance = np.maximum(((roots - centre) ** 2).sum(axis=(1, 2)) - chance, 0)
    cut = _FAR * np.median(distance) + _SAME
    near = distance <= cut
    kept[np.flatnonzero(kept)] = near
    return kept
