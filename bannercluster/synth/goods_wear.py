"""Pictures of things to wear and to care for: shoe, bag, watch, shirt, bottle, perfume."""

import math

from bannercluster.synth.marks import Skin, draw_mark
from bannercluster.synth.palette import BLACK, WHITE, Rgb, darker, lighter, mix
from bannercluster.synth.shapes import Board, box, curve, oval

STEEL: Rgb = (196, 202, 210)
GOLD: Rgb = (214, 172, 96)


def sneaker(b: Board, skin: Skin) -> None:
    """Shoe for running from the side, toe to the right."""
    body = curve(
        [
            (0.09, 0.7),
            (0.07, 0.58),
            (0.07, 0.42),
            (0.1, 0.31),
            (0.16, 0.3),
            (0.22, 0.37),
            (0.31, 0.36),
            (0.36, 0.27),
            (0.42, 0.25),
            (0.48, 0.33),
            (0.57, 0.44),
            (0.68, 0.51),
            (0.82, 0.56),
            (0.92, 0.62),
            (0.95, 0.7),
            (0.6, 0.72),
            (0.3, 0.72),
        ]
    )
    b.fill(oval(0.5, 0.82, 0.46, 0.035), BLACK, way="r", alpha=(0.5, 0.35, 0.0, 0.0))
    b.fill(body, lighter(skin.main, 0.18), skin.main, darker(skin.main, 0.3))
    with b.inside(body):
        heel = curve([(0.0, 0.28), (0.17, 0.25), (0.2, 0.5), (0.3, 0.75), (0.0, 0.8)])
        b.fill(heel, lighter(skin.second, 0.2), darker(skin.second, 0.2))
        toe = curve([(0.72, 0.5), (0.78, 0.6), (0.76, 0.75), (1.0, 0.75), (0.98, 0.55)])
        b.fill(toe, skin.second, darker(skin.second, 0.25))
        wave = [(0.22, 0.62), (0.34, 0.66), (0.5, 0.60), (0.66, 0.53), (0.74, 0.56)]
        b.stroke(curve(wave, closed=False), 0.035, skin.accent)
        wave = [(0.24, 0.69), (0.36, 0.715), (0.52, 0.67), (0.66, 0.61), (0.76, 0.63)]
        b.stroke(curve(wave, closed=False), 0.02, lighter(skin.accent, 0.5))
        collar = curve([(0.06, 0.33), (0.16, 0.285), (0.24, 0.37), (0.35, 0.36), (0.2, 0.45)])
        b.fill(collar, darker(skin.main, 0.55), darker(skin.main, 0.25))
        shine = curve([(0.45, 0.34), (0.58, 0.47), (0.78, 0.57), (0.62, 0.53), (0.5, 0.45)])
        b.fill(shine, WHITE, alpha=(0.45, 0.05))
    for i in range(5):
        x, y = 0.375 + 0.052 * i, 0.315 + 0.051 * i
        b.stroke([(x + 0.035, y - 0.01), (x - 0.035, y + 0.085)], 0.017, darker(skin.main, 0.4))
        b.stroke([(x + 0.035, y - 0.015), (x - 0.033, y + 0.078)], 0.014, WHITE)
    sole = curve(
        [
            (0.05, 0.7),
            (0.1, 0.675),
            (0.3, 0.705),
            (0.6, 0.7),
            (0.95, 0.68),
            (0.975, 0.735),
            (0.92, 0.8),
            (0.6, 0.815),
            (0.3, 0.815),
            (0.08, 0.81),
            (0.035, 0.76),
        ]
    )
    b.fill(sole, WHITE, (226, 228, 232), (170, 174, 182))
    with b.inside(sole):
        b.fill(box(0, 0.785, 1, 0.85), darker(skin.accent, 0.1))
        band = curve([(0.05, 0.755), (0.25, 0.745), (0.45, 0.765), (0.02, 0.775)])
        b.fill(band, skin.accent)


