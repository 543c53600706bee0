"""Lightness alone tells how much, with and without full colour vision; the arms stay apart."""

from __future__ import annotations

import numpy as np
import pytest
from render.test_palette import SIGHT, linear, oklab

from bannercluster.heatmap.report.ramps import DIVERGING, EXCESS, LACK, SEQUENTIAL, ramp, ramp_css


def seen(colours, sight):
    hexes = ["#" + bytes(colour).hex() for colour in colours.tolist()]
    return np.array([oklab(np.asarray(SIGHT[sight]) @ linear(one)) for one in hexes])


@pytest.mark.parametrize("sight", SIGHT)
@pytest.mark.parametrize("anchors", [SEQUENTIAL, EXCESS, LACK], ids=["clicks", "excess", "lack"])
def test_more_is_lighter(anchors, sight):
    lightness = seen(ramp(anchors, 32), sight)[:, 0]
    assert (np.diff(lightness) > 0).all()
    assert lightness[-1] - lightness[0] > 0.6


@pytest.mark.parametrize("sight", SIGHT)
def test_too_many_and_too_few_stay_apart(sight):
    """From a quarter of the scale on; below, both are near nothing and look like it."""
    many, few = seen(ramp(EXCESS, 32), sight)[8:], seen(ramp(LACK, 32), sight)[8:]
    assert np.linalg.norm(many - few, axis=1).min() > 0.10


def test_both_scales_start_at_the_same_colour():
    assert SEQUENTIAL[0] == EXCESS[0] == LACK[0]
    assert (ramp(DIVERGING, 63)[31] == ramp(SEQUENTIAL, 64)[0]).all()


def test_the_bars_are_of_the_colours_drawn():
    assert ",".join(SEQUENTIAL) in ramp_css()
    assert ",".join(DIVERGING) in ramp_css()
