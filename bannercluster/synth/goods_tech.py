"""Pictures of machines: cars, plane, phone, laptop, headphones, television, gamepad, router."""

import math

from bannercluster.synth.marks import Skin, draw_mark
from bannercluster.synth.palette import BLACK, WHITE, Rgb, darker, lighter, mix
from bannercluster.synth.shapes import Board, Points, box, curve, oval

_GLASS: Rgb = (28, 38, 52)
_RIM: Rgb = (205, 210, 216)


def _wheel(b: Board, cx: float, cy: float, r: float) -> None:
    b.fill(oval(cx, cy, r, r), (46, 48, 54), (14, 14, 18))
    b.fill(oval(cx, cy, 0.68 * r, 0.68 * r), WHITE, _RIM, (110, 114, 122), way="d")
    b.fill(oval(cx, cy, 0.58 * r, 0.58 * r), (60, 64, 70))
    for i in range(5):
        t = math.radians(72 * i - 90)
        b.stroke(
            [(cx, cy), (cx + 0.56 * r * math.cos(t), cy + 0.56 * r * math.sin(t))], 0.2 * r, _RIM
        )
    b.fill(oval(cx, cy, 0.16 * r, 0.16 * r), (120, 124, 130))


def _vehicle(b: Board, skin: Skin, body: Points, glass: Points, posts: Points, low: float) -> None:
    b.fill(oval(0.5, low + 0.115, 0.5, 0.035), BLACK, way="r", alpha=(0.65, 0.5, 0.0, 0.0))
    paint, shade = skin.main, darker(skin.main, 0.5)
    b.fill(body, lighter(paint, 0.35), paint, darker(paint, 0.15), shade)
    b.fill(glass, lighter(_GLASS, 0.45), _GLASS)
    with b.inside(glass):
        b.fill([(0.3, 0.2), (0.42, 0.2), (0.34, 0.7), (0.22, 0.7)], WHITE, alpha=0.16)
        b.fill([(0.6, 0.2), (0.66, 0.2), (0.58, 0.7), (0.52, 0.7)], WHITE, alpha=0.16)
        for x, width in posts:
            b.fill(box(x, 0.2, x + width, 0.8), darker(paint, 0.25))
    with b.inside(body):
        b.fill(box(0, low - 0.115, 1, low - 0.07), WHITE, alpha=(0.0, 0.5, 0.0))
        b.fill(box(0, low + 0.01, 1, low + 0.1), BLACK, alpha=(0.0, 0.65))
        for x, _ in posts:
            b.stroke([(x + 0.01, low - 0.13), (x + 0.005, low + 0.03)], 0.005, shade)
            b.fill(box(x + 0.03, low - 0.085, x + 0.08, low - 0.07, 0.006), lighter(paint, 0.5))


def car(b: Board, skin: Skin) -> None:
    """Saloon car from the side, front to the right."""
    body = curve(
        [
            (0.02, 0.6),
            (0.03, 0.52),
            (0.12, 0.485),
            (0.22, 0.43),
            (0.34, 0.365),
            (0.52, 0.355),
            (0.63, 0.4),
            (0.73, 0.47),
            (0.88, 0.5),
            (0.965, 0.54),
            (0.985, 0.61),
            (0.97, 0.675),
            (0.7, 0.69),
            (0.3, 0.69),
            (0.04, 0.68),
        ]
    )
    glass = curve(
        [
            (0.215, 0.478),
            (0.28, 0.425),
            (0.36, 0.388),
            (0.51, 0.38),
            (0.6, 0.418),
            (0.69, 0.482),
            (0.5, 0.49),
        ]
    )
    _vehicle(b, skin, body, glass, [(0.43, 0.02), (0.29, 0.012)], 0.61)
    b.fill(
        curve([(0.9, 0.525), (0.965, 0.545), (0.975, 0.57), (0.92, 0.56)]), WHITE, (255, 240, 190)
    )
    b.fill(
        curve([(0.02, 0.53), (0.07, 0.515), (0.06, 0.55), (0.02, 0.57)]),
        (235, 50, 50),
        (150, 10, 20),
    )
    _wheel(b, 0.22, 0.665, 0.088)
    _wheel(b, 0.78, 0.665, 0.088)


