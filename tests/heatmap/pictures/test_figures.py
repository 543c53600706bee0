"""Scatter plots: well-formed, escaped, inside their box, and never colour alone."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from bannercluster.heatmap.pictures import figures
from bannercluster.heatmap.pictures.drawing import CROSS, WIDTH, scatter_svg
from bannercluster.heatmap.pictures.figures import (
    Heatmaps,
    Mark,
    ScatterView,
    mvu_figure,
    pca_figure,
    similarity_figure,
)
from bannercluster.heatmap.pictures.mvu import UnfoldingConfig, unfold
from bannercluster.heatmap.pictures.pca import principal_components

HOSTILE = ("<script>alert(1)</script>", '"><b>&', "a\u202eb\x00", "x" * 3000)


def view(marks=None, **changed):
    marks = marks or (Mark(0.0, 0.0, 0), Mark(1.0, 2.0, 1, True, "d"))
    return ScatterView(**{
        "title": "t", "x_label": "x", "y_label": "y", "marks": tuple(marks), "groups": ("a", "b"),
    } | changed)  # fmt: skip


def drawn(root):
    return [p for p in root.iter("path") if p.find("title") is not None]


def places(root):
    for path in drawn(root):
        yield tuple(
            map(float, re.match(r"translate\((\S+) (\S+)\)", path.get("transform")).groups())
        )


@pytest.mark.parametrize("text", HOSTILE)
def test_svg_is_well_formed_with_hostile_text(text):
    root = ET.fromstring(
        scatter_svg(
            view(title=text, x_label=text, y_label=text, groups=(text, text + "2"),
                 marks=(Mark(0, 0, 0, name=text), Mark(1, 1, 1, True, text))), "u"
        )
    )  # fmt: skip
    assert {element.tag for element in root.iter()} <= {
        "svg",
        "title",
        "desc",
        "line",
        "text",
        "path",
    }


def test_broken_has_another_shape_and_lies_on_top():
    marks = [Mark(i, i, i % 2, i % 3 == 0, f"m{i}") for i in range(9)]
    paths = drawn(ET.fromstring(scatter_svg(view(marks), "u")))
    broken = [p.get("d") == CROSS for p in paths]
    assert broken == [False] * 6 + [True] * 3
    for path, crossed in zip(paths, broken, strict=True):
        assert path.findtext("title").endswith(": broken" if crossed else ": healthy")
        assert ("broken" in path.get("class").split()) == crossed


def test_the_legend_names_shapes_grids_and_the_axes_their_titles():
    root = ET.fromstring(scatter_svg(view(x_label="cosine, ViT", y_label="PC 2"), "u"))
    texts = [t.text for t in root.iter("text")]
    assert {"healthy", "broken", "a", "b", "cosine, ViT", "PC 2"} <= set(texts)
    assert root.findtext("desc") == "PC 2 against cosine, ViT: 2 heatmaps of 2 grids, 1 broken"
    many = view([Mark(i, i, i) for i in range(40)], groups=tuple(f"g{i}" for i in range(40)))
    texts = [t.text for t in ET.fromstring(scatter_svg(many, "u")).iter("text")]
    assert "40 grids, 8 colours in turn" in texts
    assert "g3" not in texts


@pytest.mark.parametrize("equal", [False, True])
@pytest.mark.parametrize(
    "xy",
    [[(0, 0)], [(3, 3), (3, 3)], [(0, 0), (1e9, 1e-9)], [(-5, 2), (7, 2)], [(1e-12, 0), (0, 0)]],
)
def test_marks_stay_inside_the_box(xy, equal):
    root = ET.fromstring(scatter_svg(view([Mark(*p, 0) for p in xy], equal=equal), "u"))
    height = float(root.get("height"))
    found = list(places(root))
    assert len(found) == len(xy)
    assert all(0 <= x <= WIDTH and 0 <= y <= height for x, y in found)


def test_equal_axes_have_equal_units():
    square = [Mark(x, y, 0) for x in (0, 1) for y in (0, 1)]
    (x0, y0), *_, (x1, y1) = places(ET.fromstring(scatter_svg(view(square, equal=True), "u")))
    assert x1 - x0 == pytest.approx(y0 - y1, abs=0.02)
    (x0, y0), *_, (x1, y1) = places(ET.fromstring(scatter_svg(view(square), "u")))
    assert x1 - x0 > 1.1 * (y0 - y1)


def test_many_marks_are_thinned_and_told(monkeypatch):
    monkeypatch.setattr(figures, "MARK_CAP", 10)
    root = ET.fromstring(scatter_svg(view([Mark(i, i, 0) for i in range(35)]), "u"))
    assert len(drawn(root)) == 10
    assert "35 heatmaps" in root.findtext("desc")
    assert "10 of them drawn" in root.findtext("desc")


@pytest.mark.parametrize(
    ("mark", "match"), [(Mark(np.nan, 0, 0), "nan"), (Mark(0, 0, 5), "group 5")]
)
def test_marks_that_cannot_be_drawn_are_refused(mark, match):
    with pytest.raises(ValueError, match=match):
        scatter_svg(view([mark]), "u")


def test_plots_without_marks_and_columns_of_different_lengths_are_refused():
    with pytest.raises(ValueError, match="no marks"):
        scatter_svg(ScatterView("t", "x", "y", (), ()), "u")
    with pytest.raises(ValueError, match="expected one of each"):
        Heatmaps(("a",), (True, False))
    with pytest.raises(ValueError, match="3 places and 1 heatmaps"):
        similarity_figure([1, 2, 3], [1, 2, 3], Heatmaps(("a",), (True,)), x_block="x", y_block="y")


def test_views_carry_the_figures_of_what_they_show():
    rows = np.random.default_rng(0).standard_normal((20, 5))
    heatmaps = Heatmaps(tuple(f"g{i % 3}" for i in range(20)), (False,) * 19 + (True,))
    found = principal_components(rows)
    shown = pca_figure(found, heatmaps, block="counts")
    assert shown.x_label == f"PC 1, {100 * found.shares[0]:.1f} % of variance"
    assert [(m.x, m.y) for m in shown.marks] == [tuple(p) for p in found.coordinates]
    assert shown.groups == ("g0", "g1", "g2")
    assert [m.group for m in shown.marks[:4]] == [0, 1, 2, 0]
    unfolded = unfold(rows, UnfoldingConfig(n_neighbors=3))
    note = mvu_figure(unfolded, heatmaps, block="counts").note
    assert f"{unfolded.n_edges} distances" in note
    early = unfold(rows, UnfoldingConfig(n_neighbors=3, max_iterations=1))
    assert mvu_figure(early, heatmaps, block="counts").note.startswith("Not converged")
    two = np.vstack((rows, rows + 99.0))
    bridged = unfold(two, UnfoldingConfig(n_neighbors=3))
    both = Heatmaps(heatmaps.grids * 2, heatmaps.broken * 2)
    assert "1 of them connects separate groups" in mvu_figure(bridged, both, block="c").note


def test_one_component_is_drawn_as_a_line():
    found = principal_components(np.arange(4.0)[:, None], 1)
    shown = pca_figure(found, Heatmaps(("a",) * 4, (False,) * 4), block="b")
    assert {m.y for m in shown.marks} == {0.0}
    ET.fromstring(scatter_svg(shown, "u"))
