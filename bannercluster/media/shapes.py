"""The few input shapes into which banners of every shape are mapped."""

from functools import lru_cache
from math import ceil, log, log2, sqrt
from typing import Literal

Resize = Literal["native", "letterbox", "squash"]

STEPS_PER_OCTAVE = 3
MAX_STEPS = 11
"""Aspect ratios are taken from the grid 2^(k/3), k = -11..11: 1:12.7 to 12.7:1, 26 % apart."""


def target_shape(
    width: int, height: int, resize: Resize, input_size: int, stride: int = 32
) -> tuple[int, int]:
    """Shape to which an image is resized before it enters the network.

    ``squash`` and ``letterbox`` give the square. ``native`` keeps the aspect ratio nearly: it is
    clamped and rounded to the nearest of 23 ratios, ``2^(k/3)`` with k = -11..11, and each ratio
    has one shape (see `native_shapes`). So at most 23 distinct shapes can ever occur, each of
    which an engine compiles once, and a 1 x 5000 sliver cannot ask for a tensor of its own.

    Parameters
    ----------
    width, height : int
        Pixels of the image as displayed.
    resize : {"native", "letterbox", "squash"}
        The rule.
    input_size : int
        Side of the square that the network was made for.
    stride : int
        Sides of native shapes are multiples of this.

    Returns
    -------
    tuple of int
        (h, w) in pixels.
    """
    if width < 1 or height < 1 or input_size < 1 or stride < 1:
        raise ValueError(
            f"expected positive sizes, got {width} x {height}, input size {input_size}, "
            f"stride {stride}"
        )
    if resize in ("squash", "letterbox"):
        return input_size, input_size
    if resize != "native":
        raise ValueError(f"resize is {resize!r}; expected native, letterbox or squash")
    step = round(STEPS_PER_OCTAVE * (log2(width) - log2(height)))
    return _native_shape(max(-MAX_STEPS, min(MAX_STEPS, step)), input_size, stride)


def native_shapes(input_size: int, stride: int = 32) -> tuple[tuple[int, int], ...]:
    """All shapes (h, w) that ``native`` can give, from the tallest to the widest, no repeats."""
    shapes = (_native_shape(k, input_size, stride) for k in range(-MAX_STEPS, MAX_STEPS + 1))
    return tuple(dict.fromkeys(shapes))


@lru_cache(maxsize=1024)
def _native_shape(step: int, input_size: int, stride: int) -> tuple[int, int]:
    """Shape whose log aspect ratio and log area miss the wanted ones least, in the mean square.

    Rounding each side by itself, the usual rule, gives 64 x 640 for 728 x 90: a quarter off in
    aspect and a fifth short in area. Weighing both errors gives 96 x 640.
    """
    if step > 0:  # one orientation is searched, the other is its mirror image
        h, w = _native_shape(-step, input_size, stride)
        return w, h
    ratio = 2.0 ** (-step / STEPS_PER_OCTAVE)  # long side : short side
    area = (input_size / stride) ** 2

    def miss(cells: tuple[int, int]) -> tuple[float, tuple[int, int]]:
        long, short = cells
        return log(long / short / ratio) ** 2 + log(long * short / area) ** 2, cells

    longest = max(1, ceil(2 * sqrt(area * ratio)))
    shortest = max(1, ceil(2 * sqrt(area)))
    candidates = ((i, j) for j in range(1, shortest + 1) for i in range(j, longest + 1))
    long, short = min(candidates, key=miss, default=(1, 1))
    return long * stride, short * stride
