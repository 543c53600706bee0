"""Pictures of home, travel and money: sofa, lamp, house, suitcase, cards, coins, gem, bags."""

import math

from bannercluster.synth.marks import Skin, draw_mark
from bannercluster.synth.palette import BLACK, WHITE, Rgb, darker, lighter, mix
from bannercluster.synth.shapes import Board, Point, box, curve, oval

_WOOD: Rgb = (164, 112, 66)
_GOLD: Rgb = (240, 190, 60)


def sofa(b: Board, skin: Skin) -> None:
    """Two-seat sofa with cushions."""
    b.fill(oval(0.5, 0.81, 0.5, 0.035), BLACK, way="r", alpha=(0.5, 0.4, 0.0, 0.0))
    for x in (0.12, 0.86):
        b.fill(
            [(x - 0.02, 0.74), (x + 0.03, 0.74), (x + 0.02, 0.82), (x, 0.82)],
            _WOOD,
            darker(_WOOD, 0.4),
        )
    tone, dark = skin.main, darker(skin.main, 0.35)
    b.fill(box(0.1, 0.33, 0.9, 0.7, 0.06), lighter(tone, 0.22), tone, dark)
    for x0, x1 in ((0.145, 0.495), (0.505, 0.855)):
        b.fill(box(x0, 0.36, x1, 0.6, 0.045), lighter(tone, 0.3), tone, darker(tone, 0.2))
        b.fill(
            box(x0, 0.555, x1, 0.67, 0.04),
            lighter(tone, 0.42),
            lighter(tone, 0.1),
            darker(tone, 0.25),
        )
    b.fill(box(0.12, 0.655, 0.88, 0.76, 0.02), tone, darker(tone, 0.5))
    for x0, x1 in ((0.02, 0.155), (0.845, 0.98)):
        b.fill(box(x0, 0.45, x1, 0.765, 0.06), lighter(tone, 0.35), tone, darker(tone, 0.4))
    for cx, lean, colour in ((0.24, -0.03, skin.accent), (0.74, 0.03, skin.second)):
        pillow = [
            (cx - 0.085 + lean, 0.41),
            (cx + 0.085 + lean, 0.40),
            (cx + 0.09, 0.565),
            (cx - 0.09, 0.57),
        ]
        b.fill(curve(pillow, steps=6), lighter(colour, 0.35), colour, darker(colour, 0.25))


def lamp(b: Board, skin: Skin) -> None:
    """Standing lamp beside a potted plant."""
    b.fill(oval(0.5, 0.95, 0.4, 0.03), BLACK, way="r", alpha=(0.4, 0.3, 0.0, 0.0))
    b.fill(oval(0.36, 0.32, 0.36, 0.34), (255, 236, 180), way="r", alpha=(0.75, 0.2, 0.0, 0.0))
    b.fill(
        box(0.35, 0.4, 0.37, 0.94),
        darker(_GOLD, 0.5),
        lighter(_GOLD, 0.3),
        darker(_GOLD, 0.5),
        way="h",
    )
    b.fill(oval(0.36, 0.94, 0.13, 0.02), _GOLD, darker(_GOLD, 0.5))
    shade = [(0.26, 0.12), (0.46, 0.12), (0.57, 0.42), (0.15, 0.42)]
    b.fill(shade, lighter(skin.main, 0.5), lighter(skin.main, 0.2), skin.main)
    b.fill(shade, BLACK, way="h", alpha=(0.25, 0.0, 0.0, 0.3))
    for angle, length in (
        (-150, 0.2),
        (-125, 0.27),
        (-100, 0.31),
        (-78, 0.3),
        (-55, 0.26),
        (-30, 0.2),
    ):
        t = math.radians(angle)
        x, y = 0.75 + length * math.cos(t), 0.74 + length * 1.15 * math.sin(t)
        nx, ny = -math.sin(t) * 0.035, math.cos(t) * 0.035
        mx, my = (0.75 + x) / 2, (0.74 + y) / 2
        b.fill(
            curve([(0.75, 0.74), (mx + nx, my + ny), (x, y), (mx - nx, my - ny)]),
            (110, 180, 100),
            (40, 110, 70),
        )
    b.fill(
        [(0.65, 0.72), (0.85, 0.72), (0.82, 0.94), (0.68, 0.94)],
        lighter(skin.accent, 0.3),
        skin.accent,
        darker(skin.accent, 0.3),
        way="h",
    )