def suv(b: Board, skin: Skin) -> None:
    """Off-road car from the side, front to the right."""
    body = curve(
        [
            (0.03, 0.62),
            (0.03, 0.48),
            (0.06, 0.34),
            (0.12, 0.285),
            (0.35, 0.275),
            (0.56, 0.285),
            (0.64, 0.35),
            (0.7, 0.425),
            (0.86, 0.45),
            (0.95, 0.48),
            (0.975, 0.58),
            (0.965, 0.68),
            (0.7, 0.7),
            (0.3, 0.7),
            (0.04, 0.69),
        ],
        steps=6,
    )
    glass = curve(
        [
            (0.1, 0.42),
            (0.12, 0.335),
            (0.2, 0.315),
            (0.54, 0.315),
            (0.6, 0.365),
            (0.65, 0.43),
            (0.4, 0.435),
        ],
        steps=6,
    )
    for x in (0.16, 0.5):
        b.stroke([(x, 0.262), (x + 0.04, 0.262)], 0.016, (60, 62, 66))
    b.stroke([(0.12, 0.255), (0.56, 0.255)], 0.012, (90, 92, 98))
    _vehicle(b, skin, body, glass, [(0.41, 0.02), (0.235, 0.02)], 0.6)
    b.fill(box(0.03, 0.625, 0.975, 0.70, 0.03), (52, 54, 60), (24, 25, 28))
    b.fill(
        curve([(0.9, 0.48), (0.955, 0.495), (0.965, 0.53), (0.91, 0.52)]), WHITE, (255, 240, 190)
    )
    b.fill(box(0.03, 0.45, 0.06, 0.55, 0.01), (235, 50, 50), (150, 10, 20))
    _wheel(b, 0.215, 0.685, 0.105)
    _wheel(b, 0.785, 0.685, 0.105)


def plane(b: Board, skin: Skin) -> None:
    """Airliner climbing to the right."""
    grey = (176, 184, 196)
    b.fill([(0.44, 0.47), (0.53, 0.46), (0.45, 0.24), (0.40, 0.24)], grey, (214, 220, 228))
    fin = [(0.06, 0.46), (0.20, 0.48), (0.12, 0.24), (0.05, 0.23)]
    b.fill(fin, skin.main, darker(skin.main, 0.25))
    draw_mark(b, skin.mark, 0.105, 0.36, 0.035, WHITE, skin.main)
    hull = curve(
        [
            (0.03, 0.455),
            (0.2, 0.445),
            (0.6, 0.44),
            (0.84, 0.45),
            (0.93, 0.475),
            (0.975, 0.515),
            (0.94, 0.545),
            (0.82, 0.565),
            (0.5, 0.57),
            (0.25, 0.55),
            (0.09, 0.495),
        ]
    )
    b.fill(hull, WHITE, (240, 243, 247), (168, 178, 192))
    with b.inside(hull):
        band = curve([(0.0, 0.46), (0.3, 0.535), (0.7, 0.535), (1, 0.55), (1, 0.62), (0.0, 0.6)])
        b.fill(band, skin.main, darker(skin.main, 0.3))
        b.fill([(0.0, 0.43), (0.16, 0.43), (0.26, 0.56), (0.0, 0.56)], skin.second, skin.main)
    for i in range(22):
        x = 0.27 + 0.027 * i
        b.fill(box(x, 0.482, x + 0.012, 0.505, 0.005), (60, 80, 110))
    b.fill([(0.895, 0.478), (0.925, 0.482), (0.94, 0.497), (0.9, 0.5)], (40, 56, 80))
    b.fill(box(0.40, 0.60, 0.52, 0.655, 0.027), WHITE, skin.second, darker(skin.second, 0.4))
    b.fill(oval(0.515, 0.6275, 0.012, 0.025), (50, 54, 62))
    wing = [(0.40, 0.525), (0.60, 0.53), (0.36, 0.80), (0.29, 0.81)]
    b.fill(wing, (228, 233, 240), (150, 160, 176))
    b.fill(
        [(0.32, 0.775), (0.345, 0.765), (0.305, 0.73), (0.285, 0.735), (0.29, 0.81)], skin.accent
    )
    b.fill([(0.05, 0.475), (0.15, 0.48), (0.055, 0.58), (0.02, 0.58)], (214, 220, 230), grey)


