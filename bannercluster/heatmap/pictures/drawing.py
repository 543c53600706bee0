"""A scatter plot as inline SVG.

Built as an XML tree, so every text is escaped; colours and type come from the page's style sheet by
class; title and description are read by screen readers.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET  # written, never parsed
from collections.abc import Sequence
from typing import Final

from bannercluster.heatmap.pictures.figures import Mark, ScatterView, drawn_marks
from bannercluster.render.axes import Scale, nice_ticks, spread, tick_labels
from bannercluster.render.palette import N_COLOURS, SHAPE_PATHS
from bannercluster.render.svg import add, start, text_of
from bannercluster.render.text import clean

WIDTH, PLOT_HEIGHT = 460, 340
LEFT, RIGHT, TOP, BOTTOM = 62, 12, 10, 44
LINE = 18  # of the legend
CROSS: Final = "M1.6 0L6 4.4L10.4 0L12 1.6L7.6 6L12 10.4L10.4 12L6 7.6L1.6 12L0 10.4L4.4 6L0 1.6Z"
NAMED_GROUPS: Final = 16
_NAME_CHARS = 22
_CHAR_WIDTH = 6.4

SCATTER_CSS: Final = """
svg.scatter{width:100%;max-width:560px;height:auto}
.scatter .grid{stroke:var(--line)}
.scatter .axis{stroke:var(--strong)}
.scatter .tick.y{text-anchor:end}
.scatter .tick.x,.scatter .name{text-anchor:middle}
.scatter .name{font-size:12px;fill:var(--ink)}
.scatter .key{font-size:12px;fill:var(--ink)}
.scatter .healthy{fill-opacity:.72}
.scatter .broken{stroke:var(--ink);stroke-width:1.1;stroke-linejoin:round}
.scatter .plain{fill:var(--muted)}
"""
"""Beside the page's ``.f0`` to ``.f7`` (colours of `bannercluster.render.palette`)."""


def scatter_svg(view: ScatterView, uid: str) -> str:
    """Draw a scatter plot with its legend.

    Parameters
    ----------
    view : ScatterView
    uid : str
        Unique on the page, for the ids of title and description.

    Returns
    -------
    str
        An ``<svg>`` element, well-formed XML.

    Raises
    ------
    ValueError
        If there is no mark, a place is not finite, or a grid is not among the groups.
    """
    marks = drawn_marks(view)
    legend = _legend_lines(view)
    height = PLOT_HEIGHT + LINE * len(legend) + 4
    svg = start(WIDTH, height, "scatter", view.title, _told(view, marks), uid)
    x, y = _scales(view, marks)
    _frame(svg, view, x, y)
    radius = 2.6 if len(marks) > 600 else 3.4 if len(marks) > 150 else 4.2
    for mark in marks:
        state = "broken" if mark.broken else "healthy"
        path = _shape(svg, mark.broken, f"{state} f{mark.group % N_COLOURS}",
                      x(mark.x), y(mark.y), radius)  # fmt: skip
        grid = view.groups[mark.group]
        told = grid if mark.name in ("", grid) else f"{mark.name}, {grid}"
        add(path, "title", "", text=f"{told}: {state}")
    _legend(svg, legend)
    return text_of(svg)


def _told(view: ScatterView, marks: Sequence[Mark]) -> str:
    n_broken = sum(mark.broken for mark in view.marks)
    shown = f", {len(marks):,} of them drawn" if len(marks) < len(view.marks) else ""
    return (
        f"{view.y_label} against {view.x_label}: {len(view.marks):,} heatmaps of "
        f"{len(view.groups):,} grids, {n_broken:,} broken{shown}"
    )


