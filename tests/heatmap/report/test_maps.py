"""Heatmaps as pictures: the colour of each bin, the place of each click, the words beside them."""

from __future__ import annotations

import base64
import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from bannercluster.heatmap.binning import bin_clicks
from bannercluster.heatmap.report.maps import alert_maps
from bannercluster.heatmap.report.ramps import DIVERGING, SEQUENTIAL, ramp

from .pages import alert

FLAT = np.full((64, 64), 1 / 4096)
ZERO = np.zeros((64, 64))


def view(counts=ZERO, reference=FLAT, evidence=ZERO):
    return replace(alert(), counts=counts, reference=reference, evidence=evidence)


def pixels(drawn):
    kind, _, data = drawn.uri.partition(",")
    assert kind == "data:image/png;base64"
    image = Image.open(io.BytesIO(base64.b64decode(data)))
    assert image.size == (64, 64)
    return np.asarray(image.convert("RGB"))


def hexes(anchors):
    return [tuple(int(one[i : i + 2], 16) for i in (1, 3, 5)) for one in anchors]


def test_a_click_is_drawn_where_it_fell():
    """Right of the middle, near the top: column 52, row 8; y grows downwards."""
    counts = bin_clicks(np.array([[0.88, 0.05]]))
    first, *_ = alert_maps(view(counts), 6.0)
    rgb = pixels(first)
    assert tuple(rgb[8, 52]) == hexes(SEQUENTIAL)[-1]
    assert (rgb == hexes(SEQUENTIAL)[0]).all(axis=2).sum() == 4095
    assert (
        first.told
        == "most in one bin: 1, 88 % across and 6 % down; 0.0 % of the clicks outside the slot"
    )


def test_banner_and_reference_have_one_scale_of_roots():
    counts = ZERO.copy()
    counts[10, 10], counts[20, 20] = 3, 1
    reference = ZERO.copy()
    reference[30, 30], reference[40, 40] = 0.75, 0.25  # of 4 clicks: 3 and 1
    first, second, _ = alert_maps(view(counts, reference), 6.0)
    banner, healthy = pixels(first), pixels(second)
    assert (banner[10, 10] == healthy[30, 30]).all()
    assert (banner[20, 20] == healthy[40, 40]).all()
    middle = ramp(SEQUENTIAL, 64)[round(63 / np.sqrt(3))]
    assert (banner[20, 20] == middle).all()
    assert first.marks == second.marks == ("0", "0.75", "3")


def test_a_hot_spot_does_not_hide_the_rest():
    counts = np.full((64, 64), 2)
    counts[5, 5] = 100_000
    first, _, _ = alert_maps(view(counts, FLAT), 6.0)
    low, middle, high = first.marks
    assert high == "≥ 106"  # four times what the flat reference would have in a bin
    assert (low, middle) == ("0", "26.5")
    assert tuple(pixels(first)[5, 5]) == hexes(SEQUENTIAL)[-1]
    assert pixels(first)[9, 9].sum() > pixels(alert_maps(view(), 6.0)[0])[9, 9].sum() + 50
    assert "most in one bin: 100 k" in first.told


def test_evidence_is_signed_clipped_and_dark_where_there_is_none():
    evidence = ZERO.copy()
    evidence[1, 2], evidence[3, 4], evidence[5, 6], evidence[7, 8] = 3.0, -3.0, 6.0, -99.0
    *_, third = alert_maps(view(evidence=evidence), 3.0)
    rgb, ends = pixels(third), hexes((DIVERGING[-1], DIVERGING[0], SEQUENTIAL[0]))
    assert tuple(rgb[1, 2]) == tuple(rgb[5, 6]) == ends[0]
    assert tuple(rgb[3, 4]) == tuple(rgb[7, 8]) == ends[1]
    assert (rgb == ends[2]).all(axis=2).sum() == 4092
    assert third.marks == ("\u22123", "0", "+3")
    assert third.told == (
        "most too many: +6, 2 % across and 0 % down; "
        "most too few: \u221299, 6 % across and 4 % down"
    )


def test_the_ring_counts_as_outside():
    counts = bin_clicks(np.array([[1.5, 0.5], [0.5, 0.5], [0.5, 0.5], [0.1, -0.05]]))
    assert "50.0 % of the clicks outside" in alert_maps(view(counts), 6.0)[0].told


def test_without_clicks_and_without_evidence():
    first, second, third = alert_maps(view(), 6.0)
    assert first.told == second.told == "no clicks"
    assert third.told == "no difference from the reference"
    assert len({tuple(one) for one in pixels(first).reshape(-1, 3)}) == 1


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"counts": np.zeros((64, 63))}, r"the counts of .* have the shape \(64, 63\)"),
        ({"counts": np.full((64, 64), -1)}, "at least 0"),
        ({"reference": np.full((64, 64), np.nan)}, "the reference of .* finite"),
        ({"reference": np.ones((64, 64))}, "sums to 4096, expected a density"),
        ({"evidence": np.full((64, 64), np.inf)}, "the evidence of .* finite"),
        ({"evidence": np.zeros((0, 0))}, r"shape \(0, 0\)"),
    ],
)
def test_heatmaps_that_cannot_be_drawn_are_refused(change, match):
    with pytest.raises(ValueError, match=match):
        alert_maps(view(**change), 6.0)


@pytest.mark.parametrize("limit", [0.0, -1.0, float("nan")])
def test_a_scale_without_extent_is_refused(limit):
    with pytest.raises(ValueError, match="expected above 0"):
        alert_maps(view(), limit)
