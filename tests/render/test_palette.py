"""Colours stay apart for people with and without full colour vision; 32 clusters differ."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from bannercluster.render.palette import DARK, LIGHT, colour_index, css_variables, shape

# Machado, Oliveira and Fernandes (2009), severity 1, on linear RGB.
SIGHT = {
    "full": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
                   [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
                     [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602],
                   [0.004733, 0.691367, 0.303900]],
}  # fmt: skip


def linear(colour):
    srgb = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def oklab(rgb):
    """Björn Ottosson, A perceptual color space for image processing (2020)."""
    lms = np.array([[0.4122214708, 0.5363325363, 0.0514459929],
                    [0.2119034982, 0.6806995451, 0.1073969566],
                    [0.0883024619, 0.2817188376, 0.6299787005]]) @ np.clip(rgb, 0, 1)  # fmt: skip
    return np.array([[0.2104542553, 0.7936177850, -0.0040720468],
                     [1.9779984951, -2.4285922050, 0.4505937099],
                     [0.0259040371, 0.7827717662, -0.8086757660]]) @ np.cbrt(lms)  # fmt: skip


@pytest.mark.parametrize("sight", SIGHT)
@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
def test_colours_differ(colours, sight):
    seen = [oklab(np.asarray(SIGHT[sight]) @ linear(c)) for c in colours]
    assert min(np.linalg.norm(a - b) for a, b in combinations(seen, 2)) > 0.10


@pytest.mark.parametrize(
    ("colours", "paper", "least"), [(LIGHT, "#ffffff", 2.1), (DARK, "#131518", 3.5)]
)
def test_colours_stand_out_from_the_paper(colours, paper, least):
    weights = [0.2126, 0.7152, 0.0722]
    for colour in colours:
        dark, light = sorted((linear(colour) @ weights, linear(paper) @ weights))
        assert (light + 0.05) / (dark + 0.05) > least


def test_32_clusters_differ_in_colour_or_shape():
    assert len({(colour_index(c), shape(c)) for c in range(32)}) == 32
    assert css_variables(LIGHT).startswith("--c0:#2279a5;--c1:")
