"""Plots as inline SVG: an XML tree, so that every text is escaped, in a frame with named axes."""

from __future__ import annotations

import xml.etree.ElementTree as ET  # written, never parsed
from collections.abc import Sequence
from dataclasses import dataclass

from bannercluster.render import svg as documents
from bannercluster.render.axes import Scale
from bannercluster.render.svg import add

WIDTH, HEIGHT = 460, 300
LEFT, RIGHT, TOP, BOTTOM = 58, 14, 12, 46
N_SERIES = 4  # colours and dashes that the style sheet has

X_PIXELS = (LEFT, WIDTH - RIGHT)
Y_PIXELS = (HEIGHT - BOTTOM, TOP)


@dataclass(frozen=True, slots=True)
class Axis:
    """An axis.

    Parameters
    ----------
    name : str
    scale : Scale
        To pixels.
    ticks : sequence of (float, str)
        Places and labels.
    """

    name: str
    scale: Scale
    ticks: Sequence[tuple[float, str]]


def start(title: str, told: str, uid: str) -> ET.Element:
    """Return the ``<svg>`` of a plot in the frame of all of them."""
    return documents.start(WIDTH, HEIGHT, "plot wide", title, told, uid)


def frame(svg: ET.Element, x: Axis, y: Axis) -> None:
    """Draw both axes with their names and ticks."""
    (left, right), (low, high) = X_PIXELS, Y_PIXELS
    for place, label in y.ticks:
        add(svg, "line", "grid", x1=left, x2=right, y1=y.scale(place), y2=y.scale(place))
        add(svg, "text", "tick y", text=label, x=left - 6, y=y.scale(place) + 3.5)
    for place, label in x.ticks:
        add(svg, "text", "tick x", text=label, x=x.scale(place), y=low + 15)
    add(svg, "line", "axis", x1=left, x2=right, y1=low, y2=low)
    add(svg, "text", "name", text=x.name, x=(left + right) / 2, y=low + 35)
    middle = (low + high) / 2
    add(svg, "text", "name", text=y.name, x=12, y=middle, transform=f"rotate(-90 12 {middle})")


def series(svg: ET.Element, number: int) -> ET.Element:
    """Return a group with the colour and the dashes of a series."""
    return add(svg, "g", f"series s{number % N_SERIES}")


def line(parent: ET.Element, css: str, places: Sequence[tuple[float, float]]) -> None:
    """Draw a line through places in pixels."""
    add(parent, "path", css, d="M" + "L".join(f"{x} {y}" for x, y in places))


def dot(parent: ET.Element, x: float, y: float, told: str) -> None:
    """Draw a mark that tells something under the pointer."""
    group = add(parent, "g", "dot")
    add(group, "title", "", text=told)
    add(group, "circle", "reach", cx=x, cy=y, r=11)
    add(group, "circle", "mark", cx=x, cy=y, r=3.5)
