"""Thumbnails: bounded on every side, aspect kept, small."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image

from bannercluster.render.thumbnails import Thumbnail, thumbnail


@pytest.mark.parametrize("size", [(728, 90), (160, 600), (300, 250), (970, 250), (3000, 2), (1, 1)])
def test_bounds_aspect_and_format(size):
    width, height = size
    rgb = np.full((height, width, 3), 200, dtype=np.uint8)
    small = thumbnail(rgb)
    assert small.width <= 270
    assert small.height <= 180
    assert small.width * small.height <= 20_300  # sides are rounded
    assert small.width * height == pytest.approx(small.height * width, rel=0.05) or 1 in (
        small.width,
        small.height,
    )
    image = Image.open(io.BytesIO(small.data))
    assert (image.format, image.size) == ("WEBP", (small.width, small.height))


def test_small_banners_keep_their_size_and_input_is_not_changed():
    rgb = np.arange(20 * 30 * 3, dtype=np.uint8).reshape(20, 30, 3)[:, ::-1]
    before = rgb.copy()
    small = thumbnail(rgb)
    assert (small.width, small.height) == (30, 20)
    assert np.array_equal(rgb, before)


def test_the_same_pixels_give_the_same_bytes():
    rgb = np.random.default_rng(0).integers(0, 256, (250, 300, 3), dtype=np.uint8)
    assert thumbnail(rgb) == thumbnail(rgb.copy())


def test_data_uri():
    small = thumbnail(np.zeros((4, 4, 3), dtype=np.uint8))
    head, data = small.data_uri.split(",")
    assert head == "data:image/webp;base64"
    assert base64.b64decode(data) == small.data
    with pytest.raises(ValueError, match="expected a WebP"):
        _ = Thumbnail(b"<svg onload=alert(1)>", 1, 1).data_uri


@pytest.mark.parametrize(
    "rgb",
    [
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((4, 4, 3), np.float32),
        np.zeros((0, 4, 3), np.uint8),
    ],
)
def test_other_arrays_are_refused(rgb):
    with pytest.raises(ValueError, match="decode to RGB"):
        thumbnail(rgb)
