"""The page as a whole: hostile text is inert, nothing is from outside, caps are kept and told."""

from __future__ import annotations

import base64
import hashlib
import io
import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise

import numpy as np
import pytest
from PIL import Image

from bannercluster.heatmap.report import page as page_of
from bannercluster.heatmap.report.page import ALERT_CAP, GROUP_CAP, render_heatmap_report
from bannercluster.heatmap.report.quality import QualityView
from bannercluster.heatmap.report.views import (
    AlertsView,
    BlocksView,
    FaultGuess,
    GroupAlerts,
    HeatmapPage,
    PicturesView,
    PValues,
    ScoredView,
    Truth,
)

from .pages import HOSTILE, alert, quality, scatter, small_page

VOID = {"meta", "img", "br", "input", "link"}
BARE = HeatmapPage("Empty", "Nothing looks broken", AlertsView((), 0))


class Reader(HTMLParser):
    """Tags with attributes, text, and whether elements nest rightly."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_startendtag(tag, attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
        if tag in ("td", "th", "dt", "dd", "p", "span", "h3"):
            self.words.append(" ")

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("style", "script"):
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join("".join(self.words).split()).replace(" ,", ",").replace(" ;", ";")

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attrs for name, attrs in self.tags if name == tag]


def read(page: HeatmapPage) -> Reader:
    return Reader(render_heatmap_report(page))


def shape_of(html: str) -> list[tuple[str, tuple[str, ...]]]:
    return [(tag, tuple(sorted(attrs))) for tag, attrs in Reader(html).tags]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_inert(text):
    html = render_heatmap_report(small_page(text))
    html.encode("utf-8")
    assert not re.search(
        "[\x00-\x08\x0b-\x1f\x7f\u2028\u2029\u200f\u202a-\u202e\u2066-\u2069]", html
    )
    assert shape_of(html) == shape_of(render_heatmap_report(small_page("plain")))


def test_text_is_shown_as_it_is():
    assert HOSTILE[0] in read(small_page(HOSTILE[0])).text


def test_nothing_comes_from_outside():
    html = render_heatmap_report(small_page())
    reader = Reader(html)
    assert not reader.all("link")
    assert not reader.all("iframe")
    for tag, attrs in reader.tags:
        assert attrs.get("href", "#").startswith("#")
        assert attrs.get("src", "data:image/png;base64,").startswith("data:image/png;base64,")
        assert tag == "img" or "src" not in attrs
        assert not any(name.startswith("on") for name in attrs), tag
    assert not re.search(r"https?:|//[a-z]+\.|@import|fetch\(|XMLHttp|url\(", html)


def test_policy_allows_the_page_s_own_script_only():
    html = render_heatmap_report(small_page())
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', html).group(1)
    (script,) = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert "default-src 'none'" in policy
    assert "img-src data:" in policy
    assert f"script-src 'sha256-{digest}'" in policy


def test_elements_nest_ids_are_unique_and_links_lead_somewhere():
    reader = read(small_page())
    assert reader.open == []
    ids = [attrs["id"] for _, attrs in reader.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    for _, attrs in reader.tags:
        if "href" in attrs:
            assert attrs["href"][1:] in ids
        for name in attrs.get("aria-labelledby", "").split():
            assert name in ids


def test_accessible_names_headings_and_captions():
    reader = read(small_page())
    assert len(reader.all("h1")) == 1
    assert len(reader.all("caption")) == len(reader.all("table")) == 6
    assert all(one["alt"] for one in reader.all("img"))
    for tag, attrs in reader.tags:
        if attrs.get("role") == "img":
            assert attrs.get("aria-labelledby"), (tag, attrs)
    levels = [int(tag[1]) for tag, _ in reader.tags if re.fullmatch("h[1-6]", tag)]
    assert all(b - a <= 1 for a, b in pairwise(levels))


def test_an_alert_shows_what_is_known_of_it():
    reader = read(replace(BARE, alerts=AlertsView((alert(3),), 1, "q <= 0.05")))
    text = reader.text
    assert "Alerts shown: 1 of 1, by the rule q <= 0.05." in text
    assert "not shown" not in text
    assert "1 shop-3.example grid-1" in text
    assert f"Clicks {alert(3).n_clicks:,} p 0.00012 q 0.01" in text
    assert "Likely fault overlay 90.0 % likely Its share of the clicks 25.0 %" in text
    assert "Truth ✓ broken: overlay, 25.0 % of the clicks, severity 0.500; named rightly" in text
    titles = [one["alt"].split(":")[0] for one in reader.all("img")]
    assert titles == ["This banner", "Healthy reference", "Evidence"]


@pytest.mark.parametrize(
    ("change", "said", "unsaid"),
    [
        ({"truth": Truth("dead_zone")}, "broken: dead zone; named otherwise", "severity"),
        ({"truth": Truth("")}, "false alert: healthy", "broken:"),
        ({"truth": None}, "Likely fault", "Truth"),
        ({"guess": None}, "severity 0.500", "named"),
        (
            {"guess": FaultGuess("burst", None, float("nan"))},
            "burst Its share of the clicks \u2013",
            "nan",
        ),
    ],
)
def test_what_is_not_known_of_an_alert_is_not_said(change, said, unsaid):
    text = read(replace(BARE, alerts=AlertsView((replace(alert(), **change),), 1))).text
    assert said in text
    assert unsaid not in text


def test_caps_are_kept_and_told():
    alerts = AlertsView((alert(),) * (ALERT_CAP + 5), 300, rest="scores.parquet has all")
    grids = tuple(GroupAlerts(f"grid-{nth:02d}", nth) for nth in range(GROUP_CAP + 9))
    reader = read(replace(BARE, alerts=alerts, scored=ScoredView(by_grid=grids)))
    assert len(reader.all("article")) == ALERT_CAP
    assert f"Alerts shown: {ALERT_CAP} of 300. scores.parquet has all." in reader.text
    assert f"Alerts not shown: {300 - ALERT_CAP}. scores.parquet has all." in reader.text
    assert f"the {GROUP_CAP} of {GROUP_CAP + 9} with the most" in reader.text
    assert "grid-28" in reader.text
    assert "grid-08" not in reader.text


def test_pictures_of_noise_arrive_whole():
    """Longer than any text that is shown: addresses are not cut as texts are."""
    noise = np.random.default_rng(0).normal(0, 3, (64, 64)).astype(np.float32)
    page = replace(BARE, alerts=AlertsView((replace(alert(), evidence=noise),), 1))
    sources = [one["src"] for one in read(page).all("img")]
    assert max(map(len, sources)) > 2000
    for one in sources:
        image = Image.open(io.BytesIO(base64.b64decode(one.partition(",")[2], validate=True)))
        image.load()
        assert image.size == (64, 64)


def test_plots_beyond_the_bound_are_left_out_and_counted(monkeypatch):
    page = small_page()
    one = len(re.search(r'<svg class="scatter".*?</svg>', render_heatmap_report(page)).group())
    monkeypatch.setattr(page_of, "SCATTER_BYTES_CAP", 2 * one + 99)
    html = render_heatmap_report(page)
    assert html.count('<svg class="scatter"') == 2
    assert "would make this file too large: 1." in html


def test_names_in_scatter_plots_are_cut():
    page = replace(BARE, pictures=PicturesView(pca=(scatter("long" * 400),)))
    titles = re.findall(r"<path[^>]*><title>(.*?)</title>", render_heatmap_report(page))
    assert len(titles) == 4
    assert max(map(len, titles)) < 200


def test_size_is_bounded_whatever_is_shown():
    rng = np.random.default_rng(0)
    text = "<\u202e" * 1000
    noise = rng.integers(0, 4000, (64, 64)).astype(np.uint32)
    worst = replace(
        alert(0, text), counts=noise, evidence=rng.normal(0, 3, (64, 64)).astype(np.float32)
    )
    plots = (scatter(text, 1500),) * 2
    page = replace(
        small_page(text),
        alerts=AlertsView((worst,) * 500, 500),
        pictures=PicturesView(plots, plots, plots),
    )
    n_bytes = len(render_heatmap_report(page).encode())
    print(f"{n_bytes / 1e6:.2f} MB")
    assert n_bytes < 10_000_000


def test_a_bare_page_says_that_nothing_was_found():
    reader = read(BARE)
    assert reader.open == []
    assert "Ranked alerts None." in reader.text
    assert not reader.all("table")
    assert not reader.all("img")
    links = {one["href"] for one in reader.all("a")}
    assert links == {"#summary", "#alerts", "#reproduce"}


@pytest.mark.parametrize(
    "change",
    [
        {"scored": ScoredView()},
        {"scored": ScoredView((PValues.of("none", []),))},
        {"quality": QualityView("a benchmark")},
        {"quality": replace(quality(), curves=())},
        {"quality": replace(quality(), figures=())},
        {"quality": replace(quality(), calibration=None, faults=(), goals=())},
        {"quality": replace(quality(), generalisation=quality().generalisation[:1])},
        {"pictures": PicturesView()},
        {"pictures": PicturesView(mvu=(scatter(),))},
        {"blocks": BlocksView("AUROC", "statistics", ())},
        {"blocks": None, "scored": None, "quality": None, "pictures": None},
    ],
)
def test_missing_parts(change):
    reader = read(replace(small_page(), **change))
    assert reader.open == []
    assert not {"nan", "None"} & set(reader.text.split())
    ids = {attrs.get("id") for _, attrs in reader.tags}
    assert {one["href"][1:] for one in reader.all("a")} <= ids


def test_goals_are_told_as_they_are():
    text = read(small_page()).text
    assert "Of 3 goals, reached: 1, not reached: 1, not measured here: 1." in text
    assert "said >= 0.9 0.950 0.940 to 0.960 ✓ reached" in text
    assert "said said >= 0.99 0.950 said 0.940 to 0.960 ✗ not reached" in text
    assert "said >= 5 \u2013 ○ not measured" in text


def test_figures_stand_beside_the_oracle_s():
    text = read(small_page()).text
    assert "0.950 0.940 to 0.960 0.970 0.020" in text  # a figure, the oracle's and the gap
    assert "said 90 0.950 0.940 to 0.960 oracle 0.970, gap 0.020" in text
    assert "held-out grid, held-out fault 50 0.950 0.940 to 0.960 oracle 0.970, gap 0.020" in text
    assert (
        "seen grid, seen fault 50 0.950 0.940 to 0.960 0.950 0.940 to 0.960 \u2013 \u2013 \u2013"
        in text
    )


def test_calibration_says_where_it_does_not_hold():
    text = read(small_page()).text
    assert "within 0.5 % to 1.5 % and its 95 % interval contains 1 %" in text
    assert "900 1.10 % 0.80 % to 1.40 % ✓ holds" in text
    assert "900 2.00 % 1.70 % to 2.30 % ✗ does not hold" in text


def test_blocks_that_did_not_help_are_off():
    text = read(small_page()).text
    assert "said +0.0100 +0.0020 to +0.0200 above zero ✓ on said" in text
    assert "said \u22120.0100 \u22120.0200 to +0.0010 contains zero ○ off" in text


def test_cells_of_one_kind_are_refused():
    cell = quality().generalisation[0]
    page = replace(small_page(), quality=replace(quality(), generalisation=(cell, cell)))
    with pytest.raises(ValueError, match="two cells of the generalisation matrix"):
        render_heatmap_report(page)
