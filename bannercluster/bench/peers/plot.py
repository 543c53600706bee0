"""The anytime curves as a picture: excess against wall time, both axes logarithmic."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET  # written, never parsed

from bannercluster.bench.peers.curves import Curve, CurveResult
from bannercluster.bench.svg import document, label, line
from bannercluster.render.axes import Scale

WIDTH, HEIGHT = 640, 360
LEFT, RIGHT, TOP, BOTTOM = 70, 150, 46, 48
FLOOR = 1e-6
"""Least excess that is drawn: a logarithmic axis has no zero."""
_STYLE = (
    "text{font:12px sans-serif;fill:#333}.grid{stroke:#ddd}.threshold{stroke:#888;"
    "stroke-dasharray:5 4}.line{fill:none;stroke-width:2}.title{font-weight:bold}"
)
_OURS, _RACE, _THEIRS = "#0b6e8f", "#2f9e44", "#c2571a"


def curve_plot(result: CurveResult) -> str:
    """Draw the curves.

    Returns
    -------
    str
        An ``<svg>`` document.
    """
    curves = [result.ours, result.theirs, *([] if result.race is None else [result.race])]
    times = [at for curve in curves for at in curve.seconds]
    excess = [value for curve in curves for value in curve.excess]
    highest = max([*excess, 10 * result.threshold])
    x = Scale(_down(min(times)), _up(max(times)), LEFT, WIDTH - RIGHT)
    y = Scale(math.log10(FLOOR), _up(highest), HEIGHT - BOTTOM, TOP)
    svg = document(WIDTH, HEIGHT, f"Anytime curves of ours and {result.peer}", _STYLE)
    label(svg, LEFT, 18, "Inertia above the final best, mean over k", css="title")
    label(svg, LEFT, 34, f"{result.n_rows:,} rows, all restarts included")
    _axes(svg, x, y)
    level = y(math.log10(result.threshold))
    line(svg, LEFT, level, WIDTH - RIGHT, level, css="threshold")
    label(svg, WIDTH - RIGHT + 6, level + 4, f"{result.threshold:.1%} above")
    drawn = [("ours", result.ours, _OURS), (result.peer, result.theirs, _THEIRS)]
    if result.race is not None:
        drawn.insert(1, ("ours, race", result.race, _RACE))
    for nth, (name, curve, colour) in enumerate(drawn):
        ET.SubElement(svg, "path", {"class": "line", "stroke": colour, "d": _steps(curve, x, y)})
        label(svg, WIDTH - RIGHT + 6, TOP + 14 + 18 * nth, name, colour=colour)
    return ET.tostring(svg, encoding="unicode")


def _axes(svg: ET.Element, x: Scale, y: Scale) -> None:
    for power in range(round(x.low), round(x.high) + 1):
        at = x(power)
        line(svg, at, TOP, at, HEIGHT - BOTTOM)
        label(svg, at, HEIGHT - BOTTOM + 18, f"{10.0**power:g} s", anchor="middle")
    for power in range(round(y.low), round(y.high) + 1):
        at = y(power)
        line(svg, LEFT, at, WIDTH - RIGHT, at)
        label(svg, LEFT - 6, at + 4, f"{100 * 10.0**power:g} %", anchor="end")
    label(svg, (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 10, "wall time", anchor="middle")


def _steps(curve: Curve, x: Scale, y: Scale) -> str:
    """Draw what holds until the next point as a level line."""
    path, last = "", None
    for seconds, excess in zip(curve.seconds, curve.excess, strict=True):
        across, up = x(math.log10(seconds)), y(math.log10(max(excess, FLOOR)))
        path += f"M{across} {up}" if last is None else f"L{across} {last}L{across} {up}"
        last = up
    return path + f"L{WIDTH - RIGHT} {last}"


def _down(value: float) -> int:
    return math.floor(math.log10(value))


def _up(value: float) -> int:
    return math.floor(math.log10(value)) + 1
