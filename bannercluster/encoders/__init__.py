"""Batches of prepared images in, features of a pretrained network out.

The names are handed on lazily: importing the package loads no numpy, torch, timm or OpenVINO, and
a process that finds the network in its cache of OpenVINO files never loads torch or timm at all.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bannercluster.encoders.describing import describe_model
    from bannercluster.encoders.engines import ResolvedEngine, resolve_engine
    from bannercluster.encoders.loading import load_encoder
    from bannercluster.encoders.spec import Encoder, EncoderInfo, EncoderSpec, ModelDescription

_HOME = {
    "Encoder": "spec",
    "EncoderInfo": "spec",
    "EncoderSpec": "spec",
    "ModelDescription": "spec",
    "ResolvedEngine": "engines",
    "describe_model": "describing",
    "load_encoder": "loading",
    "resolve_engine": "engines",
}

__all__ = [
    "Encoder",
    "EncoderInfo",
    "EncoderSpec",
    "ModelDescription",
    "ResolvedEngine",
    "describe_model",
    "load_encoder",
    "resolve_engine",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
