"""The costs of a stage over the sizes as a picture: both axes logarithmic, the fits beside."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET  # written, never parsed

from bannercluster.bench.scaled import ScaleResult
from bannercluster.bench.svg import document, label, line
from bannercluster.render.axes import Scale
from bannercluster.render.palette import LIGHT

WIDTH, HEIGHT = 300, 260
LEFT, RIGHT, TOP, BOTTOM = 58, 14, 48, 40
_STYLE = (
    "text{font:11px sans-serif;fill:#333}.title{font-weight:bold}.grid{stroke:#ddd}"
    ".fit{fill:none;stroke-width:1.5}"
)
_PANELS = (
    ("seconds", 1.0, (("wall_s", "clock"), ("cpu_s", "processor"))),
    ("MiB of memory", 1 << 20, (("peak_nbytes", "peak"),)),
    ("MiB read", 1 << 20, (("asked_read_nbytes", "asked for"),)),
)


def scale_plot(result: ScaleResult) -> str:
    """Draw every run as a dot and every fit as a line.

    Returns
    -------
    str
        An ``<svg>`` document.
    """
    asked = f" {' '.join(result.options)}" if result.options else ""
    title = f"bc {result.stage}{asked} over {result.unit}"
    svg = document(WIDTH * len(_PANELS), HEIGHT, title, _STYLE)
    for nth, (name, unit, costs) in enumerate(_PANELS):
        panel = ET.SubElement(svg, "g", {"transform": f"translate({nth * WIDTH} 0)"})
        _panel(panel, result, name, unit, costs)
    return ET.tostring(svg, encoding="unicode")


def _panel(
    panel: ET.Element,
    result: ScaleResult,
    name: str,
    unit: float,
    costs: tuple[tuple[str, str], ...],
) -> None:
    values = [getattr(run.usage, cost) / unit for run in result.runs for cost, _ in costs]
    x = Scale(*_around([float(size) for size in result.sizes]), LEFT, WIDTH - RIGHT)
    y = Scale(*_around([value for value in values if value > 0] or [1.0]), HEIGHT - BOTTOM, TOP)
    label(panel, LEFT, 16, name, css="title")
    _axes(panel, x, y, result.unit)
    for nth, (cost, shown) in enumerate(costs):
        colour = LIGHT[2 * nth]
        growth = result.growth[cost]
        if growth is not None:
            ends = [(size, growth.at(size) / unit) for size in (result.sizes[0], result.sizes[-1])]
            places = "L".join(f"{x(math.log10(s))} {y(math.log10(v))}" for s, v in ends)
            ET.SubElement(panel, "path", {"class": "fit", "stroke": colour, "d": f"M{places}"})
            shown += f": size ^ {growth.exponent:.2f}"
            if growth.standard_error is not None:
                shown += f" ± {growth.standard_error:.2f}"
        for run in result.runs:
            value = getattr(run.usage, cost) / unit
            if value > 0:
                at = {"cx": str(x(math.log10(run.size))), "cy": str(y(math.log10(value)))}
                ET.SubElement(panel, "circle", {**at, "r": "3", "fill": colour})
        label(panel, LEFT, 30 + 13 * nth, shown, colour=colour)


def _axes(panel: ET.Element, x: Scale, y: Scale, unit: str) -> None:
    for value in _ticks(x):
        at = x(math.log10(value))
        line(panel, at, TOP, at, HEIGHT - BOTTOM)
        label(panel, at, HEIGHT - BOTTOM + 15, _short(value), anchor="middle")
    for value in _ticks(y):
        at = y(math.log10(value))
        line(panel, LEFT, at, WIDTH - RIGHT, at)
        label(panel, LEFT - 6, at + 4, _short(value), anchor="end")
    label(panel, (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8, unit, anchor="middle")


def _around(values: list[float]) -> tuple[float, float]:
    """Return the ends of an axis in powers of ten, with room beside the outermost values."""
    low, high = math.log10(min(values)), math.log10(max(values))
    room = max(0.08 * (high - low), 0.1)
    return low - room, high + room


def _ticks(axis: Scale) -> list[float]:
    """Return 1, 2 and 5 of every power of ten; powers alone where those would be too many."""
    powers = range(math.floor(axis.low), math.ceil(axis.high) + 1)
    steps = (1, 2, 5) if axis.high - axis.low < 2.5 else (1,)
    values = [step * 10.0**power for power in powers for step in steps]
    return [value for value in values if axis.low <= math.log10(value) <= axis.high]


def _short(value: float) -> str:
    for unit, factor in (("M", 1e6), ("k", 1e3)):
        if value >= factor:
            return f"{value / factor:g}{unit}"
    return f"{value:g}"
