"""Layouts of ad slots: where tiles, buttons and logos are, and how users click on them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from bannercluster.heatmap.simulator.config import SimulatorConfig

Array = npt.NDArray[np.float64]

Family = Literal["row", "column", "matrix", "hero", "carousel", "mosaic"]

FAMILIES: tuple[Family, ...] = get_args(Family)

TRAINING_FAMILIES: tuple[Family, ...] = ("row", "column", "matrix")
"""Families of the grids that scorers may learn from; the others are held out."""

_SLOTS = {
    "row": ((728, 90), (970, 250), (970, 90)),
    "column": ((160, 600), (120, 600), (300, 600)),
    "matrix": ((300, 250), (300, 600), (970, 250)),
    "hero": ((300, 250), (320, 100), (970, 250)),
    "carousel": ((728, 90), (300, 250), (970, 250)),
    "mosaic": ((300, 250), (300, 600), (336, 280)),
}

Box = tuple[float, float, float, float]
"""Left, top, right and bottom."""


@dataclass(frozen=True, eq=False)
class Layout:
    """The elements of a slot, as the spots that clicks gather in.

    Parameters
    ----------
    grid_id : str
    family : str
    slot : (int, int)
        Width and height in pixels.
    centre, sd : ndarray of shape (K, 2)
        Of the clicks on each element, x before y, in widths of the slot.
    log_weight : ndarray of shape (K,)
        Of the share of clicks that each draws on an average domain.
    """

    grid_id: str
    family: Family
    slot: tuple[int, int]
    centre: Array
    sd: Array
    log_weight: Array


def draw_layout(
    rng: np.random.Generator, grid_id: str, family: Family, config: SimulatorConfig
) -> Layout:
    """Draw a layout of a family."""
    slots = _SLOTS[family]
    slot = slots[rng.integers(len(slots))]
    elements = [*_TILES[family](rng), _logo(rng)]
    boxes = np.array([box for box, _, _ in elements])
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2
    spread = np.array([spread for _, _, spread in elements])[:, None]
    weight = np.array([weight for _, weight, _ in elements])
    noise = config.weight_spread * rng.normal(size=len(weight))
    sd = np.maximum(spread * (boxes[:, 2:] - boxes[:, :2]), 0.008)
    return Layout(grid_id, family, slot, centre, sd, np.log(weight) + noise)


_Element = tuple[Box, float, float]
"""A box, the clicks that it draws, and their standard deviation in widths of the box."""


def _tile(box: Box, rng: np.random.Generator, button: float) -> list[_Element]:
    """Return a product tile, and the button on its lower part where there is one."""
    left, top, right, bottom = box
    width, height = right - left, bottom - top
    found: list[_Element] = [((left, top, right, bottom - 0.25 * height), 1.0, 0.22)]
    if rng.random() < button:
        low = bottom - 0.24 * height
        found.append(
            ((left + 0.15 * width, low, right - 0.15 * width, bottom - 0.04 * height), 0.8, 0.25)
        )
    return found


def _split(low: float, high: float, n: int, gap: float) -> list[tuple[float, float]]:
    size = (high - low - gap * (n - 1)) / n
    return [(low + nth * (size + gap), low + nth * (size + gap) + size) for nth in range(n)]


def _row(rng: np.random.Generator) -> list[_Element]:
    left = rng.choice([0.02, 0.18])
    spans = _split(left, 0.98, int(rng.integers(2, 7)), 0.015)
    button = rng.choice([0.0, 1.0])
    return [one for a, b in spans for one in _tile((a, 0.06, b, 0.94), rng, button)]


def _column(rng: np.random.Generator) -> list[_Element]:
    top = rng.choice([0.02, 0.14])
    spans = _split(top, 0.98, int(rng.integers(2, 6)), 0.015)
    button = rng.choice([0.0, 1.0])
    return [one for a, b in spans for one in _tile((0.05, a, 0.95, b), rng, button)]


def _matrix(rng: np.random.Generator) -> list[_Element]:
    top = rng.choice([0.02, 0.15])
    columns = _split(0.02, 0.98, int(rng.integers(2, 5)), 0.02)
    rows = _split(top, 0.98, int(rng.integers(2, 4)), 0.02)
    button = rng.choice([0.0, 0.7])
    return [
        one
        for low, high in rows
        for left, right in columns
        for one in _tile((left, low, right, high), rng, button)
    ]


def _hero(rng: np.random.Generator) -> list[_Element]:
    side = rng.uniform(0.45, 0.65)
    if rng.random() < 0.5:
        picture, words = (0.0, 0.0, side, 1.0), (side, 0.1, 1.0, 0.6)
        button = (side + 0.05, 0.65, 0.95, 0.9)
    else:
        picture, words = (0.0, 0.0, 1.0, side), (0.05, side, 0.95, side + 0.2)
        button = (0.3, side + 0.22, 0.7, 0.95)
    return [(picture, 1.2, 0.2), (words, 0.5, 0.22), (button, 1.5, 0.25)]


def _carousel(rng: np.random.Generator) -> list[_Element]:
    n = int(rng.integers(2, 4))
    tiles = [
        one for a, b in _split(0.1, 0.9, n, 0.02) for one in _tile((a, 0.05, b, 0.85), rng, 0.5)
    ]
    arrows: list[_Element] = [
        ((0.0, 0.35, 0.08, 0.65), 0.5, 0.3),
        ((0.92, 0.35, 1.0, 0.65), 0.9, 0.3),
    ]
    dots: list[_Element] = [
        ((0.5 + 0.05 * (nth - n / 2), 0.9, 0.5 + 0.05 * (nth - n / 2) + 0.03, 0.96), 0.08, 0.4)
        for nth in range(n)
    ]
    return [*tiles, *arrows, *dots]


def _mosaic(rng: np.random.Generator) -> list[_Element]:
    """Return tiles of unequal sizes: the slot is cut again and again, now across, now along."""
    boxes: list[Box] = [(0.02, 0.02, 0.98, 0.98)]
    for _ in range(int(rng.integers(3, 7))):
        boxes.sort(key=lambda box: (box[2] - box[0]) * (box[3] - box[1]))
        left, top, right, bottom = boxes.pop()
        cut = rng.uniform(0.35, 0.65)
        if rng.random() < 0.5:
            middle = left + cut * (right - left)
            boxes += [(left, top, middle, bottom), (middle, top, right, bottom)]
        else:
            middle = top + cut * (bottom - top)
            boxes += [(left, top, right, middle), (left, middle, right, bottom)]
    return [one for box in boxes for one in _tile(box, rng, 0.4)]


def _logo(rng: np.random.Generator) -> _Element:
    left, top = rng.choice([0.01, 0.85]), rng.choice([0.01, 0.88])
    return ((left, top, left + 0.14, top + 0.11), 0.15, 0.25)


_TILES: dict[Family, Callable[[np.random.Generator], list[_Element]]] = {
    "row": _row,
    "column": _column,
    "matrix": _matrix,
    "hero": _hero,
    "carousel": _carousel,
    "mosaic": _mosaic,
}