def _scales(view: ScatterView, marks: Sequence[Mark]) -> tuple[Scale, Scale]:
    width, height = WIDTH - LEFT - RIGHT, PLOT_HEIGHT - TOP - BOTTOM
    x_ends = spread([mark.x for mark in marks], 0.05)
    y_ends = spread([mark.y for mark in marks], 0.05)
    if view.equal:
        unit = max((x_ends[1] - x_ends[0]) / width, (y_ends[1] - y_ends[0]) / height)
        x_ends, y_ends = _widened(x_ends, unit * width), _widened(y_ends, unit * height)
    return (
        Scale(*x_ends, LEFT, WIDTH - RIGHT),
        Scale(*y_ends, PLOT_HEIGHT - BOTTOM, TOP),
    )


def _widened(ends: tuple[float, float], length: float) -> tuple[float, float]:
    middle = (ends[0] + ends[1]) / 2.0
    return middle - length / 2.0, middle + length / 2.0


def _frame(svg: ET.Element, view: ScatterView, x: Scale, y: Scale) -> None:
    low, high = PLOT_HEIGHT - BOTTOM, TOP
    ticks = nice_ticks(y.low, y.high, 5)
    for tick, label in zip(ticks, tick_labels(ticks), strict=True):
        add(svg, "line", "grid", x1=LEFT, x2=WIDTH - RIGHT, y1=y(tick), y2=y(tick))
        add(svg, "text", "tick y", text=label, x=LEFT - 6, y=y(tick) + 3.5)
    ticks = nice_ticks(x.low, x.high, 5)
    for tick, label in zip(ticks, tick_labels(ticks), strict=True):
        add(svg, "line", "grid", x1=x(tick), x2=x(tick), y1=high, y2=low)
        add(svg, "text", "tick x", text=label, x=x(tick), y=low + 15)
    add(svg, "line", "axis", x1=LEFT, x2=WIDTH - RIGHT, y1=low, y2=low)
    add(svg, "line", "axis", x1=LEFT, x2=LEFT, y1=high, y2=low)
    across, along = (LEFT + WIDTH - RIGHT) / 2, (high + low) / 2
    add(svg, "text", "name", text=view.x_label, x=across, y=low + 35)
    add(svg, "text", "name", text=view.y_label, x=13, y=along,
         transform=f"rotate(-90 13 {along})")  # fmt: skip


_Key = tuple[str, bool, str]  # colour class, cross or dot, text


def _legend_lines(view: ScatterView) -> list[list[_Key]]:
    keys: list[_Key] = [("plain", False, "healthy"), ("plain", True, "broken")]
    lines = [keys]
    if len(view.groups) > NAMED_GROUPS:
        keys.append(("", False, f"{len(view.groups):,} grids, {N_COLOURS} colours in turn"))
        return lines
    lines.append([])
    for nth, group in enumerate(view.groups):
        key = (f"f{nth % N_COLOURS}", False, _short(clean(group)))
        if lines[-1] and _width([*lines[-1], key]) > WIDTH - 16:
            lines.append([])
        lines[-1].append(key)
    return lines


def _width(keys: Sequence[_Key]) -> float:
    return sum(30 + _CHAR_WIDTH * len(text) for _, _, text in keys)


def _legend(svg: ET.Element, lines: list[list[_Key]]) -> None:
    for nth, keys in enumerate(lines):
        at, middle = 16.0, PLOT_HEIGHT + LINE * (nth + 0.5)
        for colour, cross, text in keys:
            if colour:
                _shape(svg, cross, colour, at, middle, 4.5)
            add(svg, "text", "key", text=text, x=round(at + 9, 2), y=middle + 4)
            at += 30 + _CHAR_WIDTH * len(text)


def _short(name: str) -> str:
    return name if len(name) <= _NAME_CHARS else name[: _NAME_CHARS - 1] + "…"


def _shape(
    parent: ET.Element, cross: bool, css: str, x: float, y: float, radius: float
) -> ET.Element:
    scale = round(radius / 6.0, 3)
    place = f"translate({round(x - radius, 2)} {round(y - radius, 2)}) scale({scale})"
    return add(parent, "path", css, d=CROSS if cross else SHAPE_PATHS["circle"], transform=place)
