"""The table of differences: which pairs, which sign, what exceeds the noise."""

from __future__ import annotations

from itertools import combinations

import pytest

from bannercluster.render.differences import EACH_WITH_EACH, difference_table
from bannercluster.render.measured import DifferenceView, MetricValue, SweepRow, SweepView
from bannercluster.render.page import render_report
from bannercluster.render.views import ReportPage

MINUS = "\u2212"


def sweep(ks, chosen=None, keys=("ami",), half=0.05):
    """Models whose metrics are k / 10, and all their differences as lower place minus higher."""
    rows = tuple(
        SweepRow(k, tuple(MetricValue(key, k / 10) for key in keys), chosen=k == chosen) for k in ks
    )
    found = []
    for key in keys:
        for a, b in combinations(range(len(ks)), 2):
            value = (ks[a] - ks[b]) / 10
            found.append(DifferenceView(key, a, b, value, value - half, value + half))
    return SweepView(rows, differences=tuple(found))


def test_each_with_each_the_chosen_one_leading():
    found = difference_table(sweep((2, 3, 5), chosen=3, half=0.15))
    assert found.pairs == ((1, 0), (1, 2), (2, 0))
    ((row),) = found.rows
    assert [cell.value for cell in row.cells] == ["+0.100", f"{MINUS}0.200", "+0.300"]
    assert [cell.exceeds_noise for cell in row.cells] == [False, True, True]
    assert row.cells[0].interval == f"{MINUS}0.050 to 0.250"
    assert row.cells[1].interval == f"{MINUS}0.350 to {MINUS}0.050"
    assert (row.n_pairs, row.n_beyond, found.n_pairs) == (3, 2, 3)


def test_without_a_chosen_model_the_larger_k_leads():
    assert difference_table(sweep((5, 2))).pairs == ((0, 1),)
    assert difference_table(sweep((2, 5))).pairs == ((1, 0),)


def test_many_models_are_compared_with_the_chosen_one_and_counted():
    ks = tuple(range(2, 3 + EACH_WITH_EACH))
    view = sweep(ks, chosen=4, half=0.15)
    found = difference_table(view)
    assert found.pairs == tuple((2, place) for place in range(len(ks)) if place != 2)
    # Of all pairs those of neighbouring k are inside the noise.
    assert (found.rows[0].n_pairs, found.rows[0].n_beyond) == (10, 6)
    html = render_report(ReportPage("t", "h", view))
    assert "The chosen model minus each other one." in html
    assert "6 of 10" in html


def test_metrics_that_move_with_k_are_left_out_and_told():
    view = sweep((2, 3), chosen=3, keys=("ami", "recall"))
    found = difference_table(view)
    assert [row.metric.key for row in found.rows] == ["ami"]
    assert found.leaves_out
    assert "such as recall and purity, are left out" in render_report(ReportPage("t", "h", view))
    assert difference_table(sweep((2, 3), keys=("recall",))) is None
    same_k = difference_table(sweep((3, 3), keys=("recall",)))
    assert [row.metric.key for row in same_k.rows] == ["recall"]
    assert not same_k.leaves_out


def test_a_pair_that_is_not_known_is_a_dash():
    view = sweep((2, 3, 5), chosen=3)
    view = SweepView(view.rows, differences=view.differences[:1])
    cells = difference_table(view).rows[0].cells
    assert [cell.value for cell in cells] == ["+0.100", "", ""]
    assert '<td class="n noise">\u2013</td>' in render_report(ReportPage("t", "h", view))


@pytest.mark.parametrize("wrong", [("x", 0, 1), ("ami", 0, 2), ("ami", -1, 0)])
def test_contradictions_are_errors(wrong):
    view = sweep((2, 3))
    view = SweepView(view.rows, differences=(DifferenceView(*wrong, 0.1, 0.0, 0.2),))
    with pytest.raises(ValueError, match=r"expected metrics of SweepView\.metrics"):
        difference_table(view)


def test_intervals_that_touch_zero_are_noise():
    for low, high, beyond in ((0.0, 0.2, False), (-0.2, 0.0, False), (0.001, 0.2, True)):
        one = DifferenceView("ami", 0, 1, 0.1, low, high)
        assert one.exceeds_noise is beyond
        assert one.turned.exceeds_noise is beyond
        assert one.turned.turned == one
