"""Texts in, vectors of a pretrained sentence encoder out.

The names are handed on lazily, as in the package above: a process that finds the network in its
cache of OpenVINO files loads neither torch nor transformers.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bannercluster.encoders.sentences.folder import describe_sentences
    from bannercluster.encoders.sentences.loading import load_sentences
    from bannercluster.encoders.sentences.spec import (
        EncodedTexts,
        SentenceEncoder,
        SentenceFolder,
        SentenceSpec,
    )

_HOME = {
    "EncodedTexts": "spec",
    "SentenceEncoder": "spec",
    "SentenceFolder": "spec",
    "SentenceSpec": "spec",
    "describe_sentences": "folder",
    "load_sentences": "loading",
}

__all__ = [
    "EncodedTexts",
    "SentenceEncoder",
    "SentenceFolder",
    "SentenceSpec",
    "describe_sentences",
    "load_sentences",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
