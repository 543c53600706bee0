"""Which frame of an animation stands for it."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image

from bannercluster.media.pixels import to_rgb
from bannercluster.media.rejection import ImageRejected

NEAR_BEST = 0.8
"""Share of the highest edge energy that a frame needs to be taken instead of an earlier one."""

_THUMBNAIL_SIDE = 128


@dataclass(frozen=True, eq=False)
class PickedFrame:
    """The frame that stands for an animation.

    Parameters
    ----------
    rgb : PIL.Image.Image
        The composed frame, mode RGB.
    index : int
        Its number, from 0.
    n_seen : int
        How many frames were looked at; all of them unless a limit was reached.
    """

    rgb: Image.Image
    index: int
    n_seen: int


def edge_energy(rgb: Image.Image) -> float:
    """Mean absolute difference of neighbouring pixels of the luminance, in grey levels.

    Taken on a copy reduced to about 128 pixels, which averages dithering away. A blank frame has
    0. A cross-fade of two frames has at most the larger energy of the two (the triangle
    inequality), so that a half-faded mixture does not win, as it would by histogram entropy.
    """
    grey = rgb.convert("L")
    factor = max(1, min(max(grey.size) // _THUMBNAIL_SIDE, *grey.size))
    values = np.asarray(grey.reduce(factor) if factor > 1 else grey, dtype=np.int16)
    across, down = np.abs(np.diff(values, axis=1)), np.abs(np.diff(values, axis=0))
    n_pairs = across.size + down.size
    return (
        float((across.sum(dtype=np.int64) + down.sum(dtype=np.int64)) / n_pairs) if n_pairs else 0.0
    )


def pick_frame(
    image: Image.Image,
    *,
    max_pixels: int,
    max_frames: int,
    max_frame_pixels: int,
    on_pixels: Callable[[int], None],
) -> PickedFrame:
    """Pick the last frame whose edge energy is at least 80 % of the highest of any frame.

    Why the last: a banner's animation ends on its end card, with brand, offer and button, and a
    non-looping one stays on it; end cards are also what the sizes of one campaign share. Why not
    simply the last: many animations end, as they start, on a blank or faded-out frame.

    Frames depend on their predecessors, so all are decoded once in order and one is kept. The
    work is bounded: after `max_frames` frames, or `max_frame_pixels` pixels summed over frames,
    the rest is not looked at (at least one frame always is).

    Parameters
    ----------
    image : PIL.Image.Image
        An opened animation, at its frame 0.
    max_pixels : int
        Most pixels of one frame; a GIF's later frame can enlarge the canvas.
    max_frames : int
        Most frames to decode.
    max_frame_pixels : int
        Most pixels to decode, summed over the frames.
    on_pixels : callable
        Called before each frame is looked at, with the sum of the pixels so far.

    Raises
    ------
    ImageRejected
        ``too_many_pixels`` if a frame is larger than `max_pixels`.
    """
    best = -1.0
    picked: Image.Image | None = None
    picked_index = n_seen = n_pixels = 0
    while n_seen < max_frames:
        try:
            image.seek(n_seen)
        except EOFError:
            break
        if image.width * image.height > max_pixels:
            raise ImageRejected(
                "too_many_pixels",
                f"a frame of {image.width} x {image.height} pixels; at most {max_pixels}",
            )
        n_pixels += image.width * image.height
        if picked is not None and n_pixels > max_frame_pixels:
            break
        on_pixels(n_pixels)
        rgb = to_rgb(image)
        energy = edge_energy(rgb)
        best = max(best, energy)
        # A frame that raises the bar is picked itself, so the pick always stays above the bar.
        if picked is None or energy >= NEAR_BEST * best:
            picked, picked_index = rgb.copy(), n_seen
        n_seen += 1
    if picked is None:
        raise ImageRejected("truncated", "the animation has no complete frame")
    return PickedFrame(picked, picked_index, n_seen)
