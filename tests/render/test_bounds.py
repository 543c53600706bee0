"""The page stays small, whatever there is to show."""

from dataclasses import replace

import numpy as np
import pytest

from bannercluster.render.bounds import GALLERY_CAP, GALLERY_ITEMS_CAP, bounded
from bannercluster.render.measured import SweepView
from bannercluster.render.page import render_report
from bannercluster.render.thumbnails import thumbnail
from bannercluster.render.views import (
    ClusterView,
    Exemplar,
    LabelCount,
    MapPoint,
    MapView,
    ModelView,
    Picture,
    ReportPage,
)

LIMIT = 10_000_000


def page(ks, per_row=GALLERY_CAP, n_points=0, name="b", chosen=None, pictures=()):
    """Models of these k with full galleries; every text has `name` in it."""
    keys = [picture.key for picture in pictures] or [None]
    number = iter(range(1_000_000))

    def row():
        return tuple(
            Exemplar(
                f"{name}{i}", f"{name}{i}.jpg", 0.5, 0.1, keys[i % len(keys)], name, "728 x 90"
            )
            for i in (next(number) for _ in range(per_row))
        )

    labels = tuple(LabelCount(f"{name}{i}", 5) for i in range(9))
    models = tuple(
        ModelView(
            k,
            tuple(ClusterView(c, 100, row(), row(), row(), labels) for c in range(k)),
            chosen=k == chosen,
        )
        for k in ks
    )
    points = tuple(
        MapPoint(i % 71, i % 73, f"{name}{i}", tuple(i % k for k in ks), keys[i % len(keys)], name)
        for i in range(n_points)
    )
    shown = MapView(points, n_points) if points else None
    return ReportPage("t", "h", SweepView(()), models, map=shown, pictures=tuple(pictures))


def n_items(model):
    return sum(len(c.nearest) + len(c.boundary) + len(c.random) for c in model.clusters)


def test_usual_pages_are_not_cut():
    usual = page((5, 10, 15, 30), chosen=15)
    same, per_row = bounded(usual)
    assert same == usual
    assert per_row == (GALLERY_CAP,) * 4


def test_the_chosen_model_keeps_its_galleries_and_the_others_share():
    many = page(range(2, 31), chosen=29)
    cut, per_row = bounded(many)
    assert cut.models[27] == many.models[27]
    assert per_row[27] == GALLERY_CAP
    assert 0 < per_row[0] < GALLERY_CAP
    assert set(per_row) == {per_row[0], GALLERY_CAP}
    n = sum(map(n_items, cut.models))
    assert n <= GALLERY_ITEMS_CAP
    # One more a row would have been too many.
    assert n + 3 * sum(model.k for model in many.models if not model.chosen) > GALLERY_ITEMS_CAP
    html = render_report(many)
    said = f"galleries of this model show at most {per_row[0]} banners a row"
    assert html.count(said) == 28
    assert "galleries of this model" not in render_report(page((5, 10), chosen=5))


def test_more_clusters_than_items():
    cut, per_row = bounded(page((1500, 5), per_row=1, chosen=1500))
    assert per_row == (0, GALLERY_CAP)
    assert n_items(cut.models[0]) == 0
    assert n_items(cut.models[1]) == 15


@pytest.mark.parametrize(
    "name", ["b", "a/long/name/" + "n" * 188, "広" * 60], ids=["b", "long", "wide"]
)
def test_full_pages_are_bounded(name):
    rng = np.random.default_rng(0)
    noisy = thumbnail(rng.integers(0, 256, (250, 300, 3), dtype=np.uint8))
    pictures = tuple(
        Picture(f"key{i}", replace(noisy, data=noisy.data + i.to_bytes(4, "little")))
        for i in range(5000)
    )
    html = render_report(
        page(range(2, 31), n_points=50_000, name=name, chosen=30, pictures=pictures)
    )
    assert len(html.encode()) < LIMIT
    assert html.count("url(data:image/") > 100
    assert "pictures are left out to keep this file small" in html
