"""The CPU engine: one picture or line per request, one thread per stream."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pyclipper
import shapely
from rapidocr.ch_ppocr_rec.utils import CTCLabelDecode

from bannercluster.encoders.ocr import pages
from bannercluster.encoders.ocr.models import FoundModels
from bannercluster.encoders.ocr.spec import Line, ReaderSpec, ReadingFailed
from bannercluster.encoders.openvino_encoder import compile_network
from bannercluster.encoders.runtime import import_openvino

# What OpenCV, OpenVINO, the geometry libraries and numpy raise about what they were given.
_FAILURES = (
    cv2.error,
    pyclipper.ClipperException,
    shapely.errors.ShapelyError,
    RuntimeError,
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    MemoryError,
)
_LINES_OF_A_TASK = 8
_MOST_KERNELS = 50
"""Kept in a stream, so that memory does not grow with every shape that occurs: over the 91 widths
of lines by 400 MiB in two streams. Making them again takes 12 ms at a change of shape. Never 0: the
plugin then takes other kernels, and lines differ."""


@dataclass(frozen=True, eq=False)
class _Found:
    """A line that was found: image and place in it, its page and box, its pixels and width."""

    image: int
    place: int
    page: pages.Page
    box: npt.NDArray[np.float32]
    pixels: pages.Pixels
    width: int


class OpenVinoReader:
    """Reader on OpenVINO's CPU plugin.

    Pictures and lines are requests of their own, each computed by one thread, so neither
    neighbours nor the number of threads can change what is read. Measured, a line by itself takes
    no longer than its share of a batch. What costs is a change of shape: lines are taken in the
    order of their widths, over all images of a call.

    Parameters
    ----------
    spec : ReaderSpec
    found : FoundModels
    threads : int

    Raises
    ------
    EngineError
        If the plugin computes in another precision than asked for.
    """

    def __init__(self, spec: ReaderSpec, found: FoundModels, *, threads: int) -> None:
        core = import_openvino().Core()
        self._spec = spec
        detector, recognizer = (
            core.read_model(path) for path in (found.detection, found.recognition)
        )
        characters = recognizer.get_rt_info()["framework"]["character"].value.splitlines()
        self._decode = CTCLabelDecode(character=characters)
        self._detector, self._recognizer = (
            compile_network(network, spec.precision, threads, _MOST_KERNELS)
            for network in (_with_pixels_in(detector), recognizer)
        )
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="read")
        self._own = threading.local()

    def read(self, images: Sequence[pages.Pixels]) -> list[tuple[Line, ...] | ReadingFailed]:
        """Read images; see `bannercluster.encoders.ocr.spec.TextReader.read`."""
        by_shape = sorted(range(len(images)), key=lambda nth: images[nth].shape)
        found: list[_Found] = []
        failed: dict[int, ReadingFailed] = {}
        for nth, seen in zip(
            by_shape, self._threads.map(self._find, by_shape, map(images.__getitem__, by_shape)),
            strict=True,
        ):  # fmt: skip
            if isinstance(seen, ReadingFailed):
                failed[nth] = seen
            else:
                found += seen
        found.sort(key=lambda one: (one.width, one.image, one.place))
        tasks = [
            found[low : low + _LINES_OF_A_TASK] for low in range(0, len(found), _LINES_OF_A_TASK)
        ]
        lines: list[dict[int, Line]] = [{} for _ in images]
        for task, read in zip(tasks, self._threads.map(self._read_lines, tasks), strict=True):
            for one, line in zip(task, read, strict=True):
                if isinstance(line, ReadingFailed):
                    failed[one.image] = line
                elif line is not None:
                    lines[one.image][one.place] = line
        return [
            failed.get(nth) or tuple(own[place] for place in sorted(own))
            for nth, own in enumerate(lines)
        ]

    def _find(self, image: int, rgb: pages.Pixels) -> list[_Found] | ReadingFailed:
        try:
            page = pages.page_of(rgb)
            if page is None:
                return []
            picture = pages.detector_input(page, self._spec.max_side)
            boxes = pages.boxes_in(page, self._infer("_detector", picture))
            found = []
            for place, box in enumerate(boxes):
                pixels = pages.crop(page, box)
                found.append(_Found(image, place, page, box, pixels, pages.line_width(pixels)))
        except _FAILURES as error:
            return _failed("finding lines", error)
        return found

    def _read_lines(self, task: Sequence[_Found]) -> list[Line | ReadingFailed | None]:
        return [self._read_line(one) for one in task]

    def _read_line(self, one: _Found) -> Line | ReadingFailed | None:
        try:
            chances = self._infer("_recognizer", pages.recognizer_input(one.pixels, one.width))
            ((text, confidence),), _ = self._decode(chances)
            if confidence < self._spec.min_confidence or not text.strip():
                return None
            return pages.line_of(one.page, one.box, text.strip(), float(confidence))
        except _FAILURES as error:
            return _failed(f"reading line {one.place + 1}", error)

    def _infer(self, network: str, values: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """Run a network; what comes back is overwritten by the next call of this thread."""
        request = getattr(self._own, network, None)
        if request is None:
            request = getattr(self, network).create_infer_request()
            setattr(self._own, network, request)
        request.infer([values], share_inputs=True, share_outputs=True)
        return np.asarray(request.get_output_tensor(0).data)


def _with_pixels_in(detector: Any) -> Any:
    """Have the detector take (1, h, w, 3) uint8 pixels; it then sees ``pixel / 127.5 - 1``."""
    ov = import_openvino()
    from openvino.preprocess import PrePostProcessor

    steps = PrePostProcessor(detector)
    steps.input().tensor().set_element_type(ov.Type.u8).set_layout(ov.Layout("NHWC"))
    steps.input().model().set_layout(ov.Layout("NCHW"))
    steps.input().preprocess().convert_element_type(ov.Type.f32).mean(127.5).scale(127.5)
    return steps.build()


def _failed(doing: str, error: Exception) -> ReadingFailed:
    said = " ".join(str(error).split())
    return ReadingFailed(f"{doing}: {type(error).__name__}: {said}"[:300])
