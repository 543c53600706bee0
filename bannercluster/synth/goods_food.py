"""Pictures of food and drink: burger, pizza, bowl, cup, can."""

import math

from bannercluster.synth.marks import Skin, draw_mark
from bannercluster.synth.palette import BLACK, WHITE, Rgb, darker, lighter
from bannercluster.synth.shapes import Board, Point, box, curve, oval

_BUN: Rgb = (222, 150, 70)
_WOOD: Rgb = (164, 112, 66)


def burger(b: Board, skin: Skin) -> None:
    """Hamburger with cheese, salad and sesame."""
    b.fill(oval(0.5, 0.86, 0.44, 0.04), BLACK, way="r", alpha=(0.5, 0.35, 0.0, 0.0))
    b.fill(box(0.12, 0.72, 0.88, 0.86, 0.07), lighter(_BUN, 0.3), _BUN, darker(_BUN, 0.3))
    salad = [(0.07 + 0.0717 * i, 0.70 + (0.05 if i % 2 else 0.0)) for i in range(13)]
    b.fill(curve([*salad, (0.92, 0.64), (0.08, 0.64)], steps=4), (150, 205, 80), (70, 140, 40))
    b.fill(box(0.1, 0.58, 0.9, 0.69, 0.05), (128, 72, 42), (74, 38, 22))
    cheese: list[Point] = [
        (0.09, 0.57),
        (0.91, 0.57),
        (0.86, 0.61),
        (0.7, 0.60),
        (0.58, 0.68),
        (0.46, 0.60),
        (0.3, 0.61),
        (0.2, 0.66),
    ]
    b.fill(cheese, (255, 205, 70), (245, 165, 30))
    b.fill(box(0.11, 0.515, 0.89, 0.575, 0.03), (226, 60, 48), (170, 26, 26))
    leaf = [(0.08 + 0.07 * i, 0.50 + (0.045 if i % 2 else 0.005)) for i in range(13)]
    b.fill(curve([*leaf, (0.92, 0.45), (0.08, 0.45)], steps=4), (170, 220, 90), (90, 160, 50))
    top = curve(
        [
            (0.1, 0.48),
            (0.11, 0.36),
            (0.2, 0.24),
            (0.36, 0.17),
            (0.5, 0.155),
            (0.64, 0.17),
            (0.8, 0.24),
            (0.89, 0.36),
            (0.9, 0.48),
            (0.5, 0.5),
        ]
    )
    b.fill(top, lighter(_BUN, 0.4), _BUN, darker(_BUN, 0.25))
    with b.inside(top):
        b.fill(
            curve([(0.2, 0.34), (0.34, 0.2), (0.55, 0.18), (0.36, 0.27)]), WHITE, alpha=(0.5, 0.0)
        )
    for x, y in (
        (0.3, 0.27),
        (0.42, 0.22),
        (0.55, 0.23),
        (0.68, 0.26),
        (0.37, 0.33),
        (0.5, 0.31),
        (0.63, 0.34),
        (0.76, 0.36),
        (0.24, 0.37),
    ):
        b.fill(oval(x, y, 0.019, 0.011), (255, 243, 210), (230, 200, 140))
    b.stroke([(0.5, 0.02), (0.5, 0.17)], 0.012, _WOOD)
    b.fill([(0.5, 0.02), (0.66, 0.06), (0.5, 0.11)], skin.main, darker(skin.main, 0.2))


def pizza(b: Board, skin: Skin) -> None:
    """Whole pizza from above on a plate."""
    b.fill(oval(0.5, 0.52, 0.48, 0.48), BLACK, way="r", alpha=(0.5, 0.5, 0.4, 0.0))
    b.fill(oval(0.5, 0.5, 0.46, 0.46), lighter(skin.main, 0.9), lighter(skin.main, 0.65), way="d")
    b.fill(oval(0.5, 0.5, 0.40, 0.40), (238, 180, 100), (190, 120, 50), way="d")
    b.fill(oval(0.5, 0.5, 0.355, 0.355), (214, 70, 40), (170, 40, 24), way="d")
    b.fill(oval(0.5, 0.5, 0.34, 0.34), (255, 224, 130), (248, 196, 90), way="d")
    for i in range(9):
        t, r = math.radians(40 * i + 11), 0.24 if i % 2 else 0.15
        x, y = 0.5 + r * math.cos(t), 0.5 + r * math.sin(t)
        b.fill(oval(x, y, 0.055, 0.055), (214, 62, 44), (150, 26, 24), way="d")
        b.fill(oval(x - 0.012, y - 0.014, 0.02, 0.016), (240, 120, 96), alpha=0.7)
    for i in range(11):
        t, r = math.radians(33 * i + 70), 0.29 if i % 3 else 0.09
        x, y = 0.5 + r * math.cos(t), 0.5 + r * math.sin(t)
        leaf = curve([(x - 0.04, y), (x, y - 0.024), (x + 0.045, y + 0.012), (x, y + 0.022)])
        b.fill(leaf, (96, 170, 70), (44, 110, 44), way="d")
    for turn in range(4):
        t = math.radians(45 * turn + 10)
        dx, dy = 0.4 * math.cos(t), 0.4 * math.sin(t)
        b.stroke([(0.5 - dx, 0.5 - dy), (0.5 + dx, 0.5 + dy)], 0.006, (170, 104, 44), 0.7)


