"""A heatmap's own healthy density: the elements as its domain most probably re-weighted them.

The profile is the mean over references: its spots are blurred by the shifts of their domains. A
heatmap of many clicks shows one domain, whose spots are sharp and lie elsewhere. Its parameters
(log weights of the elements and of the background, shifts, widths) are found as the mode of their
posterior law by Fisher's scoring; what the mixture of spots does not say of the profile, such as
the form of an element, is kept as a factor of each bin.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from bannercluster.heatmap.binning import EDGES, Counts
from bannercluster.heatmap.statistics.axes import slot_density
from bannercluster.heatmap.statistics.elements import WIDTHS, Elements
from bannercluster.heatmap.statistics.fisher import Shape, density_at, information_at, write_modes
from bannercluster.heatmap.statistics.spread import VariationSpread

Array = npt.NDArray[np.float64]

_LEAST_WEIGHT, _LEAST_BACKGROUND = 1e-6, 5e-3
_LEAST_SHARPNESS = 0.4
"""An element is never sharper than this share of its width in the profile."""

_MOST_RATIO = 4.0
_LEAST_WIDTH_SD, _MOST_BACKGROUND_SD = 0.05, 1.0

KINDS = ("weight", "background", "shift", "own_shift", "width")
"""Kinds of parameters, in their order."""


@dataclass(frozen=True, eq=False)
class DomainModel:
    """The densities that healthy domains of a grid have.

    Parameters
    ----------
    weight : ndarray of shape (K,), float64
        Of the elements, in clicks of the profile.
    background : float
        Share of the clicks spread over the slot.
    centre, sd : ndarray of shape (K, 2), float64
        Of the elements on one domain: not blurred by the shifts of several. A spot has two halves,
        as in ``Elements``.
    ratio : ndarray of shape (64, 64), float64
        The profile over what its elements say.
    prior_sd : ndarray of shape (4 K + 3,), float64
        Of the parameters, whose law is normal about zero: log weights of the elements, log weight
        of the background, common shift (x, y), each element's own shift (x of all, y of all), log
        widths.
    kind : ndarray of shape (4 K + 3,), int64
        Index into ``KINDS``.
    """

    weight: Array
    background: float
    centre: Array
    sd: Array
    ratio: Array
    prior_sd: Array
    kind: npt.NDArray[np.int64]

    @classmethod
    def of(
        cls,
        density: Array,
        elements: Elements,
        spread: VariationSpread,
        *,
        bandwidth: float,
        inflation: float,
    ) -> DomainModel:
        """Make the model of a profile.

        Parameters
        ----------
        density : ndarray of shape (64, 64)
        elements : Elements
            Of the density.
        spread : VariationSpread
        bandwidth : float
            Standard deviation that the density was smoothed by, in widths of the slot.
        inflation : float
            Factor of the variances, for the uncertainty of the profile itself.
        """
        k = len(elements.weight)
        weight = np.maximum(elements.weight, _LEAST_WEIGHT)
        background = max(1 - float(elements.weight.sum()), _LEAST_BACKGROUND)
        blur = spread.shift**2 + spread.own_shift**2 + bandwidth**2
        least = (_LEAST_SHARPNESS * elements.sd) ** 2
        kind = np.repeat(np.arange(5), [k, 1, 2, 2 * k, k])
        by_kind = np.array(
            [
                spread.weight,
                min(spread.background / background, _MOST_BACKGROUND_SD),
                spread.shift,
                spread.own_shift,
                max(spread.width, _LEAST_WIDTH_SD),
            ]
        )
        plain = cls(
            weight=weight,
            background=background,
            centre=elements.centre,
            sd=elements.sd,
            ratio=np.ones_like(density),
            prior_sd=np.sqrt(inflation) * by_kind[kind],
            kind=kind,
        )
        said = plain.density(np.zeros(len(kind)))
        ratio = np.clip(density / (0.985 * said + 0.015 * density), 1 / _MOST_RATIO, _MOST_RATIO)
        sharp = np.sqrt(np.maximum(elements.sd**2 - blur, least))
        return replace(plain, ratio=ratio, sd=sharp)

    def density(self, theta: Array) -> Array:
        """Return the probabilities of the bins, shape (64, 64), at parameters, (4 K + 3,)."""
        found: Array = density_at(self._shape, theta)
        return found

    def fit(self, counts: Counts) -> DomainFits:
        """Fit heatmaps, each by itself.

        Parameters
        ----------
        counts : ndarray of shape (n, 64, 64), uint32
        """
        theta, density = self._modes(counts)
        deviation = theta / self.prior_sd
        starts = np.searchsorted(self.kind, np.arange(len(KINDS)))
        # Row by row: the same bits alone and in a batch.
        energy = [np.add.reduceat(one**2, starts) for one in deviation]
        return DomainFits(
            density, np.array(energy).reshape(-1, len(KINDS)), deviation[:, len(self.weight)]
        )

    def squared_deviations(self, counts: Counts) -> Array:
        """Return the expected squares of the parameters, summed over heatmaps, shape (4 K + 3,).

        Under the normal law about each posterior mode.
        """
        total = np.zeros(len(self.prior_sd))
        n_clicks = counts.sum(axis=(1, 2), dtype=np.float64)
        for theta, n in zip(self._modes(counts)[0], n_clicks.tolist(), strict=True):
            information = information_at(self._shape, theta, n)
            total += theta**2 + np.diag(np.linalg.inv(information))
        return total

    def _modes(self, counts: Counts) -> tuple[Array, Array]:
        """Return the posterior modes of the parameters, (n, 4 K + 3), and their densities."""
        seen = counts.astype(np.float64)
        theta, density = np.empty((len(seen), len(self.prior_sd))), np.empty_like(seen)
        write_modes(self._shape, seen, theta, density)
        return theta, density

    @cached_property
    def _shape(self) -> Shape:
        return Shape(
            weight=np.append(self.weight, self.background),
            centre=np.ascontiguousarray(self.centre, np.float64),
            sd=np.ascontiguousarray(self.sd, np.float64),
            widths=WIDTHS,
            ratio=self.ratio,
            slot=_SLOT,
            edges=EDGES,
            prior_sd=self.prior_sd,
        )


@dataclass(frozen=True, eq=False)
class DomainFits:
    """Heatmaps as healthy domains would most probably make them.

    Parameters
    ----------
    density : ndarray of shape (n, 64, 64), float64
    energy : ndarray of shape (n, 5), float64
        Squared deviations of the parameters from the profile, in prior standard deviations, summed
        by kind: how unusual a domain it takes.
    background : ndarray of shape (n,), float64
        Deviation of the log background, in prior standard deviations.
    """

    density: Array
    energy: Array
    background: Array

    @property
    def deviation(self) -> Array:
        """How unusual a domain each heatmap takes, (n, 5): roots of the energies by kind.

        In prior standard deviations; of the background with its sign.
        """
        found = np.sqrt(self.energy)
        found[:, KINDS.index("background")] = self.background
        return found


_SLOT = slot_density()
