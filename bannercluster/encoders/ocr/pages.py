"""What happens around the two networks: rapidocr's own steps, kept to sizes that are safe.

Of rapidocr this takes the padding of wide banners, the boxes from the detector's map, their order,
the upright crops, the recogniser's input and the decoding of its output. Its pipeline is not used:
that enlarges every banner until its shorter side has 736 pixels, and runs a third network that
looks for lines upside down.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from math import ceil
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from rapidocr.ch_ppocr_det.main import TextDetector
from rapidocr.ch_ppocr_det.utils import DBPostProcess
from rapidocr.ch_ppocr_rec.main import TextRecognizer
from rapidocr.utils.process_img import (
    apply_vertical_padding,
    get_rotate_crop_image,
    map_boxes_to_original,
    resize_image_within_bounds,
)

from bannercluster.encoders.ocr.spec import Line

Pixels = npt.NDArray[np.uint8]

logging.getLogger("RapidOCR").setLevel(logging.CRITICAL)
# The threads of the reader are the threads: OpenCV's own would compete with them.
cv2.setNumThreads(1)

STRIDE = 32
"""Sides of the detector's and widths of the recogniser's input are multiples of this, so that few
shapes occur: a network is slow on a shape that it has not met."""

_MOST_SIDE = 2_000  # pixels of an image's longer side; rapidocr's own limit
_LEAST_SIDE = 8  # an image thinner than this has no line that could be read
_MOST_ENLARGED = 3.0  # for detection; more shows nothing new
_PADDED_ASPECT, _PADDED_HEIGHT, _SHORT_SIDE = 8, 30, 30  # rapidocr's
_LINE_HEIGHT, _LEAST_WIDTH, _MOST_WIDTH = 48, 320, 3_200  # of the recogniser's input, in pixels

_boxes_of = DBPostProcess(
    thresh=0.3,
    box_thresh=0.5,
    max_candidates=1000,
    unclip_ratio=1.6,
    score_mode="fast",
    use_dilation=True,
)  # rapidocr's settings


class _RecognizerInput(TextRecognizer):  # type: ignore[misc] # rapidocr is not typed
    """rapidocr's input of the recogniser without its network."""

    def __init__(self) -> None:
        self.rec_image_shape = (3, _LINE_HEIGHT, _LEAST_WIDTH)


_recognizer_input = _RecognizerInput()


@dataclass(frozen=True, eq=False)
class Page:
    """An image on its way through the networks.

    Parameters
    ----------
    pixels : (h, w, 3) uint8 array
        BGR, within rapidocr's bounds, wide banners padded above and below.
    operations : dict
        What rapidocr did to come there.
    width, height : int
        Of the image after the cut to `_MOST_SIDE` pixels.
    scale_x, scale_y : float
        From pixels of that to pixels of the image that was given.
    """

    pixels: Pixels
    operations: dict[str, Any]
    width: int
    height: int
    scale_x: float
    scale_y: float


def page_of(rgb: Pixels) -> Page | None:
    """Bring an image within bounds; None where it is too thin for a line."""
    if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype != np.uint8:
        raise ValueError(f"expected (height, width, 3) uint8, got {rgb.shape} {rgb.dtype}")
    full_height, full_width = rgb.shape[:2]
    ratio = min(1.0, _MOST_SIDE / max(full_width, full_height))
    width, height = round(full_width * ratio), round(full_height * ratio)
    if min(width, height) < _LEAST_SIDE:
        return None
    bgr = np.ascontiguousarray(rgb[:, :, ::-1])
    if ratio < 1.0:
        bgr = cv2.resize(bgr, (width, height), interpolation=cv2.INTER_AREA)
    pixels, ratio_h, ratio_w = resize_image_within_bounds(bgr, _SHORT_SIDE, np.inf)
    operations: dict[str, Any] = {"preprocess": {"ratio_h": ratio_h, "ratio_w": ratio_w}}
    pixels, operations = apply_vertical_padding(pixels, operations, _PADDED_ASPECT, _PADDED_HEIGHT)
    return Page(pixels, operations, width, height, full_width / width, full_height / height)


def detector_input(page: Page, max_side: int) -> Pixels:
    """Return the picture in which lines are looked for.

    The page with its longest side at `max_side` pixels, but enlarged at most three times, and with
    both sides rounded to multiples of `STRIDE`.

    Returns
    -------
    (1, h, w, 3) uint8 array
    """
    height, width = page.pixels.shape[:2]
    ratio = min(_MOST_ENLARGED, max_side / max(height, width))
    h, w = (max(STRIDE, round(side * ratio / STRIDE) * STRIDE) for side in (height, width))
    return np.asarray(cv2.resize(page.pixels, (w, h)))[None]


def boxes_in(page: Page, heat: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return the boxes of the lines, in reading order, in pixels of the page.

    Parameters
    ----------
    page : Page
    heat : (1, 1, h, w) float32 array
        The detector's map.

    Returns
    -------
    (n, 4, 2) float32 array
    """
    boxes, _ = _boxes_of(heat, page.pixels.shape[:2])
    if not len(boxes):
        return np.empty((0, 4, 2), np.float32)
    return np.asarray(TextDetector.sorted_boxes(boxes), np.float32)


def crop(page: Page, box: npt.NDArray[np.float32]) -> Pixels:
    """Cut a line out of its page, upright."""
    return np.asarray(get_rotate_crop_image(page.pixels, box.copy()))


def line_width(pixels: Pixels) -> int:
    """Return the width of the recogniser's input for a line."""
    height, width = pixels.shape[:2]
    wanted = max(_LEAST_WIDTH, _LINE_HEIGHT * width / height)
    return int(min(_MOST_WIDTH, ceil(wanted / STRIDE) * STRIDE))


def recognizer_input(pixels: Pixels, width: int) -> npt.NDArray[np.float32]:
    """Return a line as the recogniser takes it: (1, 3, 48, width), normalised, padded right."""
    # Half a pixel more, as rapidocr rounds the product of ratio and height down.
    row = _recognizer_input.resize_norm_img(pixels, (width + 0.5) / _LINE_HEIGHT)
    return np.asarray(row, np.float32)[None]


def line_of(page: Page, box: npt.NDArray[np.float32], text: str, confidence: float) -> Line:
    """Return a line with its box in pixels of the image that was given."""
    own = map_boxes_to_original(box[None].copy(), page.operations, page.height, page.width)[0]
    corners = own * (page.scale_x, page.scale_y)
    return Line(text, confidence, tuple(round(float(value), 2) for value in corners.ravel()))