def bowl(b: Board, skin: Skin) -> None:
    """Bowl of salad and grains."""
    b.fill(oval(0.5, 0.86, 0.34, 0.04), BLACK, way="r", alpha=(0.5, 0.35, 0.0, 0.0))
    b.fill(oval(0.5, 0.47, 0.45, 0.17), (60, 40, 30))
    spots = (
        (0.25, 0.42, (120, 190, 70)),
        (0.4, 0.36, (236, 88, 60)),
        (0.56, 0.36, (250, 200, 90)),
        (0.73, 0.41, (150, 205, 90)),
        (0.34, 0.47, (255, 236, 200)),
        (0.5, 0.45, (90, 160, 60)),
        (0.64, 0.48, (246, 140, 60)),
        (0.2, 0.5, (240, 220, 150)),
        (0.8, 0.5, (214, 60, 90)),
        (0.5, 0.54, (255, 245, 225)),
    )
    for x, y, colour in spots:
        blob = curve(
            [
                (x - 0.11, y),
                (x - 0.05, y - 0.085),
                (x + 0.06, y - 0.075),
                (x + 0.11, y + 0.01),
                (x + 0.02, y + 0.08),
            ]
        )
        b.fill(blob, lighter(colour, 0.3), colour, darker(colour, 0.25))
        b.fill(oval(x - 0.02, y - 0.03, 0.03, 0.018), WHITE, alpha=0.35)
    body = [*oval(0.5, 0.48, 0.46, 0.17, 0, 180)[::-1], *oval(0.5, 0.5, 0.46, 0.36, 0, 180)]
    b.fill(
        [(0.04, 0.48), *oval(0.5, 0.48, 0.46, 0.12, 180, 0), *oval(0.5, 0.48, 0.46, 0.375, 0, 180)],
        lighter(skin.main, 0.3),
        skin.main,
        darker(skin.main, 0.4),
    )
    with b.inside(body):
        b.fill(curve([(0.1, 0.6), (0.2, 0.62), (0.3, 0.8), (0.2, 0.75)]), WHITE, alpha=(0.45, 0.0))
    draw_mark(b, skin.mark, 0.5, 0.715, 0.055, WHITE, skin.main)


def cup(b: Board, skin: Skin) -> None:
    """Paper cup of coffee with a lid."""
    b.fill(oval(0.5, 0.95, 0.25, 0.035), BLACK, way="r", alpha=(0.5, 0.35, 0.0, 0.0))
    wall = [(0.27, 0.2), (0.73, 0.2), (0.66, 0.95), (0.34, 0.95)]
    b.fill(wall, (196, 190, 182), WHITE, (246, 243, 238), (186, 180, 172), way="h")
    sleeve = [(0.285, 0.38), (0.715, 0.38), (0.678, 0.76), (0.322, 0.76)]
    edge = darker(skin.main, 0.35)
    b.fill(sleeve, edge, skin.main, lighter(skin.main, 0.25), skin.main, edge, way="h")
    draw_mark(b, skin.mark, 0.5, 0.565, 0.1, WHITE, skin.main)
    lid = darker(skin.second, 0.5)
    b.fill(
        box(0.23, 0.15, 0.77, 0.215, 0.025),
        darker(lid, 0.3),
        lighter(lid, 0.3),
        darker(lid, 0.3),
        way="h",
    )
    b.fill(
        [(0.3, 0.08), (0.7, 0.08), (0.74, 0.155), (0.26, 0.155)],
        darker(lid, 0.4),
        lighter(lid, 0.4),
        darker(lid, 0.4),
        way="h",
    )


def can(b: Board, skin: Skin) -> None:
    """Cold drink can."""
    b.fill(oval(0.5, 0.96, 0.24, 0.03), BLACK, way="r", alpha=(0.5, 0.35, 0.0, 0.0))
    steel = ((120, 126, 134), (244, 246, 248), (150, 156, 164), (226, 230, 234), (110, 116, 124))
    b.fill([(0.33, 0.06), (0.67, 0.06), (0.72, 0.13), (0.28, 0.13)], *steel, way="h")
    b.fill(oval(0.5, 0.06, 0.17, 0.025), (220, 224, 228), (130, 136, 144))
    body = [(0.28, 0.13), (0.72, 0.13), (0.72, 0.88), (0.28, 0.88)]
    edge = darker(skin.main, 0.45)
    b.fill(
        body,
        edge,
        skin.main,
        lighter(skin.main, 0.5),
        skin.main,
        darker(skin.main, 0.15),
        edge,
        way="h",
    )
    with b.inside(body):
        swirl = curve(
            [
                (0.1, 0.62),
                (0.3, 0.5),
                (0.5, 0.64),
                (0.75, 0.46),
                (0.9, 0.5),
                (0.9, 0.75),
                (0.5, 0.8),
                (0.1, 0.85),
            ]
        )
        b.fill(
            swirl,
            darker(skin.accent, 0.3),
            skin.accent,
            lighter(skin.accent, 0.35),
            darker(skin.accent, 0.25),
            way="h",
        )
        b.fill(box(0.36, 0.1, 0.42, 0.9), WHITE, way="h", alpha=(0.0, 0.45, 0.0))
    draw_mark(b, skin.mark, 0.5, 0.36, 0.12, WHITE, skin.main)
    b.fill([(0.28, 0.88), (0.72, 0.88), (0.67, 0.955), (0.33, 0.955)], *steel, way="h")
    for x, y, r in (
        (0.34, 0.3, 0.012),
        (0.63, 0.22, 0.009),
        (0.66, 0.5, 0.013),
        (0.38, 0.7, 0.01),
        (0.55, 0.78, 0.012),
        (0.6, 0.66, 0.008),
    ):
        b.fill(oval(x, y, r, r * 1.3), WHITE, alpha=(0.8, 0.25))
