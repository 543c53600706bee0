import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bannercluster.media import native_shapes, target_shape

STANDARD = [(728, 90), (160, 600), (320, 50), (300, 250), (970, 250), (300, 600), (120, 600),
    (468, 60), (336, 280), (970, 90), (250, 250), (320, 480), (300, 1050)]  # fmt: skip
side = st.integers(1, 100_000)


def test_standard_sizes_keep_their_aspect_nearly():
    for width, height in STANDARD:
        h, w = target_shape(width, height, "native", 224)
        assert abs(math.log((w / h) / (width / height))) < math.log(1.25), (width, height, h, w)


def test_named_shapes():
    found = [target_shape(w, h, "native", 224) for w, h in STANDARD[:5]]
    assert found == [(96, 640), (448, 128), (96, 576), (192, 256), (128, 448)]


@pytest.mark.parametrize("input_size", [128, 224, 240, 380, 456])
def test_few_shapes_of_about_the_same_area(input_size):
    shapes = native_shapes(input_size)
    assert len(shapes) == len(set(shapes)) <= 24
    for h, w in shapes:
        assert h % 32 == 0
        assert w % 32 == 0
        assert abs(math.log(h * w / input_size**2)) < math.log(1.5), (h, w)
    assert {(w, h) for h, w in shapes} == set(shapes)
    aspects = [w / h for h, w in shapes]
    assert aspects == sorted(aspects)


@given(width=side, height=side, input_size=st.integers(1, 600))
def test_every_image_gets_one_of_the_shapes(width, height, input_size):
    h, w = target_shape(width, height, "native", input_size)
    assert (h, w) in native_shapes(input_size)
    assert min(h, w) >= 32
    assert (w, h) == target_shape(height, width, "native", input_size)


@given(width=side, height=side)
def test_wider_images_never_get_taller_shapes(width, height):
    h, w = target_shape(width, height, "native", 224)
    h2, w2 = target_shape(width * 2, height, "native", 224)
    assert w2 >= w
    assert h2 <= h


def test_slivers_are_clamped():
    assert target_shape(1, 5000, "native", 224) == native_shapes(224)[0] == (800, 64)
    assert target_shape(5000, 1, "native", 224) == (64, 800)


def test_squares():
    assert target_shape(728, 90, "squash", 224) == (224, 224)
    assert target_shape(728, 90, "letterbox", 240) == (240, 240)


def test_nonsense_is_refused():
    with pytest.raises(ValueError, match="positive"):
        target_shape(0, 90, "native", 224)
    with pytest.raises(ValueError, match="resize is"):
        target_shape(10, 90, "crop", 224)
