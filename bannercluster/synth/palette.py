"""Colours: mixing, contrast, and the palettes that brands are given."""

import colorsys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

Rgb = tuple[int, int, int]

WHITE: Rgb = (255, 255, 255)
BLACK: Rgb = (18, 18, 22)


@dataclass(frozen=True)
class Palette:
    """The colours of one brand, from the loudest to the quietest."""

    primary: Rgb
    secondary: Rgb
    accent: Rgb
    light: Rgb
    dark: Rgb


# primary, secondary, accent, light, dark
_SCHEMES = (
    ("0b3d91", "2e7bd6", "ffb81c", "eaf2fb", "07224f"),
    ("d7263d", "f46036", "ffd23f", "fff3ee", "4a0d16"),
    ("1b998b", "5cc8a8", "ff9f1c", "ecf8f4", "0b3b36"),
    ("5f0f40", "9a031e", "fb8b24", "fbeff2", "2b0620"),
    ("111827", "374151", "22d3ee", "f3f4f6", "0b0f19"),
    ("6d28d9", "a855f7", "fde047", "f5f0ff", "2a0f5e"),
    ("e85d04", "f48c06", "1d3557", "fff4e6", "5a2300"),
    ("2d6a4f", "74c69d", "f4a261", "eef7f1", "12382a"),
    ("00509d", "00a6fb", "fdc500", "e8f6ff", "00296b"),
    ("c9184a", "ff758f", "2b2d42", "fff0f3", "590d22"),
    ("3a2e39", "8d6a9f", "f4d35e", "f6f1f7", "1e161d"),
    ("087e8b", "3fc1c9", "ff5a5f", "e9f8f9", "033940"),
    ("b08968", "ddb892", "7f5539", "faf5ef", "3f2a1c"),
    ("14213d", "33518f", "fca311", "eef1f7", "0a1122"),
    ("ff006e", "fb5607", "3a86ff", "fff0f6", "4a0022"),
    ("386641", "a7c957", "bc4749", "f4f8ea", "1b3420"),
    ("264653", "2a9d8f", "e9c46a", "edf4f3", "13252c"),
    ("7b2cbf", "e0aaff", "ff9e00", "faf3ff", "240046"),
    ("ef476f", "ffd166", "118ab2", "fff5f0", "5c1226"),
    ("0f766e", "99f6e4", "f97316", "effdfa", "042f2e"),
    ("8c1c13", "bf4342", "e7d7c1", "f8f2ea", "3b0a07"),
    ("1d4ed8", "93c5fd", "f43f5e", "eff6ff", "0f1f57"),
    ("f2b705", "f28705", "262626", "fffaeb", "3a2c00"),
    ("006d5b", "c0a062", "e6c986", "f7f3e8", "022c25"),
    ("9d0208", "dc2f02", "faa307", "fff1eb", "370617"),
    ("4361ee", "4cc9f0", "f72585", "eef1ff", "1b1464"),
    ("3d405b", "81b29a", "e07a5f", "f4f1de", "23253a"),
    ("d4a5a5", "9a6a6a", "392f5a", "fbf2f1", "3f2a2e"),
    ("00b86b", "8ef0b6", "1a1a40", "ebfbf3", "043d27"),
    ("2b2d42", "8d99ae", "ef233c", "f1f3f6", "15161f"),
    ("0891b2", "67e8f9", "facc15", "ecfeff", "083344"),
    ("ff7f51", "ffb997", "720026", "fff2ec", "4f000b"),
)


def rgb(text: str) -> Rgb:
    """Colour of a six-digit hexadecimal string."""
    return int(text[0:2], 16), int(text[2:4], 16), int(text[4:6], 16)


def mix(a: Rgb, b: Rgb, share: float) -> Rgb:
    """Colour between ``a`` (share 0) and ``b`` (share 1)."""
    return (
        round(a[0] + (b[0] - a[0]) * share),
        round(a[1] + (b[1] - a[1]) * share),
        round(a[2] + (b[2] - a[2]) * share),
    )


def lighter(colour: Rgb, share: float) -> Rgb:
    """Mix with white."""
    return mix(colour, WHITE, share)


def darker(colour: Rgb, share: float) -> Rgb:
    """Mix with black."""
    return mix(colour, (0, 0, 0), share)


def luminance(colour: Sequence[float]) -> float:
    """Relative luminance of WCAG 2.1, from 0 (black) to 1 (white)."""
    linear = [
        v / 12.92 if v <= 0.03928 else ((v + 0.055) / 1.055) ** 2.4
        for v in (c / 255 for c in colour[:3])
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(a: Sequence[float], b: Sequence[float]) -> float:
    """Contrast ratio of WCAG 2.1, from 1 to 21."""
    high, low = sorted((luminance(a), luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def readable(ground: Sequence[float], wishes: Sequence[Rgb], at_least: float = 4.0) -> Rgb:
    """First wish that reads well on ``ground``, else the one that reads best."""
    for wish in wishes:
        if contrast(wish, ground) >= at_least:
            return wish
    return max((*wishes, WHITE, BLACK), key=lambda colour: contrast(colour, ground))


def turned(colour: Rgb, degrees: float, gain: float = 1.0) -> Rgb:
    """Turn the hue of a colour and scale its lightness."""
    h, lightness, s = colorsys.rgb_to_hls(*(c / 255 for c in colour))
    r, g, b = colorsys.hls_to_rgb((h + degrees / 360) % 1, min(lightness * gain, 0.98), s)
    return round(r * 255), round(g * 255), round(b * 255)


def palette(index: int, rng: np.random.Generator) -> Palette:
    """One of the hand-picked palettes, turned a little, so that no two brands share one."""
    scheme = [rgb(text) for text in _SCHEMES[index * 7 % len(_SCHEMES)]]
    lap = index // len(_SCHEMES)
    degrees = float(rng.uniform(-7, 7)) + 47.0 * lap
    gain = float(rng.uniform(0.95, 1.05))
    primary, secondary, accent, light, dark = (turned(c, degrees, gain) for c in scheme)
    return Palette(primary, secondary, accent, light, dark)
