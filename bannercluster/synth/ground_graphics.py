"""Graphic backgrounds: colour, light, blocks, waves, dots, paper and studio."""

import numpy as np

from bannercluster.synth.ground_kit import Ground, Painter, Scene, glow_at
from bannercluster.synth.palette import WHITE, darker, lighter, mix
from bannercluster.synth.shapes import curve, oval


def _flat(s: Scene, g: Ground) -> None:
    glow_at(s, *s.focus, 0.9 * s.long, lighter(g.base, 0.55), 0.45)


def _glow(s: Scene, g: Ground) -> None:
    glow_at(s, *s.focus, 1.2 * s.long, lighter(g.second, 0.25), 0.9)
    glow_at(s, *s.focus, 0.8 * s.short, WHITE, 0.5)


def _split(s: Scene, g: Ground) -> None:
    lean = 0.3 * s.short * (1 if s.rng.random() < 0.6 else -1)
    if s.width > 0.8 * s.height:
        x = s.focus[0]
        half = 0.42 * s.height if s.width > 2.2 * s.height else 0.30 * s.width
        at = x - half
        block = [
            (at + lean, 0.0),
            (s.width * 1.2, 0.0),
            (s.width * 1.2, s.height),
            (at - lean, s.height),
        ]
        if x < s.width / 2:
            at = x + half
            block = [(0.0, 0.0), (at + lean, 0.0), (at - lean, s.height), (0.0, s.height)]
    else:
        at = s.focus[1]
        block = [
            (0.0, at + lean / 2),
            (s.width, at - lean / 2),
            (s.width, s.height),
            (0.0, s.height),
        ]
    s.board.fill(block, lighter(g.second, 0.12), g.second, way="d")


def _blob(s: Scene, g: Ground) -> None:
    x, y = s.focus
    r = 0.62 * s.short
    for scale, colour, alpha in ((1.22, mix(g.base, g.second, 0.35), 1.0), (1.0, g.second, 1.0)):
        angles = np.linspace(0, 2 * np.pi, 8)[:-1]
        radii = r * scale * (1 + 0.17 * s.rng.uniform(-1, 1, len(angles)))
        points = [
            (x + q * np.cos(t) * 1.1, y + q * np.sin(t)) for t, q in zip(angles, radii, strict=True)
        ]
        s.board.fill(curve(points), lighter(colour, 0.12), colour, way="d", alpha=alpha)
    for _ in range(3):
        cx, cy = s.rng.uniform(0, s.width), s.rng.uniform(0, s.height)
        q = s.short * s.rng.uniform(0.02, 0.05)
        s.board.fill(oval(cx, cy, q, q), g.feature, alpha=0.75)


def _waves(s: Scene, g: Ground) -> None:
    tones = (mix(g.base, g.second, 0.45), g.second, mix(g.second, g.feature, 0.55))
    for i, tone in enumerate(tones):
        level = s.height * (0.60 + 0.14 * i)
        n = max(4, round(s.width / s.height * 3))
        xs = np.linspace(-0.1 * s.width, 1.1 * s.width, n)
        ys = level + s.height * 0.09 * np.sin(np.arange(n) * 2.1 + s.rng.uniform(0, 6))
        path = curve(list(zip(xs.tolist(), ys.tolist(), strict=True)), closed=False)
        s.board.fill(
            [*path, (1.2 * s.width, 1.1 * s.height), (-0.2 * s.width, 1.1 * s.height)],
            tone,
            darker(tone, 0.12),
        )


def _bokeh(s: Scene, g: Ground) -> None:
    s.board.fill(
        [(0, 0), (s.width, 0), (s.width, s.height), (0, s.height)],
        mix(g.base, g.second, 0.5),
        g.base,
        darker(g.base, 0.35),
        way="d",
    )
    for _ in range(15):
        x, y = s.rng.uniform(0, s.width), s.rng.uniform(0, s.height)
        r = s.short * s.rng.uniform(0.05, 0.22)
        tone = (g.second, g.feature, WHITE)[int(s.rng.integers(3))]
        a = float(s.rng.uniform(0.12, 0.34))
        s.board.fill(
            oval(x, y, r, r), lighter(tone, 0.3), way="r", alpha=(a * 0.7, a * 0.8, a, 0.0)
        )


def _rays(s: Scene, g: Ground) -> None:
    x, y = s.focus
    far, n = 2.0 * s.long, 16
    tone = mix(g.base, g.second, 0.55)
    for i in range(n):
        a, b = 2 * np.pi * i / n, 2 * np.pi * (i + 0.5) / n
        s.board.fill(
            [
                (x, y),
                (x + far * np.cos(a), y + far * np.sin(a)),
                (x + far * np.cos(b), y + far * np.sin(b)),
            ],
            tone,
            alpha=0.75,
        )
    glow_at(s, x, y, 1.1 * s.short, lighter(g.second, 0.6), 0.95)


