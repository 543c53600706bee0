"""The parts of an ad: logo, button, price flash, product, corner sign."""

from functools import lru_cache
from typing import Literal

import numpy as np
from PIL import Image, ImageDraw

from bannercluster.synth.brands import Brand, Button
from bannercluster.synth.lettering import Align, Box, Voice, draw_text, fit, line_mask, measure
from bannercluster.synth.marks import draw_mark
from bannercluster.synth.palette import BLACK, WHITE, Rgb, contrast, readable
from bannercluster.synth.shapes import Board
from bannercluster.synth.shapes import box as box_points

_FINE = 3  # parts with edges are drawn three times as large and scaled down


@lru_cache(maxsize=64)
def _mark_picture(kind: str, side: int, ink: Rgb, ground: Rgb, ink2: Rgb) -> Image.Image:
    board = Board(side * _FINE)
    draw_mark(board, kind, 0.5, 0.5, 0.46, ink, ground, ink2)
    return board.image.reduce(_FINE)


def draw_logo(image: Image.Image, brand: Brand, box: Box, ground: Rgb, align: Align) -> None:
    """Draw mark and wordmark, one above the other where the box is narrow."""
    x0, y0, x1, y1 = box
    w, h = x1 - x0, y1 - y0
    c = brand.colours
    ink = readable(ground, (c.primary, c.dark, WHITE), 4.0)
    ink2 = c.accent if contrast(c.accent, ground) > 1.8 else ink
    name = brand.wordmark.spell(brand.name)
    long = measure(name, brand.wordmark)
    stacked = w / h < 1.5 or (w / h < 2.4 and brand.index % 3 == 0)
    if stacked:
        side = min(h * 0.6, w * 0.7)
        size = min(h * 0.3, w / long)
        total = side + size
        top = y0 + (h - total) / 2
        _paste_mark(image, brand.mark, (x0 + (w - side) / 2, top), side, ink, ground, ink2)
        mask, base = line_mask(name, size, brand.wordmark)
        image.paste(ink, (round(x0 + (w - mask.width) / 2), round(top + total - base)), mask)
        return
    side = min(h, w / (1.25 + 0.72 * long))
    size = side * 0.72
    total = side * 1.2 + size * long
    left = x0 if align == "left" else x0 + (w - total) / 2
    top = y0 + (h - side) / 2
    _paste_mark(image, brand.mark, (left, top), side, ink, ground, ink2)
    mask, base = line_mask(name, size, brand.wordmark)
    image.paste(
        ink, (round(left + side * 1.2) - 2, round(top + side * 0.5 + size * 0.36) - base), mask
    )


def _paste_mark(
    image: Image.Image,
    kind: str,
    at: tuple[float, float],
    side: float,
    ink: Rgb,
    ground: Rgb,
    ink2: Rgb,
) -> None:
    sign = _mark_picture(kind, max(6, round(side)), ink, ground, ink2)
    image.paste(sign, (round(at[0]), round(at[1])), sign)


@lru_cache(maxsize=128)
def _rounded(width: int, height: int, radius: int, line: int) -> Image.Image:
    """Opacity of a rounded rectangle, or of its outline."""
    mask = Image.new("L", (width * _FINE, height * _FINE), 0)
    frame = (0, 0, width * _FINE - 1, height * _FINE - 1)
    pen = ImageDraw.Draw(mask)
    if line:
        pen.rounded_rectangle(frame, radius * _FINE, outline=255, width=line * _FINE)
    else:
        pen.rounded_rectangle(frame, radius * _FINE, fill=255)
    return mask.reduce(_FINE)


