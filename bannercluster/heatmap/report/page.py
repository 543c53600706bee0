"""One offline HTML file out of a `HeatmapPage`.

As the main report's, it loads nothing: a content security policy lets it run only its own script
(by hash) and show only pictures that it holds.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import Final

import jinja2
from markupsafe import Markup

from bannercluster.heatmap.pictures.drawing import SCATTER_CSS, scatter_svg
from bannercluster.heatmap.pictures.figures import ScatterView
from bannercluster.heatmap.report.maps import DrawnMap, alert_maps
from bannercluster.heatmap.report.plots import calibration_plot, p_plot, rate_text, roc_plot
from bannercluster.heatmap.report.quality import GeneralisationCell, QualityView
from bannercluster.heatmap.report.ramps import ramp_css
from bannercluster.heatmap.report.views import AlertView, GroupAlerts, HeatmapPage, ScoredView
from bannercluster.render.document import environment, script_hash, source, style
from bannercluster.render.plots import Bar, bar_plot
from bannercluster.render.text import DASH, MINUS, clean, figure

ALERT_CAP: Final = 60
"""Alerts shown; three pictures of 64 x 64 px each."""

GROUP_CAP: Final = 20
"""Grids, and faults, in the bars of alerts."""

SCATTER_BYTES_CAP: Final = 5_000_000
"""Bytes of all scatter plots."""

_NAME_CHARS: Final = 80  # of a mark in a scatter plot, which may have thousands of them
_STYLES: Final = ("report.css", "sections.css", "tables.css", "heatmap.css")
_SCRIPTS: Final = ("tooltip.js", "gallery.js")
_KINDS: Final = (
    ("pca", "Principal components", "Heatmaps that look alike lie together. Colour is the grid; a "
     "cross is broken, a dot is not."),
    ("mvu", "Maximum variance unfolding", "Distances between neighbours are kept, all others are "
     "made as large as they can be."),
    ("similarity", "Cosine similarity", "How like each heatmap is to the anchor of its grid, by "
     "two blocks of features: broken ones should lie low in one of them at least."),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Alert:
    """An alert with its pictures."""

    view: AlertView
    maps: tuple[DrawnMap, ...]


@dataclass(frozen=True, slots=True)
class _Plot:
    """A scatter plot as it is drawn."""

    title: str
    note: str
    svg: Markup


@dataclass(frozen=True, slots=True)
class _Kind:
    """Scatter plots of one kind, and how to read them."""

    title: str
    told: str
    plots: tuple[_Plot, ...]


def render_heatmap_report(page: HeatmapPage) -> str:
    """Render a report of heatmaps.

    Parameters
    ----------
    page : HeatmapPage
        All that is shown. Up to `ALERT_CAP` alerts, `GROUP_CAP` grids and faults, and
        `SCATTER_BYTES_CAP` bytes of scatter plots are drawn; the page says what it leaves out.

    Returns
    -------
    str
        A whole HTML document in UTF-8, without any address outside itself.

    Raises
    ------
    ValueError
        If the page contradicts itself: a heatmap of another shape, a curve that falls, two cells
        of the same kind in the matrix, a mark of an unknown grid.
    """
    script = "\n".join(source(_templates(), name) for name in _SCRIPTS)
    quality, kinds = page.quality, _kinds(page)
    shown = page.alerts.alerts[:ALERT_CAP]
    limit_sd = page.alerts.evidence_limit_sd
    n_plots = len([one for kind, _, _ in _KINDS for one in _plots_of(page, kind)])
    calibration = quality.calibration if quality else None
    return (
        _templates()
        .get_template("heatmap.html.j2")
        .render(
            page=page,
            alerts=tuple(_Alert(one, alert_maps(one, limit_sd)) for one in shown),
            p_svg=_p_svg(page.scored),
            grids_svg=_groups_svg("grid", page.scored.by_grid if page.scored else ()),
            faults_svg=_groups_svg("fault", page.scored.by_fault if page.scored else ()),
            roc_svg=Markup(roc_plot(quality.curves, quality.budget, "roc"))  # noqa: S704
            if quality and quality.curves
            else None,
            calibration_svg=Markup(calibration_plot(calibration, "calibration"))  # noqa: S704
            if calibration and calibration.rows
            else None,
            cells=_cells(quality),
            kinds=kinds,
            n_plots_left_out=n_plots - sum(len(kind.plots) for kind in kinds),
            css=Markup("\n".join((style(_templates(), _STYLES), SCATTER_CSS, ramp_css()))),  # noqa: S704
            script=Markup(script),  # noqa: S704
            script_hash=script_hash(script),
        )
    )


def _p_svg(scored: ScoredView | None) -> Markup | None:
    if scored is None or not scored.p_values:
        return None
    return Markup(p_plot(scored.p_values, "p-values"))  # noqa: S704


def _groups_svg(what: str, groups: tuple[GroupAlerts, ...]) -> Markup | None:
    """Draw the alerts of those groups that have the most."""
    ranked = sorted(groups, key=lambda one: (-one.n_alerts, one.name))[:GROUP_CAP]
    if not ranked:
        return None
    bars = tuple(
        Bar(
            _spoken(one.name) if what == "fault" else one.name,
            one.n_alerts,
            f"{one.n_alerts:,}" + _share(one),
        )
        for one in ranked
    )
    title = f"Alerts by {what}"
    return Markup(bar_plot(title, bars, f"by-{what}", label_width=150, width=520))  # noqa: S704


def _share(group: GroupAlerts) -> str:
    if not group.n_scored:
        return ""
    return f" of {group.n_scored:,} · {figure(group.n_alerts / group.n_scored, 'percent')}"


def _cells(quality: QualityView | None) -> dict[tuple[bool, bool, bool], GeneralisationCell]:
    """Return the cells by held-out grid, held-out fault and extrapolated clicks."""
    found: dict[tuple[bool, bool, bool], GeneralisationCell] = {}
    for cell in quality.generalisation if quality else ():
        kind = (cell.held_out_grid, cell.held_out_fault, cell.extrapolated_clicks)
        if kind in found:
            raise ValueError(
                f"two cells of the generalisation matrix are of held-out grid, held-out fault and "
                f"extrapolated clicks = {kind}: expected one of each"
            )
        found[kind] = cell
    return found


def _kinds(page: HeatmapPage) -> tuple[_Kind, ...]:
    """Draw the scatter plots as long as there is room; a plot is whole or left out."""
    room, kinds = SCATTER_BYTES_CAP, []
    for kind, title, told in _KINDS:
        drawn = []
        for nth, view in enumerate(_plots_of(page, kind)):
            svg = scatter_svg(_brief(view), f"{kind}-{nth}")
            if len(svg.encode()) > room:
                continue
            room -= len(svg.encode())
            drawn.append(_Plot(view.title, view.note, Markup(svg)))  # noqa: S704
        if drawn:
            kinds.append(_Kind(title, told, tuple(drawn)))
    return tuple(kinds)


def _plots_of(page: HeatmapPage, kind: str) -> tuple[ScatterView, ...]:
    if page.pictures is None:
        return ()
    found: dict[str, tuple[ScatterView, ...]] = {
        "pca": page.pictures.pca,
        "mvu": page.pictures.mvu,
        "similarity": page.pictures.similarity,
    }
    return found[kind]


def _brief(view: ScatterView) -> ScatterView:
    """Cut the names of marks and grids, of which there may be thousands."""
    marks = tuple(replace(mark, name=_cut(mark.name)) for mark in view.marks)
    return replace(view, marks=marks, groups=tuple(map(_cut, view.groups)))


def _cut(name: str) -> str:
    cleaned = clean(name[: _NAME_CHARS + 1])
    return cleaned if len(cleaned) <= _NAME_CHARS else cleaned[: _NAME_CHARS - 1] + "…"


def _spoken(fault: str) -> str:
    return fault.replace("_", " ")


def _written(value: float, style: str) -> str:
    """Write a figure; a ``rate`` is a small percentage, with two decimals."""
    return rate_text(value) if style == "rate" else figure(value, style)


def _gain(value: float) -> str:
    """Write a difference, which may be small, with its sign.

    >>> _gain(0.0004)
    '+0.0004'
    """
    return f"{value:+.4f}".replace("-", MINUS)


def _budget(rate: float) -> str:
    """Write a round rate.

    >>> _budget(0.01), _budget(0.005)
    ('1 %', '0.5 %')
    """
    return f"{100 * rate:.3g} %"


def _two_digits(value: float) -> str:
    """Write a p-value: two significant digits."""
    return figure(float(f"{value:.2g}"), "significant")


@cache
def _templates() -> jinja2.Environment:
    made = environment("bannercluster.heatmap.report", "bannercluster.render")
    made.filters.update(
        spoken=_spoken, two_digits=_two_digits, gain=_gain, written=_written, budget=_budget
    )
    made.globals.update(ALERT_CAP=ALERT_CAP, GROUP_CAP=GROUP_CAP, DASH=DASH)
    return made
