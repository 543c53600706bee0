"""Bytes of a file -> upright 8-bit RGB pixels, within limits, or `ImageRejected`."""

import io
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from math import isqrt
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from bannercluster.media.frames import pick_frame
from bannercluster.media.pixels import orientation, to_rgb, upright
from bannercluster.media.quiet import pillow_warnings_silenced
from bannercluster.media.rejection import ImageRejected
from bannercluster.media.shapes import Resize, target_shape

if TYPE_CHECKING:  # the settings are not loaded where images are decoded
    from bannercluster.config import EmbedConfig

FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF")
"""The formats that are opened, whatever the file's name says. All others stay closed: each of
Pillow's forty parsers is code that strangers' bytes would run through."""

_MULTI_FRAME = frozenset({"GIF", "PNG", "WEBP"})

# What Pillow raises on damaged files. Not a bare Exception: a bug of ours shall stay visible.
_DAMAGE = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    EOFError,
    AttributeError,
    ArithmeticError,
    NotImplementedError,
    RuntimeError,
    struct.error,
    zlib.error,
)


@dataclass(frozen=True)
class DecodeLimits:
    """How much one image may cost.

    Parameters
    ----------
    max_nbytes : int
        Largest file, in bytes.
    max_pixels : int
        Most pixels of the picture; read from the header, before anything is decoded.
    max_frames : int
        Most frames of an animation to decode; frames after that are not looked at.
    max_frame_pixels : int
        Most pixels to decode of an animation, summed over its frames.
    timeout_s : float
        Most processor time (seconds) of one image. Kept by the children of
        `bannercluster.media.decoders` only: a process cannot end its own C code.
    memory_nbytes : int
        Most memory of one image beside the process itself; kept by the children only.
    """

    max_nbytes: int = 50_000_000
    max_pixels: int = 40_000_000
    max_frames: int = 200
    max_frame_pixels: int = 200_000_000
    timeout_s: float = 20.0
    memory_nbytes: int = 768 << 20

    @classmethod
    def of(cls, config: "EmbedConfig") -> "DecodeLimits":
        """Return the limits that the settings name."""
        return cls(
            max_pixels=config.max_pixels,
            timeout_s=config.decode_timeout_s,
            memory_nbytes=config.decode_memory,
        )


@dataclass(frozen=True, eq=False)
class DecodedImage:
    """The pixels of an image and what the file said about them.

    Parameters
    ----------
    rgb : ndarray of shape (h, w, 3), uint8
        C-contiguous. Smaller than (height, width) where the decoder was allowed to scale.
    width, height : int
        Pixels as displayed: after the EXIF rotation, before any scaling.
    format : str
        One of `FORMATS`, by the bytes, not by the name.
    n_frames : int
        Frames of the animation that were looked at; 1 for a still picture.
    frame : int
        The frame that was taken, from 0 (see `bannercluster.media.frames.pick_frame`).
    """

    rgb: npt.NDArray[np.uint8]
    width: int
    height: int
    format: str
    n_frames: int
    frame: int


@dataclass(frozen=True, eq=False)
class Picture:
    """As `DecodedImage`, with the pixels where Pillow has them.

    Parameters
    ----------
    image : PIL.Image.Image
        Mode RGB, upright.
    """

    image: Image.Image
    width: int
    height: int
    format: str
    n_frames: int
    frame: int

    def decoded(self) -> DecodedImage:
        """Return the same with the pixels as an array."""
        rgb = np.array(self.image)
        return DecodedImage(rgb, self.width, self.height, self.format, self.n_frames, self.frame)


_DEFAULT_LIMITS = DecodeLimits()


def decode(
    data: bytes,
    limits: DecodeLimits = _DEFAULT_LIMITS,
    target_pixels: int | None = None,
    *,
    resize: Resize = "native",
) -> DecodedImage:
    """Decode an image.

    Parameters
    ----------
    data : bytes
        The whole file. Its format is found from the bytes.
    limits : DecodeLimits
        What the image may cost.
    target_pixels : int, optional
        ``input_size ** 2`` of the network to come. Where a JPEG is at least twice the target
        shape on both sides, it is decoded at 1/2, 1/4 or 1/8 scale (in the DCT), still no smaller
        than the target; otherwise in full. Without it, always in full.
    resize : {"native", "letterbox", "squash"}
        How the target shape will be derived; matters only together with `target_pixels`.

    Returns
    -------
    DecodedImage

    Raises
    ------
    ImageRejected
        With one of the reasons in `bannercluster.media.rejection.REASONS`.
    """
    return decode_picture(data, limits, target_pixels, resize=resize).decoded()


