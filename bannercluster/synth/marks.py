"""Logo marks: simple geometric signs, drawn in unit coordinates."""

import math
from dataclasses import dataclass

from bannercluster.synth.palette import Rgb, mix
from bannercluster.synth.shapes import Board, Point, box, curve, oval

MARKS = (
    "ring", "bars", "peak", "leaf", "bolt", "orbit", "hexagon", "wave", "petals", "quarter",
    "chevron", "spark", "arch", "drop", "knot", "crown",
)  # fmt: skip


@dataclass(frozen=True)
class Skin:
    """What a product picture takes from its brand: three colours and the mark on the label."""

    main: Rgb
    second: Rgb
    accent: Rgb
    mark: str


def _polygon(cx: float, cy: float, r: float, n: int, turn: float = -90.0) -> list[Point]:
    angles = [math.radians(turn + 360 * i / n) for i in range(n)]
    return [(cx + r * math.cos(t), cy + r * math.sin(t)) for t in angles]


def draw_mark(
    b: Board,
    kind: str,
    cx: float,
    cy: float,
    r: float,
    ink: Rgb,
    ground: Rgb,
    ink2: Rgb | None = None,
) -> None:
    """Draw a mark of radius ``r`` in ``ink`` (and ``ink2``) over ``ground``."""
    two = ink2 or mix(ink, ground, 0.35)

    def at(*points: Point) -> list[Point]:
        return [(cx + x * r, cy + y * r) for x, y in points]

    if kind == "ring":
        b.fill(oval(cx, cy, r, r), ink)
        b.fill(oval(cx + 0.18 * r, cy, 0.58 * r, 0.58 * r), ground)
        b.fill(oval(cx + 0.42 * r, cy, 0.3 * r, 0.3 * r), two)
    elif kind == "bars":
        for i, (top, colour) in enumerate(((0.2, two), (-0.4, ink), (-1.0, ink))):
            x = cx + (-0.9 + 0.65 * i) * r
            b.fill(box(x, cy + top * r, x + 0.48 * r, cy + 0.9 * r, 0.14 * r), colour)
    elif kind == "peak":
        b.fill(at((-1, 0.8), (-0.25, -0.75), (0.5, 0.8)), ink)
        b.fill(at((0.05, 0.8), (0.5, -0.2), (1, 0.8)), two)
    elif kind == "leaf":
        b.fill(
            curve(
                at((-0.9, 0.85), (-0.75, -0.3), (0.2, -0.9), (0.95, -0.95), (0.85, 0.1), (0, 0.8))
            ),
            ink,
        )
        b.stroke(at((-0.95, 0.95), (0.45, -0.45)), 0.13 * r, ground)
    elif kind == "bolt":
        b.fill(
            at((0.25, -1), (-0.65, 0.15), (-0.05, 0.15), (-0.25, 1), (0.65, -0.25), (0.05, -0.25)),
            ink,
        )
    elif kind == "orbit":
        b.fill(oval(cx, cy, 0.55 * r, 0.55 * r), ink)
        b.stroke([(cx + x, cy + y) for x, y in _tilted(r, 0.36 * r, -28)], 0.13 * r, two)
        b.fill(oval(cx + 0.86 * r, cy - 0.46 * r, 0.18 * r, 0.18 * r), ink)
    elif kind == "hexagon":
        b.fill(_polygon(cx, cy, r, 6), ink)
        b.fill(_polygon(cx, cy, 0.52 * r, 6), ground)
        b.fill(at((0, 0), (0.87, -0.5), (0.87, 0.5)), two)
    elif kind == "wave":
        for shift, colour in ((-0.55, ink), (0.0, two), (0.55, ink)):
            path = at(
                (-0.95, shift + 0.12),
                (-0.45, shift - 0.2),
                (0.1, shift + 0.12),
                (0.5, shift + 0.1),
                (0.95, shift - 0.2),
            )
            b.stroke(curve(path, closed=False), 0.3 * r, colour)
    elif kind == "petals":
        for i in range(5):
            t = math.radians(-90 + 72 * i)
            b.fill(
                oval(cx + 0.56 * r * math.cos(t), cy + 0.56 * r * math.sin(t), 0.43 * r, 0.43 * r),
                ink,
            )
        b.fill(oval(cx, cy, 0.3 * r, 0.3 * r), ground)
    elif kind == "quarter":
        b.fill([(cx, cy), *oval(cx, cy, r, r, 90, 360)], ink)
        b.fill(
            [
                (cx + 0.14 * r, cy + 0.14 * r),
                *oval(cx + 0.14 * r, cy + 0.14 * r, 0.85 * r, 0.85 * r, 0, 90),
            ],
            two,
        )
    elif kind == "chevron":
        for shift, colour in ((-0.5, two), (0.15, ink)):
            b.fill(
                at(
                    (shift - 0.4, -0.9),
                    (shift + 0.1, -0.9),
                    (shift + 0.75, 0),
                    (shift + 0.1, 0.9),
                    (shift - 0.4, 0.9),
                    (shift + 0.25, 0),
                ),
                colour,
            )
    elif kind == "spark":
        points = [
            (math.cos(math.radians(45 * i - 90)), math.sin(math.radians(45 * i - 90)))
            for i in range(8)
        ]
        b.fill(
            at(
                *(
                    (x * (1.0 if i % 2 == 0 else 0.3), y * (1.0 if i % 2 == 0 else 0.3))
                    for i, (x, y) in enumerate(points)
                )
            ),
            ink,
        )
        b.fill(oval(cx + 0.72 * r, cy - 0.72 * r, 0.2 * r, 0.2 * r), two)
    elif kind == "arch":
        b.fill(
            [
                *oval(cx, cy, 0.95 * r, 0.95 * r, 180, 360),
                (cx + 0.95 * r, cy + 0.9 * r),
                (cx - 0.95 * r, cy + 0.9 * r),
            ],
            ink,
        )
        b.fill(
            [
                *oval(cx, cy + 0.15 * r, 0.5 * r, 0.5 * r, 180, 360),
                (cx + 0.5 * r, cy + 0.9 * r),
                (cx - 0.5 * r, cy + 0.9 * r),
            ],
            ground,
        )
        b.fill(oval(cx, cy + 0.5 * r, 0.26 * r, 0.26 * r), two)
    elif kind == "drop":
        b.fill(
            curve(
                at(
                    (0, -1.05),
                    (0.45, -0.3),
                    (0.72, 0.3),
                    (0.45, 0.85),
                    (0, 1),
                    (-0.45, 0.85),
                    (-0.72, 0.3),
                    (-0.45, -0.3),
                )
            ),
            ink,
        )
        b.fill(oval(cx + 0.2 * r, cy + 0.42 * r, 0.24 * r, 0.24 * r), two)
    elif kind == "knot":
        for dx, colour in ((-0.4, ink), (0.4, two)):
            b.stroke(oval(cx + dx * r, cy, 0.5 * r, 0.5 * r), 0.22 * r, colour)
    else:
        b.fill(
            at(
                (-1, -0.55),
                (-0.5, 0.05),
                (0, -0.85),
                (0.5, 0.05),
                (1, -0.55),
                (0.8, 0.5),
                (-0.8, 0.5),
            ),
            ink,
        )
        b.fill(box(cx - 0.8 * r, cy + 0.6 * r, cx + 0.8 * r, cy + 0.82 * r), two)


def _tilted(rx: float, ry: float, degrees: float) -> list[Point]:
    t = math.radians(degrees)
    return [
        (x * math.cos(t) - y * math.sin(t), x * math.sin(t) + y * math.cos(t))
        for x, y in oval(0, 0, rx, ry)
    ]
