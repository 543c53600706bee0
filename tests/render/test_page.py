"""The page as a whole: hostile text, one copy of each picture, nothing from outside, caps, size."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bannercluster.render.measured import (
    DifferenceView,
    MetricValue,
    SweepRow,
    SweepView,
    TimesView,
)
from bannercluster.render.metrics import Metric
from bannercluster.render.page import GALLERY_CAP, REJECTED_ROW_CAP, render_report
from bannercluster.render.pictures import bind
from bannercluster.render.scatter import MAP_POINT_CAP, map_data
from bannercluster.render.thumbnails import thumbnail
from bannercluster.render.views import (
    ClusterView,
    MapPoint,
    MapView,
    ModelView,
    Picture,
    RejectedView,
    ReportPage,
)

from .pages import HOSTILE, exemplar, full_page, noise_thumbnail, small_page

BANNERS = Path(__file__).parents[3] / "shared" / "data" / "banners_mit" / "images"
BELOW = (-0.01, -0.02, -0.005)
ONE = ModelView(1, (ClusterView(0, 1),))
VOID = {"meta", "input", "br", "img", "link"}


class Reader(HTMLParser):
    """Tags with attributes, text, ids, and whether elements nest rightly."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.text: list[str] = []
        self.open: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def count(self, tag: str) -> int:
        return sum(name == tag for name, _ in self.tags)


def shape_of(html: str) -> list[tuple[str, tuple[str, ...]]]:
    return [(tag, tuple(sorted(attrs))) for tag, attrs in Reader(html).tags]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_adds_no_element_and_no_attribute(text):
    assert shape_of(render_report(small_page(text))) == shape_of(render_report(small_page("plain")))


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_leaves_no_deceiving_character_and_can_be_written(text):
    html = render_report(small_page(text))
    html.encode("utf-8")
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u2028\u2029\u202a-\u202e\u2066-\u2069]", html)


def test_text_is_shown_as_it_is():
    reader = Reader(render_report(small_page(HOSTILE[0])))
    assert HOSTILE[0] in "".join(reader.text)


def test_each_picture_is_embedded_once_however_often_it_is_shown():
    page = small_page()
    twin = Picture("twin", page.pictures[0].thumbnail)
    unseen = Picture("unseen", noise_thumbnail(99))
    used = replace(page.models[0].clusters[0], random=(replace(exemplar(0), picture="twin"),))
    page = replace(page, pictures=(*page.pictures, twin, unseen))
    page = replace(page, models=(replace(page.models[0], clusters=(used,)), page.models[1]))
    html = render_report(page)
    assert html.count("data:image/") == 3
    for picture in page.pictures[:3]:
        assert html.count(picture.thumbnail.data_uri) == 1
    shown = [a["class"] for tag, a in Reader(html).tags if tag == "span" and a.get("role") == "img"]
    assert len(shown) == 7 + 21
    assert set(shown) == {"ph p0", "ph p1", "ph p2"}


def test_nothing_comes_from_outside():
    reader = Reader(html := render_report(small_page()))
    assert reader.count("link") == reader.count("img") == reader.count("iframe") == 0
    for tag, attrs in reader.tags:
        assert "src" not in attrs, tag
        assert attrs.get("href", "#").startswith("#")
        assert not any(name.startswith("on") for name in attrs), tag
    assert not re.search(r"https?:|//[a-z]+\.|@import|fetch\(|XMLHttp|url\((?!data:image/)", html)


def test_policy_allows_the_page_s_own_script_only():
    html = render_report(small_page())
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', html).group(1)
    (script,) = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert "default-src 'none'" in policy
    assert f"script-src 'sha256-{digest}'" in policy


