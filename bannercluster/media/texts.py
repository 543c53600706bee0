"""One text, harmless and of bounded length, whatever it was; and whether a banner has one.

A banner has text of its own where one of its columns of text, or its landing page, says something:
where cleaning leaves anything of it. What is read in its image is not its own.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

VERSION = 1
"""Raise when the rules change: texts, and with them their ids, become others."""

_LOOKED_AT = 5
_MARKS = 30  # in a row; more of them are no language (Unicode's "stream-safe" format)
_PICTURES = "\u00a9\u00ae\u203c-\u3299\U0001f000-\U0001faff"
_JOINER = "\u200d"


def clean(text: str, max_characters: int) -> str:
    """Return a text as one line.

    In this order: what lies behind five times ``max_characters`` is not looked at; control
    characters that are no white space, format characters (bidirectional marks, zero-width ones,
    soft hyphens, tags), surrogates and noncharacters go, but a joiner between two pictures of an
    emoji; of more than 30 combining marks in a row the first 30 stay; Unicode NFC; white space
    becomes single spaces; the text is cut behind ``max_characters``.

    Cleaning a cleaned text changes nothing. What looks like markup stays: it is text here, and
    whoever shows it must escape it.

    Parameters
    ----------
    text : str
    max_characters : int
    """
    drop, marks = _patterns()
    text = text[: _LOOKED_AT * max_characters]
    text = marks.sub(r"\1", drop.sub("", text))
    text = " ".join(unicodedata.normalize("NFC", text).split())
    return cut(text, max_characters)


def has_own_text(said: Iterable[str | None], max_characters: int) -> bool:
    """Whether a banner has text of its own.

    Parameters
    ----------
    said : iterable of str or None
        What its columns of text say, and its landing page where it was read.
    max_characters : int
        As for :func:`clean`.
    """
    # A letter or digit that comes first is never cleaned away, and most texts have one.
    return any(
        text is not None and (text[:1].isalnum() or clean(text, max_characters) != "")
        for text in said
    )


def cut(text: str, max_characters: int) -> str:
    """Return the first characters of a clean text, no space or loose joiner at their end."""
    return text[:max_characters].rstrip(f" \n{_JOINER}")


@lru_cache(maxsize=1)
def _patterns() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Patterns of what goes, and of too many marks in a row; made once, from Python's Unicode."""
    drop, marks = [], []
    for code in range(sys.maxunicode + 1):
        character = chr(code)
        category = unicodedata.category(character)
        if character == _JOINER:
            continue
        if (
            category in ("Cf", "Cs")
            or (category == "Cc" and not character.isspace())
            or code & 0xFFFE == 0xFFFE
            or 0xFDD0 <= code <= 0xFDEF
        ):
            drop.append(code)
        elif unicodedata.combining(character):
            marks.append(code)
    joined = f"(?<=[{_PICTURES}\ufe0f]){_JOINER}(?=[{_PICTURES}])"
    loose = f"(?!{joined}){_JOINER}"
    return (
        re.compile(f"[{_ranges(drop)}]+|{loose}"),
        re.compile(f"([{_ranges(marks)}]{{{_MARKS}}})[{_ranges(marks)}]+"),
    )


def _ranges(codes: list[int]) -> str:
    """Return sorted code points as the inside of a character class."""
    found: list[list[int]] = []
    for code in codes:
        if found and found[-1][1] == code - 1:
            found[-1][1] = code
        else:
            found.append([code, code])
    return "".join(f"\\U{low:08x}-\\U{high:08x}" for low, high in found)
