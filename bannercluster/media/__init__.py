"""Image bytes in, pixels ready for a network out, or a rejection with its reason.

>>> from bannercluster.media import native_shapes, target_shape
>>> target_shape(728, 90, "native", 224)
(96, 640)
>>> len(native_shapes(224))
23

``texts`` does the same for texts: clean and of bounded length, whatever came in.

The names are handed on lazily, so that importing the package loads neither Pillow nor numpy. No
module may be called like a function: importing it would put the module in the function's place.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bannercluster.media.decoding import DecodedImage, DecodeLimits, decode
    from bannercluster.media.preparation import prepare
    from bannercluster.media.rejection import ImageRejected
    from bannercluster.media.resize import resize_to
    from bannercluster.media.shapes import Resize, native_shapes, target_shape

_HOME = {
    "DecodeLimits": "decoding",
    "DecodedImage": "decoding",
    "ImageRejected": "rejection",
    "Resize": "shapes",
    "decode": "decoding",
    "native_shapes": "shapes",
    "prepare": "preparation",
    "resize_to": "resize",
    "target_shape": "shapes",
}

__all__ = [
    "DecodeLimits",
    "DecodedImage",
    "ImageRejected",
    "Resize",
    "decode",
    "native_shapes",
    "prepare",
    "resize_to",
    "target_shape",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
