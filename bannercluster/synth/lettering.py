"""Text: one bundled font, many voices.

Pillow carries one scalable font, so a brand's voice is made from stroke weight, width, slant,
letter case and letter spacing. No system font is used, so that every machine draws the same.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from PIL import Image, ImageDraw, ImageFont

from bannercluster.synth.palette import Rgb

Align = Literal["left", "centre", "right"]
Box = tuple[float, float, float, float]

_REF = 64
_CAP = 0.73  # height of a capital, in font sizes
_DESCENT = 0.2


@dataclass(frozen=True)
class Voice:
    """How a brand sets text; weight and tracking are shares of the font size."""

    weight: float = 0.0
    width: float = 1.0
    slant: float = 0.0
    case: Literal["as is", "upper", "lower", "title"] = "as is"
    tracking: float = 0.0

    def spell(self, text: str) -> str:
        """Apply the letter case."""
        if self.case == "upper":
            return text.upper()
        if self.case == "lower":
            return text.lower()
        if self.case == "title":
            return " ".join(w[:1].upper() + w[1:] for w in text.split())
        return text


@dataclass(frozen=True)
class Setting:
    """Lines of text with the size at which they fill a box."""

    lines: tuple[str, ...]
    size: float


@lru_cache(maxsize=256)
def _font(size: int) -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(size=size)
    if not isinstance(font, ImageFont.FreeTypeFont):
        msg = "Pillow was built without FreeType: install a Pillow wheel to draw synthetic banners"
        raise TypeError(msg)
    return font


@lru_cache(maxsize=8192)
def _advance(pair: str) -> float:
    """Width of the first of two letters, kerned with the second, in font sizes."""
    font = _font(_REF)
    if len(pair) == 1:
        return font.getlength(pair) / _REF
    return (font.getlength(pair) - font.getlength(pair[1])) / _REF


@lru_cache(maxsize=16384)
def measure(text: str, voice: Voice) -> float:
    """Width of a line in font sizes."""
    kerned = sum(_advance(text[i : i + 2]) for i in range(len(text)))
    extra = voice.tracking + 1.2 * voice.weight
    return (
        kerned + extra * max(0, len(text) - 1) + 2 * voice.weight
    ) * voice.width + 0.7 * voice.slant


def fit(
    text: str,
    voice: Voice,
    width: float,
    height: float,
    lines: int = 3,
    size: float = 200.0,
    leading: float = 1.12,
) -> Setting:
    """Break a text so that it can be set as large as possible in a box, not above ``size``."""
    words = voice.spell(text).split()
    best = Setting((" ".join(words),), 0.0)
    for n in range(1, min(lines, len(words)) + 1):
        rows = _broken(words, n, voice)
        widest = max(measure(row, voice) for row in rows)
        tall = (len(rows) - 1) * leading + _CAP + _DESCENT
        found = min(width / max(widest, 0.01), height / tall, size)
        if found > best.size * 1.04:
            best = Setting(tuple(rows), found)
    return best


def _broken(words: list[str], n: int, voice: Voice) -> list[str]:
    """Break words into at most ``n`` lines so that the longest line is short."""
    lengths = [measure(w, voice) for w in words]
    total, longest = sum(lengths), max(lengths)
    limit = max(longest, total / n)
    while True:
        rows: list[list[str]] = [[]]
        filled = 0.0
        for word, length in zip(words, lengths, strict=True):
            if rows[-1] and filled + length > limit:
                rows.append([])
                filled = 0.0
            rows[-1].append(word)
            filled += length + 0.28
        if len(rows) <= n:
            return [" ".join(row) for row in rows]
        limit *= 1.07


@lru_cache(maxsize=1024)
def line_mask(text: str, size: float, voice: Voice) -> tuple[Image.Image, int]:
    """Opacity of one line, and the row of its baseline. Shared: not to be drawn on."""
    points = max(5, round(size))
    # Small letters are hinted to whole pixels, which makes their spacing uneven: draw them twice
    # as large.
    fine = 2 if points < 30 else 1
    points *= fine
    pad = (2 + round(voice.weight * points / fine)) * fine
    wide = measure(text, Voice(voice.weight, 1.0, 0.0, voice.case, voice.tracking)) * points
    base = (round(points * 0.95 / fine)) * fine + pad
    mask = Image.new("L", (round(wide) + 2 * pad + 2, base + round(points * 0.3) + pad), 0)
    pen = ImageDraw.Draw(mask)
    # A heavy stroke would close the gap under the dot of an i: weight beyond a little is added
    # sideways, as in a real bold.
    font, stroke = _font(points), min(voice.weight, 0.014) * points
    beside = (voice.weight * points - stroke) * 1.9
    x = pad + stroke
    extra = (voice.tracking + 1.2 * voice.weight) * points
    for i, letter in enumerate(text):
        if letter != " ":
            pen.text((x, base), letter, font=font, fill=255, anchor="ls", stroke_width=stroke)
            if beside > 0.2:
                at = (x + beside, base)
                pen.text(at, letter, font=font, fill=255, anchor="ls", stroke_width=stroke)
        x += _advance(text[i : i + 2]) * points + extra
    if fine > 1:
        mask, base, points = mask.reduce(fine), base // fine, points // fine
    if voice.width != 1.0:
        new = (max(1, round(mask.width * voice.width)), mask.height)
        mask = mask.resize(new, Image.Resampling.BILINEAR)
    if voice.slant:
        lean = round(mask.height * voice.slant)
        matrix = (1, voice.slant, -voice.slant * base, 0, 1, 0)
        wider = (mask.width + lean, mask.height)
        mask = mask.transform(wider, Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR)
    return mask, base


def draw_text(
    image: Image.Image,
    box: Box,
    text: str,
    voice: Voice,
    ink: Rgb,
    *,
    align: Align = "left",
    lines: int = 3,
    size: float = 200.0,
    leading: float = 1.12,
    middle: bool = True,
    shadow: bool = False,
    alpha: float = 1.0,
) -> Box:
    """Set a text into a box of an image and return the rectangle that it takes (x0, y0, x1, y1)."""
    x0, y0, x1, y1 = box
    setting = fit(text, voice, x1 - x0, y1 - y0, lines, size, leading)
    points = max(5, round(setting.size - 0.45))
    tall = ((len(setting.lines) - 1) * leading + _CAP + _DESCENT) * points
    top = y0 + max(0.0, (y1 - y0 - tall) / 2) if middle else y0
    left, right = x1, x0
    for i, line in enumerate(setting.lines):
        mask, base = line_mask(line, points, voice)
        if align == "left":
            x = x0 - 2
        elif align == "right":
            x = x1 - mask.width + 2
        else:
            x = (x0 + x1 - mask.width) / 2
        y = top + (_CAP + i * leading) * points - base
        at = (round(x), round(y))
        if shadow:
            drop = max(1, round(points * 0.04))
            image.paste(
                (0, 0, 0), (at[0] + drop, at[1] + drop), mask.point(lambda v: v * 45 // 100)
            )
        image.paste(
            ink, at, mask if alpha >= 1 else mask.point([round(v * alpha) for v in range(256)])
        )
        left, right = min(left, x), max(right, x + mask.width)
    return left, top, right, top + tall
