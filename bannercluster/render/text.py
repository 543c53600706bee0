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
    style : {"fixed", "significant", "short", "percent", "count"}
        Three decimals; four significant digits with a k, M, G or T; three of them, with their
        zeros; one decimal of a percentage; or grouped thousands.
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
        out = _significant(value, 4)
    elif style == "short":
        out = _significant(value, 3, "#")
    else:
        out = f"{value:.3f}"
    if not out.startswith("-"):
        return out
    # What rounds to zero has no sign.
    return out.replace("-", MINUS, 1) if out.strip("-0.% ") else out[1:]


def signed(value: float, style: str = "fixed") -> str:
    """Write a difference as `figure` does, with a plus sign where it is above zero.

    >>> signed(0.25)
    '+0.250'
    """
    written = figure(value, style)
    return f"+{written}" if value > 0 and written.strip("0.% ") else written


def duration(duration_s: float) -> str:
    """Write a time for people: hundredths below a second, tenths below ten, then whole units.

    >>> duration(0.0213), duration(4.21), duration(75.2), duration(9000.0)
    ('0.02 s', '4.2 s', '1 min 15 s', '2 h 30 min')
    """
    if duration_s < 0.005:
        return "< 0.01 s"
    if duration_s < 0.995:
        return f"{duration_s:.2f} s"
    if duration_s < 9.95:
        return f"{duration_s:.1f} s"
    seconds = round(duration_s)
    if seconds < 60:
        return f"{seconds} s"
    minutes, rest = divmod(seconds, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60:,} h {minutes % 60} min"


def _significant(value: float, n_digits: int, zeros: str = "") -> str:
    size = abs(value)
    form = f"{zeros}.{n_digits}g"  # with zeros: "#", which leaves a point behind whole numbers
    rounds_up = 1 - 0.5 * 10.0**-n_digits
    if size >= rounds_up * 1e15:
        return f"{value:.3g}"
    for unit, factor in (("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if size >= rounds_up * factor * (10 if unit == "k" else 1):
            return f"{value / factor:{form}}".rstrip(".") + f" {unit}"
    if size >= rounds_up * 1000:
        return f"{value:,.0f}"
    digits, power, exponent = f"{value:{form}}".rstrip(".").partition("e-")
    return f"{digits}e{MINUS}{exponent.lstrip('0')}" if power else digits
