"""What is known of the clusters and of single banners -> galleries, map and rejected rows."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa

from bannercluster.models.card import ModelCard
from bannercluster.models.evaluations import ModelMetrics
from bannercluster.render.text import figure
from bannercluster.render.views import (
    ClusterView,
    Exemplar,
    Fact,
    LabelCount,
    MapPoint,
    MapView,
    ModelView,
    ReasonCount,
    RejectedRow,
    RejectedView,
)
from bannercluster.report.findings import Findings
from bannercluster.report.selection import Shown

_REJECTED_SHOWN = 50


def models_of(found: Findings) -> tuple[ModelView, ...]:
    """Return the models with their clusters."""
    views = []
    for place, (card, metrics) in enumerate(zip(found.cards, found.evaluation.models, strict=True)):
        clusters = tuple(
            _cluster(found, place, cluster, shown, metrics, card)
            for cluster, shown in enumerate(found.shown[place])
        )
        views.append(
            ModelView(
                card.k, clusters, chosen=card.name == found.evaluation.chosen, note=_note(card)
            )
        )
    return tuple(views)


def _note(card: ModelCard) -> str:
    before = card.predecessor
    if before is None:
        return card.name
    return (
        f"{card.name}: cluster numbers are those of {before.name}. {before.n_same} of {card.k} "
        f"clusters are the same ones; for each is written how far its centre has moved towards "
        f"the border with the next cluster."
    )


def _moved(card: ModelCard, cluster: int) -> tuple[Fact, ...]:
    """How far a cluster lies from the predecessor's of its number; nothing without one."""
    before = card.predecessor
    if before is None:
        return ()
    if not before.same[cluster]:
        return (Fact("not the cluster that had this number", ""),)
    moved = before.moved[cluster]
    return () if moved is None else (Fact("moved", f"{figure(moved, 'percent')} to the border"),)


def _cluster(
    found: Findings,
    place: int,
    cluster: int,
    shown: Shown,
    metrics: ModelMetrics,
    card: ModelCard,
) -> ClusterView:
    labels = metrics.label_counts[cluster] if metrics.label_counts else ()
    return ClusterView(
        cluster,
        shown.n_rows,
        nearest=_exemplars(found, place, shown.nearest),
        boundary=_exemplars(found, place, shown.boundary),
        random=_exemplars(found, place, shown.random),
        labels=tuple(LabelCount(label, n) for label, n in labels),
        tags=found.tags[place][cluster] if found.tags else (),
        facts=_moved(card, cluster),
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


def map_of(found: Findings) -> MapView | None:
    """Return the map, if there are enough rows for one."""
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
        "that overlap here may be far apart.",
    )


def rejected_of(table: pa.Table) -> RejectedView:
    """Return the counts of rejected rows, and the first of them."""
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
