"""A small drawing board: shapes in unit coordinates, filled with gradients.

Everything is drawn without anti-aliasing on a large board and smoothed when it is scaled down to
the size at which it is shown. Fills touch only the bounding box of their shape, which is what
makes drawing fast.
"""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Literal

import numpy as np
from PIL import Image, ImageChops, ImageDraw

from bannercluster.synth.palette import Rgb

Point = tuple[float, float]
Points = Sequence[Point]
Way = Literal["v", "h", "d", "r"]

BOARD = 640


@lru_cache(maxsize=8)
def ramp(way: Way) -> Image.Image:
    """256 x 256 ramp from 0 to 255: down, right, diagonal, or out from the centre."""
    if way == "v":
        return Image.linear_gradient("L")
    if way == "h":
        return Image.linear_gradient("L").transpose(Image.Transpose.ROTATE_90)
    if way == "r":
        return Image.radial_gradient("L")
    steps = np.arange(256, dtype=np.uint16)
    return Image.fromarray(((steps[:, None] + steps[None, :]) // 2).astype(np.uint8))


def _table(values: Sequence[float]) -> list[int]:
    """256 entries that run through the values at even steps."""
    knots = np.linspace(0, 255, len(values))
    table: list[int] = np.interp(np.arange(256), knots, values).round().astype(int).tolist()
    return table


Part = tuple[float, float, float, float]
_WHOLE: Part = (0.0, 0.0, 256.0, 256.0)


def gradient(
    size: tuple[int, int], colours: Sequence[Rgb], way: Way, part: Part = _WHOLE
) -> Image.Image:
    """RGB image of a size that runs through the colours, over a part of the ramp."""
    if len(colours) == 1:
        return Image.new("RGB", size, colours[0])
    steps = ramp(way).resize(size, Image.Resampling.BILINEAR, box=part)
    if len(colours) == 2:
        out = Image.new("RGB", size, colours[0])
        out.paste(colours[1], (0, 0), steps)
        return out
    table = [v for channel in zip(*colours, strict=True) for v in _table(channel)]
    return Image.merge("RGB", (steps, steps, steps)).point(table)


def _part(xs: Sequence[float], x0: int, x1: int, ys: Sequence[float], y0: int, y1: int) -> Part:
    """Part of the ramp that the visible window of a shape shows."""
    left, top = min(xs), min(ys)
    kx, ky = 256 / max(1e-6, max(xs) - left), 256 / max(1e-6, max(ys) - top)
    a, b = min(255.0, max(0.0, (x0 - left) * kx)), min(255.0, max(0.0, (y0 - top) * ky))
    c, d = min(256.0, (x1 - left) * kx), min(256.0, (y1 - top) * ky)
    return a, b, max(a + 0.5, c), max(b + 0.5, d)


def curve(points: Points, closed: bool = True, steps: int = 8) -> list[Point]:
    """Catmull-Rom spline through the points."""
    p = np.asarray(points, dtype=np.float64)
    if closed:
        a, b, c, d = np.roll(p, 1, 0), p, np.roll(p, -1, 0), np.roll(p, -2, 0)
    else:
        p = np.concatenate([p[:1], p, p[-1:]])
        a, b, c, d = p[:-3], p[1:-2], p[2:-1], p[3:]
    t = (np.arange(steps) / steps)[None, :, None]
    a, b, c, d = a[:, None], b[:, None], c[:, None], d[:, None]
    path = 0.5 * (
        2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3
    )
    out: list[Point] = [(float(x), float(y)) for x, y in path.reshape(-1, 2)]
    if not closed:
        out.append((float(p[-1, 0]), float(p[-1, 1])))
    return out


def oval(cx: float, cy: float, rx: float, ry: float, a: float = 0, b: float = 360) -> list[Point]:
    """Points on an ellipse from angle ``a`` to ``b`` (degrees, clockwise from the right)."""
    n = max(8, int(abs(b - a) / 7))
    angles = [math.radians(a + (b - a) * i / n) for i in range(n + 1)]
    return [(cx + rx * math.cos(t), cy + ry * math.sin(t)) for t in angles]


def box(x0: float, y0: float, x1: float, y1: float, r: float = 0.0) -> list[Point]:
    """Rectangle, with corners rounded by radius ``r``."""
    if r <= 0:
        return [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]
    r = min(r, (x1 - x0) / 2, (y1 - y0) / 2)
    return [
        *oval(x1 - r, y0 + r, r, r, 270, 360),
        *oval(x1 - r, y1 - r, r, r, 0, 90),
        *oval(x0 + r, y1 - r, r, r, 90, 180),
        *oval(x0 + r, y0 + r, r, r, 180, 270),
    ]


class Board:
    """A board that shapes are filled on, in unit coordinates (y grows downwards).

    It is transparent (RGBA) and rough, to be scaled down, unless it is given an RGB image to draw
    on in its final size; then edges are smooth.
    """

    def __init__(
        self, width: int = BOARD, height: int | None = None, unit: float | None = None,
        image: Image.Image | None = None,
    ):  # fmt: skip
        self._smooth = image is not None
        self.image = image or Image.new("RGBA", (width, height or width), (0, 0, 0, 0))
        self.unit = float(unit or width)
        self._clip: Image.Image | None = None

    def fill(
        self,
        points: Points,
        *colours: Rgb,
        way: Way = "v",
        alpha: float | Sequence[float] = 1.0,
    ) -> None:
        """Fill a polygon with a gradient through the colours, and through the opacities."""
        s = self.unit
        xs, ys = [x * s for x, _ in points], [y * s for _, y in points]
        x0, y0 = max(0, math.floor(min(xs))), max(0, math.floor(min(ys)))
        x1 = min(self.image.width, math.ceil(max(xs)) + 1)
        y1 = min(self.image.height, math.ceil(max(ys)) + 1)
        if x1 <= x0 or y1 <= y0:
            return
        part = _part(xs, x0, x1, ys, y0, y1)
        # A veil that fades out and an upright rectangle need no smooth edge.
        fine = 2 if self._smooth and isinstance(alpha, int | float) and len(set(xs)) > 2 else 1
        mask = Image.new("L", ((x1 - x0) * fine, (y1 - y0) * fine), 0)
        path = [((x - x0) * fine, (y - y0) * fine) for x, y in zip(xs, ys, strict=True)]
        ink = round(255 * alpha) if isinstance(alpha, int | float) else 255
        ImageDraw.Draw(mask).polygon(path, fill=ink)
        mask = mask.reduce(fine) if fine > 1 else mask
        if not isinstance(alpha, int | float):
            opacity = [round(255 * a) for a in alpha]
            veil = ramp(way).resize(mask.size, Image.Resampling.BILINEAR, box=part)
            veil = veil.point(_table(opacity))
            mask = ImageChops.multiply(mask, veil)
        paint = gradient(mask.size, colours, way, part) if len(colours) > 1 else colours[0]
        self._lay(paint, mask, (x0, y0))

    def stroke(self, points: Points, width: float, colour: Rgb, alpha: float = 1.0) -> None:
        """Draw a line along the points; ``width`` is in unit coordinates."""
        s, w = self.unit, max(1, round(width * self.unit))
        xs, ys = [x * s for x, _ in points], [y * s for _, y in points]
        x0, y0 = max(0, math.floor(min(xs)) - w), max(0, math.floor(min(ys)) - w)
        x1 = min(self.image.width, math.ceil(max(xs)) + w + 1)
        y1 = min(self.image.height, math.ceil(max(ys)) + w + 1)
        if x1 <= x0 or y1 <= y0:
            return
        fine = 2 if self._smooth else 1
        w = max(1, round(width * self.unit * fine))
        mask = Image.new("L", ((x1 - x0) * fine, (y1 - y0) * fine), 0)
        pen = ImageDraw.Draw(mask)
        path = [((x - x0) * fine, (y - y0) * fine) for x, y in zip(xs, ys, strict=True)]
        pen.line(path, fill=round(255 * alpha), width=w, joint="curve")
        if w > 3:
            for x, y in (path[0], path[-1]):
                pen.ellipse((x - w / 2, y - w / 2, x + w / 2, y + w / 2), fill=round(255 * alpha))
        self._lay(colour, mask.reduce(fine) if fine > 1 else mask, (x0, y0))

    @contextmanager
    def inside(self, points: Points) -> Iterator[None]:
        """Cut everything filled in this context to a polygon."""
        before = self._clip
        self._clip = Image.new("L", self.image.size, 0)
        path = [(x * self.unit, y * self.unit) for x, y in points]
        ImageDraw.Draw(self._clip).polygon(path, fill=255)
        yield
        self._clip = before

    def trimmed(self) -> Image.Image:
        """Return the board, cut to what has been drawn."""
        bounds = self.image.getbbox()
        return self.image if bounds is None else self.image.crop(bounds)

    def _lay(self, paint: Image.Image | Rgb, mask: Image.Image, at: tuple[int, int]) -> None:
        if self._clip is not None:
            window = (at[0], at[1], at[0] + mask.width, at[1] + mask.height)
            mask = ImageChops.multiply(mask, self._clip.crop(window))
        if self.image.mode == "RGB":
            self.image.paste(paint, at, mask)
            return
        if isinstance(paint, tuple):
            paint = Image.new("RGB", mask.size, paint)
        paint.putalpha(mask)
        self.image.alpha_composite(paint, at)
