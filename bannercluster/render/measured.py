"""What a report shows of measurements: metrics of the models, their differences, labels, times.

Frozen values like those of `bannercluster.render.views`, under the same rule: nothing here is
computed from data, and every text is hostile until it is rendered.
"""

from __future__ import annotations

from dataclasses import dataclass

from bannercluster.render.metrics import STANDARD_METRICS, Metric


@dataclass(frozen=True, slots=True)
class MetricValue:
    """A metric of one fitted model.

    Parameters
    ----------
    metric : str
        Key of a `Metric` in `SweepView.metrics`.
    value : float or None
        None where the metric is undefined (the silhouette at k = 1).
    low, high : float or None
        Ends of its interval, both or neither.
    """

    metric: str
    value: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class SweepRow:
    """One model of the sweep.

    Parameters
    ----------
    k : int
        Number of clusters.
    values : tuple of MetricValue
        In any order; a metric that is left out shows as a dash.
    algorithm : str
        Models of one algorithm are joined by a line in the plots.
    chosen : bool
        Whether the rule chose this model.
    restart_inertia : tuple of float
        Final inertia of every restart, drawn as faint dots.
    """

    k: int
    values: tuple[MetricValue, ...]
    algorithm: str = "k-means"
    chosen: bool = False
    restart_inertia: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class DifferenceView:
    """How two models differ in a metric.

    Parameters
    ----------
    metric : str
        Key of a `Metric`.
    first, second : int
        Places of the models in `SweepView.rows`.
    value : float
        Metric of the first minus that of the second.
    low, high : float
        Its interval, from resampled rows that both models share.
    """

    metric: str
    first: int
    second: int
    value: float
    low: float
    high: float

    @property
    def exceeds_noise(self) -> bool:
        """Whether the interval leaves out zero."""
        return self.low > 0.0 or self.high < 0.0

    @property
    def turned(self) -> DifferenceView:
        """The second model against the first."""
        return DifferenceView(
            self.metric, self.second, self.first, -self.value, -self.high, -self.low
        )


@dataclass(frozen=True, slots=True)
class SweepView:
    """All models that were fitted, and what is known about them.

    Parameters
    ----------
    rows : tuple of SweepRow
        Shown in this order.
    metrics : tuple of Metric
        The lines that are possible, in order; those without a value are left out.
    note : str
        One or two sentences under the table: what the labels are.
    differences : tuple of DifferenceView
        Each pair of models once for a metric, in either order.
    """

    rows: tuple[SweepRow, ...]
    metrics: tuple[Metric, ...] = STANDARD_METRICS
    note: str = ""
    differences: tuple[DifferenceView, ...] = ()


@dataclass(frozen=True, slots=True)
class LabelRow:
    """A label under one model.

    Parameters
    ----------
    label : str
    n_rows : int
        Its rows, or its ids where those are counted.
    values : tuple of float or None
        In the order of `LabelsView.metrics`; None or NaN where one is undefined.
    cluster_id : int
        Its main cluster.
    n_main : int
        Clusters that tie for the main one; ``cluster_id`` is the first of them.
    """

    label: str
    n_rows: int
    values: tuple[float | None, ...]
    cluster_id: int
    n_main: int = 1


@dataclass(frozen=True, slots=True)
class LabelsView:
    """The labels with the most rows, under the chosen model.

    Parameters
    ----------
    column : str
        What the labels are.
    model : str
        The model, for people.
    metrics : tuple of Metric
        The columns.
    rows : tuple of LabelRow
        Those shown, in order.
    n_labels : int
        All there are.
    counted : str
        What is counted, as the head of a column.
    """

    column: str
    model: str
    metrics: tuple[Metric, ...]
    rows: tuple[LabelRow, ...]
    n_labels: int
    counted: str = "Rows"


@dataclass(frozen=True, slots=True)
class Duration:
    """Time of a part of a stage.

    Parameters
    ----------
    stage, part : str
    duration_s : float
    """

    stage: str
    part: str
    duration_s: float


@dataclass(frozen=True, slots=True)
class TimesView:
    """Where the time went.

    Parameters
    ----------
    parts : tuple of Duration
        In the order of the work.
    note : str
        What was worked on.
    """

    parts: tuple[Duration, ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class AblationRow:
    """One modality at one k; of both, with one weight of the text.

    Parameters
    ----------
    k : int
    modality : str
    values : tuple of MetricValue
    gain : MetricValue or None
        Of the first metric, over the first row of a k.
    text_weight : float or None
        None where rows are of one modality.
    """

    k: int
    modality: str
    values: tuple[MetricValue, ...]
    gain: MetricValue | None = None
    text_weight: float | None = None


@dataclass(frozen=True, slots=True)
class AblationView:
    """Images, texts and both, clustered alike.

    Parameters
    ----------
    column : str
        Column of the labels.
    n_rows, n_without_text, n_seeds : int
    metrics : tuple of Metric
        Columns of the table.
    rows : tuple of AblationRow
    """

    column: str
    n_rows: int
    n_without_text: int
    n_seeds: int
    metrics: tuple[Metric, ...]
    rows: tuple[AblationRow, ...]
