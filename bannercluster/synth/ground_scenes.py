"""Painted backgrounds: beach, mountains, hills, city, space."""

import numpy as np

from bannercluster.synth.ground_kit import Ground, Painter, Scene, glow_at
from bannercluster.synth.palette import WHITE, Rgb, darker, lighter, luminance, mix, turned
from bannercluster.synth.shapes import curve, oval


def _sky(s: Scene, *tones: Rgb) -> None:
    s.board.fill([(0, 0), (s.width, 0), (s.width, s.height), (0, s.height)], *tones)


def _ridge(s: Scene, level: float, rough: float, n: int, *tones: Rgb, smooth: bool = False) -> None:
    xs = np.linspace(-0.02, 1.02, n) * s.width
    ys = level * s.height - rough * min(s.height, 0.8 * s.width) * s.rng.uniform(0, 1, n)
    points = list(zip(xs.tolist(), ys.tolist(), strict=True))
    path = curve(points, closed=False) if smooth else points
    s.board.fill([*path, (s.width * 1.02, s.height + 1), (-0.02 * s.width, s.height + 1)], *tones)


def _clouds(s: Scene, n: int, alpha: float) -> None:
    for _ in range(n):
        x, y = s.rng.uniform(0, s.width), s.rng.uniform(0.05, 0.35) * s.height
        for _ in range(6):
            r = s.short * s.rng.uniform(0.05, 0.12)
            cx, cy = (
                x + s.rng.uniform(-0.2, 0.2) * s.short,
                y + s.rng.uniform(-0.02, 0.02) * s.short,
            )
            s.board.fill(
                oval(cx, cy, 1.6 * r, 0.7 * r), WHITE, way="r", alpha=(alpha, alpha * 0.6, 0.0, 0.0)
            )


def _mood(s: Scene, g: Ground) -> tuple[Rgb, Rgb, Rgb]:
    """Colours of a sky from the zenith to the horizon: day, evening, or the brand's own."""
    mood = int(s.rng.integers(3))
    day: tuple[Rgb, Rgb, Rgb] = ((32, 120, 205), (104, 182, 236), (206, 233, 248))
    evening: tuple[Rgb, Rgb, Rgb] = ((58, 42, 104), (214, 92, 104), (255, 190, 120))
    own = (darker(g.second, 0.35), mix(g.second, WHITE, 0.25), lighter(g.feature, 0.6))
    return (day, evening, own)[mood]


def _beach(s: Scene, g: Ground) -> None:
    top, middle, low = _mood(s, g)
    _sky(s, top, middle, low, low)
    sun = (s.width * float(s.rng.uniform(0.25, 0.75)), 0.42 * s.height)
    glow_at(s, *sun, 0.9 * s.short, lighter(low, 0.6), 1.0)
    s.board.fill(oval(*sun, 0.09 * s.short, 0.09 * s.short), (255, 250, 226))
    _clouds(s, 3, 0.5)
    sea = mix(turned(top, -8), (0, 150, 170), 0.45)
    horizon = 0.56 * s.height
    s.board.fill(
        [(0, horizon), (s.width, horizon), (s.width, s.height), (0, s.height)],
        lighter(sea, 0.45),
        sea,
        lighter(sea, 0.25),
    )
    for _ in range(26):
        y = horizon + (s.height * 0.26) * float(s.rng.random()) ** 1.5 + 1
        x, w = sun[0] + s.rng.normal(0, 0.12) * s.width, s.short * s.rng.uniform(0.03, 0.12)
        s.board.stroke([(x - w, y), (x + w, y)], 0.008 * s.short, WHITE, 0.35)
    shore = curve(
        [
            (-0.1 * s.width, 0.88 * s.height),
            (0.2 * s.width, 0.84 * s.height),
            (0.55 * s.width, 0.90 * s.height),
            (0.8 * s.width, 0.86 * s.height),
            (1.1 * s.width, 0.80 * s.height),
        ],
        closed=False,
    )
    sand = [*shore, (1.1 * s.width, s.height), (-0.1 * s.width, s.height)]
    s.board.stroke([(x, y - 0.012 * s.short) for x, y in shore], 0.03 * s.short, WHITE, 0.75)
    s.board.fill(sand, (250, 228, 184), (232, 198, 142))


