import io

import numpy as np
import pytest
from PIL import Image

from bannercluster.media import ImageRejected, decode

from .images import encoded, picture, to_bytes

RGB = Image.fromarray(picture())


def test_grey_and_one_bit():
    grey = RGB.convert("L")
    rgb = decode(to_bytes(grey, "PNG")).rgb
    np.testing.assert_array_equal(rgb, np.repeat(np.asarray(grey)[:, :, None], 3, axis=2))
    bits = grey.point(lambda v: 255 * (v > 100), mode="1")
    rgb = decode(to_bytes(bits, "PNG")).rgb
    assert set(np.unique(rgb)) == {0, 255}
    np.testing.assert_array_equal(rgb[:, :, 0] == 255, np.asarray(bits))


def test_palette():
    image = RGB.quantize(32)
    np.testing.assert_array_equal(
        decode(to_bytes(image, "PNG")).rgb, np.asarray(image.convert("RGB"))
    )


def over_white(rgb: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    share = alpha[:, :, None] / 255
    return rgb * share + 255 * (1 - share)


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
def test_alpha_is_composited_over_white(kind):
    alpha = np.tile(np.linspace(0, 255, 60).astype(np.uint8), (40, 1))
    image = Image.fromarray(np.dstack([picture(), alpha]))
    options = {"lossless": True, "exact": True} if kind == "WEBP" else {}
    rgb = decode(to_bytes(image, kind, **options)).rgb
    np.testing.assert_allclose(rgb, over_white(picture(), alpha), atol=1)


def test_grey_with_alpha():
    grey = np.asarray(RGB.convert("L"))
    alpha = np.full_like(grey, 64)
    rgb = decode(
        to_bytes(Image.merge("LA", [Image.fromarray(grey), Image.fromarray(alpha)]), "PNG")
    )
    expected = over_white(np.repeat(grey[:, :, None], 3, axis=2), alpha)
    np.testing.assert_allclose(rgb.rgb, expected, atol=1)


@pytest.mark.parametrize("kind", ["PNG", "GIF"])
def test_transparent_palette_entry_is_white(kind):
    image = Image.new("P", (8, 8), 1)
    image.putpalette([255, 0, 0, 0, 255, 0])
    image.paste(0, (0, 0, 4, 8))
    rgb = decode(to_bytes(image, kind, transparency=0)).rgb
    assert (rgb[:, :4] == 255).all()
    assert (rgb[:, 4:] == (0, 255, 0)).all()


def test_transparent_colour_of_rgb_png_is_white():
    image = Image.new("RGB", (8, 8), (1, 2, 3))
    image.paste((9, 9, 9), (0, 0, 4, 8))
    rgb = decode(to_bytes(image, "PNG", transparency=(1, 2, 3))).rgb
    assert (rgb[:, :4] == 9).all()
    assert (rgb[:, 4:] == 255).all()


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bits_are_scaled_not_clipped(kind):
    values = np.linspace(0, 65535, 40 * 60).astype(np.uint16).reshape(40, 60)
    rgb = decode(to_bytes(Image.fromarray(values), kind)).rgb
    expected = np.round(values / 257).astype(np.uint8)
    np.testing.assert_array_equal(rgb, np.repeat(expected[:, :, None], 3, axis=2))


def test_wide_integers_and_floats_have_no_picture():
    for values in (np.full((4, 4), 70_000, np.int32), np.ones((4, 4), np.float32)):
        with pytest.raises(ImageRejected, match="unsupported_mode"):
            decode(to_bytes(Image.fromarray(values), "TIFF"))
    small = decode(to_bytes(Image.fromarray(np.full((4, 4), 257, np.int32)), "TIFF")).rgb
    assert (small == 1).all()


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_cmyk_has_the_colours_it_should(kind):
    image = Image.new("RGB", (32, 32), (200, 30, 60))
    image.paste((20, 180, 90), (0, 0, 16, 32))
    options = {"quality": 98} if kind == "JPEG" else {}
    rgb = decode(to_bytes(image.convert("CMYK"), kind, **options)).rgb
    np.testing.assert_allclose(rgb[:, 4:12].mean((0, 1)), (20, 180, 90), atol=6)
    np.testing.assert_allclose(rgb[:, 20:28].mean((0, 1)), (200, 30, 60), atol=6)


def test_lab_has_no_plain_conversion():
    with pytest.raises(ImageRejected, match="unsupported_mode"):
        decode(to_bytes(Image.new("LAB", (4, 4)), "TIFF"))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(kind, orientation):
    """Stored turned, tagged, and shown upright again."""
    upright = Image.fromarray(picture(64, 32))
    undo = {
        1: None,
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }[orientation]
    stored = upright if undo is None else upright.transpose(undo)
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"JPEG": {"quality": 95}, "WEBP": {"lossless": True}}.get(kind, {})
    decoded = decode(to_bytes(stored, kind, exif=exif, **options))
    assert (decoded.width, decoded.height) == (64, 32)
    assert decoded.rgb.shape == (32, 64, 3)
    difference = np.abs(decoded.rgb.astype(int) - np.asarray(upright))
    assert difference.mean() < (12 if kind == "JPEG" else 1e-9)


def test_scaled_decoding_keeps_the_displayed_size_of_a_turned_image():
    exif = Image.Exif()
    exif[0x0112] = 6
    decoded = decode(encoded("JPEG", 2000, 1000, exif=exif), target_pixels=224**2)
    assert (decoded.width, decoded.height) == (1000, 2000)
    assert decoded.rgb.shape == (500, 250, 3)


def test_icc_profile_changes_nothing():
    plain = encoded("PNG")
    with Image.open(io.BytesIO(plain)) as image:
        tagged = to_bytes(image, "PNG", icc_profile=b"not a profile at all" * 10)
    np.testing.assert_array_equal(decode(plain).rgb, decode(tagged).rgb)
