"""The map's points as columns for the page's script, and what its caption says."""

from __future__ import annotations

import math
from dataclasses import dataclass

from bannercluster.render.pictures import PictureBook
from bannercluster.render.text import clean, script_json
from bannercluster.render.views import MapPoint, MapView

MAP_POINT_CAP = 5000
GRID = 10_000


@dataclass(frozen=True, slots=True)
class MapData:
    """What the script draws.

    Parameters
    ----------
    json : str
        Columns ``x, y, id, label, labels, picture, clusters`` and ``aspect``, fit for a script.
    n_points : int
        Points in it.
    """

    json: str
    n_points: int


def map_data(view: MapView, book: PictureBook, n_models: int) -> MapData:
    """Lay the points on a grid of integers that keeps the aspect ratio.

    Raises
    ------
    ValueError
        If a point is not finite, or has not one cluster for each model.
    """
    points = _capped(view.points)
    for point in points:
        if not (math.isfinite(point.x) and math.isfinite(point.y)):
            raise ValueError(f"point {point.banner_id!r} of the map is at ({point.x}, {point.y})")
        if len(point.clusters) != n_models:
            raise ValueError(
                f"point {point.banner_id!r} has {len(point.clusters)} clusters, expected one for "
                f"each of the {n_models} models of the page"
            )
    xs, ys = [p.x for p in points], [p.y for p in points]
    x_low, y_low = min(xs, default=0.0), min(ys, default=0.0)
    width = max(xs, default=1.0) - x_low
    height = max(ys, default=1.0) - y_low
    side = max(width, height) or 1.0
    labels = tuple(dict.fromkeys(clean(p.label) for p in points))
    place = {label: nth for nth, label in enumerate(labels)}
    columns = {
        "x": [round((x - x_low) / side * GRID) for x in xs],
        "y": [round((y - y_low) / side * GRID) for y in ys],
        "id": [clean(p.banner_id) for p in points],
        "labels": labels,
        "label": [place[clean(p.label)] for p in points],
        "picture": [_picture(book, p) for p in points],
        "clusters": [[p.clusters[m] for p in points] for m in range(n_models)],
        "width": round(width / side * GRID),
        "height": round(height / side * GRID),
    }
    return MapData(script_json(columns), len(points))


def _capped(points: tuple[MapPoint, ...]) -> tuple[MapPoint, ...]:
    n = len(points)
    if n <= MAP_POINT_CAP:
        return points
    return tuple(points[i * n // MAP_POINT_CAP] for i in range(MAP_POINT_CAP))


def _picture(book: PictureBook, point: MapPoint) -> int:
    css_class = book.css_class(point.picture)
    return int(css_class[1:]) if css_class else -1
