"""Images in, lines of text out: a detector finds them, a recogniser reads them.

The names are handed on lazily: importing the package loads no OpenCV, OpenVINO or rapidocr.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bannercluster.encoders.ocr.loading import describe_reader, load_reader
    from bannercluster.encoders.ocr.spec import (
        Line,
        ReaderDescription,
        ReaderSpec,
        ReadingFailed,
        TextReader,
    )

_HOME = {
    "Line": "spec",
    "ReaderDescription": "spec",
    "ReaderSpec": "spec",
    "ReadingFailed": "spec",
    "TextReader": "spec",
    "describe_reader": "loading",
    "load_reader": "loading",
}

__all__ = [
    "Line",
    "ReaderDescription",
    "ReaderSpec",
    "ReadingFailed",
    "TextReader",
    "describe_reader",
    "load_reader",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
