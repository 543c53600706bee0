"""What the report shows of measurements against known faults: figures with intervals, and goals.

Frozen values like those of `bannercluster.heatmap.report.views`: nothing here is computed from
data.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bannercluster.heatmap.goals import NOMINAL, RATES
from bannercluster.render.metrics import Style


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its interval.

    Parameters
    ----------
    value : float
    low, high : float or None
        Ends of its 95 % interval, both or neither.
    """

    value: float
    low: float | None = None
    high: float | None = None

    @property
    def above_zero(self) -> bool:
        """Whether the whole interval lies above zero; False where there is none."""
        return self.low is not None and self.low > 0.0


@dataclass(frozen=True, slots=True)
class RocCurve:
    """True positives against false positives.

    Parameters
    ----------
    name : str
    points : tuple of (float, float)
        False positive rate, ascending, and true positive rate.
    auroc : Estimate or None
    """

    name: str
    points: tuple[tuple[float, float], ...]
    auroc: Estimate | None = None


@dataclass(frozen=True, slots=True)
class FigureRow:
    """One figure of the scorer, and what the oracle reaches.

    Parameters
    ----------
    name : str
        ``AUROC`` or ``recall at 1 % false positives``.
    reached : Estimate
    oracle : Estimate or None
    gap : Estimate or None
        Oracle less scorer; None takes the difference of the values.
    """

    name: str
    reached: Estimate
    oracle: Estimate | None = None
    gap: Estimate | None = None

    @property
    def shown_gap(self) -> Estimate | None:
        """The gap as given, else the difference; None without an oracle."""
        if self.gap is not None or self.oracle is None:
            return self.gap
        return Estimate(self.oracle.value - self.reached.value)


@dataclass(frozen=True, slots=True)
class FaultRow:
    """Heatmaps with one fault against healthy ones.

    Parameters
    ----------
    fault : str
    n_heatmaps : int
    auroc, recall : Estimate
        Of all of them, detectable or not.
    oracle_auroc, oracle_recall : Estimate or None
    detectable_auroc : Estimate or None
        Of those that the oracle can tell: stands beside, never instead.
    untaught_auroc : Estimate or None
        Of a scorer that was never taught this fault.
    named : Estimate or None
        Share of those found that were given this fault's name.
    """

    fault: str
    n_heatmaps: int
    auroc: Estimate
    recall: Estimate
    oracle_auroc: Estimate | None = None
    oracle_recall: Estimate | None = None
    detectable_auroc: Estimate | None = None
    untaught_auroc: Estimate | None = None
    named: Estimate | None = None


@dataclass(frozen=True, slots=True)
class FaultByClicksRow:
    """AUROC of one fault at each number of clicks.

    Parameters
    ----------
    fault : str
    aurocs : tuple of Estimate or None
        In the order of the columns; None where it was not measured.
    """

    fault: str
    aurocs: tuple[Estimate | None, ...]


@dataclass(frozen=True, slots=True)
class FaultByClicksView:
    """AUROC by fault and number of clicks.

    Parameters
    ----------
    clicks : tuple of str
        The columns.
    rows : tuple of FaultByClicksRow
    """

    clicks: tuple[str, ...]
    rows: tuple[FaultByClicksRow, ...]


@dataclass(frozen=True, slots=True)
class ConditionRow:
    """What another scorer reaches, or this one under other conditions.

    Parameters
    ----------
    name : str
    n_heatmaps : int
        Broken and healthy ones.
    auroc, recall : Estimate
    false_positive_rate : Estimate or None
        At the nominal rate; None where the scorer has no p-values.
    note : str
    """

    name: str
    n_heatmaps: int
    auroc: Estimate
    recall: Estimate
    false_positive_rate: Estimate | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class CalibrationRow:
    """False positives among healthy heatmaps of about so many clicks.

    Parameters
    ----------
    clicks : str
        ``50`` or ``20 to 50``.
    n_heatmaps : int
    false_positive_rate : Estimate
    """

    clicks: str
    n_heatmaps: int
    false_positive_rate: Estimate


@dataclass(frozen=True, slots=True)
class CalibrationView:
    """Realised false positives by number of clicks.

    Parameters
    ----------
    rows : tuple of CalibrationRow
        By clicks, ascending.
    nominal : float
        What they should be.
    band : (float, float)
        Between which the goal lets them lie.
    """

    rows: tuple[CalibrationRow, ...]
    nominal: float = NOMINAL
    band: tuple[float, float] = RATES

    def holds(self, row: CalibrationRow) -> bool:
        """Whether a rate lies within the band and its interval, if any, contains the nominal."""
        rate = row.false_positive_rate
        inside = self.band[0] <= rate.value <= self.band[1]
        if rate.low is None or rate.high is None:
            return inside
        return inside and rate.low <= self.nominal <= rate.high


@dataclass(frozen=True, slots=True)
class GeneralisationCell:
    """One of the eight ways in which test heatmaps differ from those that taught.

    Parameters
    ----------
    held_out_grid, held_out_fault, extrapolated_clicks : bool
    n_heatmaps : int
    auroc, recall : Estimate
    oracle_auroc, oracle_recall : Estimate or None
    """

    held_out_grid: bool
    held_out_fault: bool
    extrapolated_clicks: bool
    n_heatmaps: int
    auroc: Estimate
    recall: Estimate
    oracle_auroc: Estimate | None = None
    oracle_recall: Estimate | None = None


@dataclass(frozen=True, slots=True)
class GoalRow:
    """A goal and the reached figure.

    Parameters
    ----------
    name : str
    goal : str
        ``>= 0.970``.
    met : bool or None
        None where it was not measured.
    reached : Estimate or None
    style : str
        How figures are written, see `bannercluster.render.text.figure`.
    unit : str
        Behind the figure.
    note : str
    """

    name: str
    goal: str
    met: bool | None = None
    reached: Estimate | None = None
    style: Style = "fixed"
    unit: str = ""
    note: str = ""

    @property
    def verdict(self) -> Literal["reached", "not reached", "not measured"]:
        """In words; a goal without a figure is not reached."""
        if self.met is None or self.reached is None:
            return "not measured"
        return "reached" if self.met else "not reached"


@dataclass(frozen=True, slots=True)
class QualityView:
    """How good the scores are where the truth is known.

    Parameters
    ----------
    source : str
        What was measured on: the benchmark, its grids, seeds and hash.
    curves : tuple of RocCurve
        The scorer's first, then the oracle's, then others.
    budget : float
        False positive rate that the recalls are at.
    figures : tuple of FigureRow
        AUROC, and recall at each budget.
    conditions : tuple of ConditionRow
        Other scorers, single seeds, few or broken references.
    faults : tuple of FaultRow
    faults_by_clicks : FaultByClicksView or None
    calibration : CalibrationView or None
    generalisation : tuple of GeneralisationCell
        Up to eight, in any order.
    generalisation_note : str
        How they were measured.
    goals : tuple of GoalRow
    note : str
    """

    source: str
    curves: tuple[RocCurve, ...] = ()
    budget: float = 0.01
    figures: tuple[FigureRow, ...] = ()
    conditions: tuple[ConditionRow, ...] = ()
    faults: tuple[FaultRow, ...] = ()
    faults_by_clicks: FaultByClicksView | None = None
    calibration: CalibrationView | None = None
    generalisation: tuple[GeneralisationCell, ...] = ()
    generalisation_note: str = ""
    goals: tuple[GoalRow, ...] = ()
    note: str = ""
