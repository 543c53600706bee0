from pathlib import Path

import numpy as np
import pytest

from bannercluster.media import native_shapes, prepare, resize_to, target_shape

from .images import encoded, picture


@pytest.mark.parametrize("resize", ["native", "squash", "letterbox"])
@pytest.mark.parametrize("size", [(60, 40), (1, 1), (1, 5000), (3000, 2)])
def test_any_size_becomes_the_shape(resize, size):
    shape = target_shape(*size, resize, 224)
    out = resize_to(np.zeros((size[1], size[0], 3), np.uint8), shape, resize)
    assert out.shape == (*shape, 3)
    assert out.dtype == np.uint8
    assert out.flags.c_contiguous


def test_input_is_neither_changed_nor_aliased():
    rgb = picture(64, 64)
    rgb.flags.writeable = False
    out = resize_to(rgb, (64, 64), "squash")
    np.testing.assert_array_equal(out, rgb)
    out[:] = 0
    assert rgb.any()


def test_shrinking_is_antialiased():
    stripes = np.zeros((64, 1024, 3), np.uint8)
    stripes[:, ::2] = 255
    inner = resize_to(stripes, (64, 128), "squash")[:, 4:-4]
    assert np.ptp(inner.astype(int)) <= 2


def test_letterbox_pads_with_grey_and_keeps_the_aspect():
    out = resize_to(np.full((50, 100, 3), 255, np.uint8), (200, 200), "letterbox")
    assert (out[50:150] == 255).all()
    assert (out[:50] == 128).all()
    assert (out[150:] == 128).all()


def test_wrong_arrays_are_refused():
    for bad in (np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3)), np.zeros((0, 4, 3), np.uint8)):
        with pytest.raises(ValueError, match="expected"):
            resize_to(bad, (32, 32), "squash")


def test_prepare_is_decode_then_resize():
    prepared = prepare(encoded("JPEG", 1456, 180), resize="native", input_size=224)
    assert prepared.rgb.shape == (96, 640, 3)
    assert (prepared.width, prepared.height) == (1456, 180)


def test_scaled_decoding_is_close_to_full_decoding():
    data = encoded("JPEG", 1800, 1500, quality=95)
    prepared = prepare(data, resize="native", input_size=224).rgb
    full = resize_to(picture(1800, 1500), prepared.shape[:2], "native")
    assert np.abs(prepared.astype(int) - full).mean() < 2


@pytest.mark.real
def test_real_banners_are_prepared(real_banners: list[Path]):
    shapes = {
        prepare(file.read_bytes(), resize="native", input_size=224).rgb.shape[:2]
        for file in real_banners[::3]
    }
    assert shapes <= set(native_shapes(224))
    assert len(shapes) > 3
