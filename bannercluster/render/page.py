"""One offline HTML file out of a `ReportPage`.

The file holds its style, its script and its pictures. A content security policy lets it load
nothing, and run only its own script (by hash), so that even markup that slipped through an escape
could do nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

import jinja2
from markupsafe import Markup

from bannercluster.render import sweep as sweep_of
from bannercluster.render.bounds import GALLERY_CAP, PAGE_BYTES_CAP, bounded
from bannercluster.render.differences import difference_table
from bannercluster.render.document import environment, script_hash, source, style
from bannercluster.render.measured import TimesView
from bannercluster.render.metrics import GROUP_TITLES
from bannercluster.render.pictures import PICTURE_BYTES_CAP, PictureBook, bind
from bannercluster.render.plots import Bar, bar_plot
from bannercluster.render.scatter import map_data
from bannercluster.render.text import duration, figure
from bannercluster.render.views import ModelView, RejectedView, ReportPage

__all__ = ["GALLERY_CAP", "LABEL_CAP", "REJECTED_ROW_CAP", "ReportPage", "render_report"]

LABEL_CAP: Final = 6
REJECTED_ROW_CAP: Final = 50
_NOTED_MODELS: Final = 5  # beside more columns the notes of the metrics have no room
_STYLES: Final = ("report.css", "sections.css", "tables.css")
_SCRIPTS: Final = ("tooltip.js", "gallery.js", "map.js")


@dataclass(frozen=True, slots=True)
class _Model:
    """A model with what the template needs beside it."""

    view: ModelView
    name: str
    n_rows: int
    sizes_svg: Markup
    per_row: int


def render_report(page: ReportPage) -> str:
    """Render a report.

    Parameters
    ----------
    page : ReportPage
        All that is shown. Galleries are capped at `GALLERY_CAP` banners a row and
        `GALLERY_ITEMS_CAP` in all, labels at `LABEL_CAP` a cluster, rejected rows at
        `REJECTED_ROW_CAP`, points of the map at `MAP_POINT_CAP`, pictures at `PICTURE_BYTES_CAP`
        bytes, or what `PAGE_BYTES_CAP` leaves them; the page says so where it leaves something
        out.

    Returns
    -------
    str
        A whole HTML document in UTF-8, without any address outside itself.

    Raises
    ------
    ValueError
        If the page contradicts itself: an unknown metric, a picture key used twice, a map point
        without a cluster for each model.
    """
    page, per_row = bounded(page)
    models = _models(page, per_row)
    book = bind(page)
    html = _render(page, models, book)
    excess = len(html.encode()) - PAGE_BYTES_CAP
    if excess <= 0:
        return html
    room = min(PICTURE_BYTES_CAP, len(book.css)) - excess
    return _render(page, models, bind(page, max(0, room)))


def _render(page: ReportPage, models: tuple[_Model, ...], book: PictureBook) -> str:
    script = "\n".join(source(_templates(), name) for name in _SCRIPTS)
    shown = next((i for i, model in enumerate(page.models) if model.chosen), 0)
    groups = sweep_of.table(page.sweep)
    drawn_map = page.map if page.map and page.map.points and models else None
    return (
        _templates()
        .get_template("report.html.j2")
        .render(
            page=page,
            models=models,
            shown=shown,
            book=book,
            groups=groups,
            difference=difference_table(page.sweep),
            plots=[(p.metric, Markup(p.svg)) for p in sweep_of.plots(page.sweep)],  # noqa: S704
            with_intervals=any(v.low is not None for row in page.sweep.rows for v in row.values),
            with_labels=any(group.title == GROUP_TITLES["labels"] for group in groups),
            algorithms=tuple(dict.fromkeys(row.algorithm for row in page.sweep.rows)),
            map=drawn_map,
            map_data=map_data(drawn_map, book, len(models)) if drawn_map else None,
            times_svg=_times_svg(page.times),
            rejected_svg=_rejected_svg(page.rejected),
            n_rejected=sum(count.n_rows for count in page.rejected.counts)
            or len(page.rejected.rows),
            css=Markup(_css(book, len(models))),  # noqa: S704
            script=Markup(script),  # noqa: S704
            script_hash=script_hash(script),
        )
    )


def _models(page: ReportPage, per_row: tuple[int, ...]) -> tuple[_Model, ...]:
    several = len({model.algorithm for model in page.models}) > 1
    out = []
    for nth, model in enumerate(page.models):
        name = f"{model.algorithm}, k = {model.k}" if several else f"k = {model.k}"
        n_rows = sum(cluster.n_rows for cluster in model.clusters)
        bars = tuple(
            Bar(
                label=str(c.cluster_id),
                value=c.n_rows,
                text=f"{c.n_rows:,} · {figure(c.n_rows / max(1, n_rows), 'percent')}",
                cluster_id=c.cluster_id,
                href=f"#m{nth}-c{c.cluster_id}",
            )
            for c in model.clusters
        )
        svg = bar_plot(f"Banners per cluster, {name}", bars, f"sizes-{nth}") if bars else ""
        out.append(_Model(model, name, n_rows, Markup(svg), per_row[nth]))  # noqa: S704
    return tuple(out)


def _rejected_svg(rejected: RejectedView) -> Markup:
    if not rejected.counts:
        return Markup("")
    bars = tuple(
        Bar(f"{count.stage} · {count.reason}", count.n_rows, f"{count.n_rows:,}")
        for count in sorted(rejected.counts, key=lambda c: (-c.n_rows, c.stage, c.reason))
    )
    svg = bar_plot("Rejected rows by reason", bars, "rejected", label_width=210, width=640)
    return Markup(svg)  # noqa: S704


def _times_svg(times: TimesView | None) -> Markup:
    if times is None or not times.parts:
        return Markup("")
    bars = tuple(
        Bar(f"{part.stage} · {part.part}", part.duration_s, duration(part.duration_s))
        for part in times.parts
    )
    svg = bar_plot("Time of each part", bars, "times", label_width=210, width=640)
    return Markup(svg)  # noqa: S704


def _css(book: PictureBook, n_models: int) -> str:
    switch = "\n".join(
        f"body:has(#model-{i}:checked) .of-model:not(.m{i}){{display:none}}"
        for i in range(n_models)
    )
    return "\n".join((style(_templates(), _STYLES), switch, book.css))


@cache
def _templates() -> jinja2.Environment:
    made = environment("bannercluster.render")
    made.globals.update(
        GALLERY_CAP=GALLERY_CAP,
        LABEL_CAP=LABEL_CAP,
        NOTED_MODELS=_NOTED_MODELS,
        REJECTED_ROW_CAP=REJECTED_ROW_CAP,
    )
    return made
