"""The days that count."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FIRST_DAY, LAST_DAY = 10_957, 47_481
"""2000-01-01 and 2099-12-31: a day beyond them is no day of a click."""


@dataclass(frozen=True)
class Period:
    """The days that count, both included, since 1970-01-01."""

    first: int = FIRST_DAY
    last: int = LAST_DAY

    def holds(self, days: npt.NDArray[np.int32]) -> npt.NDArray[np.bool_]:
        """Return which days are of the period."""
        held: npt.NDArray[np.bool_] = (days >= self.first) & (days <= self.last)
        return held


def is_day(days: npt.NDArray[np.int32]) -> npt.NDArray[np.bool_]:
    """Return which days can be meant."""
    found: npt.NDArray[np.bool_] = (days >= FIRST_DAY) & (days <= LAST_DAY)
    return found