def _mountains(s: Scene, g: Ground) -> None:
    top, middle, low = _mood(s, g)
    _sky(s, top, middle, low, low)
    glow_at(
        s,
        s.width * float(s.rng.uniform(0.2, 0.8)),
        0.5 * s.height,
        0.8 * s.short,
        lighter(low, 0.6),
        0.9,
    )
    _clouds(s, 3, 0.35)
    n = max(7, round(7 * s.width / s.height))
    for i in range(4):
        tone = mix(mix(middle, low, 0.5), darker(top, 0.55), 0.15 + 0.28 * i)
        _ridge(s, 0.66 + 0.11 * i, 0.36 - 0.06 * i, n + 4 * i, tone, mix(tone, low, 0.28))


def _hills(s: Scene, g: Ground) -> None:
    top, middle, low = _mood(s, g)
    _sky(s, top, middle, low, low)
    _clouds(s, 4, 0.55)
    green: Rgb = mix((96, 168, 84), g.second, 0.15)
    n = max(4, round(3 * s.width / s.height))
    for i in range(4):
        tone = mix(mix(green, low, 0.6), darker(green, 0.3), 0.3 * i)
        _ridge(
            s, 0.66 + 0.09 * i, 0.16, n + i, lighter(tone, 0.18), darker(tone, 0.15), smooth=True
        )


def _city(s: Scene, g: Ground) -> None:
    night = (
        darker(g.base, 0.45)
        if luminance(g.base) < 0.3
        else mix(darker(g.second, 0.6), (18, 20, 44), 0.5)
    )
    _sky(s, night, mix(night, g.second, 0.5), lighter(mix(g.feature, g.second, 0.4), 0.25))
    horizon = 0.80 * s.height
    for layer in range(3):
        tone = mix(mix(night, g.second, 0.45), darker(night, 0.55), 0.2 + 0.38 * layer)
        x = -5.0
        while x < s.width:
            w = s.short * float(s.rng.uniform(0.07, 0.15))
            top = horizon - min(s.height, s.width) * float(s.rng.uniform(0.12, 0.5 - 0.11 * layer))
            s.board.fill(
                [(x, top), (x + w, top), (x + w, s.height), (x, s.height)], tone, darker(tone, 0.3)
            )
            if layer:
                for _ in range(3 if s.width > 3 * s.height else 5):
                    wx, wy = (
                        x + s.rng.uniform(0.1, 0.8) * w,
                        s.rng.uniform(top + 3, horizon + 0.05 * s.height),
                    )
                    q = max(1.0, 0.012 * s.short)
                    s.board.fill(
                        [(wx, wy), (wx + q, wy), (wx + q, wy + 1.6 * q), (wx, wy + 1.6 * q)],
                        (255, 222, 150),
                        alpha=0.85,
                    )
            x += w * float(s.rng.uniform(1.0, 1.25))
    road = 0.88 * s.height
    s.board.fill(
        [(0, road), (s.width, road), (s.width, s.height), (0, s.height)], (44, 46, 54), (22, 23, 28)
    )
    s.board.stroke([(0, road), (s.width, road)], 0.012 * s.short, lighter(g.feature, 0.3), 0.6)


def _space(s: Scene, g: Ground) -> None:
    deep = mix(darker(g.base, 0.6), (16, 10, 44), 0.5)
    _sky(s, deep, mix(deep, g.second, 0.45), deep)
    for _ in range(3):
        x, y = s.rng.uniform(0, s.width), s.rng.uniform(0, s.height)
        glow_at(
            s,
            x,
            y,
            s.short * float(s.rng.uniform(0.6, 1.2)),
            (g.second, g.feature)[int(s.rng.integers(2))],
            0.5,
        )
    for _ in range(60):
        x, y = s.rng.uniform(0, s.width), s.rng.uniform(0, s.height)
        r = float(s.rng.uniform(0.4, 1.5))
        s.board.fill(oval(x, y, r, r), WHITE, alpha=float(s.rng.uniform(0.3, 1.0)))
    x, y, r = (
        s.width * s.rng.uniform(0.05, 0.95),
        s.height * s.rng.uniform(0.75, 1.05),
        0.28 * s.short,
    )
    s.board.fill(
        oval(x, y, r, r), lighter(g.feature, 0.35), g.feature, darker(g.feature, 0.6), way="d"
    )
    glow_at(s, *s.focus, 0.9 * s.short, lighter(g.second, 0.4), 0.75)


SCENES: dict[str, Painter] = {
    "beach": _beach, "mountains": _mountains, "hills": _hills, "city": _city, "space": _space,
}  # fmt: skip
