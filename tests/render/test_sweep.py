"""The metric table: groups, intervals, and what is marked as the best."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bannercluster.render.measured import DifferenceView, MetricValue, SweepRow, SweepView
from bannercluster.render.metrics import GROUP_TITLES, STANDARD_METRICS
from bannercluster.render.sweep import plots, table

from .pages import small_page

BEYOND, WITHIN = (0.01, 0.03), (-0.01, 0.05)


def sweep(key, values, differences=(), ks=(2, 3, 4)):
    """Models with one metric; differences as (first, second, interval)."""
    rows = tuple(SweepRow(k, (MetricValue(key, v),)) for k, v in zip(ks, values, strict=True))
    found = tuple(DifferenceView(key, a, b, sum(i) / 2, *i) for a, b, i in differences)
    return SweepView(rows, differences=found)


def best(view):
    ((row,),) = (group.rows for group in table(view))
    return [place for place, cell in enumerate(row.cells) if cell.best]


def test_values_with_intervals_stand_in_groups():
    without, against = table(small_page().sweep)
    assert (without.title, against.title) == ("Without labels", "Against the labels")
    silhouette, inertia = without.rows
    assert silhouette.cells[1].value == "0.300"
    assert silhouette.cells[1].interval == "0.280 to 0.320"
    assert inertia.cells[0].interval == ""
    assert [row.metric.key for row in against.rows] == ["ami"]


@pytest.mark.parametrize("turned", [False, True])
def test_the_best_is_marked_where_its_lead_exceeds_the_noise(turned):
    def found(interval):
        pair = (0, 2, tuple(-x for x in reversed(interval))) if turned else (2, 0, interval)
        return best(sweep("ami", (0.5, 0.2, 0.6), (pair, (0, 1, BEYOND), (2, 1, BEYOND))))

    assert found(BEYOND) == [2]
    assert found(WITHIN) == []


def test_lower_may_be_better():
    pairs = ((0, 1, BEYOND), (0, 2, BEYOND), (2, 1, WITHIN))
    assert best(sweep("davies_bouldin", (2.0, 1.5, 1.6), pairs)) == []
    pairs = ((0, 1, BEYOND), (0, 2, BEYOND), (2, 1, BEYOND))
    assert best(sweep("davies_bouldin", (2.0, 1.5, 1.6), pairs)) == [1]


def test_without_intervals_nothing_is_marked():
    assert best(sweep("ami", (0.1, 0.9, 0.5))) == []
    assert best(sweep("ami", (None, 0.9, None), ((1, 0, BEYOND),))) == []


@pytest.mark.parametrize("key", ["recall", "purity", "product_heuristic", "v_measure"])
def test_metrics_that_move_with_k_mark_a_best_among_models_of_one_k_only(key):
    pairs = ((0, 1, BEYOND), (0, 2, BEYOND), (1, 2, BEYOND))
    assert best(sweep(key, (0.9, 0.5, 0.4), pairs)) == []
    assert best(sweep(key, (0.9, 0.5, 0.4), pairs, ks=(5, 5, 5))) == [0]


def test_metrics_without_a_direction_mark_nothing():
    assert best(sweep("size_entropy", (0.9, 0.5, 0.4), ((0, 1, BEYOND),), ks=(5, 5, 5))) == []


def test_an_undefined_value_is_a_dash_and_no_best():
    view = sweep("silhouette_cosine", (None, 0.2, 0.3), ((2, 1, BEYOND),), ks=(1, 2, 3))
    ((row,),) = (group.rows for group in table(view))
    assert [cell.value for cell in row.cells] == ["\u2013", "0.200", "0.300"]
    assert best(view) == [2]


def test_all_metrics_have_a_title_a_note_and_a_place():
    titles = [metric.title for metric in STANDARD_METRICS]
    assert len(set(titles)) == len(titles)
    assert all(metric.note.endswith(".") for metric in STANDARD_METRICS)
    # Groups are not interrupted: the table keeps the order of the metrics.
    groups = [metric.group for metric in STANDARD_METRICS]
    assert [g for n, g in enumerate(groups) if not n or groups[n - 1] != g] == list(GROUP_TITLES)


def test_plots_are_of_the_metrics_to_choose_by_with_their_intervals():
    values = tuple(MetricValue(m.key, 0.5, 0.4, 0.6) for m in STANDARD_METRICS)
    rows = tuple(SweepRow(k, values) for k in (2, 3))
    drawn = plots(SweepView(rows))
    assert [p.metric.key for p in drawn] == [
        "silhouette_sq_euclidean", "stability_ari", "inertia", "ami",
    ]  # fmt: skip
    assert all(p.svg.count('class="interval"') == 2 for p in drawn)
    bare = replace(rows[0], values=tuple(MetricValue(m.key, 0.5) for m in STANDARD_METRICS))
    assert "interval" not in plots(SweepView((bare,)))[0].svg