def _app(b: Board, skin: Skin, x0: float, y0: float, x1: float, y1: float) -> None:
    """Screen of an app: header, a chart, tiles, a button."""
    w, h = x1 - x0, y1 - y0
    b.fill(box(x0, y0, x1, y1, 0.03), lighter(skin.main, 0.94), lighter(skin.main, 0.82))
    b.fill(
        box(x0, y0, x1, y0 + 0.3 * h, 0.03), skin.main, mix(skin.main, skin.second, 0.6), way="d"
    )
    draw_mark(b, skin.mark, x0 + 0.18 * w, y0 + 0.1 * h, 0.07 * w, WHITE, skin.main)
    b.fill(box(x0 + 0.3 * w, y0 + 0.085 * h, x0 + 0.66 * w, y0 + 0.11 * h, 0.005), WHITE, alpha=0.9)
    b.fill(box(x0 + 0.12 * w, y0 + 0.18 * h, x0 + 0.7 * w, y0 + 0.235 * h, 0.008), WHITE)
    b.fill(box(x0 + 0.07 * w, y0 + 0.26 * h, x1 - 0.07 * w, y0 + 0.57 * h, 0.02), WHITE)
    for i, top in enumerate((0.12, 0.17, 0.09, 0.2, 0.15, 0.24)):
        x = x0 + (0.14 + 0.125 * i) * w
        colour = skin.accent if i == 5 else lighter(skin.second, 0.3)
        b.fill(box(x, y0 + (0.54 - top) * h, x + 0.08 * w, y0 + 0.54 * h, 0.005), colour)
    for row in range(2):
        y = y0 + (0.61 + 0.11 * row) * h
        b.fill(box(x0 + 0.07 * w, y, x1 - 0.07 * w, y + 0.09 * h, 0.015), WHITE)
        dot = (skin.accent, skin.second)[row]
        b.fill(oval(x0 + 0.19 * w, y + 0.045 * h, 0.06 * w, 0.06 * w), dot)
        b.fill(box(x0 + 0.32 * w, y + 0.025 * h, x0 + 0.62 * w, y + 0.042 * h), (120, 126, 138))
        b.fill(box(x0 + 0.32 * w, y + 0.053 * h, x0 + 0.5 * w, y + 0.066 * h), (190, 195, 204))
    b.fill(box(x0 + 0.12 * w, y0 + 0.86 * h, x1 - 0.12 * w, y0 + 0.945 * h, 0.03), skin.accent)


def phone(b: Board, skin: Skin) -> None:
    """Smartphone with an app on its screen."""
    b.fill(
        box(0.265, 0.02, 0.735, 0.98, 0.075), (150, 154, 162), (36, 38, 44), (90, 94, 102), way="h"
    )
    b.fill(box(0.275, 0.028, 0.725, 0.972, 0.07), (10, 10, 14))
    _app(b, skin, 0.295, 0.048, 0.705, 0.952)
    b.fill(box(0.43, 0.06, 0.57, 0.085, 0.0125), (10, 10, 14))
    shine = [(0.3, 0.048), (0.52, 0.048), (0.32, 0.6), (0.3, 0.6)]
    b.fill(shine, WHITE, alpha=(0.25, 0.0))


