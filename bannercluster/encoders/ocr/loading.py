"""Each reader once per process."""

from __future__ import annotations

import threading

from bannercluster.encoders.engines import resolve_engine
from bannercluster.encoders.ocr.models import find_models
from bannercluster.encoders.ocr.spec import ReaderDescription, ReaderSpec, TextReader
from bannercluster.errors import EngineError

RULES = 1
"""Raised by every change that could give an image other lines."""

_lock = threading.Lock()
_loaded: dict[tuple[ReaderSpec, int], TextReader] = {}


def describe_reader(spec: ReaderSpec) -> ReaderDescription:
    """Say what a reader is made of; loads no network.

    Raises
    ------
    EngineError
        If rapidocr, OpenCV or a network is missing, or the precision cannot be had here.
    """
    resolve_engine("openvino", spec.precision, "cpu")
    return ReaderDescription("openvino", spec.precision, find_models().hashes(), RULES)


def load_reader(spec: ReaderSpec, *, threads: int) -> TextReader:
    """Load a reader, or hand out the one that this process has loaded already.

    Parameters
    ----------
    spec : ReaderSpec
    threads : int
        CPU threads to use. Does not change the lines.

    Raises
    ------
    EngineError
        As `describe_reader`.
    """
    if threads < 1:
        raise EngineError(f"a text reader needs at least 1 thread, got {threads}")
    with _lock:
        key = (spec, threads)
        if key not in _loaded:
            resolve_engine("openvino", spec.precision, "cpu")
            found = find_models()
            from bannercluster.encoders.ocr.openvino_reader import OpenVinoReader

            _loaded[key] = OpenVinoReader(spec, found, threads=threads)
        return _loaded[key]