def _dots(s: Scene, g: Ground) -> None:
    step = max(9.0, 0.075 * s.short)
    tone = mix(g.base, g.second, 0.7)
    left = s.focus[0] < s.width / 2
    for row in range(int(s.height / step) + 2):
        for column in range(int(0.5 * s.width / step)):
            share = 1 - (column + row * 0.5) * step / (0.42 * s.long + 1)
            if share <= 0.05:
                continue
            x = column * step + (row % 2) * step / 2
            r = 0.36 * step * share
            s.board.fill(oval(x if left else s.width - x, s.height - row * step, r, r), tone)
    glow_at(s, *s.focus, 0.8 * s.short, lighter(g.second, 0.4), 0.7)


def _stripes(s: Scene, g: Ground) -> None:
    step = 0.22 * s.short
    right = s.focus[0] > s.width / 2
    for i in range(5):
        width = step * (0.62 - 0.09 * i)
        x = (s.width - 0.15 * s.short - i * step) if right else 0.15 * s.short + i * step
        lean = 0.55 * s.height
        block = [
            (x + lean / 2, 0.0),
            (x + lean / 2 + width, 0.0),
            (x - lean / 2 + width, s.height),
            (x - lean / 2, s.height),
        ]
        s.board.fill(block, g.second, mix(g.base, g.second, 0.6), alpha=0.9 - 0.15 * i)
    glow_at(s, *s.focus, 0.7 * s.short, lighter(g.base, 0.7), 0.5)


def _circles(s: Scene, g: Ground) -> None:
    x, y = s.focus
    for i, r in enumerate((1.25, 0.95, 0.68, 0.48)):
        q = r * s.short
        s.board.fill(oval(x, y, q, q), mix(g.base, g.second, 0.25 + 0.25 * i))


def _confetti(s: Scene, g: Ground) -> None:
    glow_at(s, *s.focus, s.short, lighter(g.base, 0.7), 0.6)
    tones = (g.second, g.feature, lighter(g.feature, 0.5), WHITE)
    for _ in range(46):
        x, y = s.rng.uniform(0, s.width), s.rng.uniform(0, s.height)
        t, q = s.rng.uniform(0, 6.3), s.short * s.rng.uniform(0.012, 0.032)
        dx, dy = q * np.cos(t), q * np.sin(t)
        piece = [
            (x - dx - dy * 0.4, y - dy + dx * 0.4),
            (x + dx - dy * 0.4, y + dy + dx * 0.4),
            (x + dx + dy * 0.4, y + dy - dx * 0.4),
            (x - dx + dy * 0.4, y - dy - dx * 0.4),
        ]
        s.board.fill(piece, tones[int(s.rng.integers(4))], alpha=0.9)


def _studio(s: Scene, g: Ground) -> None:
    floor = max(s.height * 0.66, min(s.height * 0.86, s.focus[1] + 0.16 * s.short))
    wall = [(0.0, 0.0), (s.width, 0.0), (s.width, floor), (0.0, floor)]
    s.board.fill(wall, mix(g.base, g.second, 0.12), g.base, lighter(g.base, 0.2))
    ground = [(0.0, floor), (s.width, floor), (s.width, s.height), (0.0, s.height)]
    s.board.fill(ground, darker(g.base, 0.2), mix(darker(g.base, 0.05), g.second, 0.2))
    glow_at(s, s.focus[0], s.focus[1], 1.0 * s.long, WHITE, 0.55)


def _marble(s: Scene, g: Ground) -> None:
    base = lighter(g.base, 0.2)
    s.board.fill([(0, 0), (s.width, 0), (s.width, s.height), (0, s.height)], base, g.base, way="d")
    for i in range(14):
        x, y = s.rng.uniform(-0.2, 1.0) * s.width, s.rng.uniform(-0.4, 0.8) * s.height
        path = [(x, y)]
        for _ in range(7):
            x, y = x + s.rng.uniform(0.05, 0.3) * s.short, y + s.rng.uniform(-0.06, 0.34) * s.short
            path.append((x, y))
        vein = darker(g.second, 0.1) if i % 2 else WHITE
        line = curve(path, closed=False)
        s.board.stroke(line, 0.02 * s.short, vein, 0.16)
        s.board.stroke(line, 0.005 * s.short, vein, 0.4)


GRAPHICS: dict[str, Painter] = {
    "flat": _flat, "glow": _glow, "split": _split, "blob": _blob, "waves": _waves, "bokeh": _bokeh,
    "rays": _rays, "dots": _dots, "stripes": _stripes, "circles": _circles, "confetti": _confetti,
    "studio": _studio, "marble": _marble,
}  # fmt: skip
