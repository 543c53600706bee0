"""Scatter plots of heatmaps as plain views, and as inline SVG.

Colour is the grid, shape is the state: a dot is healthy, a cross is broken, so that no reading
depends on colour alone. Colours are the page's (``--c0`` to ``--c7``, `bannercluster.render`);
`bannercluster.heatmap.pictures.drawing.SCATTER_CSS` is what the style sheet needs beside them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from bannercluster.heatmap.pictures.checks import FloatArray
from bannercluster.heatmap.pictures.mvu import Unfolded
from bannercluster.heatmap.pictures.pca import Components
from bannercluster.render.text import figure


@dataclass(frozen=True, slots=True)
class Heatmaps:
    """What is known of the rows of a picture.

    Parameters
    ----------
    grids : tuple of str
        Grid of each row.
    broken : tuple of bool
        Whether each row is known, or said, to be broken.
    names : tuple of str
        What a pointer over each row shows; empty shows the grid alone.
    """

    grids: tuple[str, ...]
    broken: tuple[bool, ...]
    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse columns of different lengths.

        Raises
        ------
        ValueError
        """
        lengths = {len(self.grids), len(self.broken), len(self.names) or len(self.grids)}
        if len(lengths) > 1:
            raise ValueError(
                f"{len(self.grids)} grids, {len(self.broken)} states and {len(self.names)} names: "
                "expected one of each a row"
            )


@dataclass(frozen=True, slots=True)
class Mark:
    """A heatmap in a plot.

    Parameters
    ----------
    x, y : float
        Its place.
    group : int
        Its grid: an index into `ScatterView.groups`.
    broken : bool
        A cross instead of a dot.
    name : str
        What a pointer over it shows.
    """

    x: float
    y: float
    group: int
    broken: bool = False
    name: str = ""


@dataclass(frozen=True, slots=True)
class ScatterView:
    """A scatter plot.

    Parameters
    ----------
    title : str
        Its name.
    x_label, y_label : str
        What the axes are.
    marks : tuple of Mark
        Up to `MARK_CAP` are drawn, evenly spaced over the tuple if there are more.
    groups : tuple of str
        Names of the grids, sorted where a figure of this file made them.
    equal : bool
        Whether a unit is as long on one axis as on the other.
    note : str
        What to keep in mind when reading it.
    """

    title: str
    x_label: str
    y_label: str
    marks: tuple[Mark, ...]
    groups: tuple[str, ...]
    equal: bool = False
    note: str = ""


MARK_CAP: Final = 2_000


def similarity_figure(
    x: npt.ArrayLike, y: npt.ArrayLike, heatmaps: Heatmaps, *, x_block: str, y_block: str
) -> ScatterView:
    """Cosine similarity in one block against that in another.

    Parameters
    ----------
    x, y : (n,) arrays
        From `bannercluster.heatmap.pictures.similarity.cosine_to_anchor`.
    heatmaps : Heatmaps
    x_block, y_block : str
        Names of the blocks.
    """
    places = np.stack((np.asarray(x, np.float64), np.asarray(y, np.float64)), axis=1)
    return _view(
        f"Similarity to the anchor: {y_block} against {x_block}",
        (f"cosine to the anchor, {x_block}", f"cosine to the anchor, {y_block}"),
        places,
        heatmaps,
    )


def pca_figure(found: Components, heatmaps: Heatmaps, *, block: str) -> ScatterView:
    """First against second principal component."""
    return _view(
        f"Principal components: {block}",
        _axes("PC", found.shares),
        found.coordinates,
        heatmaps,
        equal=True,
    )


def mvu_figure(found: Unfolded, heatmaps: Heatmaps, *, block: str) -> ScatterView:
    """First against second coordinate of an unfolding, with how good it is as its note."""
    note = (
        f"{found.n_edges:,} distances between {found.n_points:,} distinct points kept, squared "
        f"lengths to within {found.worst_residual:.1e}; gap to the bound {found.gap:.1e}."
    )
    if found.n_bridges:
        count = "1 of them connects" if found.n_bridges == 1 else f"{found.n_bridges} connect"
        note += f" {count} separate groups: how far these lie apart says little."
    if not found.converged:
        note = f"Not converged, so not to be relied on. {note}"
    return _view(
        f"Maximum variance unfolding: {block}",
        _axes("MVU", found.shares),
        found.coordinates,
        heatmaps,
        equal=True,
        note=note,
    )


def _axes(kind: str, shares: FloatArray) -> tuple[str, str]:
    padded = [*shares.tolist(), 0.0, 0.0]
    first, second = (
        f"{kind} {nth + 1}, {figure(padded[nth], 'percent')} of variance" for nth in range(2)
    )
    return first, second


def _view(
    title: str,
    labels: tuple[str, str],
    places: FloatArray,
    heatmaps: Heatmaps,
    *,
    equal: bool = False,
    note: str = "",
) -> ScatterView:
    if len(places) != len(heatmaps.grids):
        raise ValueError(f"{len(places)} places and {len(heatmaps.grids)} heatmaps: expected equal")
    if places.shape[1] < 2:  # one coordinate is a line
        places = np.column_stack((places, np.zeros(len(places))))
    groups = tuple(sorted(set(heatmaps.grids)))
    number = {grid: nth for nth, grid in enumerate(groups)}
    marks = tuple(
        Mark(float(x), float(y), number[grid], bool(broken), name)
        for (x, y), grid, broken, name in zip(
            places[:, :2],
            heatmaps.grids,
            heatmaps.broken,
            heatmaps.names or heatmaps.grids,
            strict=True,
        )
    )
    return ScatterView(title, *labels, marks, groups, equal, note)


def drawn_marks(view: ScatterView) -> Sequence[Mark]:
    """Choose the marks that are drawn, broken ones last, so that they lie on top.

    Raises
    ------
    ValueError
        If there is no mark, a place is not finite, or a grid is not among the groups.
    """
    if not view.marks:
        raise ValueError(f"the plot {view.title!r} has no marks")
    for mark in view.marks:
        if not (math.isfinite(mark.x) and math.isfinite(mark.y)):
            raise ValueError(f"mark {mark.name!r} of {view.title!r} is at ({mark.x}, {mark.y})")
        if not 0 <= mark.group < len(view.groups):
            raise ValueError(
                f"mark {mark.name!r} of {view.title!r} has the group {mark.group}, expected one "
                f"of {len(view.groups)}"
            )
    n = len(view.marks)
    chosen = (
        view.marks
        if n <= MARK_CAP
        else tuple(view.marks[i * n // MARK_CAP] for i in range(MARK_CAP))
    )
    return sorted(chosen, key=lambda mark: mark.broken)
