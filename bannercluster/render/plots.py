"""The two plots of a report as inline SVG: a metric against k, and horizontal bars.

Both are built as XML trees, so every text is escaped; colours and type come from the page's style
sheet by class; both carry a title, and a description that holds the numbers for screen readers.
"""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET  # written, never parsed
from dataclasses import dataclass

from bannercluster.render.axes import Scale, nice_ticks, spread, thin, tick_labels
from bannercluster.render.palette import colour_index, shape_path
from bannercluster.render.svg import add, start, text_of
from bannercluster.render.text import figure


@dataclass(frozen=True, slots=True)
class Point:
    """A value at k, with its interval if there is one."""

    k: int
    value: float
    low: float | None = None
    high: float | None = None
    chosen: bool = False


@dataclass(frozen=True, slots=True)
class Series:
    """Points that a line joins, and fainter dots (restarts) behind them.

    Parameters
    ----------
    name : str
        Of the algorithm.
    points : tuple of Point
        In order of k.
    dots : tuple of (int, float)
        k and value.
    number : int
        Gives colour and dashes, so that an algorithm looks the same in all plots.
    """

    name: str
    points: tuple[Point, ...]
    dots: tuple[tuple[int, float], ...] = ()
    number: int = 0


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar: its label, its length, what is written behind it.

    Parameters
    ----------
    label : str
        In front of it.
    value : float
        Its length, at least 0.
    text : str
        Behind it.
    cluster_id : int or None
        Gives colour and shape; None is the neutral colour.
    href : str
        A place on the page (``#...``), or empty.
    """

    label: str
    value: float
    text: str
    cluster_id: int | None = None
    href: str = ""


WIDTH, HEIGHT = 244, 158
LEFT, RIGHT, TOP, BOTTOM = 42, 8, 14, 24


def metric_plot(title: str, series: tuple[Series, ...], style: str, uid: str) -> str:
    """Draw a metric against k.

    Parameters
    ----------
    title : str
        Name of the metric.
    series : tuple of Series
        One an algorithm, at least one point in all.
    style : str
        How values are written, see `bannercluster.render.text.figure`.
    uid : str
        Unique on the page, for the ids of title and description.

    Returns
    -------
    str
        An ``<svg>`` element, well-formed XML.
    """
    points = [p for s in series for p in s.points]
    ks = sorted({p.k for p in points})
    ys = [v for p in points for v in (p.value, p.low, p.high) if v is not None and math.isfinite(v)]
    ys += [y for s in series for _, y in s.dots if math.isfinite(y)]
    x_low, x_high = (ks[0], ks[-1]) if len(ks) > 1 else (ks[0] - 1, ks[0] + 1)
    x = Scale(x_low, x_high, LEFT + 12, WIDTH - RIGHT - 12)
    y = Scale(*spread(ys, 0.16), HEIGHT - BOTTOM, TOP)

    told = "; ".join(
        (f"{s.name}: " if len(series) > 1 else "")
        + ", ".join(f"k {p.k}: {figure(p.value, style)}" for p in s.points)
        for s in series
    )
    svg = start(WIDTH, HEIGHT, "plot", f"{title} against k", told, uid)
    _grid(svg, x, y, ks)
    for p in points:
        if p.chosen:
            add(svg, "line", "chosen-k", x1=x(p.k), x2=x(p.k), y1=TOP - 6, y2=HEIGHT - BOTTOM)
    for s in series:
        _draw_series(svg, s, x, y, style)
    return text_of(svg)


def _grid(svg: ET.Element, x: Scale, y: Scale, ks: list[int]) -> None:
    ticks = nice_ticks(y.low, y.high, 3)
    for tick, label in zip(ticks, tick_labels(ticks), strict=True):
        add(svg, "line", "grid", x1=LEFT, x2=WIDTH - RIGHT, y1=y(tick), y2=y(tick))
        add(svg, "text", "tick y", text=label, x=LEFT - 6, y=y(tick) + 3.5)
    add(svg, "line", "axis", x1=LEFT, x2=WIDTH - RIGHT, y1=HEIGHT - BOTTOM, y2=HEIGHT - BOTTOM)
    for k in thin(ks, x.start, x.end, 20):
        add(svg, "text", "tick x", text=str(k), x=x(k), y=HEIGHT - BOTTOM + 15)
    add(svg, "text", "tick y", text="k", x=LEFT - 6, y=HEIGHT - BOTTOM + 15)


def _draw_series(svg: ET.Element, s: Series, x: Scale, y: Scale, style: str) -> None:
    group = add(svg, "g", f"series s{s.number % 4}")
    for step, (k, value) in enumerate(s.dots):
        if math.isfinite(value):  # a step aside, always the same one, so that equal restarts show
            add(
                group,
                "circle",
                "restart",
                cx=round(x(k) + (step % 5 - 2) * 2.2, 2),
                cy=y(value),
                r=2,
            )
    drawn = [p for p in s.points if math.isfinite(p.value)]
    if len(drawn) > 1:
        path = "M" + "L".join(f"{x(p.k)} {y(p.value)}" for p in drawn)
        add(group, "path", "best", d=path)
    for nth, p in enumerate(drawn):
        tip = f"{s.name}, k = {p.k}: {figure(p.value, style)}"
        if p.low is not None and p.high is not None:
            add(group, "line", "interval", x1=x(p.k), x2=x(p.k), y1=y(p.low), y2=y(p.high))
            tip += f" (interval {figure(p.low, style)} to {figure(p.high, style)})"
        dot = add(group, "g", "dot chosen" if p.chosen else "dot")
        add(dot, "title", "", text=tip)
        add(dot, "circle", "reach", cx=x(p.k), cy=y(p.value), r=11)
        add(dot, "circle", "mark", cx=x(p.k), cy=y(p.value), r=4.5 if p.chosen else 3)
        if p.chosen:
            _name_value(dot, drawn, nth, x, y, style)


def _name_value(
    dot: ET.Element, drawn: list[Point], nth: int, x: Scale, y: Scale, style: str
) -> None:
    """Write a value where its line does not run: beside a slope, outside a peak or a dip."""
    p = drawn[nth]
    left = drawn[nth - 1].value - p.value if nth > 0 else 0.0
    right = drawn[nth + 1].value - p.value if nth + 1 < len(drawn) else 0.0
    first, last = nth == 0, nth + 1 == len(drawn)
    falls = left > right if not (first or last) else (right < 0 if first else left > 0)
    if not first and not last and (left < 0) == (right < 0):  # a peak or a dip
        css, dx, dy = "value middle", 0, -11 if left < 0 else 19
    elif first:
        css, dx, dy = "value", 7, -8 if falls else 17
    elif last:
        css, dx, dy = "value end", -7, 17 if falls else -8
    else:
        css, dx, dy = ("value", 8, -7) if falls else ("value end", -8, -7)
    add(dot, "text", css, text=figure(p.value, style), x=x(p.k) + dx, y=y(p.value) + dy)


def bar_plot(
    title: str, bars: tuple[Bar, ...], uid: str, label_width: int = 44, width: int = 420
) -> str:
    """Draw horizontal bars from zero, in the order given.

    Parameters
    ----------
    title : str
        What the bars are.
    bars : tuple of Bar
        At least one.
    uid : str
        Unique on the page, for the ids of title and description.
    label_width, width : int
        Pixels kept for the labels, and of the whole.

    Returns
    -------
    str
        An ``<svg>`` element, well-formed XML.
    """
    pitch = round(max(20, min(32, 420 / len(bars))))
    thickness = min(18, pitch - 6)
    height = pitch * len(bars) + 4
    told = ", ".join(f"{bar.label}: {bar.text}" for bar in bars)
    # An image has no children that could be reached: bars that are links make it a group.
    role = "group" if any(bar.href for bar in bars) else "img"
    svg = start(width, height, "bars", title, told, uid, role)
    room = width - label_width - 6.6 * max(len(bar.text) for bar in bars) - 16
    most = max(max(bar.value for bar in bars), 1e-12)
    for nth, bar in enumerate(bars):
        top, middle = 2 + nth * pitch, 2 + nth * pitch + pitch / 2
        row = add(svg, "a", "bar", href=bar.href) if bar.href else add(svg, "g", "bar")
        add(row, "rect", "reach", x=0, y=top, width=width, height=pitch)
        add(row, "title", "", text=f"{bar.label}: {bar.text}")
        length = round(max(1.5, room * bar.value / most), 2)
        x = label_width + 4.0
        if bar.cluster_id is None:
            colour, place, anchor = "neutral", 0.0, "label start"
        else:
            colour, place, anchor = f"f{colour_index(bar.cluster_id)}", label_width - 20.0, "label"
            add(row, "path", colour, d=shape_path(bar.cluster_id),
                 transform=f"translate({label_width - 13} {middle - 6})")  # fmt: skip
        label = _short(bar.label, int(label_width / 6.2) if bar.cluster_id is None else 4)
        add(row, "text", anchor, text=label, x=place, y=middle + 4)
        add(
            row,
            "rect",
            f"length {colour}",
            x=x,
            y=middle - thickness / 2,
            width=length,
            height=thickness,
            rx=2,
        )
        add(row, "text", "amount", text=bar.text, x=round(x + length + 7, 2), y=middle + 4)
    return text_of(svg)


def _short(label: str, n_chars: int) -> str:
    return label if len(label) <= n_chars else label[: max(1, n_chars - 1)] + "…"
