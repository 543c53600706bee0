"""Scales and ticks: round numbers that people would have chosen."""

from __future__ import annotations

import math
from dataclasses import dataclass

from bannercluster.render.text import MINUS


@dataclass(frozen=True, slots=True)
class Scale:
    """A linear map from data to pixels.

    Parameters
    ----------
    low, high : float
        Data; ``low < high``.
    start, end : float
        Pixels; for y, ``start`` is the bottom.
    """

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """Pixel of a value, to a hundredth."""
        share = (value - self.low) / (self.high - self.low)
        return round(self.start + share * (self.end - self.start), 2)


def spread(values: list[float], margin: float = 0.08) -> tuple[float, float]:
    """Give the ends of an axis: the range of the values and a margin, never empty.

    >>> spread([2.0], margin=0.5)
    (1.0, 3.0)
    """
    low, high = min(values), max(values)
    room = (high - low) * margin or abs(high) * margin or 1.0
    return low - room, high + room


def nice_ticks(low: float, high: float, n_ticks: int = 4) -> list[float]:
    """About `n_ticks` multiples of 1, 2, 2.5 or 5 times a power of ten inside [low, high].

    >>> nice_ticks(0.03, 0.27)
    [0.05, 0.1, 0.15, 0.2, 0.25]
    """
    raw = (high - low) / max(1, n_ticks)
    power = 10.0 ** math.floor(math.log10(raw))
    step = min((m * power for m in (1, 2, 2.5, 5, 10)), key=lambda s: abs(math.log(s / raw)))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    digits = max(0, 2 - math.floor(math.log10(step)))
    return [round(i * step, digits) + 0.0 for i in range(first, last + 1)]


def tick_labels(ticks: list[float]) -> list[str]:
    """Labels of one axis with one unit and the fewest decimals that tell the ticks apart.

    >>> tick_labels([0.0, 2500.0, 5000.0])
    ['0', '2,500', '5,000']
    >>> tick_labels([0.0, 25000.0])
    ['0', '25k']
    """
    if not ticks:
        return []
    largest = max(abs(t) for t in ticks)
    factor, unit = 1.0, ""
    for factor_of, unit_of in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if largest >= factor_of * (10 if unit_of == "k" else 1):
            factor, unit = factor_of, unit_of
            break
    scaled = [t / factor for t in ticks]
    if max(abs(t) for t in scaled) < 1e-4 and any(scaled):
        return [f"{t:.1e}".replace("-", MINUS) for t in scaled]
    for decimals in range(7):
        labels = [f"{t:,.{decimals}f}" for t in scaled]
        if all(
            abs(_number(a) - t) <= 1e-6 * max(1.0, abs(t))
            for a, t in zip(labels, scaled, strict=True)
        ):
            break
    trimmed = [x.rstrip("0").rstrip(".") if unit and "." in x else x for x in labels]
    return [("0" if _number(x) == 0 and unit else x.replace("-", MINUS) + unit) for x in trimmed]


def _number(label: str) -> float:
    return float(label.replace(",", ""))


def thin(values: list[int], start: float, end: float, room: float) -> list[int]:
    """Those of the sorted values whose labels fit: each at least `room` pixels from the last."""
    if len(values) < 2:
        return values
    scale = Scale(values[0], values[-1], start, end)
    kept = [values[0]]
    for value in values[1:]:
        if scale(value) - scale(kept[-1]) >= room:
            kept.append(value)
    return kept