def test_elements_nest_ids_are_unique_and_links_lead_somewhere():
    reader = Reader(render_report(small_page()))
    assert reader.open == []
    ids = [attrs["id"] for _, attrs in reader.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    for _, attrs in reader.tags:
        if "href" in attrs:
            assert attrs["href"][1:] in ids
        for name in attrs.get("aria-labelledby", "").split():
            assert name in ids


def test_accessible_names_headings_and_captions():
    reader = Reader(render_report(small_page()))
    assert reader.count("h1") == 1
    assert reader.count("caption") == reader.count("table") == 5
    for tag, attrs in reader.tags:
        if attrs.get("role") == "img":
            assert attrs.get("aria-label") or attrs.get("aria-labelledby"), (tag, attrs)
    levels = [int(tag[1]) for tag, _ in reader.tags if re.fullmatch("h[1-6]", tag)]
    assert all(b - a <= 1 for a, b in pairwise(levels))


def test_the_chosen_model_is_shown_first_without_a_script():
    html = render_report(small_page())
    radios = [attrs for tag, attrs in Reader(html).tags if tag == "input"]
    assert [("checked" in attrs) for attrs in radios] == [False, True]
    assert "body:has(#model-1:checked) .of-model:not(.m1){display:none}" in html


def test_caps_are_kept_and_told():
    page = small_page()
    many = tuple(replace(exemplar(i % 3), banner_id=str(i)) for i in range(40))
    model = ModelView(1, (ClusterView(0, 40, nearest=many),))
    page = replace(page, models=(model,), map=None)
    reader = Reader(html := render_report(page))
    assert sum("data-id" in attrs for _, attrs in reader.tags) == GALLERY_CAP
    assert f"Showing {REJECTED_ROW_CAP} of 312." in html


def test_map_points_are_thinned_evenly():
    points = tuple(MapPoint(i, 0, str(i), (0,)) for i in range(3 * MAP_POINT_CAP))
    data = map_data(MapView(points, 10**6), bind(ReportPage("", "", SweepView(()))), 1)
    ids = json.loads(data.json)["id"]
    assert data.n_points == len(ids) == MAP_POINT_CAP
    assert ids[:3] == ["0", "3", "6"]


def test_map_keeps_the_aspect_ratio():
    points = (MapPoint(0, 0, "a", (0,)), MapPoint(4, 1, "b", (0,)))
    data = json.loads(map_data(MapView(points, 2), bind(ReportPage("", "", SweepView(()))), 1).json)
    assert (data["width"], data["height"]) == (10_000, 2_500)


def test_empty_page():
    html = render_report(ReportPage("Empty", "Nothing was clustered", SweepView(())))
    assert "None: every row that came in was used" in html
    reader = Reader(html)
    assert reader.open == []
    assert reader.count("canvas") == reader.count("input") == reader.count("table") == 0


@pytest.mark.parametrize(
    "change",
    [
        {"map": None},
        {"map": MapView((), 0)},
        {"labels": None},
        {"labels": replace(small_page().labels, rows=())},
        {"times": None},
        {"times": TimesView(())},
        {"reason": "", "rule": ""},
        {"rejected": RejectedView()},
        {"pictures": ()},
        {"models": (), "map": None},
        {"models": (ONE,), "map": MapView((MapPoint(1, 1, "a", (0,)),), 1)},
        {"models": (ModelView(1, ()),), "map": None},
        {"sweep": SweepView((SweepRow(1, (MetricValue("silhouette_cosine", None),)),))},
        {"sweep": SweepView((SweepRow(1, (MetricValue("inertia", 0.0),)),))},
        {"sweep": SweepView((SweepRow(2, (MetricValue("ami", float("nan")),)),))},
    ],
)  # fmt: skip
def test_missing_parts(change):
    reader = Reader(render_report(replace(small_page(), **change)))
    assert reader.open == []
    assert "nan" not in "".join(reader.text).split()


def test_contradictions_are_errors():
    page = small_page()
    with pytest.raises(ValueError, match="unknown metrics"):
        render_report(replace(page, sweep=SweepView((SweepRow(2, (MetricValue("x", 1.0),)),))))
    with pytest.raises(ValueError, match="expected one for each of the 2 models"):
        render_report(replace(page, map=MapView((MapPoint(0, 0, "a", (1,)),), 1)))
    with pytest.raises(ValueError, match="is at"):
        render_report(replace(page, map=MapView((MapPoint(float("nan"), 0, "a", (1, 1)),), 1)))
    with pytest.raises(ValueError, match="two different pictures"):
        render_report(replace(page, pictures=(*page.pictures, Picture("key0", noise_thumbnail(7)))))


def test_own_metrics_and_the_best_of_a_row():
    metric = Metric("ctr_spread", "CTR spread", "lower", "percent")
    rows = tuple(SweepRow(k, (MetricValue("ctr_spread", k / 100),)) for k in (2, 3))
    known = SweepView(rows, (metric,), differences=(DifferenceView("ctr_spread", 0, 1, *BELOW),))
    html = render_report(ReportPage("t", "h", known))
    assert "<strong>2.0 %</strong>" in html
    assert "<strong>3.0 %</strong>" not in html
    assert "<strong>" not in render_report(ReportPage("t", "h", replace(known, differences=())))


def test_the_choice_is_told_with_its_reason():
    page = replace(small_page(), reason="k = 3 is 0.1 better", rule="the highest silhouette")
    text = "".join(Reader(render_report(page)).text)
    assert text.index(page.headline) < text.index(page.reason) < text.index("Rule: the highest")
    assert "Rule:" not in "".join(Reader(render_report(replace(page, rule=""))).text)


def test_what_to_trust_speaks_of_labels_where_there_are_some():
    page = small_page()
    assert "With labels, read AMI" in render_report(page)
    bare = tuple(replace(row, values=row.values[:2]) for row in page.sweep.rows)
    html = render_report(replace(page, sweep=SweepView(bare)))
    assert "Which metric to trust" in html
    assert "AMI" not in "".join(Reader(html).text)


def test_pages_of_evaluations_without_intervals_say_so():
    page = small_page()
    assert "95 % interval. Bold" in render_report(page)
    rows = tuple(
        replace(row, values=tuple(MetricValue(v.metric, v.value) for v in row.values))
        for row in page.sweep.rows
    )
    html = render_report(replace(page, sweep=SweepView(rows)))
    assert "The evaluation has no intervals" in html
    assert "Which differences exceed" not in html
    assert "<strong>" not in html


def test_notes_of_metrics_beside_few_models_and_below_many():
    def page(n):
        rows = tuple(SweepRow(k, (MetricValue("inertia", 1.0 / k),)) for k in range(2, 2 + n))
        return Reader(render_report(ReportPage("t", "h", SweepView(rows))))

    few, many = page(5), page(6)
    for reader, shown in ((few, True), (many, False)):
        assert ("What it says" in reader.text) == shown
        (glossary,) = (a["class"] for t, a in reader.tags if t == "details")
        assert ("narrow" in glossary) == shown
        assert "It always falls with k" in "".join(reader.text)


def test_images_texts_and_both():
    page = small_page()
    reader = Reader(render_report(page))
    text = " ".join("".join(reader.text).split())
    assert "90 banners that have an image, a text and a value of text; 7 without a text" in text
    assert "4 text 0.250 0.200 to 0.300" in text
    assert "4 text 1.4 0.750 +0.500 0.400 to 0.600" in text
    assert {"href": "#ablation"} in [attrs for tag, attrs in reader.tags if tag == "a"]
    assert "ablation" not in render_report(replace(page, ablation=None))


def test_labels_and_times():
    page = small_page()
    reader = Reader(render_report(page))
    text = " ".join("".join(reader.text).split())
    assert "The 2 of 40 values of text with the most rows, under text" in text
    assert "the table label_metrics beside the evaluation has all of them" in text
    assert "2 and 1 alike 0.600 1.500" in text
    assert "0 1.000 \u2013" in text
    assert "text · text: 2.5 s" in text
    links = [attrs["href"] for tag, attrs in reader.tags if tag == "a" and "href" in attrs]
    assert {"#labels", "#times"} <= set(links)
    bare = Reader(render_report(replace(page, labels=None, times=None)))
    links = [attrs["href"] for tag, attrs in bare.tags if tag == "a" and "href" in attrs]
    assert not {"#labels", "#times"} & set(links)


def test_pictures_beyond_the_budget_are_left_out_and_counted():
    page = small_page()
    one = len(bind(page).css) // 3
    book = bind(page, max_bytes=one + 20)
    assert (len(book.classes), book.n_left_out) == (1, 2)


def _check_size(thumbnails):
    html = render_report(full_page(thumbnails))
    n_bytes = len(html.encode())
    print(f"{n_bytes / 1e6:.2f} MB, {html.count('data:image/')} pictures")
    assert n_bytes < 10_000_000
    return html


def test_size_at_full_scale_is_bounded_whatever_the_pictures():
    rng = np.random.default_rng(0)
    noisy = [thumbnail(rng.integers(0, 256, (250, 300, 3), dtype=np.uint8)) for _ in range(20)]
    assert "pictures are left out" in _check_size(noisy)


@pytest.mark.real
@pytest.mark.skipif(not BANNERS.exists(), reason=f"no real banners at {BANNERS}")
def test_size_at_full_scale_with_real_banners_leaves_nothing_out():
    files = sorted(path for path in BANNERS.rglob("*") if path.is_file())
    html = _check_size([thumbnail(np.asarray(Image.open(f).convert("RGB"))) for f in files])
    assert html.count("data:image/") == 2160
