"""How a cost grows with the size: the exponent of a power law, and how sure it is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Growth:
    """``cost = factor * size ** exponent``, fitted by least squares of the logarithms.

    Parameters
    ----------
    exponent : float
        1: twice the rows cost twice as much.
    standard_error : float or None
        Of the exponent; None with fewer than three measurements, which leave nothing to judge by.
    factor : float
    """

    exponent: float
    standard_error: float | None
    factor: float

    def at(self, size: float) -> float:
        """Return the cost at a size."""
        return self.factor * math.pow(size, self.exponent)


def fit_growth(sizes: Sequence[int], costs: Sequence[float]) -> Growth | None:
    """Fit a power law to measurements, every repeat a measurement of its own.

    Costs that do not grow with the size (starting a process) bend the line: the exponent is that
    of the whole command over these sizes, and rises towards that of its work with larger ones.

    Parameters
    ----------
    sizes, costs : sequences of the same length
        Of each measurement.

    Returns
    -------
    Growth or None
        None where fewer than two sizes were measured, or a cost is zero.
    """
    x, y = np.asarray(sizes, np.float64), np.asarray(costs, np.float64)
    if len(np.unique(x)) < 2 or (y <= 0).any():
        return None
    log_x, log_y = np.log(x), np.log(y)
    off = log_x - log_x.mean()
    spread = float(off @ off)
    exponent = float(off @ log_y) / spread
    rest = log_y - log_y.mean() - exponent * off
    free = len(x) - 2
    error = math.sqrt(float(rest @ rest) / free / spread) if free else None
    factor = math.exp(float(log_y.mean()) - exponent * float(log_x.mean()))
    return Growth(exponent, error, factor)
