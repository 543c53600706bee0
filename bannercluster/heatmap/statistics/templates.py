"""What the faults would make of a healthy density: the templates that heatmaps are compared to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt

from bannercluster.heatmap.statistics.axes import (
    normal_axis,
    remapping,
    slot_density,
    uniform_axis,
)

Array = npt.NDArray[np.float64]

SHARES: Array = np.array([0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 0.9, 0.99])
"""Shares of the clicks that a fault may touch, tried for each template."""

FAMILIES = (
    "squeeze",
    "overflow",
    "offset",
    "edges",
    "close_button",
    "wrong_layout",
    "uniform",
)
"""Faults that have templates; overlays and dead zones are scanned for, repeats are counted."""

_SQUEEZES = (
    *((scale, scale) for scale in (0.35, 0.45, 0.55, 0.65, 0.75)),
    *((0.4, 0.7), (0.7, 0.4), (0.55, 0.75), (0.75, 0.55)),
)
_OVERFLOWS = (1.12, 1.25, 1.45, 1.75)
_OFFSETS = (0.06, 0.10, 0.16, 0.25)
_N_ANGLES = 12
_BANDS = (0.012, 0.03)
_CORNER_SDS = (0.012, 0.025)
_INSET = 0.035


@dataclass(frozen=True, eq=False)
class Templates:
    """Densities of the clicks that faults touch.

    Parameters
    ----------
    density : ndarray of shape (T, 64, 64), float64
    family : ndarray of shape (T,), int64
        Index into ``FAMILIES``; in ascending order.
    """

    density: Array
    family: npt.NDArray[np.int64]

    @classmethod
    def of(cls, healthy: Array, others: tuple[Array, ...]) -> Templates:
        """Return the templates of a grid, given its density and those of other grids."""
        made = (
            _squeezed(healthy),
            _overflowing(healthy),
            _offset(healthy),
            _edges(),
            _close_buttons(),
            _wrong_layouts(healthy, others),
            iter((slot_density(),)),
        )
        lists = [list(family) for family in made]
        density = np.stack([one / one.sum() for family in lists for one in family])
        return cls(density, np.repeat(np.arange(len(lists)), [len(one) for one in lists]))


def _moved(healthy: Array, x: tuple[float, float], y: tuple[float, float]) -> Array:
    """Scale and shift each axis: the remapping is separable."""
    moved: Array = remapping(*y) @ healthy @ remapping(*x).T
    return moved


def _scaled(healthy: Array, scale: tuple[float, float]) -> Iterator[Array]:
    """Scale from each corner."""
    x, y = scale
    for right, low in product((0, 1), repeat=2):
        if not ((x == 1 and right) or (y == 1 and low)):
            yield _moved(healthy, (x, right * (1 - x)), (y, low * (1 - y)))


def _squeezed(healthy: Array) -> Iterator[Array]:
    for scale in _SQUEEZES:
        yield from _scaled(healthy, scale)


def _overflowing(healthy: Array) -> Iterator[Array]:
    for scale in _OVERFLOWS:
        for both in ((scale, scale), (scale, 1.0), (1.0, scale)):
            yield from _scaled(healthy, both)


def _offset(healthy: Array) -> Iterator[Array]:
    for length, nth in product(_OFFSETS, range(_N_ANGLES)):
        angle = 2 * np.pi * nth / _N_ANGLES
        yield _moved(healthy, (1.0, length * np.cos(angle)), (1.0, length * np.sin(angle)))


def _edges() -> Iterator[Array]:
    along = uniform_axis(0.0, 1.0)
    for band in _BANDS:
        near, far = uniform_axis(0.0, band), uniform_axis(1 - band, 1.0)
        lines = np.stack(
            [
                np.outer(near, along),
                np.outer(far, along),
                np.outer(along, near),
                np.outer(along, far),
            ]
        )
        for chosen in product((0.0, 1.0), repeat=4):
            if any(chosen):
                yield np.tensordot(np.array(chosen), lines, axes=1)


def _close_buttons() -> Iterator[Array]:
    for sd in _CORNER_SDS:
        axes = normal_axis(np.array([_INSET, 1 - _INSET]), np.full(2, sd))
        for row, column in product(axes, repeat=2):
            yield np.outer(row, column)


def _wrong_layouts(healthy: Array, others: tuple[Array, ...]) -> Iterator[Array]:
    yield from (healthy[::-1], healthy[:, ::-1], healthy[::-1, ::-1], healthy.T)
    yield from others