def house(b: Board, skin: Skin) -> None:
    """Family house with a garden."""
    b.fill(oval(0.5, 0.86, 0.5, 0.06), (120, 180, 90), (70, 130, 60))
    b.fill(box(0.66, 0.2, 0.73, 0.4), (150, 84, 66), (110, 56, 44), way="h")
    b.fill(
        [(0.14, 0.46), (0.86, 0.46), (0.86, 0.86), (0.14, 0.86)], (255, 252, 246), (226, 220, 210)
    )
    roof = [(0.06, 0.48), (0.5, 0.13), (0.94, 0.48)]
    b.fill(roof, lighter(skin.main, 0.2), skin.main, darker(skin.main, 0.3))
    b.fill([(0.14, 0.48), (0.86, 0.48), (0.86, 0.51), (0.14, 0.51)], BLACK, alpha=(0.3, 0.0))
    b.fill(oval(0.5, 0.35, 0.055, 0.055), WHITE)
    b.fill(oval(0.5, 0.35, 0.04, 0.04), (170, 215, 245), (90, 150, 200))
    for x in (0.21, 0.63):
        b.fill(box(x, 0.55, x + 0.16, 0.7), WHITE)
        b.fill(box(x + 0.012, 0.562, x + 0.148, 0.688), (190, 228, 250), (110, 170, 214), way="d")
        b.fill(box(x + 0.074, 0.55, x + 0.086, 0.7), WHITE)
        b.fill(box(x - 0.01, 0.7, x + 0.17, 0.73), skin.second)
    b.fill(box(0.43, 0.6, 0.57, 0.86, 0.01), lighter(skin.accent, 0.1), darker(skin.accent, 0.25))
    b.fill(oval(0.545, 0.74, 0.012, 0.012), lighter(_GOLD, 0.4))
    for cx, r in ((0.07, 0.075), (0.93, 0.085), (0.16, 0.05), (0.84, 0.05)):
        b.fill(oval(cx, 0.84, r, r), (130, 195, 100), (56, 120, 60))


def suitcase(b: Board, skin: Skin) -> None:
    """Cabin suitcase with wheels and a sun hat's band of colour."""
    b.fill(oval(0.5, 0.95, 0.32, 0.03), BLACK, way="r", alpha=(0.5, 0.35, 0.0, 0.0))
    for x in (0.41, 0.59):
        b.fill(
            box(x - 0.012, 0.04, x + 0.012, 0.24), (120, 124, 132), WHITE, (110, 114, 122), way="h"
        )
    b.fill(box(0.38, 0.02, 0.62, 0.065, 0.02), (60, 62, 70), (20, 20, 24))
    for x in (0.29, 0.66):
        b.fill(box(x, 0.89, x + 0.05, 0.955, 0.02), (60, 62, 68), (20, 20, 24))
    shell = box(0.2, 0.22, 0.8, 0.91, 0.08)
    b.fill(shell, lighter(skin.main, 0.3), skin.main, darker(skin.main, 0.3), way="d")
    with b.inside(shell):
        for i in range(6):
            x = 0.275 + 0.09 * i
            b.fill(box(x, 0.27, x + 0.012, 0.86, 0.006), darker(skin.main, 0.4))
            b.fill(box(x + 0.012, 0.27, x + 0.022, 0.86, 0.006), lighter(skin.main, 0.4), alpha=0.7)
        b.fill(box(0.2, 0.5, 0.8, 0.535), darker(skin.main, 0.5))
    b.fill(box(0.42, 0.42, 0.66, 0.6, 0.02), lighter(skin.accent, 0.2), skin.accent)
    draw_mark(b, skin.mark, 0.54, 0.51, 0.05, WHITE, skin.accent)


def card(b: Board, skin: Skin) -> None:
    """Two payment cards, one behind the other."""
    back = [(0.16, 0.2), (0.88, 0.12), (0.93, 0.56), (0.21, 0.64)]
    b.fill([(x + 0.01, y + 0.02) for x, y in back], BLACK, alpha=0.25)
    b.fill(back, lighter(skin.second, 0.3), skin.second, darker(skin.second, 0.2), way="d")
    front = box(0.06, 0.36, 0.86, 0.84, 0.045)
    b.fill([(x + 0.015, y + 0.025) for x, y in front], BLACK, alpha=0.3)
    b.fill(front, lighter(skin.main, 0.12), skin.main, darker(skin.main, 0.45), way="d")
    with b.inside(front):
        b.fill(oval(0.8, 0.36, 0.34, 0.34), mix(skin.main, skin.accent, 0.5), alpha=0.45)
        b.fill(oval(0.66, 0.9, 0.3, 0.3), mix(skin.main, skin.second, 0.6), alpha=0.4)
    b.fill(
        box(0.12, 0.5, 0.23, 0.59, 0.015), lighter(_GOLD, 0.6), _GOLD, darker(_GOLD, 0.25), way="d"
    )
    for y in (0.53, 0.56):
        b.stroke([(0.12, y), (0.23, y)], 0.004, darker(_GOLD, 0.45))
    draw_mark(b, skin.mark, 0.76, 0.46, 0.055, WHITE, skin.main)
    for group in range(4):
        for i in range(4):
            x = 0.12 + 0.165 * group + 0.033 * i
            b.fill(oval(x + 0.01, 0.67, 0.011, 0.011), WHITE, alpha=0.9)
    b.fill(box(0.12, 0.755, 0.38, 0.78, 0.01), WHITE, alpha=0.8)
    b.fill(box(0.65, 0.755, 0.8, 0.78, 0.01), WHITE, alpha=0.8)


