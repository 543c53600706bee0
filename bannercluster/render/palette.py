"""Colour and shape of a cluster: eight colours times four shapes, so that 32 clusters differ.

The colours were searched in OKLab for the largest smallest difference under normal vision and full
protanopia, deuteranopia and tritanopia (Machado et al. 2009); `tests/render/test_palette.py`
measures it. Colour is never the only cue: each has a shape, and centroids carry the number.
"""

from __future__ import annotations

from typing import Final

LIGHT: Final = (
    "#2279a5", "#cbaa1c", "#821109", "#46bcd8", "#a36922", "#3d2f8d", "#ff7c96", "#a677e9",
)  # fmt: skip
DARK: Final = (
    "#63bede", "#dbd849", "#ae5552", "#32f0b6", "#b48e0b", "#9280f0", "#f4808c", "#407ba0",
)  # fmt: skip
N_COLOURS: Final = len(LIGHT)
SHAPES: Final = ("circle", "square", "triangle", "diamond")

# In a box of 12 x 12, all of about the same area.
SHAPE_PATHS: Final = {
    "circle": "M6 1.2A4.8 4.8 0 1 1 6 10.8A4.8 4.8 0 1 1 6 1.2Z",
    "square": "M1.8 1.8H10.2V10.2H1.8Z",
    "triangle": "M6 0.6L11.6 10.6H0.4Z",
    "diamond": "M6 0L12 6L6 12L0 6Z",
}


def colour_index(cluster_id: int) -> int:
    """Index into `LIGHT` and `DARK`, and into the CSS variables ``--c0`` to ``--c7``."""
    return cluster_id % N_COLOURS


def shape(cluster_id: int) -> str:
    """Name of the shape; clusters of one colour have different shapes, up to 32 clusters."""
    return SHAPES[(cluster_id // N_COLOURS + cluster_id) % len(SHAPES)]


def shape_path(cluster_id: int) -> str:
    """SVG path of the shape, in a box of 12 x 12."""
    return SHAPE_PATHS[shape(cluster_id)]


def css_variables(colours: tuple[str, ...]) -> str:
    """Write declarations ``--c0:#...;`` for a style sheet."""
    return "".join(f"--c{i}:{colour};" for i, colour in enumerate(colours))
