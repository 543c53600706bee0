"""Pages to render, from the smallest to one of full size."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bannercluster.render.measured import (
    AblationRow,
    AblationView,
    DifferenceView,
    Duration,
    LabelRow,
    LabelsView,
    MetricValue,
    SweepRow,
    SweepView,
    TimesView,
)
from bannercluster.render.metrics import Metric
from bannercluster.render.thumbnails import Thumbnail, thumbnail
from bannercluster.render.views import (
    ClusterView,
    Exemplar,
    Fact,
    LabelCount,
    MapPoint,
    MapView,
    ModelView,
    Picture,
    ReasonCount,
    RejectedRow,
    RejectedView,
    ReportPage,
)

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</style><style>*{display:none}",
    "</title><svg/onload=alert(1)>",
    "]]> <![CDATA[ <!-- -->",
    "line\u2028paragraph\u2029end",
    "left\u202egnp.exe\u2066\u200f",
    "nul\x00bell\x07del\x7f",
    "lone\ud800surrogate",
    "{{ 7 * 7 }}{% include 'x' %}",
    "javascript:alert(1)",
)


def noise_thumbnail(seed: int, height: int = 250, width: int = 300) -> Thumbnail:
    """Blocks of colour, different for every seed."""
    rng = np.random.default_rng(seed)
    blocks = rng.integers(0, 256, (5, 6, 3), dtype=np.uint8)
    rgb = blocks.repeat(height // 5, axis=0).repeat(width // 6, axis=1)
    return thumbnail(rgb)


def exemplar(nth: int, text: str = "") -> Exemplar:
    name = text or f"b{nth:05d}"
    return Exemplar(name, text or f"images/{nth}.jpg", 0.1 * nth, 0.02 * nth, f"key{nth}", text)


def small_page(text: str = "") -> ReportPage:
    """Two models that differ, three pictures, two labels, a map of six points.

    Every text is `text` where it is given.
    """
    items = tuple(exemplar(nth, text) for nth in range(3))
    clusters = tuple(
        ClusterView(
            cluster_id=c,
            n_rows=3 + c,
            nearest=items,
            boundary=items[::-1],
            random=items[:1],
            labels=(LabelCount(text or "nike", 2), LabelCount(f"{text}quaker", 1)),
            tags=(text or "running",),
            facts=(Fact(text or "mean distance", text or "0.2"),),
        )
        for c in range(3)
    )
    rows = tuple(
        SweepRow(
            k,
            (
                MetricValue("inertia", 1000.0 / k),
                MetricValue("silhouette_sq_euclidean", 0.1 * k, 0.1 * k - 0.02, 0.1 * k + 0.02),
                MetricValue("ami", 0.3 + k / 100, 0.2, 0.4),
            ),
            algorithm=text or "k-means",
            chosen=k == 3,
            restart_inertia=(1000.0 / k, 1100.0 / k),
        )
        for k in (2, 3)
    )
    differences = (
        DifferenceView("silhouette_sq_euclidean", 0, 1, -0.1, -0.12, -0.08),
        DifferenceView("ami", 0, 1, -0.01, -0.05, 0.03),
        DifferenceView("recall", 0, 1, 0.1, 0.05, 0.15),
    )
    points = tuple(
        MapPoint(float(i), float(i * i), text or f"b{i}", (i % 2, i % 3), f"key{i % 3}", text)
        for i in range(6)
    )
    said = text or "text"
    return ReportPage(
        title=text or "Banners of March",
        headline=text or "k = 3 is chosen: highest silhouette, 0.30",
        rule=said,
        reason=said,
        sweep=SweepView(rows, note=said, differences=differences),
        labels=LabelsView(
            said,
            said,
            (Metric("recall", said, "higher", note=said), Metric("far", said, "lower")),
            (LabelRow(said, 9, (0.6, 1.5), 2, 2), LabelRow(said, 1, (1.0, None), 0)),
            40,
        ),
        ablation=AblationView(
            said,
            90,
            7,
            20,
            (Metric("ami", said, note=said),),
            (
                AblationRow(4, said, (MetricValue("ami", 0.25, 0.2, 0.3),)),
                AblationRow(
                    4, said, (MetricValue("ami", 0.75),), MetricValue("ami", 0.5, 0.4, 0.6), 1.4
                ),
            ),
        ),
        times=TimesView((Duration(said, said, 2.5), Duration(said, said, 0.1)), said),
        models=(
            ModelView(2, clusters[:2], algorithm=said, note=said),
            ModelView(3, clusters, algorithm=said, chosen=True),
        ),
        tiles=(Fact(said, said, said),),
        run_card=(Fact(said, said, said),),
        map=MapView(points, 60, said, said, said),
        rejected=RejectedView(
            (ReasonCount(said, said, 312),),
            tuple(RejectedRow(said, said, said, said) for _ in range(80)),
        ),
        pictures=tuple(Picture(f"key{nth}", noise_thumbnail(nth)) for nth in range(3)),
        commands=(said,),
        versions=(Fact(said, said),),
        notes=(said,),
        created=said,
    )


def full_page(thumbnails: list[Thumbnail]) -> ReportPage:
    """5,000 banners, three models of 30 clusters, 24 exemplars each, no banner shown twice."""
    pictures = tuple(
        Picture(f"key{nth}", replace(t, data=t.data + nth.to_bytes(4, "little")))
        for nth, t in enumerate(thumbnails[i % len(thumbnails)] for i in range(2160))
    )
    shown = iter(range(2160))

    def row() -> tuple[Exemplar, ...]:
        return tuple(
            Exemplar("b" * 16, f"images/advertiser/campaign_{i}__728x90_backup.jpg", 0.5, 0.1,
                     f"key{i}", "advertiser", "728 x 90")
            for i in (next(shown) for _ in range(8))
        )  # fmt: skip

    labels = tuple(LabelCount(f"label {j}", 20) for j in range(6))
    models = tuple(
        ModelView(30, tuple(
            ClusterView(c, 166, row(), row(), row(), labels)
            for c in range(30)
        ), chosen=m == 0)
        for m in range(3)
    )  # fmt: skip
    points = tuple(
        MapPoint(i * 0.7 % 1, i * 0.3 % 1, f"{i:064x}", (i % 30,) * 3, f"key{i % 2160}", "adv")
        for i in range(5000)
    )
    return ReportPage("t", "h", SweepView(()), models, map=MapView(points, 5000), pictures=pictures)
