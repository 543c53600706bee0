"""Plots: well-formed, escaped, inside their box, at the right places, with the numbers in words."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import pytest

from bannercluster.heatmap.report.frames import HEIGHT, WIDTH, X_PIXELS, Y_PIXELS
from bannercluster.heatmap.report.plots import (
    ROC_POINT_CAP,
    calibration_plot,
    p_plot,
    roc_plot,
)
from bannercluster.heatmap.report.quality import (
    CalibrationRow,
    CalibrationView,
    Estimate,
    FigureRow,
    GoalRow,
    RocCurve,
)
from bannercluster.heatmap.report.views import PValues

from .pages import HOSTILE

CURVE = ((0.0, 0.2), (0.001, 0.4), (0.01, 0.6), (0.1, 0.8), (1.0, 1.0))
ROWS = (
    CalibrationRow("20", 100, Estimate(0.01, 0.005, 0.016)),
    CalibrationRow("50", 100, Estimate(0.0, 0.0, 0.001)),
)


def places(path):
    return [tuple(map(float, one)) for one in re.findall(r"([\d.]+) ([\d.]+)", path.get("d"))]


def lines(root):
    return [path for path in root.iter("path") if path.get("class") == "best"]


@pytest.mark.parametrize("text", HOSTILE)
def test_svg_is_well_formed_with_hostile_text(text):
    ET.fromstring(roc_plot((RocCurve(text, CURVE, Estimate(0.9)),), 0.01, "a"))
    ET.fromstring(p_plot((PValues.of(text, [0.5]),), "b"))
    ET.fromstring(
        calibration_plot(CalibrationView((CalibrationRow(text, 1, Estimate(0.01)),)), "c")
    )


def test_roc_is_logarithmic_in_false_positives():
    root = ET.fromstring(roc_plot((RocCurve("s", CURVE),), 0.01, "u"))
    found = places(lines(root)[0])
    (left, right), (low, high) = X_PIXELS, Y_PIXELS
    wide, tall = right - left, low - high
    expected = [(left + share * wide, low - y * tall)
                for share, y in ((0, 0.4), (1 / 3, 0.6), (2 / 3, 0.8), (1, 1))]  # fmt: skip
    assert [value for one in found for value in one] == pytest.approx(
        [value for one in expected for value in one], abs=0.02
    )
    (budget,) = [one for one in root.iter("line") if one.get("class") == "budget"]
    assert float(budget.get("x1")) == pytest.approx(left + wide / 3, abs=0.02)
    assert root.findtext("desc") == "s: 60.0 % found at 1.0 % false positives"


def test_the_first_curve_lies_on_top_and_keeps_its_number():
    curves = (RocCurve("own", CURVE, Estimate(0.9)), RocCurve("oracle", CURVE))
    root = ET.fromstring(roc_plot(curves, 0.01, "u"))
    assert [g.get("class") for g in root.iter("g")] == ["series s1", "series s0"]
    assert "own: 60.0 % found at 1.0 % false positives, AUROC 0.900; oracle" in root.findtext(
        "desc"
    )


def test_long_curves_are_thinned_and_keep_their_ends():
    points = tuple((n / 9999, (n / 9999) ** 0.1) for n in range(10_000))
    found = places(lines(ET.fromstring(roc_plot((RocCurve("s", points),), 0.01, "u")))[0])
    assert ROC_POINT_CAP * 0.9 < len(found) <= ROC_POINT_CAP
    assert found[-1] == (X_PIXELS[1], Y_PIXELS[1])
    assert found[0][0] == X_PIXELS[0]


def test_a_curve_of_one_point_is_drawn_across():
    found = places(lines(ET.fromstring(roc_plot((RocCurve("s", ((0.0, 0.5),)),), 0.01, "u")))[0])
    assert [x for x, _ in found] == list(X_PIXELS)


@pytest.mark.parametrize(
    "points", [(), ((0.5, 1.0), (0.1, 1.0)), ((0.1, 1.2),), ((-0.1, 0.2),), ((0.1, float("nan")),)]
)
def test_curves_that_are_none_are_refused(points):
    with pytest.raises(ValueError, match="expected some, within 0 and 1"):
        roc_plot((RocCurve("s", points),), 0.01, "u")


def test_p_values_are_steps_and_missing_ones_do_not_count():
    one = PValues.of("all", [0.0, 0.01, 0.049, 0.61, 1.0, float("nan")])
    assert (one.n_rows[0], one.n_rows[12], one.n_rows[19], sum(one.n_rows)) == (3, 1, 1, 5)
    root = ET.fromstring(p_plot((one,), "u"))
    found = places(lines(root)[0])
    assert len(found) == 40
    assert found[0][1] < found[2][1]  # higher on the page
    assert found[2][1] == Y_PIXELS[0]
    assert root.findtext("desc") == "all: 5 heatmaps, 60.0 % of them below 0.05"
    with pytest.raises(ValueError, match="3 bins of p, expected 20"):
        p_plot((PValues("a", (1, 2, 3)),), "u")


def test_p_values_of_healthy_heatmaps_lie_on_the_dashed_line():
    root = ET.fromstring(p_plot((PValues("healthy", (7,) * 20),), "u"))
    (even,) = [one for one in root.iter("line") if one.get("class") == "even"]
    assert {y for _, y in places(lines(root)[0])} == {float(even.get("y1"))}


def test_calibration_marks_intervals_band_and_nominal():
    root = ET.fromstring(calibration_plot(CalibrationView(ROWS), "u"))
    first, second = (c for c in root.iter("circle") if c.get("class") == "mark")
    (nominal,) = [one for one in root.iter("line") if one.get("class") == "even"]
    (band,) = root.iter("rect")
    assert first.get("cy") == nominal.get("y1")
    assert float(second.get("cy")) == Y_PIXELS[0]
    assert float(band.get("y")) < float(nominal.get("y1"))
    assert float(nominal.get("y1")) < float(band.get("y")) + float(band.get("height"))
    tips = [one.text for one in root.iter("title")][1:]
    assert tips[0] == "20 clicks: 1.00 % (0.50 % to 1.60 %)"
    assert root.findtext("desc") == "20 clicks: 1.00 %, 50 clicks: 0.00 %"
    with pytest.raises(ValueError, match="got none"):
        calibration_plot(CalibrationView(()), "u")


@pytest.mark.parametrize("high", [0.0, 1e-6, 0.02, 0.9])
def test_calibration_stays_inside_the_box(high):
    rows = (CalibrationRow("5", 9, Estimate(high / 2, 0.0, high)),)
    root = ET.fromstring(calibration_plot(CalibrationView(rows), "u"))
    for element in root.iter():
        for name, most in (("x1", WIDTH), ("x2", WIDTH), ("y1", HEIGHT), ("y2", HEIGHT)):
            assert 0 <= float(element.get(name, 0)) <= most


@pytest.mark.parametrize(
    ("rate", "holds"),
    [
        (Estimate(0.01, 0.006, 0.014), True),
        (Estimate(0.014, 0.011, 0.017), False),  # the interval leaves the nominal out
        (Estimate(0.016, 0.009, 0.023), False),  # outside the band
        (Estimate(0.004, 0.001, 0.02), False),
        (Estimate(0.014), True),
    ],
)
def test_a_rate_holds_inside_the_band_with_the_nominal_in_its_interval(rate, holds):
    assert CalibrationView(()).holds(CalibrationRow("5", 9, rate)) is holds


def test_gaps_verdicts_and_gains():
    assert FigureRow("a", Estimate(0.9)).shown_gap is None
    assert FigureRow("a", Estimate(0.9), Estimate(0.95)).shown_gap.value == pytest.approx(0.05)
    paired = Estimate(0.04, 0.03, 0.05)
    assert FigureRow("a", Estimate(0.9), Estimate(0.95), paired).shown_gap is paired
    assert GoalRow("a", ">= 1", True).verdict == "not measured"  # reached without a figure is not
    assert GoalRow("a", ">= 1", None, Estimate(1.0)).verdict == "not measured"
    assert Estimate(0.1, 0.01, 0.2).above_zero
    assert not Estimate(0.1).above_zero
    assert not Estimate(0.1, 0.0, 0.2).above_zero
