"""Densities of clicks as mixtures of boxes with blurred edges: exact to sample and to integrate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

from bannercluster.heatmap.binning import EDGES

Array = npt.NDArray[np.float64]

SLOT: Array = np.array([[0.0, 0.0], [1.0, 1.0]])
"""Lower and upper corner of the slot."""

_FAR = 50.0


@dataclass(frozen=True, eq=False)
class Density:
    """A mixture whose components are uniform on a box and then blurred by a normal law, by axis.

    A box without extent is a normal law, one without blur is uniform. The family is closed under
    all that layouts and faults do to clicks (move, scale, mirror, transpose, mix), so each is
    sampled and integrated over bins exactly.

    Parameters
    ----------
    weight : ndarray of shape (K,)
        Sums to one.
    low, high : ndarray of shape (K, 2)
        Corners of the boxes, x before y, in widths of the slot.
    sd : ndarray of shape (K, 2)
        Standard deviation of the blur.
    """

    weight: Array
    low: Array
    high: Array
    sd: Array

    @classmethod
    def spots(cls, weight: Array, centre: Array, sd: Array) -> Density:
        """Return normal laws, with weights that are scaled to sum to one."""
        return cls(weight / weight.sum(), centre, centre.copy(), sd)

    @classmethod
    def box(cls, low: Sequence[float], high: Sequence[float]) -> Density:
        """Return the uniform law on a box."""
        return cls(np.ones(1), np.array([low], float), np.array([high], float), np.zeros((1, 2)))

    @classmethod
    def mix(cls, parts: Sequence[tuple[float, Density]]) -> Density:
        """Return the mixture of densities with the given weights, scaled to sum to one."""
        total = sum(share for share, _ in parts)
        return cls(
            np.concatenate([share / total * one.weight for share, one in parts]),
            *(
                np.concatenate([getattr(one, name) for _, one in parts])
                for name in ("low", "high", "sd")
            ),
        )

    def moved(self, scale: Array, shift: Array) -> Density:
        """Return the law of ``scale * click + shift``; a negative scale mirrors."""
        ends = self.low * scale + shift, self.high * scale + shift
        return replace(
            self, low=np.minimum(*ends), high=np.maximum(*ends), sd=self.sd * np.abs(scale)
        )

    def transposed(self) -> Density:
        """Return the law of the clicks with x and y exchanged."""
        return replace(self, low=self.low[:, ::-1], high=self.high[:, ::-1], sd=self.sd[:, ::-1])

    def blurred(self, factor: float) -> Density:
        """Return the same with all blur scaled by a factor."""
        return replace(self, sd=self.sd * factor)

    def sample(self, rng: np.random.Generator, n: int) -> tuple[Array, npt.NDArray[np.int64]]:
        """Draw clicks.

        Returns
        -------
        clicks : ndarray of shape (n, 2)
        component : ndarray of shape (n,), int64
            Where each came from.
        """
        component = rng.choice(len(self.weight), size=n, p=self.weight)
        low, extent = self.low[component], (self.high - self.low)[component]
        clicks = low + extent * rng.random((n, 2)) + self.sd[component] * rng.normal(size=(n, 2))
        return clicks, component

    def bin_probabilities(self, within: tuple[Array, Array] | None = None) -> Array:
        """Return the probability of each bin of a heatmap, what lies beyond in the edge's bins.

        Parameters
        ----------
        within : pair of ndarray of shape (2,), optional
            Corners of a box: only the clicks inside it count.

        Returns
        -------
        probabilities : ndarray of shape (64, 64), float64
            Row y, column x; they sum to one without ``within``.
        """
        mass_x, mass_y = (self.bin_masses(axis, within) for axis in (0, 1))
        probabilities: Array = (self.weight[:, None] * mass_y).T @ mass_x
        return probabilities

    def bin_masses(self, axis: int, within: tuple[Array, Array] | None = None) -> Array:
        """Return what each component has in the bins of an axis (0 for x), shape (K, 64)."""
        edges = EDGES.copy()
        edges[0], edges[-1] = -np.inf, np.inf
        if within is not None:
            edges = np.clip(edges, within[0][axis], within[1][axis])
        cumulative = _cumulative(edges, self.low[:, axis], self.high[:, axis], self.sd[:, axis])
        return np.diff(cumulative, axis=1)


def _cumulative(edges: Array, low: Array, high: Array, sd: Array) -> Array:
    """Return the distribution function of each component of an axis at the edges, (K, n_edges)."""
    found = np.empty((len(low), len(edges)))
    finite = np.clip(edges, -_FAR, _FAR)[None]
    sharp = sd <= 0
    point = high - low <= 1e-12
    # Uniform on [low, high], blurred: the integral of the normal distribution function.
    wide = ~point & ~sharp
    if wide.any():
        a, b, s = (value[wide, None] for value in (low, high, sd))
        upper, lower = _ndtr_integral((finite - a) / s), _ndtr_integral((finite - b) / s)
        found[wide] = s / (b - a) * (upper - lower)
    blurred = point & ~sharp
    found[blurred] = ndtr((finite - low[blurred, None]) / sd[blurred, None])
    box = ~point & sharp
    found[box] = np.clip((finite - low[box, None]) / (high - low)[box, None], 0, 1)
    found[point & sharp] = finite >= low[point & sharp, None]
    return found


def _ndtr_integral(z: Array) -> Array:
    """Return the integral of the standard normal distribution function up to z."""
    integral: Array = z * ndtr(z) + np.exp(-0.5 * np.minimum(z * z, 1400.0)) / np.sqrt(2 * np.pi)
    return integral