def laptop(b: Board, skin: Skin) -> None:
    """Open laptop with a dashboard on its screen."""
    b.fill(oval(0.5, 0.845, 0.5, 0.03), BLACK, way="r", alpha=(0.5, 0.35, 0.0, 0.0))
    b.fill(box(0.12, 0.16, 0.88, 0.74, 0.025), (70, 74, 82), (24, 26, 30))
    b.fill(box(0.14, 0.185, 0.86, 0.71, 0.005), lighter(skin.main, 0.93))
    b.fill(box(0.14, 0.185, 0.27, 0.71), darker(skin.main, 0.25), darker(skin.main, 0.5))
    draw_mark(b, skin.mark, 0.205, 0.235, 0.03, WHITE, skin.main)
    for i in range(5):
        b.fill(
            box(0.165, 0.31 + 0.06 * i, 0.245, 0.325 + 0.06 * i),
            WHITE,
            alpha=0.8 if i == 1 else 0.35,
        )
    for i, colour in enumerate((skin.main, skin.accent, skin.second)):
        x = 0.295 + 0.185 * i
        b.fill(box(x, 0.215, x + 0.165, 0.33, 0.012), lighter(colour, 0.15), colour, way="d")
        b.fill(box(x + 0.02, 0.24, x + 0.09, 0.255), WHITE, alpha=0.7)
        b.fill(box(x + 0.02, 0.275, x + 0.12, 0.305), WHITE)
    b.fill(box(0.295, 0.355, 0.62, 0.68, 0.012), WHITE)
    line = [(0.31, 0.62), (0.36, 0.56), (0.41, 0.58), (0.46, 0.49), (0.52, 0.51), (0.605, 0.40)]
    path = curve(line, closed=False)
    b.fill([*path, (0.605, 0.66), (0.31, 0.66)], skin.main, alpha=(0.5, 0.05))
    b.stroke(path, 0.01, skin.main)
    b.fill(box(0.645, 0.355, 0.83, 0.68, 0.012), WHITE)
    for a, z, colour in ((-90, 110, skin.main), (110, 200, skin.accent), (200, 270, skin.second)):
        b.stroke(oval(0.7375, 0.5, 0.06, 0.06, a, z), 0.03, colour)
    base = [(0.12, 0.74), (0.88, 0.74), (0.985, 0.825), (0.015, 0.825)]
    b.fill(base, (214, 218, 224), (150, 155, 164))
    b.fill([(0.17, 0.75), (0.83, 0.75), (0.88, 0.79), (0.12, 0.79)], (60, 64, 72), (84, 88, 96))
    b.fill(box(0.015, 0.825, 0.985, 0.845, 0.01), (190, 194, 202), (110, 114, 122))


def headphones(b: Board, skin: Skin) -> None:
    """Over-ear headphones."""
    b.stroke(oval(0.5, 0.5, 0.36, 0.40, 180, 360), 0.075, darker(skin.main, 0.45))
    b.stroke(oval(0.5, 0.49, 0.36, 0.40, 180, 360), 0.05, skin.main)
    b.stroke(oval(0.5, 0.475, 0.355, 0.395, 215, 325), 0.014, lighter(skin.main, 0.55))
    for side in (-1, 1):
        cx = 0.5 + side * 0.36
        b.fill(
            box(cx - 0.03, 0.44, cx + 0.03, 0.58, 0.03), (210, 214, 220), (120, 124, 132), way="h"
        )
        inner = cx - side * 0.07
        b.fill(oval(inner, 0.68, 0.075, 0.17), (64, 66, 74), (22, 22, 26))
        b.fill(
            oval(cx, 0.68, 0.105, 0.19),
            lighter(skin.main, 0.35),
            skin.main,
            darker(skin.main, 0.45),
            way="d",
        )
        b.fill(
            oval(cx + side * 0.02, 0.68, 0.065, 0.13),
            lighter(skin.second, 0.2),
            darker(skin.second, 0.3),
            way="d",
        )
        draw_mark(b, skin.mark, cx + side * 0.02, 0.68, 0.04, WHITE, skin.second)


def television(b: Board, skin: Skin) -> None:
    """Flat television that shows a bright picture."""
    b.fill(oval(0.5, 0.85, 0.36, 0.02), BLACK, way="r", alpha=(0.4, 0.3, 0.0, 0.0))
    b.fill([(0.46, 0.74), (0.54, 0.74), (0.57, 0.83), (0.43, 0.83)], (70, 74, 80), (30, 32, 36))
    b.fill(box(0.3, 0.825, 0.7, 0.845, 0.01), (90, 94, 100), (40, 42, 46))
    b.fill(box(0.02, 0.2, 0.98, 0.765, 0.015), (20, 20, 24))
    screen = box(0.035, 0.215, 0.965, 0.745)
    b.fill(screen, darker(skin.main, 0.55), skin.main, skin.accent, way="d")
    with b.inside(screen):
        b.fill(oval(0.68, 0.5, 0.16, 0.16), lighter(skin.accent, 0.7), skin.accent)
        for i, (base, colour) in enumerate(((0.55, skin.second), (0.64, skin.main), (0.7, BLACK))):
            hill = [
                (0.0, base),
                (0.2, base - 0.1),
                (0.42, base + 0.03),
                (0.65, base - 0.06),
                (1.0, base + 0.02),
            ]
            path = [(x, y + 0.02 * i) for x, y in curve(hill, closed=False)]
            b.fill([*path, (1, 0.8), (0, 0.8)], darker(colour, 0.2), darker(colour, 0.55))
        b.fill([(0.1, 0.2), (0.3, 0.2), (0.05, 0.8), (-0.15, 0.8)], WHITE, alpha=0.1)