def decode_picture(
    data: bytes,
    limits: DecodeLimits = _DEFAULT_LIMITS,
    target_pixels: int | None = None,
    *,
    resize: Resize = "native",
    on_pixels: Callable[[int], None] | None = None,
) -> Picture:
    """As `decode`, without the copy of the pixels into an array.

    Parameters
    ----------
    on_pixels : callable, optional
        Called with the number of pixels that are about to be decoded, once they are known and
        within the limits; for an animation again at each frame, with the sum.
    """
    if not data:
        raise ImageRejected("empty", "0 bytes")
    if len(data) > limits.max_nbytes:
        raise ImageRejected("too_many_bytes", f"{len(data)} bytes; at most {limits.max_nbytes}")
    _check_webp_length(data)
    with pillow_warnings_silenced():
        try:
            with Image.open(io.BytesIO(data), formats=FORMATS) as image:
                return _decode_opened(image, limits, target_pixels, resize, on_pixels or _unheard)
        except ImageRejected:
            raise
        except UnidentifiedImageError as error:
            raise ImageRejected("not_an_image", f"first bytes: {data[:16].hex(' ')}") from error
        except Image.DecompressionBombError as error:
            raise ImageRejected("too_many_pixels", str(error)) from error
        except MemoryError as error:
            raise ImageRejected("out_of_memory", f"{len(data)} bytes of image data") from error
        except _DAMAGE as error:
            raise _damaged(error, data) from error


def _decode_opened(
    image: Image.Image,
    limits: DecodeLimits,
    target_pixels: int | None,
    resize: Resize,
    on_pixels: Callable[[int], None],
) -> Picture:
    width, height = image.size
    if width * height > limits.max_pixels:
        raise ImageRejected(
            "too_many_pixels", f"{width} x {height} pixels; at most {limits.max_pixels}"
        )
    on_pixels(width * height)
    # A multi-picture JPEG (MPO) is a JPEG whose first picture is the one that is shown.
    kind = "JPEG" if image.format == "MPO" else str(image.format)
    frame, n_frames = 0, 1
    if kind in _MULTI_FRAME and getattr(image, "is_animated", False):
        picked = pick_frame(
            image,
            max_pixels=limits.max_pixels,
            max_frames=limits.max_frames,
            max_frame_pixels=limits.max_frame_pixels,
            on_pixels=on_pixels,
        )
        rgb, frame, n_frames = picked.rgb, picked.index, picked.n_seen
    else:
        if kind == "JPEG" and target_pixels is not None:
            h, w = target_shape(width, height, resize, isqrt(target_pixels))
            image.draft(None, (w, h))
        image.load()
        rgb = to_rgb(image)
    turn = orientation(image)
    rgb = upright(rgb, turn)
    if turn >= 5:
        width, height = height, width
    return Picture(rgb, width, height, kind, n_frames, frame)


def _unheard(n_pixels: int) -> None:
    """Take the number of pixels where nobody asks for it."""


def _check_webp_length(data: bytes) -> None:
    # libwebp reports a short file as a nameless failure; the RIFF header knows the length.
    if data[:4] != b"RIFF" or data[8:12] != b"WEBP":
        return
    promised = int.from_bytes(data[4:8], "little") + 8
    if len(data) < promised:
        raise ImageRejected("truncated", f"{len(data)} of {promised} bytes")


def _damaged(error: Exception, data: bytes) -> ImageRejected:
    said = str(error)
    if "out of memory" in said.lower():  # what Pillow says where a C decoder had none
        return ImageRejected("out_of_memory", f"{len(data)} bytes of image data; {said}"[:300])
    cut_off = isinstance(error, EOFError) or any(
        words in said.lower() for words in ("truncated", "unexpected end", "too short")
    )
    detail = f"{len(data)} bytes; {type(error).__name__}: {said}"[:300]
    return ImageRejected("truncated" if cut_off else "decode_error", detail)