def coins(b: Board, skin: Skin) -> None:
    """Growing stacks of coins and an arrow."""
    b.fill(oval(0.5, 0.89, 0.46, 0.035), BLACK, way="r", alpha=(0.45, 0.3, 0.0, 0.0))
    for i, n in enumerate((2, 4, 6)):
        cx = 0.2 + 0.3 * i
        for level in range(n):
            y = 0.85 - 0.065 * level
            b.fill(
                box(cx - 0.125, y - 0.04, cx + 0.125, y + 0.035, 0.02),
                darker(_GOLD, 0.45),
                _GOLD,
                lighter(_GOLD, 0.4),
                darker(_GOLD, 0.35),
                way="h",
            )
            b.fill(oval(cx, y - 0.04, 0.125, 0.032), lighter(_GOLD, 0.65), _GOLD)
        draw_mark(b, skin.mark, cx, 0.81 - 0.065 * (n - 1), 0.02, darker(_GOLD, 0.35), _GOLD)
    rise = curve([(0.08, 0.62), (0.3, 0.5), (0.5, 0.42), (0.78, 0.16)], closed=False)
    b.stroke(rise, 0.035, skin.main)
    b.fill([(0.69, 0.13), (0.87, 0.06), (0.83, 0.26)], skin.main)


def gem(b: Board, skin: Skin) -> None:
    """Cut gem with sparkles: the treasure of a game."""
    b.fill(
        oval(0.5, 0.52, 0.5, 0.48), lighter(skin.accent, 0.5), way="r", alpha=(0.7, 0.25, 0.0, 0.0)
    )
    top: list[Point] = [(0.16, 0.4), (0.3, 0.2), (0.42, 0.2), (0.58, 0.2), (0.7, 0.2), (0.84, 0.4)]
    tip = (0.5, 0.88)
    tones = (
        lighter(skin.main, 0.35),
        lighter(skin.main, 0.65),
        lighter(skin.main, 0.2),
        skin.main,
        darker(skin.main, 0.2),
    )
    for i in range(5):
        b.fill([top[i], top[i + 1], (0.2 + 0.15 * i, 0.42)], tones[(i + 1) % 5])
    lower = [(0.16, 0.4), (0.34, 0.42), (0.5, 0.425), (0.66, 0.42), (0.84, 0.4)]
    upper = [(0.3, 0.2), (0.5, 0.2), (0.7, 0.2)]
    faces = [
        [lower[0], upper[0], lower[1]],
        [upper[0], upper[1], lower[2], lower[1]],
        [upper[1], upper[2], lower[3], lower[2]],
        [upper[2], lower[4], lower[3]],
    ]
    for face, tone in zip(faces, (tones[3], tones[1], tones[0], tones[2]), strict=True):
        b.fill(face, tone, lighter(tone, 0.15))
    for i, tone in enumerate((tones[4], tones[0], tones[3], darker(skin.main, 0.35))):
        b.fill([lower[i], lower[i + 1], tip], tone, darker(tone, 0.25))
    for x, y, r in ((0.28, 0.24, 0.09), (0.8, 0.7, 0.06), (0.2, 0.74, 0.045), (0.72, 0.14, 0.04)):
        draw_mark(b, "spark", x, y, r, WHITE, skin.main, WHITE)


def gift(b: Board, skin: Skin) -> None:
    """Shopping bags with ribbon: the picture of a sale."""
    b.fill(oval(0.5, 0.92, 0.42, 0.035), BLACK, way="r", alpha=(0.45, 0.3, 0.0, 0.0))
    for x0, y0, x1, colour in ((0.44, 0.34, 0.9, skin.second), (0.1, 0.26, 0.58, skin.main)):
        mid = (x0 + x1) / 2
        b.stroke(oval(mid, y0 + 0.02, 0.1, 0.15, 180, 360), 0.016, darker(colour, 0.45))
        b.fill(
            [(x0, y0), (x1, y0), (x1 - 0.02, 0.92), (x0 + 0.02, 0.92)],
            lighter(colour, 0.25),
            colour,
            darker(colour, 0.2),
            way="d",
        )
        b.fill([(x1 - 0.1, y0), (x1, y0), (x1 - 0.02, 0.92), (x1 - 0.07, 0.92)], BLACK, alpha=0.15)
        draw_mark(b, skin.mark, mid - 0.02, 0.62, 0.11, WHITE, colour)
    b.fill(box(0.5, 0.52, 0.55, 0.55), skin.accent)