def handbag(b: Board, skin: Skin) -> None:
    """Leather handbag with a round handle and a metal clasp."""
    b.fill(oval(0.5, 0.91, 0.42, 0.05), BLACK, way="r", alpha=(0.45, 0.3, 0.0, 0.0))
    b.stroke(oval(0.5, 0.42, 0.2, 0.27, 180, 360), 0.045, darker(skin.main, 0.45))
    b.stroke(oval(0.5, 0.415, 0.2, 0.27, 180, 360), 0.02, lighter(skin.main, 0.15))
    body = curve(
        [
            (0.17, 0.42),
            (0.5, 0.4),
            (0.83, 0.42),
            (0.9, 0.66),
            (0.91, 0.86),
            (0.5, 0.91),
            (0.09, 0.86),
            (0.1, 0.66),
        ]
    )
    b.fill(body, lighter(skin.main, 0.22), skin.main, darker(skin.main, 0.35))
    with b.inside(body):
        b.fill(box(0.0, 0.3, 0.2, 1), BLACK, way="h", alpha=(0.35, 0.0))
        b.fill(box(0.78, 0.3, 1, 1), BLACK, way="h", alpha=(0.0, 0.35))
        b.fill(curve([(0.2, 0.5), (0.4, 0.46), (0.3, 0.8), (0.2, 0.84)]), WHITE, alpha=(0.28, 0.0))
    flap = curve(
        [
            (0.16, 0.41),
            (0.5, 0.38),
            (0.84, 0.41),
            (0.84, 0.56),
            (0.66, 0.66),
            (0.5, 0.7),
            (0.34, 0.66),
            (0.16, 0.56),
        ]
    )
    b.fill([(x, y + 0.015) for x, y in flap], BLACK, alpha=0.3)
    b.fill(flap, lighter(skin.second, 0.25), skin.second, darker(skin.second, 0.2))
    b.fill(box(0.44, 0.6, 0.56, 0.73, 0.02), lighter(GOLD, 0.6), GOLD, darker(GOLD, 0.3))
    draw_mark(b, skin.mark, 0.5, 0.665, 0.035, darker(GOLD, 0.55), GOLD)
    for x in (0.3, 0.7):
        b.fill(oval(x, 0.43, 0.03, 0.03), lighter(GOLD, 0.5), darker(GOLD, 0.3))


def watch(b: Board, skin: Skin) -> None:
    """Wrist watch seen from the front."""
    for y0, y1, far in ((0.0, 0.3, 0.0), (0.7, 1.0, 1.0)):
        near = 1.0 - far
        strap = [(0.36 - 0.03 * far, y0), (0.64 + 0.03 * far, y0)]
        strap = [(0.37, y0), (0.63, y0), (0.67, y1), (0.33, y1)] if near else [
            (0.33, y0), (0.67, y0), (0.63, y1), (0.37, y1),
        ]  # fmt: skip
        dark = darker(skin.second, 0.45)
        b.fill(strap, dark, skin.second, lighter(skin.second, 0.2), skin.second, dark, way="h")
    b.fill(box(0.78, 0.46, 0.86, 0.54, 0.02), lighter(STEEL, 0.5), darker(STEEL, 0.4))
    b.fill(oval(0.5, 0.5, 0.31, 0.31), WHITE, STEEL, darker(STEEL, 0.5), way="d")
    b.fill(oval(0.5, 0.5, 0.275, 0.275), darker(STEEL, 0.45), lighter(STEEL, 0.4), way="d")
    b.fill(oval(0.5, 0.5, 0.25, 0.25), lighter(skin.main, 0.12), darker(skin.main, 0.4), way="d")
    for hour in range(12):
        t = math.radians(hour * 30)
        inner = 0.18 if hour % 3 == 0 else 0.205
        ends = [
            (0.5 + inner * math.sin(t), 0.5 - inner * math.cos(t)),
            (0.5 + 0.225 * math.sin(t), 0.5 - 0.225 * math.cos(t)),
        ]
        b.stroke(ends, 0.016 if hour % 3 == 0 else 0.009, WHITE)
    draw_mark(b, skin.mark, 0.5, 0.40, 0.03, WHITE, skin.main)
    b.stroke([(0.5, 0.5), (0.405, 0.425)], 0.02, WHITE)
    b.stroke([(0.5, 0.5), (0.62, 0.385)], 0.014, WHITE)
    b.stroke([(0.48, 0.53), (0.56, 0.64)], 0.007, skin.accent)
    b.fill(oval(0.5, 0.5, 0.018, 0.018), skin.accent)
    glass = curve([(0.28, 0.45), (0.36, 0.31), (0.52, 0.255), (0.44, 0.4)])
    b.fill(glass, WHITE, way="d", alpha=(0.4, 0.0))


