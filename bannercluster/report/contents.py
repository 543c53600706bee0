"""What is known of a run -> the views of the page."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa

from bannercluster.config import Settings
from bannercluster.models.card import ModelCard
from bannercluster.models.evaluations import Evaluation, ModelMetrics
from bannercluster.models.kmeans import Assigned
from bannercluster.render.thumbnails import Thumbnail
from bannercluster.render.views import (
    ClusterView,
    Exemplar,
    Fact,
    LabelCount,
    MapPoint,
    MapView,
    MetricValue,
    ModelView,
    Picture,
    ReasonCount,
    RejectedRow,
    RejectedView,
    ReportPage,
    SweepRow,
    SweepView,
)
from bannercluster.report.selection import Projection, Shown
from bannercluster.store.embeddings import EmbeddingStore

_REJECTED_SHOWN = 50


@dataclass(frozen=True)
class Findings:
    """All that a page is made of.

    Parameters
    ----------
    store : EmbeddingStore
    cards : tuple of ModelCard
        In the order of the evaluation.
    evaluation : Evaluation
    assigned : tuple of Assigned
        One a model, for all rows.
    shown : tuple of list of Shown
        One a model.
    projection : Projection or None
    pictures : mapping of row (as text) to Thumbnail
    rows : (n_rows,) table
        The row table of the store.
    ids : dict of row to (banner id, label)
        For the rows that the page shows.
    n_no_picture : int
        Shown banners whose file is gone or no longer decodes.
    """

    store: EmbeddingStore
    cards: tuple[ModelCard, ...]
    evaluation: Evaluation
    assigned: tuple[Assigned, ...]
    shown: tuple[list[Shown], ...]
    projection: Projection | None
    pictures: Mapping[str, Thumbnail]
    rows: pa.Table
    ids: Mapping[int, tuple[str, str]]
    n_no_picture: int


def page_of(found: Findings, settings: Settings) -> ReportPage:
    """Return the page."""
    evaluation = found.evaluation
    chosen = next(m for m in evaluation.models if m.name == evaluation.chosen)
    score = chosen.metrics.get("silhouette_sq_euclidean")
    says = "" if score is None else f": silhouette {score:.3f}"
    aliases = found.store.table("aliases", ["content_id"])
    rejected = found.store.table("rejected")
    return ReportPage(
        title=settings.report.title or f"Banners of {settings.paths.images}",
        headline=f"k = {chosen.k} is chosen{says}",
        rule=evaluation.rule,
        tiles=_tiles(found, aliases["content_id"], len(rejected)),
        run_card=_run_card(found),
        sweep=_sweep(found),
        models=_models(found),
        map=_map(found),
        rejected=_rejected(rejected),
        pictures=tuple(Picture(key, made) for key, made in found.pictures.items()),
        commands=_commands(settings, found),
        versions=_versions(found.cards[0]),
        notes=_notes(found),
        created=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    )


def _tiles(found: Findings, contents: pa.ChunkedArray, n_rejected: int) -> tuple[Fact, ...]:
    n_rows, n_ok = found.store.n_rows, len(contents)
    # Not of the rows: the store may hold contents to which no banner points any more.
    n_duplicate = n_ok - len(contents.unique())
    total = n_ok + n_rejected
    recipe = found.store.manifest.recipe
    return (
        Fact("Banners in", f"{total:,}"),
        Fact("Distinct images", f"{n_rows:,}", "rows that were clustered"),
        Fact("Duplicates", f"{n_duplicate:,}", f"{n_duplicate / max(n_ok, 1):.1%} of the readable"),
        Fact("Rejected", f"{n_rejected:,}", f"{n_rejected / max(total, 1):.1%} of all"),
        Fact("Features", f"{found.store.n_features:,}", str(recipe["model"])),
    )


def _run_card(found: Findings) -> tuple[Fact, ...]:
    manifest = found.store.manifest
    recipe, card = manifest.recipe, found.cards[0]
    return (
        Fact("Network", str(recipe["model"])),
        *_made_by(recipe, str(manifest.info.get("source"))),
        Fact("Stored as", f"{manifest.dtype}, generation {manifest.generation}"),
        Fact("Clustering", _clustering(card)),
        Fact("Seed", str(card.seed)),
        Fact("Fitted", card.created.replace("T", " ")[:16] + " UTC"),
        Fact("Machine", f"{card.versions.get('cpu')}, {card.versions.get('n_cores')} cores"),
    )


def _made_by(recipe: dict[str, Any], source: str) -> tuple[Fact, ...]:
    preprocessing = recipe["preprocessing"]
    if preprocessing is None:  # imported: nothing but the name of the network is known
        return (Fact("Vectors", f"imported from {source}"),)
    size = preprocessing["input_size"]
    return (
        Fact("Weights (SHA-256)", str(recipe["weights_sha256"])[:16]),
        Fact("Engine", f"{recipe['engine']}, {recipe['precision']}"),
        Fact("Preprocessing", f"{preprocessing['resize']} aspect, area of {size} x {size}"),
    )


def _clustering(card: ModelCard) -> str:
    kind = "spherical k-means" if card.spherical else "k-means"
    scaled = "rows of length one" if card.normalize == "l2" else "rows as stored"
    n = len(card.restarts)
    return f"{kind}, {scaled}, {'one run' if n == 1 else f'best of {n} restarts'}"


def _sweep(found: Findings) -> SweepView:
    rows = []
    for card, metrics in zip(found.cards, found.evaluation.models, strict=True):
        values = {
            **metrics.metrics,
            "n_iter": float(card.n_iter),
            "n_restarts": float(len(card.restarts)),
        }
        rows.append(
            SweepRow(
                card.k,
                tuple(MetricValue(name, value) for name, value in values.items()),
                chosen=card.name == found.evaluation.chosen,
                restart_inertia=tuple(restart.inertia for restart in card.restarts),
            )
        )
    labels = found.evaluation.labels
    note = ""
    if labels is not None:
        note = (
            f"AMI, ARI, purity and recall compare with the {labels.n_labels} values of the column "
            f"{labels.column} on {labels.n_labelled:,} rows."
        )
    return SweepView(tuple(rows), note=note)


def _models(found: Findings) -> tuple[ModelView, ...]:
    views = []
    for place, (card, metrics) in enumerate(zip(found.cards, found.evaluation.models, strict=True)):
        clusters = tuple(
            _cluster(found, place, cluster, shown, metrics)
            for cluster, shown in enumerate(found.shown[place])
        )
        views.append(
            ModelView(card.k, clusters, chosen=card.name == found.evaluation.chosen, note=card.name)
        )
    return tuple(views)


def _cluster(
    found: Findings, place: int, cluster: int, shown: Shown, metrics: ModelMetrics
) -> ClusterView:
    labels = metrics.label_counts[cluster] if metrics.label_counts else ()
    return ClusterView(
        cluster,
        shown.n_rows,
        nearest=_exemplars(found, place, shown.nearest),
        boundary=_exemplars(found, place, shown.boundary),
        random=_exemplars(found, place, shown.random),
        labels=tuple(LabelCount(label, n) for label, n in labels),
    )


def _exemplars(found: Findings, place: int, rows: np.ndarray) -> tuple[Exemplar, ...]:
    assigned = found.assigned[place]
    made = []
    for row in rows.tolist():
        facts = found.rows.slice(row, 1).to_pylist()[0]
        banner_id, label = found.ids[row]
        margin = float(assigned.margin[row])
        made.append(
            Exemplar(
                banner_id,
                facts["file"] or "",
                float(assigned.distance[row]),
                None if np.isnan(margin) else margin,
                str(row) if str(row) in found.pictures else None,
                label,
                f"{facts['width']} x {facts['height']}" if facts["width"] else "",
            )
        )
    return tuple(made)


def _map(found: Findings) -> MapView | None:
    projection = found.projection
    if projection is None:
        return None
    points = []
    for row, (x, y) in zip(projection.rows.tolist(), projection.xy.tolist(), strict=True):
        banner_id, label = found.ids[row]
        clusters = tuple(int(assigned.cluster_id[row]) for assigned in found.assigned)
        picture = str(row) if str(row) in found.pictures else None
        points.append(MapPoint(x, y, banner_id, clusters, picture, label))
    first, second = projection.explained
    return MapView(
        tuple(points),
        found.store.n_rows,
        f"PC 1 ({first:.0%} of the variance)",
        f"PC 2 ({second:.0%})",
        "Principal components of the embeddings: a flat shadow of many dimensions, so clusters "
        "that "
        "overlap here may be far apart.",
    )


def _rejected(table: pa.Table) -> RejectedView:
    rows = table.to_pylist()
    counts = Counter((row["stage"], row["reason"]) for row in rows)
    return RejectedView(
        tuple(ReasonCount(stage, reason, n) for (stage, reason), n in counts.most_common()),
        tuple(
            RejectedRow(
                row["file"] or row["banner_id"] or "",
                row["stage"],
                row["reason"],
                row["detail"] or "",
            )
            for row in rows[:_REJECTED_SHOWN]
        ),
    )


def _commands(settings: Settings, found: Findings) -> tuple[str, ...]:
    paths = settings.paths
    model = found.store.manifest.recipe["model"]
    ks = " ".join(str(card.k) for card in found.cards)
    label = f" --label {shlex.quote(paths.label)}" if paths.label else ""
    here = {
        name: shlex.quote(str(getattr(paths, name)))
        for name in ("images", "embeddings", "models", "evaluation", "assignments", "report")
    }
    manifest = found.store.manifest
    made = f"bc embed --images {here['images']} --embeddings {here['embeddings']} --model {model}"
    if manifest.recipe["preprocessing"] is None:
        source = shlex.quote(str(manifest.info.get("source")))
        made = f"bc import --source {source} --embeddings {here['embeddings']} --model {model}"
    return (
        made,
        f"bc cluster --embeddings {here['embeddings']} --models {here['models']} --k {ks}",
        f"bc evaluate --embeddings {here['embeddings']} --models {here['models']} "
        f"--evaluation {here['evaluation']}{label}",
        f"bc predict --embeddings {here['embeddings']} --models {here['models']} "
        f"--evaluation {here['evaluation']} --assignments {here['assignments']}",
        f"bc report --images {here['images']} --embeddings {here['embeddings']} "
        f"--models {here['models']} --evaluation {here['evaluation']} --report {here['report']}",
    )


def _versions(card: ModelCard) -> tuple[Fact, ...]:
    libraries = card.versions.get("libraries", {})
    shown = [("Python", card.versions.get("python")), *sorted(libraries.items())]
    return tuple(Fact(name, str(version)) for name, version in shown if version is not None)


def _notes(found: Findings) -> tuple[str, ...]:
    notes = []
    if found.evaluation.store_key != found.store.key:
        notes.append(
            f"The evaluation was made on {found.evaluation.n_rows:,} rows of an earlier state "
            f"of the store, which "
            f"has {found.store.n_rows:,} now: run `bc evaluate` again."
        )
    unsettled = [card for card in found.cards if not card.converged]
    if unsettled:
        ks = ", ".join(str(card.k) for card in unsettled)
        notes.append(f"The best run had not converged for k = {ks}: raise --max-iter.")
    if found.n_no_picture:
        notes.append(
            f"{found.n_no_picture:,} banners are shown without a picture: their files are gone "
            f"from the folder of images, have changed, or no longer decode."
        )
    return tuple(notes)
