"""The stage: store, models and evaluation in, one HTML file out."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from bannercluster.config import Settings
from bannercluster.errors import UsageError
from bannercluster.media import DecodeLimits
from bannercluster.models.ablations import Ablation
from bannercluster.models.evaluations import Evaluation
from bannercluster.models.folder import load_model
from bannercluster.models.inputs import open_rows, require_rows
from bannercluster.models.kmeans import KMeansModel
from bannercluster.models.rows import assign_rows
from bannercluster.models.sweeps import SweepFile
from bannercluster.render.page import render_report
from bannercluster.render.scatter import MAP_POINT_CAP
from bannercluster.report.ablation import ablation_of
from bannercluster.report.contents import page_of
from bannercluster.report.findings import Findings
from bannercluster.report.labels import labels_of
from bannercluster.report.memory import plan_memory
from bannercluster.report.pictures import Wanted, make_thumbnails
from bannercluster.report.selection import Projection, Shown, project, select
from bannercluster.report.tags import cluster_tags
from bannercluster.runtime.executor import Executor
from bannercluster.runtime.plan import StagePlan, Table
from bannercluster.runtime.progress import Progress
from bannercluster.store import files, points
from bannercluster.store.aliases import RowIndex, ids_of
from bannercluster.store.embeddings import EmbeddingStore
from bannercluster.traverse.sources import StoreSource

_MAP_PICTURES = 1_500
_GALLERY_LIMIT = 12  # pictures in a row of a gallery


@dataclass(frozen=True)
class ReportResult:
    """What was written.

    Parameters
    ----------
    report : str
    nbytes : int
    n_pictures, n_points : int
        Pictures in the file; points on its map.
    chosen : str
    duration_s : float
    """

    report: str
    nbytes: int
    n_pictures: int
    n_points: int
    chosen: str
    duration_s: float

    def tables(self) -> tuple[Table, ...]:
        """Return the result as tables."""
        row = (round(self.nbytes / 1e6, 2), self.n_pictures, self.n_points, self.chosen)
        columns = ("size [MB]", "pictures", "points on the map", "chosen model")
        return (Table(self.report, columns, (row,)),)


def plan(settings: Settings) -> StagePlan:
    """Say what a run would do, and what it needs.

    Raises
    ------
    UsageError, StoreError
        If there is no store, model or evaluation.
    IncompatibleStoreError
        If they do not belong together.
    """
    store, evaluation, models = _inputs(settings)
    summary = (
        ("rows", f"{store.n_rows:,} x {store.n_features:,}"),
        ("models", ", ".join(model.card.name for model in models)),
        ("chosen", evaluation.chosen),
        ("report", settings.paths.report),
    )
    memory = plan_memory(store, evaluation, models, settings)
    return StagePlan("report", summary, memory, "threads")


def run(settings: Settings, *, executor: Executor, progress: Progress) -> ReportResult:
    """Write the report.

    Raises
    ------
    UsageError, StoreError, IncompatibleStoreError
        As :func:`plan`.
    """
    started = time.perf_counter()
    config = settings.report
    store, evaluation, models = _inputs(settings)
    source = StoreSource(store)
    progress.start("report", store.n_rows, "rows")
    try:
        assigned = assign_rows(source, models, executor, progress)
    finally:
        progress.finish()
    per_cluster = min(config.per_cluster, _GALLERY_LIMIT)
    shown = tuple(
        select(one, model.card.k, per_cluster, config.seed)
        for one, model in zip(assigned, models, strict=True)
    )
    projection = project(source, models[0].normalize, config.map_points, config.seed)
    rows = store.table("rows")
    recipe = store.manifest.recipe
    checked = "made_by" not in recipe.get("images", recipe)
    wanted = _wanted(shown, projection, rows, checked=checked)
    limits = DecodeLimits.of(settings.embed)
    pictures = make_thumbnails(settings.paths.images, wanted, executor, progress, limits)
    on_page = _rows_on_page(shown, projection)
    page = page_of(
        Findings(
            store,
            tuple(model.card for model in models),
            evaluation,
            tuple(assigned),
            shown,
            projection,
            pictures,
            rows,
            _names_of(store, on_page, settings.paths.label),
            len(wanted) - len(pictures),
            SweepFile.load_if_any(settings.paths.models),
            labels_of(settings.paths.evaluation, evaluation),
            ablation_of(Ablation.load_if_any(settings.paths.evaluation)),
            cluster_tags(store, settings.paths, assigned, [model.card.k for model in models]),
        ),
        settings,
    )
    html = render_report(page).encode()
    files.write_bytes(settings.paths.report, html, points.REPORT)
    return ReportResult(
        settings.paths.report,
        len(html),
        html.count(b"url(data:image/"),
        0 if projection is None else min(len(projection.rows), MAP_POINT_CAP),
        evaluation.chosen,
        time.perf_counter() - started,
    )


def _inputs(settings: Settings) -> tuple[EmbeddingStore, Evaluation, list[KMeansModel]]:
    paths = settings.paths
    require_rows(paths)
    evaluation = Evaluation.load_if_any(paths.evaluation)
    if evaluation is None:
        raise UsageError(
            f"no evaluation in {paths.evaluation}; expected the result of `bc evaluate`: run it "
            f"first, or name "
            f"another folder with --evaluation"
        )
    models = [load_model(paths.models, metrics.name) for metrics in evaluation.models]
    return open_rows(paths, models), evaluation, models


def _rows_on_page(shown: tuple[list[Shown], ...], projection: Projection | None) -> np.ndarray:
    in_galleries = [cluster.all for model in shown for cluster in model]
    on_map = [] if projection is None else [projection.rows]
    return np.unique(np.concatenate([*in_galleries, *on_map]))


def _wanted(
    shown: tuple[list[Shown], ...], projection: Projection | None, rows: pa.Table, *, checked: bool
) -> list[Wanted]:
    """Pictures of all galleries, and small ones of the map's points while they are few enough.

    The content ids of imported rows need not be those of files: they are not ``checked``.
    """
    file, content = rows["file"], rows["content_id"]
    galleries = np.unique(np.concatenate([cluster.all for model in shown for cluster in model]))

    def of(row: int, small: bool) -> Wanted:
        return Wanted(str(row), file[row].as_py(), content[row].as_py() if checked else None, small)

    wanted = [of(row, small=False) for row in galleries.tolist()]
    if projection is not None:
        only_map = projection.rows[~np.isin(projection.rows, galleries)][:_MAP_PICTURES]
        wanted += [of(row, small=True) for row in only_map.tolist()]
    return [one for one in wanted if one.file is not None]  # imported rows may have no file


def _names_of(
    store: EmbeddingStore, rows: np.ndarray, label: str | None
) -> dict[int, tuple[str, str]]:
    """Return the banner id (else the file) and the label of the rows on the page."""
    aliases = store.table("aliases")
    row_of = RowIndex(store).rows_of_ids(ids_of(aliases["content_id"]))
    on_page = np.isin(row_of, rows)
    aliases, row_of = aliases.filter(pa.array(on_page)), row_of[on_page]
    labels = (
        aliases[label].to_pylist()
        if label is not None and label in aliases.column_names
        else [None] * len(aliases)
    )
    names: dict[int, tuple[str, str]] = {}
    columns = (aliases[name].to_pylist() for name in ("banner_id", "file"))
    for row, banner_id, file, value in zip(row_of.tolist(), *columns, labels, strict=True):
        if row not in names:
            names[row] = (banner_id or file, value or "")
    # The content of a file that has changed since stays a row, though no banner points to it.
    unnamed = [row for row in rows.tolist() if row not in names]
    if unnamed:
        file_of = store.table("rows", ["file"])["file"]
        names |= {row: (file_of[row].as_py() or "", "") for row in unnamed}
    return names
