"""What the report of heatmaps shows: frozen values that the caller has chosen, counted and sorted.

Every text may come from outside and is treated as hostile when it is rendered. A section whose view
is missing is left out; `bannercluster.heatmap.report.quality` has the views of measurements.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from bannercluster.heatmap.pictures.figures import ScatterView
from bannercluster.heatmap.report.quality import Estimate, QualityView
from bannercluster.render.views import Fact

N_P_BINS: Final = 20


@dataclass(frozen=True, slots=True)
class FaultGuess:
    """The fault that would explain a heatmap best.

    Parameters
    ----------
    fault : str
    probability : float or None
        That it is this one, were the banner broken.
    share : float or None
        Of the clicks that it touches. None or NaN where it is not known.
    """

    fault: str
    probability: float | None = None
    share: float | None = None


@dataclass(frozen=True, slots=True)
class Truth:
    """What is known of a synthetic heatmap.

    Parameters
    ----------
    fault : str
        Empty where it is healthy.
    share : float or None
        Of the clicks that the fault touches.
    severity : float or None
        From 0, mildest, to 1.
    """

    fault: str
    share: float | None = None
    severity: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class AlertView:
    """A heatmap that looks broken.

    Parameters
    ----------
    domain, grid_id : str
    n_clicks : int
    p, q : float
    counts : ndarray of shape (64, 64), uint32
        Its clicks, row y, column x, with the ring.
    reference : ndarray of shape (64, 64), float64
        Density of the grid's healthy clicks: at least 0, sums to one.
    evidence : ndarray of shape (64, 64), float32
        Where there are too many clicks (positive) and too few, in standard deviations.
    guess : FaultGuess or None
    truth : Truth or None
        None where nothing is known.
    """

    domain: str
    grid_id: str
    n_clicks: int
    p: float
    q: float
    counts: npt.NDArray[np.uint32]
    reference: npt.NDArray[np.float64]
    evidence: npt.NDArray[np.float32]
    guess: FaultGuess | None = None
    truth: Truth | None = None


@dataclass(frozen=True, slots=True, eq=False)
class AlertsView:
    """The alerts.

    Parameters
    ----------
    alerts : tuple of AlertView
        Those with the least p first; up to `ALERT_CAP` are shown.
    n_alerts : int
        All there are.
    rule : str
        What makes an alert: ``q <= 0.05``; may be empty.
    rest : str
        Where the others are, as a sentence without its full stop.
    evidence_limit_sd : float
        Ends of the scale of the evidence, the same for all alerts.
    note : str
    """

    alerts: tuple[AlertView, ...]
    n_alerts: int
    rule: str = ""
    rest: str = ""
    evidence_limit_sd: float = 6.0
    note: str = ""


@dataclass(frozen=True, slots=True)
class PValues:
    """How p-values are distributed.

    Parameters
    ----------
    name : str
        Of what.
    n_rows : tuple of int
        In each of `N_P_BINS` equal bins of [0, 1].
    """

    name: str
    n_rows: tuple[int, ...]

    @classmethod
    def of(cls, name: str, p: npt.ArrayLike) -> PValues:
        """Count p-values; NaN, where a heatmap was not scored, does not count.

        >>> PValues.of("a", [0.01, 0.02, 1.0, float("nan")]).n_rows[::19]
        (2, 1)
        """
        values = np.asarray(p, np.float64)
        counts, _ = np.histogram(values[~np.isnan(values)], N_P_BINS, (0.0, 1.0))
        return cls(name, tuple(counts.tolist()))


@dataclass(frozen=True, slots=True)
class GroupAlerts:
    """Alerts of a grid, or of a fault.

    Parameters
    ----------
    name : str
    n_alerts : int
    n_scored : int or None
        Of how many; None where that makes no sense.
    """

    name: str
    n_alerts: int
    n_scored: int | None = None


@dataclass(frozen=True, slots=True)
class ScoredView:
    """All heatmaps that were scored.

    Parameters
    ----------
    p_values : tuple of PValues
        Such as those of healthy references and those of all, in one plot.
    by_grid, by_fault : tuple of GroupAlerts
        In any order; those with the most alerts are shown, up to `GROUP_CAP`.
    note : str
    """

    p_values: tuple[PValues, ...] = ()
    by_grid: tuple[GroupAlerts, ...] = ()
    by_fault: tuple[GroupAlerts, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class PicturesView:
    """Scatter plots of heatmaps by their features.

    Parameters
    ----------
    pca, mvu, similarity : tuple of ScatterView
        From `bannercluster.heatmap.pictures.figures`.
    note : str
    """

    pca: tuple[ScatterView, ...] = ()
    mvu: tuple[ScatterView, ...] = ()
    similarity: tuple[ScatterView, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class BlockRow:
    """A block of features and what it adds.

    Parameters
    ----------
    block : str
    gain : Estimate
        Of the metric over the baseline, paired: both on the same resampled grids.
    on : bool
        Whether it is on by default.
    note : str
    """

    block: str
    gain: Estimate
    on: bool
    note: str = ""


@dataclass(frozen=True, slots=True)
class BlocksView:
    """What was tried beside the statistics.

    Parameters
    ----------
    metric : str
        What the gains are of: ``AUROC, held-out grids``.
    baseline : str
        What they are over.
    rows : tuple of BlockRow
    findings : tuple of str
        Further negative results, a sentence each.
    """

    metric: str
    baseline: str
    rows: tuple[BlockRow, ...]
    findings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class HeatmapPage:
    """All of a report.

    Parameters
    ----------
    title : str
        What was scored.
    headline : str
        What was found, in one plain sentence.
    reason, rule : str
        How it was found, and what makes an alert; either may be empty.
    tiles : tuple of Fact
        Heatmaps, grids, clicks, references, alerts, rows without reference or clicks.
    run_card : tuple of Fact
        Scorer and networks with their hashes, versions of the data, durations.
    notes : tuple of str
        Findings and warnings.
    alerts : AlertsView
    scored : ScoredView or None
    quality : QualityView or None
    pictures : PicturesView or None
    blocks : BlocksView or None
    commands : tuple of str
        Shell lines that make this report again.
    versions : tuple of Fact
    created : str
        When, already formatted.
    """

    title: str
    headline: str
    alerts: AlertsView
    reason: str = ""
    rule: str = ""
    tiles: tuple[Fact, ...] = ()
    run_card: tuple[Fact, ...] = ()
    notes: tuple[str, ...] = ()
    scored: ScoredView | None = None
    quality: QualityView | None = None
    pictures: PicturesView | None = None
    blocks: BlocksView | None = None
    commands: tuple[str, ...] = ()
    versions: tuple[Fact, ...] = ()
    created: str = ""