def shirt(b: Board, skin: Skin) -> None:
    """T-shirt with folds and a print."""
    body = curve(
        [
            (0.35, 0.11),
            (0.22, 0.16),
            (0.12, 0.26),
            (0.03, 0.43),
            (0.16, 0.5),
            (0.245, 0.42),
            (0.25, 0.65),
            (0.24, 0.92),
            (0.5, 0.945),
            (0.76, 0.92),
            (0.75, 0.65),
            (0.755, 0.42),
            (0.84, 0.5),
            (0.97, 0.43),
            (0.88, 0.26),
            (0.78, 0.16),
            (0.65, 0.11),
            (0.5, 0.145),
        ],
        steps=5,
    )
    b.fill(body, lighter(skin.main, 0.16), skin.main, darker(skin.main, 0.16))
    with b.inside(body):
        b.fill(box(0.22, 0.3, 0.36, 1), BLACK, way="h", alpha=(0.28, 0.0))
        b.fill(box(0.64, 0.3, 0.78, 1), BLACK, way="h", alpha=(0.0, 0.28))
        for fold in ([(0.3, 0.9), (0.36, 0.7), (0.34, 0.55)], [(0.68, 0.88), (0.62, 0.72)]):
            b.stroke(curve(fold, closed=False), 0.012, darker(skin.main, 0.4), 0.35)
        b.fill(curve([(0.4, 0.25), (0.5, 0.2), (0.48, 0.85), (0.4, 0.8)]), WHITE, alpha=(0.16, 0.0))
        b.stroke(oval(0.5, 0.1, 0.15, 0.105, 0, 180), 0.035, darker(skin.second, 0.1))
    b.fill(oval(0.5, 0.11, 0.13, 0.03), darker(skin.main, 0.6), darker(skin.main, 0.4))
    draw_mark(b, skin.mark, 0.5, 0.42, 0.12, skin.accent, skin.main)


def sunglasses(b: Board, skin: Skin) -> None:
    """Sunglasses from the front."""
    for side in (-1, 1):
        c = 0.5 + side * 0.24
        frame = curve(
            [
                (c - 0.2, 0.4),
                (c, 0.365),
                (c + 0.2, 0.4),
                (c + 0.19, 0.54),
                (c + 0.07, 0.645),
                (c - 0.07, 0.645),
                (c - 0.19, 0.54),
            ]
        )
        b.fill(frame, lighter(skin.main, 0.25), darker(skin.main, 0.35))
        lens = [(c + (x - c) * 0.84, 0.5 + (y - 0.5) * 0.8) for x, y in frame]
        b.fill(lens, darker(skin.second, 0.75), skin.second, lighter(skin.accent, 0.35))
        with b.inside(lens):
            b.fill(
                [(c - 0.1, 0.3), (c + 0.0, 0.3), (c - 0.12, 0.7), (c - 0.22, 0.7)], WHITE, alpha=0.2
            )
            b.fill(
                [(c + 0.04, 0.3), (c + 0.07, 0.3), (c - 0.05, 0.7), (c - 0.08, 0.7)],
                WHITE,
                alpha=0.2,
            )
        hinge = 0.5 + side * 0.455
        b.fill(box(hinge - 0.02, 0.395, hinge + 0.02, 0.43, 0.01), lighter(GOLD, 0.4), GOLD)
    bridge = curve([(0.44, 0.44), (0.5, 0.405), (0.56, 0.44)], closed=False)
    b.stroke(bridge, 0.032, darker(skin.main, 0.1))


def pump_bottle(b: Board, skin: Skin) -> None:
    """Bottle of lotion with a pump and a label."""
    b.fill(oval(0.5, 0.955, 0.26, 0.035), BLACK, way="r", alpha=(0.5, 0.35, 0.0, 0.0))
    dark, light = darker(skin.main, 0.35), lighter(skin.main, 0.45)
    b.fill(box(0.475, 0.1, 0.525, 0.24), (150, 154, 160), WHITE, (150, 154, 160), way="h")
    nozzle = curve([(0.33, 0.07), (0.4, 0.04), (0.56, 0.04), (0.57, 0.11), (0.42, 0.10)])
    b.fill(nozzle, WHITE, (190, 194, 200))
    b.fill(box(0.41, 0.19, 0.59, 0.28, 0.02), (170, 174, 180), WHITE, (150, 154, 160), way="h")
    body = box(0.29, 0.27, 0.71, 0.95, 0.09)
    b.fill(body, dark, skin.main, light, skin.main, dark, way="h")
    with b.inside(body):
        b.fill(box(0.2, 0.45, 0.8, 0.8), (222, 224, 228), WHITE, WHITE, (205, 208, 214), way="h")
        b.fill(box(0.2, 0.755, 0.8, 0.8), skin.accent)
        b.fill(box(0.335, 0.25, 0.385, 1), WHITE, way="h", alpha=(0.0, 0.5, 0.0))
    draw_mark(b, skin.mark, 0.5, 0.545, 0.06, skin.main, WHITE)
    b.fill(box(0.4, 0.635, 0.6, 0.655), darker(skin.main, 0.2))
    for i, half in enumerate((0.12, 0.09, 0.11)):
        b.fill(box(0.5 - half, 0.68 + 0.022 * i, 0.5 + half, 0.687 + 0.022 * i), (150, 152, 158))


