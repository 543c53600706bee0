"""What a report shows: frozen values that the caller has already chosen, counted and sorted.

Nothing here computes. Every text may come from an advertisement and is treated as hostile when it
is rendered (`bannercluster.render.text`); a picture is named by its key and embedded once, however
often it is shown.
"""

from __future__ import annotations

from dataclasses import dataclass

from bannercluster.render.measured import AblationView, LabelsView, SweepView, TimesView
from bannercluster.render.thumbnails import Thumbnail


@dataclass(frozen=True, slots=True)
class Fact:
    """One line of a card: a name, a value that is already formatted, and an optional remark."""

    name: str
    value: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Picture:
    """A thumbnail under the key by which exemplars and map points name it."""

    key: str
    thumbnail: Thumbnail


@dataclass(frozen=True, slots=True)
class Exemplar:
    """A banner in a gallery.

    Parameters
    ----------
    banner_id : str
        Its id.
    file : str
        File or URL it came from, shown and never linked.
    distance : float
        To the centre of its own cluster.
    margin : float or None
        Distance to the second nearest centre minus `distance`.
    picture : str or None
        Key of a `Picture`; None shows a placeholder.
    label : str
        Its advertiser, where that is known.
    size : str
        Its pixels, as in ``728 x 90``.
    """

    banner_id: str
    file: str
    distance: float
    margin: float | None = None
    picture: str | None = None
    label: str = ""
    size: str = ""


@dataclass(frozen=True, slots=True)
class LabelCount:
    """How many banners of a cluster carry a label."""

    label: str
    n_rows: int


@dataclass(frozen=True, slots=True)
class ClusterView:
    """One cluster of one model.

    Parameters
    ----------
    cluster_id : int
        Its number, which also gives its colour and shape.
    n_rows : int
        Banners in it.
    nearest, boundary, random : tuple of Exemplar
        The three rows of its gallery, best first.
    labels : tuple of LabelCount
        Its most frequent labels, most frequent first.
    tags : tuple of str
        Words that tell it from the others.
    facts : tuple of Fact
        Further figures (mean distance, silhouette, click rate).
    """

    cluster_id: int
    n_rows: int
    nearest: tuple[Exemplar, ...] = ()
    boundary: tuple[Exemplar, ...] = ()
    random: tuple[Exemplar, ...] = ()
    labels: tuple[LabelCount, ...] = ()
    tags: tuple[str, ...] = ()
    facts: tuple[Fact, ...] = ()


@dataclass(frozen=True, slots=True)
class ModelView:
    """A model that the reader can switch to."""

    k: int
    clusters: tuple[ClusterView, ...]
    algorithm: str = "k-means"
    chosen: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True)
class MapPoint:
    """A banner on the map.

    Parameters
    ----------
    x, y : float
        Its place.
    banner_id : str
        Its id.
    clusters : tuple of int
        Its cluster in each model of the page, in the order of `ReportPage.models`; -1 for none.
    picture : str or None
        Key of a `Picture`.
    label : str
        Its advertiser, where that is known.
    """

    x: float
    y: float
    banner_id: str
    clusters: tuple[int, ...]
    picture: str | None = None
    label: str = ""


@dataclass(frozen=True, slots=True)
class MapView:
    """A two-dimensional map of a sample.

    Parameters
    ----------
    points : tuple of MapPoint
        Up to `MAP_POINT_CAP` are drawn, evenly spaced over the tuple if there are more.
    n_total : int
        Rows of which the points are a sample.
    x_label, y_label : str
        What the axes are (``PC 1, 18 % of variance``).
    note : str
        What to keep in mind when reading it.
    """

    points: tuple[MapPoint, ...]
    n_total: int
    x_label: str = "PC 1"
    y_label: str = "PC 2"
    note: str = ""


@dataclass(frozen=True, slots=True)
class ReasonCount:
    """How many rows a stage rejected for one reason."""

    stage: str
    reason: str
    n_rows: int


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A row that was rejected."""

    file: str
    stage: str
    reason: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class RejectedView:
    """What was rejected: all of it as counts, `REJECTED_ROW_CAP` rows of it as examples."""

    counts: tuple[ReasonCount, ...] = ()
    rows: tuple[RejectedRow, ...] = ()


@dataclass(frozen=True, slots=True)
class ReportPage:
    """All of a report.

    Parameters
    ----------
    title : str
        What was clustered.
    headline : str
        The answer in one sentence: ``k = 10 is chosen: highest silhouette, 0.21``.
    rule : str
        The rule that gave the answer.
    reason : str
        How the rule came to it, with its figures; empty where that is not known.
    tiles : tuple of Fact
        The key figures.
    run_card : tuple of Fact
        How the run was made: model, weights, engine, precision, seed, durations.
    sweep : SweepView
        All models and their metrics.
    labels : LabelsView or None
        Labels under the chosen model.
    ablation : AblationView or None
        Images, texts and both.
    times : TimesView or None
        Where the time went.
    models : tuple of ModelView
        The models with galleries; the chosen one (else the first) is shown first.
    map : MapView or None
        The map, if there is one.
    rejected : RejectedView
        The rejected rows.
    pictures : tuple of Picture
        Every picture that exemplars and points name. Those that nothing names are left out.
    commands : tuple of str
        Shell lines that make this report again, in order.
    versions : tuple of Fact
        Versions of the libraries.
    notes : tuple of str
        Findings and warnings, shown under the headline.
    created : str
        When, already formatted.
    """

    title: str
    headline: str
    sweep: SweepView
    models: tuple[ModelView, ...] = ()
    rule: str = ""
    reason: str = ""
    tiles: tuple[Fact, ...] = ()
    run_card: tuple[Fact, ...] = ()
    map: MapView | None = None
    labels: LabelsView | None = None
    ablation: AblationView | None = None
    times: TimesView | None = None
    rejected: RejectedView = RejectedView()
    pictures: tuple[Picture, ...] = ()
    commands: tuple[str, ...] = ()
    versions: tuple[Fact, ...] = ()
    notes: tuple[str, ...] = ()
    created: str = ""
