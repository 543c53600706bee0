import pickle
import struct
import subprocess
import sys
import threading
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from bannercluster.media import DecodeLimits, ImageRejected, decode
from bannercluster.media.decoding import FORMATS

from .images import encoded, picture, to_bytes


def rejection(data: bytes, **limits: int) -> ImageRejected:
    with pytest.raises(ImageRejected) as caught:
        decode(data, DecodeLimits(**limits))
    assert caught.value.detail
    return caught.value


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_gives_its_pixels(kind):
    decoded = decode(encoded(kind))
    assert decoded.rgb.shape == (40, 60, 3)
    assert decoded.rgb.dtype == np.uint8
    assert decoded.rgb.flags.c_contiguous
    assert (decoded.width, decoded.height, decoded.format) == (60, 40, kind)
    assert (decoded.n_frames, decoded.frame) == (1, 0)
    difference = np.abs(decoded.rgb.astype(int) - picture())
    assert difference.mean() < (12 if kind in ("JPEG", "WEBP", "GIF") else 1e-9)


def test_formats_outside_the_list_stay_closed():
    for kind in ("PPM", "ICO", "TGA", "PCX"):
        assert rejection(encoded(kind)).reason == "not_an_image"


def test_eps_is_never_handed_to_an_interpreter():
    assert rejection(encoded("EPS")).reason == "not_an_image"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"<html><body>404</body></html>", "not_an_image"),
        (b"\x00" * 100, "not_an_image"),
        (b"\xff\xd8\xff", "not_an_image"),
    ],
)
def test_what_is_no_image(data, reason):
    assert rejection(data).reason == reason


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "BMP"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_a_file_that_ends_early_is_truncated(kind, share):
    data = encoded(kind, 200, 150)
    assert rejection(data[: int(len(data) * share)]).reason == "truncated"


def test_a_tiff_that_ends_early_is_rejected():
    data = encoded("TIFF", 200, 150)
    assert rejection(data[: len(data) // 2]).reason in {"truncated", "decode_error", "not_an_image"}


def test_limits_on_bytes_and_pixels():
    data = encoded("PNG")
    assert rejection(data, max_nbytes=len(data) - 1).reason == "too_many_bytes"
    assert rejection(data, max_pixels=60 * 40 - 1).reason == "too_many_pixels"
    decode(data, DecodeLimits(max_nbytes=len(data), max_pixels=60 * 40))


@pytest.mark.parametrize("side", [7_000, 12_000, 60_000])
def test_a_bomb_is_refused_from_its_header(side):
    """12,000 squared makes Pillow warn, 60,000 squared makes it raise."""
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    chunks = b""
    for name, body in ((b"IHDR", header), (b"IDAT", zlib.compress(b"\0" * 100)), (b"IEND", b"")):
        chunks += struct.pack(">I", len(body)) + name + body
        chunks += struct.pack(">I", zlib.crc32(name + body))
    assert rejection(b"\x89PNG\r\n\x1a\n" + chunks).reason == "too_many_pixels"


def test_rejection_survives_pickling():
    """A child process that decodes sends it to its parent."""
    error = ImageRejected("empty", "0 bytes")
    copy = pickle.loads(pickle.dumps(error))
    assert (copy.reason, copy.detail, str(copy)) == ("empty", "0 bytes", "empty: 0 bytes")
    with pytest.raises(ValueError, match="unknown reason"):
        ImageRejected("bad luck", "")


@settings(max_examples=150, deadline=None)
@given(
    kind=st.sampled_from(FORMATS),
    edits=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=6),
    cut=st.floats(0, 1),
)
def test_damaged_bytes_give_pixels_or_a_rejection(kind, edits, cut):
    data = bytearray(_intact(kind))
    for place, value in edits:
        data[int(place * len(data))] = value
    try:
        decoded = decode(bytes(data[: int(cut * len(data)) or 1]), DecodeLimits(max_pixels=10**6))
    except ImageRejected:
        return
    assert decoded.rgb.dtype == np.uint8
    assert decoded.rgb.ndim == 3


_files: dict[str, bytes] = {}


def _intact(kind):
    if kind not in _files:
        _files[kind] = encoded(kind)
    return _files[kind]


# Scaled decoding


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((224, 224), (224, 224)),
        ((440, 440), (440, 440)),  # less than twice the target: in full
        ((448, 448), (224, 224)),
        ((1000, 1000), (250, 250)),
        ((4000, 4000), (500, 500)),
        ((2912, 360), (1456, 180)),  # the target is 640 x 96: three times the height, so half
        ((1280, 180), (1280, 180)),
    ],
)
def test_draft_only_from_twice_the_target(size, expected):
    width, height = size
    data = to_bytes(Image.new("RGB", size, (10, 200, 30)), "JPEG")
    decoded = decode(data, target_pixels=224**2)
    assert decoded.rgb.shape[1::-1] == expected
    assert (decoded.width, decoded.height) == (width, height)
    assert decode(data).rgb.shape[1::-1] == size


def test_draft_respects_squashing():
    """Squashed to 224 x 224 a height of 360 is less than twice the target."""
    data = encoded("JPEG", 2912, 360)
    assert decode(data, target_pixels=224**2, resize="squash").rgb.shape == (360, 2912, 3)


def test_only_jpeg_is_scaled():
    assert decode(encoded("PNG", 1000, 1000), target_pixels=224**2).rgb.shape == (1000, 1000, 3)


# Manners towards the process


def test_pillow_warnings_do_not_leak_and_filters_are_restored():
    palette = Image.fromarray(picture()).quantize(16)
    data = to_bytes(palette, "PNG", transparency=bytes(range(0, 256, 16)))
    before = list(warnings.filters)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        decode(data)
        decode(_with_corrupt_exif())
    assert caught == []
    threads = [threading.Thread(target=lambda: [decode(data) for _ in range(20)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert list(warnings.filters) == before


def _with_corrupt_exif() -> bytes:
    return encoded("JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff" + b"\xee" * 40)


def test_corrupt_exif_does_not_cost_the_picture():
    assert decode(_with_corrupt_exif()).rgb.shape == (40, 60, 3)


def test_importing_the_package_is_cheap():
    code = (
        "import sys, bannercluster.media; assert not {'PIL', 'numpy', 'torch'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.real
def test_real_banners_decode(real_banners: list[Path]):
    for file in real_banners[::4]:
        with Image.open(file) as image:
            size = image.size
        decoded = decode(file.read_bytes())
        assert (decoded.width, decoded.height) == size
        assert decoded.rgb.shape == (size[1], size[0], 3)
        assert decoded.rgb.std() > 1