def perfume(b: Board, skin: Skin) -> None:
    """Square glass flacon."""
    b.fill(oval(0.5, 0.93, 0.36, 0.045), BLACK, way="r", alpha=(0.45, 0.3, 0.0, 0.0))
    b.fill(box(0.4, 0.06, 0.6, 0.27, 0.02), darker(GOLD, 0.4), lighter(GOLD, 0.6), GOLD, way="h")
    b.fill(box(0.435, 0.26, 0.565, 0.32), GOLD, lighter(GOLD, 0.5), darker(GOLD, 0.3), way="h")
    glass = box(0.22, 0.31, 0.78, 0.92, 0.07)
    b.fill(glass, lighter(skin.main, 0.75), lighter(skin.main, 0.5), way="d", alpha=0.92)
    juice = box(0.26, 0.42, 0.74, 0.88, 0.05)
    b.fill(juice, lighter(skin.main, 0.35), skin.main, darker(skin.main, 0.2), way="d")
    with b.inside(glass):
        b.fill([(0.22, 0.31), (0.42, 0.31), (0.3, 0.92), (0.22, 0.92)], WHITE, alpha=(0.55, 0.1))
        b.fill([(0.66, 0.31), (0.7, 0.31), (0.58, 0.92), (0.54, 0.92)], WHITE, alpha=0.18)
        b.fill(box(0.74, 0.31, 0.78, 0.92), BLACK, way="h", alpha=(0.0, 0.25))
    b.fill(box(0.36, 0.53, 0.64, 0.76, 0.01), lighter(skin.accent, 0.85), WHITE)
    draw_mark(b, skin.mark, 0.5, 0.61, 0.05, darker(skin.main, 0.3), WHITE)
    b.fill(box(0.42, 0.69, 0.58, 0.705), darker(skin.main, 0.3))


def cream_jar(b: Board, skin: Skin) -> None:
    """Jar of cream with a tube leaning behind it."""
    b.fill(oval(0.5, 0.9, 0.46, 0.045), BLACK, way="r", alpha=(0.45, 0.3, 0.0, 0.0))
    tube = [(0.58, 0.12), (0.88, 0.12), (0.83, 0.74), (0.63, 0.74)]
    edge = darker(skin.second, 0.25)
    b.fill(tube, edge, lighter(skin.second, 0.5), skin.second, edge, way="h")
    b.fill(box(0.575, 0.09, 0.885, 0.15), lighter(skin.second, 0.3), edge, way="h")
    b.fill(box(0.64, 0.735, 0.82, 0.9, 0.02), (190, 192, 198), WHITE, (180, 182, 190), way="h")
    draw_mark(b, skin.mark, 0.73, 0.33, 0.06, WHITE, skin.second)
    b.fill(box(0.66, 0.46, 0.8, 0.475), WHITE)
    b.fill(box(0.68, 0.5, 0.78, 0.508), WHITE)
    jar = box(0.1, 0.58, 0.62, 0.9, 0.06)
    dark = darker(skin.main, 0.3)
    b.fill(jar, dark, skin.main, lighter(skin.main, 0.5), skin.main, dark, way="h")
    b.fill(
        box(0.085, 0.46, 0.635, 0.61, 0.03),
        darker(GOLD, 0.35),
        lighter(GOLD, 0.65),
        GOLD,
        darker(GOLD, 0.35),
        way="h",
    )
    draw_mark(b, skin.mark, 0.36, 0.715, 0.06, WHITE, skin.main)
    b.fill(box(0.26, 0.80, 0.46, 0.815), mix(skin.main, WHITE, 0.85))
