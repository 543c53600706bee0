"""Text from anywhere, made safe to show: characters that deceive, scripts' JSON, and figures.

Escaping of markup is Jinja's (autoescape) and ElementTree's; this file deals with what remains:
characters that are invisible, reverse what follows, or cannot be written as UTF-8.
"""

from __future__ import annotations

import json
import math
import re

MAX_TEXT_CHARS = 2000
DASH = "\u2013"  # a value that is not there
MINUS = "\u2212"

# C0 and C1 controls, soft hyphen, bidirectional marks and overrides, zero-width characters, line
# and paragraph separators, byte order mark, interlinear anchors, lone surrogates, non-characters.
_DECEIVING = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e"
    "\u2060-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff\ufffe\uffff\U000e0000-\U000e007f]"
)


def clean(text: str) -> str:
    r"""Show what would hide: deceiving characters become ``<U+202E>`` in angle brackets.

    Tabs and line ends become spaces, and a text of more than `MAX_TEXT_CHARS` is cut with an
    ellipsis. Idempotent. The result can always be encoded as UTF-8 and is legal in XML.

    >>> clean("ab\u202ecd")
    'ab⟨U+202E⟩cd'
    """
    text = re.sub(r"[\t\n\r]+", " ", text[: MAX_TEXT_CHARS + 1])
    text = _DECEIVING.sub(lambda hit: f"⟨U+{ord(hit.group()):04X}⟩", text)
    return text if len(text) <= MAX_TEXT_CHARS else text[: MAX_TEXT_CHARS - 1] + "…"


def script_json(value: object) -> str:
    """JSON that may stand inside a ``<script>`` element: ASCII only, no markup character.

    Raises
    ------
    ValueError
        If a number is not finite: NaN is not JSON.
    """
    out = json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    for char in "<>&'":
        out = out.replace(char, f"\\u{ord(char):04x}")
    return out


def figure(value: float | None, style: str = "fixed") -> str:
    """Write a number for people; None and NaN become a dash, minus is a minus sign.

    Parameters
    ----------
    value : float or None
        The number.
    style : {"fixed", "significant", "percent", "count"}
        Three decimals; four significant digits with a k, M, G or T; one decimal of a percentage;
        or grouped thousands.
    """
    if value is None or math.isnan(value):
        return DASH
    if math.isinf(value):
        return "∞" if value > 0 else f"{MINUS}∞"
    if style == "count":
        out = f"{value:,.0f}"
    elif style == "percent":
        out = f"{100 * value:.1f} %"
    elif style == "significant":
        out = _significant(value)
    else:
        out = f"{value:.3f}"
    return out.replace("-", MINUS) if out.startswith("-") else out


def _significant(value: float) -> str:
    size = abs(value)
    for unit, factor in (("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if size >= 0.99995 * factor * (10 if unit == "k" else 1):
            return f"{value / factor:.4g} {unit}" if size < 1e15 else f"{value:.3g}"
    if size >= 1000:
        return f"{value:,.0f}"
    return f"{value:.4g}"
