import numpy as np
import pytest
from PIL import Image

from bannercluster.media import DecodeLimits, ImageRejected, decode
from bannercluster.media.frames import edge_energy

from .images import animated, picture

BLANK = np.full((40, 60, 3), 255, np.uint8)
FIRST, SECOND = picture(seed=1), picture(seed=2)
BUSY = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_blank_first_and_last_frames_are_passed_over(kind):
    options = {"lossless": True} if kind == "WEBP" else {}
    decoded = decode(animated([BLANK, FIRST, SECOND, BLANK], kind, **options))
    assert (decoded.frame, decoded.n_frames, decoded.format) == (2, 4, kind)
    assert np.abs(decoded.rgb.astype(int) - SECOND).mean() < 8


def test_the_end_card_wins_among_the_informative():
    assert decode(animated([FIRST, SECOND, FIRST])).frame == 2


def test_a_poor_end_card_loses_to_the_informative_frame():
    decoded = decode(animated([BLANK, BUSY, SECOND]))
    assert decoded.frame == 1


def test_a_cross_fade_has_no_more_energy_than_its_ends():
    for share in (0.25, 0.5, 0.75):
        mixed = (FIRST * share + SECOND * (1 - share)).astype(np.uint8)
        ends = [edge_energy(Image.fromarray(frame)) for frame in (FIRST, SECOND)]
        assert edge_energy(Image.fromarray(mixed)) <= max(ends) + 0.5


def test_edge_energy_of_extreme_sizes():
    assert edge_energy(Image.new("RGB", (1, 1))) == 0
    assert edge_energy(Image.new("RGB", (1, 5000))) == 0
    assert edge_energy(Image.fromarray(np.tile(BUSY, (1, 50, 1)))) > 0


def test_all_frames_blank_gives_a_frame():
    grey = np.full_like(BLANK, 90)
    assert decode(animated([BLANK, grey, BLANK])).rgb.shape == (40, 60, 3)


def test_work_is_bounded():
    data = animated([BLANK, FIRST, SECOND, FIRST, SECOND])
    decoded = decode(data, DecodeLimits(max_frames=2))
    assert (decoded.frame, decoded.n_frames) == (1, 2)
    decoded = decode(data, DecodeLimits(max_pixels=2400, max_frame_pixels=3 * 2400))
    assert (decoded.frame, decoded.n_frames) == (2, 3)


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
def test_an_animation_that_ends_early_is_rejected(kind):
    data = animated([BUSY, FIRST, BUSY[::-1]], kind)
    with pytest.raises(ImageRejected):
        decode(data[: int(len(data) * 0.5)])


@pytest.mark.parametrize("place", [10_000, 60_000])
def test_a_frame_larger_than_the_canvas_is_refused(place):
    """The second frame says that it lies far out: Pillow would enlarge the canvas."""
    data = bytearray(animated([BUSY, BUSY[::-1].copy()]))
    size = (60).to_bytes(2, "little") + (40).to_bytes(2, "little")
    second = data.index(b"\x2c" + bytes(4) + size, data.index(b"\x2c" + bytes(4) + size) + 1)
    data[second + 1 : second + 5] = place.to_bytes(2, "little") * 2
    with pytest.raises(ImageRejected, match="too_many_pixels"):
        decode(bytes(data))