def draw_action(
    image: Image.Image,
    box: Box,
    text: str,
    style: Button,
    voice: Voice,
    fill: Rgb,
    ink: Rgb,
    align: Align,
) -> None:
    """Call-to-action button, as wide as its text needs."""
    x0, y0, x1, y1 = box
    height = round(y1 - y0)
    size = min(height * 0.46, 26.0)
    size = min(size, fit(text, voice, (x1 - x0) * 0.84, height, 1).size)
    width = round(min(x1 - x0, measure(voice.spell(text), voice) * size + 1.35 * height))
    left = round(x0 if align == "left" else (x0 + x1 - width) / 2)
    top = round(y0)
    radius = {
        "pill": height // 2,
        "round": max(3, height // 6),
        "square": 0,
        "outline": max(2, height // 8),
    }[style]
    if style == "outline":
        image.paste(fill, (left, top), _rounded(width, height, radius, max(1, height // 18)))
        ink = fill
    else:
        mask = _rounded(width, height, radius, 0)
        image.paste(
            (0, 0, 0), (left, top + max(1, height // 16)), mask.point(lambda v: v * 22 // 100)
        )
        image.paste(fill, (left, top), mask)
    inner = (left + 0.2 * height, top + 0.0, left + width - 0.2 * height, top + height * 1.06)
    draw_text(image, inner, text, voice, ink, align="centre", lines=1, size=size)


def draw_flash(
    image: Image.Image,
    box: Box,
    text: str,
    kind: Literal["disc", "star", "tag"],
    fill: Rgb,
    voice: Voice,
) -> None:
    """Price flash: a disc, a star or a slanted tag with the offer."""
    x0, y0, x1, y1 = box
    side = min(x1 - x0, y1 - y0) if kind != "tag" else max(x1 - x0, 12.0)
    tall = side if kind != "tag" else min(y1 - y0, side * 0.55)
    cx, cy = (x0 + x1) / 2, (y0 + y1) / 2
    w, h = max(8, round(side)), max(8, round(tall))
    mask = Image.new("L", (w * _FINE, h * _FINE), 0)
    pen = ImageDraw.Draw(mask)
    if kind == "disc":
        pen.ellipse((0, 0, w * _FINE - 1, h * _FINE - 1), fill=255)
    elif kind == "star":
        t = np.arange(36) * np.pi / 18
        r = np.where(np.arange(36) % 2 == 0, 0.5, 0.44) * w * _FINE
        middle = w * _FINE / 2
        pen.polygon(
            list(
                zip(
                    (middle + r * np.cos(t)).tolist(),
                    (middle + r * np.sin(t)).tolist(),
                    strict=True,
                )
            ),
            fill=255,
        )
    else:
        lean = round(0.14 * h * _FINE)
        pen.polygon(
            [(lean, 0), (w * _FINE, 0), (w * _FINE - lean, h * _FINE), (0, h * _FINE)], fill=255
        )
    mask = mask.reduce(_FINE)
    at = (round(cx - w / 2), round(cy - h / 2))
    image.paste((0, 0, 0), (at[0] + 1, at[1] + 2), mask.point(lambda v: v * 28 // 100))
    image.paste(fill, at, mask)
    inset_x, inset_y = (0.14 * w, 0.24 * h) if kind != "tag" else (0.12 * w, 0.14 * h)
    inner = (at[0] + inset_x, at[1] + inset_y, at[0] + w - inset_x, at[1] + h - inset_y)
    strong = Voice(max(voice.weight, 0.03), min(voice.width, 0.95), voice.slant, "as is")
    draw_text(
        image,
        inner,
        text,
        strong,
        readable(fill, (WHITE, BLACK), 3.4),
        align="centre",
        lines=2,
        leading=1.0,
    )


class Pictures:
    """Product pictures of one campaign at falling sizes, so that scaling down stays cheap."""

    def __init__(self, picture: Image.Image):
        self._levels = [picture]
        while max(self._levels[-1].size) > 200:
            self._levels.append(self._levels[-1].reduce(2))
        self._sized: dict[tuple[int, int], Image.Image] = {}

    def within(self, width: float, height: float) -> Image.Image:
        """Picture as large as fits into a box."""
        full = self._levels[0]
        scale = min(width / full.width, height / full.height)
        size = (max(4, round(full.width * scale)), max(4, round(full.height * scale)))
        if size not in self._sized:
            fitting = [p for p in self._levels if p.width >= size[0] * 1.4] or [full]
            self._sized[size] = fitting[-1].resize(size, Image.Resampling.BICUBIC)
        return self._sized[size]


def draw_products(image: Image.Image, box: Box, pictures: list[Pictures]) -> None:
    """One product, or a row of them where the box is wide enough."""
    x0, y0, x1, y1 = box
    w, h = x1 - x0, y1 - y0
    first = pictures[0].within(w, h)
    n = min(len(pictures), int(w / max(1, first.width * 0.8))) if len(pictures) > 1 else 1
    n = n if n >= 2 else 1
    shown = [p.within(w / n * (1.0 if n == 1 else 1.08), h) for p in pictures[:n]]
    total = sum(p.width for p in shown)
    gap = min(0.06 * h, (w - total) / max(1, n))
    x = x0 + (w - total - gap * (n - 1)) / 2
    for picture in shown:
        image.paste(picture, (round(x), round(y0 + (h - picture.height) / 2)), picture)
        x += picture.width + gap


@lru_cache(maxsize=1)
def _sign() -> Image.Image:
    """Small "why this ad" sign: a triangle and an i on a pale ground."""
    board = Board(17 * 4, 13 * 4, unit=4)
    board.fill(box_points(0, 0, 17, 13), WHITE, alpha=0.82)
    blue: Rgb = (0, 174, 205)
    board.fill([(9.0, 2.4), (15.2, 6.5), (9.0, 10.6)], blue)
    board.fill([(10.2, 4.8), (12.9, 6.5), (10.2, 8.2)], WHITE)
    board.fill(box_points(4, 5.4, 5.6, 10.6), blue)
    board.fill(box_points(4, 2.6, 5.6, 4.2), blue)
    return board.image.reduce(4)


def draw_sign(image: Image.Image) -> None:
    """Put the corner sign at the top right."""
    sign = _sign()
    image.paste(sign, (image.width - sign.width, 0), sign)


def button_colours(ground: Rgb, brand: Brand, style: Button) -> tuple[Rgb, Rgb]:
    """Fill and ink of the button: the loudest brand colour that stands out from the ground."""
    c = brand.colours
    if style == "outline":
        ink = readable(ground, (WHITE, c.dark, c.primary), 3.5)
        return ink, ink
    wishes = (c.accent, c.primary, c.dark, WHITE)
    fill = next((w for w in wishes if contrast(w, ground) >= 2.2), WHITE)
    return fill, readable(fill, (WHITE, c.dark, BLACK), 3.2)


def scrim(image: Image.Image, box: Box, tone: Rgb, strength: float) -> None:
    """Soft veil under a text that stands on a busy background."""
    x0, y0, x1, y1 = box
    grow_x, grow_y = 0.3 * (x1 - x0) + 6, 0.45 * (y1 - y0) + 6
    frame = (
        max(0, round(x0 - grow_x)),
        max(0, round(y0 - grow_y)),
        min(image.width, round(x1 + grow_x)),
        min(image.height, round(y1 + grow_y)),
    )
    size = (frame[2] - frame[0], frame[3] - frame[1])
    t = np.linspace(-1, 1, 24)
    bell = np.clip(1.25 * np.cos(t * np.pi / 2) ** 1.3, 0, 1)
    veil = (bell[:, None] * bell[None, :] * 255 * strength).astype(np.uint8)
    image.paste(tone, frame[:2], Image.fromarray(veil).resize(size, Image.Resampling.BICUBIC))
