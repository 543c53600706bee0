"""Amounts of memory as text: ``6 GiB`` and back."""

import math
import re

_UNITS = {
    "": 1,
    "b": 1,
    "k": 2**10,
    "kb": 10**3,
    "kib": 2**10,
    "m": 2**20,
    "mb": 10**6,
    "mib": 2**20,
    "g": 2**30,
    "gb": 10**9,
    "gib": 2**30,
    "t": 2**40,
    "tb": 10**12,
    "tib": 2**40,
}
_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*")


def parse_size(value: int | str) -> int:
    """Return the bytes that a size means.

    Parameters
    ----------
    value
        Bytes, or a number with a unit: ``512 MiB`` and ``6G`` count in powers of 1,024, ``6 GB`` in
        powers of 1,000.

    Raises
    ------
    ValueError
        If the text is no size, or the size is not positive.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        nbytes = value
    else:
        match = _SIZE.fullmatch(value) if isinstance(value, str) else None
        if match is None or match[2].lower() not in _UNITS:
            raise ValueError(f"expected bytes or a size such as '6 GiB', got {value!r}")
        nbytes = int(float(match[1]) * _UNITS[match[2].lower()])
    if nbytes <= 0:
        raise ValueError(f"expected a size above zero, got {value!r}")
    return nbytes


def format_size(nbytes: float) -> str:
    """Return a size as people read it, to three figures: ``6.00 GiB``."""
    if nbytes < 0:
        return f"-{format_size(-nbytes)}"
    if nbytes < 2**10:
        return f"{nbytes:.0f} B"
    power = min(int(math.log2(nbytes) // 10), 4)
    scaled = nbytes / 2 ** (10 * power)
    decimals = 2 if scaled < 10 else 1 if scaled < 100 else 0
    return f"{scaled:.{decimals}f} {('B', 'KiB', 'MiB', 'GiB', 'TiB')[power]}"
