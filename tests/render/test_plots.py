"""SVG: well-formed, escaped, inside its box, with the numbers for screen readers."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from bannercluster.render.axes import Scale, nice_ticks, spread, thin, tick_labels
from bannercluster.render.plots import HEIGHT, WIDTH, Bar, Point, Series, bar_plot, metric_plot
from bannercluster.render.sweep import plots

from .pages import HOSTILE, small_page


@pytest.mark.parametrize("text", HOSTILE)
def test_svg_is_well_formed_with_hostile_text(text):
    series = (Series(text, (Point(2, 0.1), Point(3, 0.2, 0.1, 0.3, chosen=True))),)
    ET.fromstring(metric_plot(text, series, "fixed", "a"))
    ET.fromstring(bar_plot(text, (Bar(text, 3, text), Bar(text, 0, text, 1, "#x")), "b"))


@pytest.mark.parametrize(
    "values",
    [(1.0,), (0.0, 0.0), (-0.2, 0.3, 0.1), (1e-9, 2e-9), (3e12, 1e12), (float("inf"), 1.0)],
)
def test_marks_stay_inside_the_box(values):
    points = tuple(Point(k + 2, v, chosen=k == 0) for k, v in enumerate(values))
    root = ET.fromstring(metric_plot("m", (Series("s", points, ((2, values[-1]),)),), "fixed", "u"))
    for circle in root.iter("circle"):
        assert 0 <= float(circle.get("cx")) <= WIDTH
        assert 0 <= float(circle.get("cy")) <= HEIGHT


def test_the_numbers_are_told_and_the_chosen_is_marked():
    series = (Series("k-means", (Point(5, 0.1), Point(10, 0.21, chosen=True), Point(15, 0.2))),)
    root = ET.fromstring(metric_plot("Silhouette", series, "fixed", "u"))
    assert root.findtext("title") == "Silhouette against k"
    assert root.findtext("desc") == "k 5: 0.100, k 10: 0.210, k 15: 0.200"
    assert [t.text for t in root.iter("text") if "value" in t.get("class")] == ["0.210"]


def test_bars_are_proportional_and_link():
    root = ET.fromstring(bar_plot("t", (Bar("0", 50, "50", 0, "#a"), Bar("1", 100, "100", 1)), "u"))
    half, whole = (float(r.get("width")) for r in root.iter("rect") if "length" in r.get("class"))
    assert half == pytest.approx(whole / 2, abs=0.01)
    assert [a.get("href") for a in root.iter("a")] == ["#a"]


def test_restarts_are_drawn_on_inertia_only():
    drawn = {plot.metric.key: plot.svg for plot in plots(small_page().sweep)}
    assert drawn["inertia"].count("restart") == 4
    assert "restart" not in drawn["silhouette_sq_euclidean"]


@pytest.mark.parametrize(
    ("low", "high"), [(0, 1), (-3, 7), (0.123, 0.124), (1e9, 3e9), (-1e-7, 1e-7)]
)
def test_ticks_lie_inside_and_have_different_labels(low, high):
    ticks = nice_ticks(low, high)
    assert 2 <= len(ticks) <= 8
    assert low <= ticks[0] < ticks[-1] <= high
    labels = tick_labels(ticks)
    assert len(set(labels)) == len(labels)


def test_axis_helpers():
    assert tick_labels([]) == []
    assert tick_labels([0.0, 0.25, 0.5]) == ["0.00", "0.25", "0.50"]
    assert tick_labels([-20000.0, 0.0]) == ["\u221220k", "0"]
    assert spread([0.0, 0.0]) == (-1.0, 1.0)
    assert Scale(0, 10, 100, 0)(2.5) == 75
    assert thin([1, 2, 3, 50], 0, 100, 20) == [1, 50]
    assert thin([7], 0, 100, 20) == [7]
