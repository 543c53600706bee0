"""The pictures of a page, each embedded once: a CSS class per picture, whatever shows it.

A class works without JavaScript, is shared by all galleries, all k and the tooltip, and a picture
that is not shown is not decoded.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from types import MappingProxyType

from bannercluster.render.thumbnails import DENSITY, Thumbnail
from bannercluster.render.views import Exemplar, ModelView, ReportPage

PICTURE_BYTES_CAP = 8_000_000

# CSS pixels, as in sections.css: a row of a gallery, the space of an item, an item without picture.
GALLERY_WIDTH = 1048
ITEM_GAP = 12
PLACEHOLDER_WIDTH = 110.0
SMALLEST_FIT = 0.72


@dataclass(frozen=True, slots=True)
class PictureBook:
    """Which class shows which picture.

    Parameters
    ----------
    classes : mapping of str to str
        Key of a picture to its class (``p12``).
    widths : mapping of str to float
        Class to the width in CSS pixels at which a gallery shows it.
    css : str
        One rule a picture.
    n_left_out : int
        Pictures that are named but would have made the page larger than `PICTURE_BYTES_CAP`.
    """

    classes: MappingProxyType[str, str]
    widths: MappingProxyType[str, float]
    css: str
    n_left_out: int

    def css_class(self, key: str | None) -> str:
        """Class of a picture, empty where there is none."""
        return "" if key is None else self.classes.get(key, "")

    def fit(self, exemplars: tuple[Exemplar, ...]) -> float:
        """Factor that brings a row of a gallery onto one line, 1 where it would be too small.

        A row that is a little too wide is shrunk; one that is much too wide keeps its size, and the
        style sheet breaks it into lines of equal length.
        """
        width = sum(
            self.widths.get(self.css_class(x.picture), PLACEHOLDER_WIDTH) for x in exemplars
        )
        room = GALLERY_WIDTH - ITEM_GAP * len(exemplars)
        factor = room / width if width else 1.0
        return round(factor - 0.005, 2) if SMALLEST_FIT <= factor < 1 else 1.0


def bind(page: ReportPage, max_bytes: int = PICTURE_BYTES_CAP) -> PictureBook:
    """Give a class to every picture that the page names, those of the chosen model first.

    Parameters
    ----------
    page : ReportPage
        The page. Two keys with the same bytes share one class.
    max_bytes : int
        Bound of the sum of all rules; pictures after it are left out and counted.

    Raises
    ------
    ValueError
        If two pictures of the page have the same key and different bytes.
    """
    thumbnails: dict[str, Thumbnail] = {}
    for picture in page.pictures:
        if thumbnails.setdefault(picture.key, picture.thumbnail) != picture.thumbnail:
            raise ValueError(
                f"two different pictures have the key {picture.key!r}: use the content id"
            )
    classes: dict[str, str] = {}
    widths: dict[str, float] = {}
    of_data: dict[bytes, str] = {}
    rules: list[str] = []
    n_bytes = n_left_out = 0
    for key in dict.fromkeys(_named(page)):
        shown = thumbnails.get(key)
        if shown is None:
            continue
        if shown.data not in of_data:
            rule = _rule(f"p{len(rules)}", shown)
            if n_bytes + len(rule) > max_bytes:
                n_left_out += 1
                continue
            n_bytes += len(rule)
            of_data[shown.data] = f"p{len(rules)}"
            widths[of_data[shown.data]] = shown.width / DENSITY
            rules.append(rule)
        classes[key] = of_data[shown.data]
    return PictureBook(
        MappingProxyType(classes), MappingProxyType(widths), "\n".join(rules), n_left_out
    )


def _rule(css_class: str, shown: Thumbnail) -> str:
    width, height = shown.width / DENSITY, shown.height / DENSITY
    size = f"--w:{width:.1f}px;--h:{height:.1f}px"
    return f".{css_class}{{{size};background-image:url({shown.data_uri})}}"


def _named(page: ReportPage) -> Iterable[str]:
    for model in sorted(page.models, key=lambda m: not m.chosen):
        yield from _named_by_model(model)
    for point in page.map.points if page.map else ():
        if point.picture is not None:
            yield point.picture


def _named_by_model(model: ModelView) -> Iterable[str]:
    for cluster in model.clusters:
        for exemplar in (*cluster.nearest, *cluster.boundary, *cluster.random):
            if exemplar.picture is not None:
                yield exemplar.picture
