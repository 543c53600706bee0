"""What keeps a page small, whatever the number of models, clusters and banners."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from bannercluster.render.views import ClusterView, Exemplar, ModelView, ReportPage

GALLERY_CAP: Final = 12
GALLERY_ITEMS_CAP: Final = 4_000
PAGE_BYTES_CAP: Final = 9_500_000


def bounded(page: ReportPage) -> tuple[ReportPage, tuple[int, ...]]:
    """Return a page whose galleries hold at most `GALLERY_ITEMS_CAP` banners in all.

    The chosen model keeps as many banners a row as fit; the other models share what is left, the
    same number a row for all of them.

    Returns
    -------
    page : ReportPage
    per_row : tuple of int
        Most banners in a row of a gallery, by model; `GALLERY_CAP` where nothing was cut for this.
    """
    chosen = tuple(model for model in page.models if model.chosen)
    others = tuple(model for model in page.models if not model.chosen)
    of_chosen = _most_per_row(chosen, GALLERY_ITEMS_CAP)
    left = GALLERY_ITEMS_CAP - _n_items(chosen, of_chosen)
    of_others = _most_per_row(others, left)
    per_row = tuple(of_chosen if model.chosen else of_others for model in page.models)
    models = tuple(_cut(model, n) for model, n in zip(page.models, per_row, strict=True))
    return replace(page, models=models), per_row


def _most_per_row(models: tuple[ModelView, ...], n_items: int) -> int:
    return max(n for n in range(GALLERY_CAP + 1) if n == 0 or _n_items(models, n) <= n_items)


def _n_items(models: tuple[ModelView, ...], per_row: int) -> int:
    clusters = (cluster for model in models for cluster in model.clusters)
    return sum(min(len(row), per_row) for cluster in clusters for row in _rows(cluster))


def _rows(cluster: ClusterView) -> tuple[tuple[Exemplar, ...], ...]:
    return cluster.nearest, cluster.boundary, cluster.random


def _cut(model: ModelView, per_row: int) -> ModelView:
    clusters = tuple(
        replace(
            cluster,
            nearest=cluster.nearest[:per_row],
            boundary=cluster.boundary[:per_row],
            random=cluster.random[:per_row],
        )
        for cluster in model.clusters
    )
    return replace(model, clusters=clusters)