def gamepad(b: Board, skin: Skin) -> None:
    """Game controller."""
    body = curve(
        [
            (0.22, 0.3),
            (0.38, 0.325),
            (0.62, 0.325),
            (0.78, 0.3),
            (0.9, 0.4),
            (0.975, 0.64),
            (0.93, 0.76),
            (0.83, 0.74),
            (0.7, 0.615),
            (0.5, 0.6),
            (0.3, 0.615),
            (0.17, 0.74),
            (0.07, 0.76),
            (0.025, 0.64),
            (0.1, 0.4),
        ]
    )
    b.fill([(x, y + 0.025) for x, y in body], darker(skin.main, 0.6))
    b.fill(body, lighter(skin.main, 0.3), skin.main, darker(skin.main, 0.3))
    with b.inside(body):
        b.fill(curve([(0.1, 0.36), (0.5, 0.30), (0.9, 0.36), (0.5, 0.41)]), WHITE, alpha=(0.4, 0.0))
    b.fill(box(0.4, 0.36, 0.6, 0.465, 0.02), darker(skin.second, 0.2), skin.second)
    draw_mark(b, skin.mark, 0.5, 0.412, 0.035, WHITE, skin.second)
    dark = (34, 35, 42)
    b.fill(box(0.2, 0.415, 0.31, 0.45, 0.01), dark)
    b.fill(box(0.2375, 0.3775, 0.2725, 0.4875, 0.01), dark)
    for dx, dy, colour in (
        (0, -0.05, (255, 209, 70)),
        (0.05, 0, (238, 72, 84)),
        (0, 0.05, (70, 200, 120)),
        (-0.05, 0, (70, 140, 250)),
    ):
        b.fill(
            oval(0.745 + dx, 0.432 + dy, 0.026, 0.026), lighter(colour, 0.3), darker(colour, 0.15)
        )
    for x in (0.375, 0.625):
        b.fill(oval(x, 0.545, 0.062, 0.062), (70, 72, 80), (16, 16, 20))
        b.fill(oval(x, 0.535, 0.044, 0.044), (30, 30, 36), (84, 86, 94))


def router(b: Board, skin: Skin) -> None:
    """Wireless router with antennas and waves."""
    b.fill(oval(0.5, 0.86, 0.44, 0.04), BLACK, way="r", alpha=(0.45, 0.3, 0.0, 0.0))
    for r, a in ((0.09, 0.95), (0.16, 0.65), (0.23, 0.4)):
        b.stroke(oval(0.5, 0.44, r, r, 222, 318), 0.026, skin.accent, a)
    for x, lean in ((0.17, -0.05), (0.83, 0.05)):
        b.stroke([(x, 0.66), (x + lean, 0.24)], 0.032, (60, 62, 70))
        b.stroke([(x - 0.006, 0.66), (x + lean - 0.006, 0.24)], 0.01, (120, 124, 132))
    b.fill(box(0.08, 0.62, 0.92, 0.86, 0.07), WHITE, (232, 235, 240), (186, 191, 200))
    b.fill(box(0.08, 0.8, 0.92, 0.86, 0.03), skin.main, darker(skin.main, 0.3))
    draw_mark(b, skin.mark, 0.2, 0.71, 0.045, skin.main, WHITE)
    for i in range(5):
        b.fill(oval(0.56 + 0.065 * i, 0.71, 0.013, 0.013), (60, 210, 120) if i < 4 else skin.accent)
