"""What is asked of the scorer on the synthetic benchmark."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Verdict = Literal["reached", "the floor", "not reached"]


@dataclass(frozen=True, slots=True)
class Goal:
    """A figure that is asked, and a floor below it that is accepted.

    Parameters
    ----------
    figure : float
    floor : float or None
    at_most : bool
        Whether less is better: the floor lies above then.

    Examples
    --------
    >>> RECALL.verdict(0.85), GAP.verdict(0.03)
    ('the floor', 'not reached')
    """

    figure: float
    floor: float | None = None
    at_most: bool = False

    def met(self, reached: float) -> bool:
        """Whether the goal is reached, and not its floor alone."""
        return self._beyond(self.figure, reached)

    def verdict(self, reached: float) -> Verdict:
        """Return how far a figure comes."""
        if self.met(reached):
            return "reached"
        if self.floor is not None and self._beyond(self.floor, reached):
            return "the floor"
        return "not reached"

    def _beyond(self, asked: float, reached: float) -> bool:
        return reached <= asked if self.at_most else reached >= asked


AUROC = Goal(0.97, floor=0.95)
"""Mixed clicks, held-out grids."""

RECALL = Goal(0.88, floor=0.80)
"""Where 1 % of the healthy heatmaps alert."""

GAP = Goal(0.01, floor=0.02, at_most=True)
"""In AUROC, to an oracle."""

DROP = Goal(0.02, at_most=True)
"""In AUROC, for a fault that was never taught; asked of ``FAULTS_WITHIN_DROP`` faults."""

FAULTS_WITHIN_DROP = Goal(9)

TWO_REFERENCES = Goal(0.93)
"""AUROC with two references for each grid."""

NOMINAL = 0.01
"""False positive rate that p-values are read at."""

RATES = (0.005, 0.015)
"""Between which the realised rate is asked to lie."""

RATES_OF_INTERVAL = (0.003, 0.02)
"""Within which the interval of each number of clicks lies, and which holds the nominal rate."""

STATISTICS_A_SECOND = Goal(200)
"""Heatmaps on one core."""
