"""What a run and its decoding children say to each other: fixed headers, then bytes.

Nothing is pickled, and the reader of an answer believes none of its sizes before it has checked
them: the sender may have been taken over by the image that it decoded.
"""

import socket
import struct
from dataclasses import dataclass
from typing import Literal

from bannercluster.media.decoding import FORMATS, DecodeLimits, Picture
from bannercluster.media.rejection import REASONS, ImageRejected
from bannercluster.media.shapes import Resize, target_shape

MAX_SENT_PIXELS = 4_000_000
"""Most pixels of an answer to ``decode``; larger pictures are reduced by a whole number."""

_RESIZES: tuple[Resize, ...] = ("native", "letterbox", "squash")
_WORKS: tuple[Literal["prepare", "decode"], ...] = ("prepare", "decode")
_REQUEST = struct.Struct("<4sBBIIQQQQQQdQ")
_ANSWER = struct.Struct("<4sBIIIIBIIQH")
_MAGIC = b"bcd1"
_PIXELS, _REJECTED = 0, 1


class Nonsense(Exception):  # noqa: N818 - of a child, not of ours
    """The other side said what it cannot mean."""


class Ended(Exception):  # noqa: N818 - of a child, not of ours
    """The other side is gone."""


@dataclass(frozen=True)
class Request:
    """What to do with the bytes of an image.

    Parameters
    ----------
    work : {"prepare", "decode"}
        Decode and resize to the network's input; or decode alone, near to ``input_size ** 2``
        pixels where the format can, and never more than `MAX_SENT_PIXELS`.
    resize, input_size, stride
        As in `bannercluster.media.preparation.prepare`.
    limits : DecodeLimits
    memory_nbytes : int
        What this try may take, at most ``limits.memory_nbytes``.
    """

    work: Literal["prepare", "decode"]
    resize: Resize
    input_size: int
    stride: int
    limits: DecodeLimits
    memory_nbytes: int


@dataclass(frozen=True)
class Header:
    """What an answer says before its pixels, which have the shape (h, w, 3)."""

    width: int
    height: int
    h: int
    w: int
    format: str
    n_frames: int
    frame: int


@dataclass(frozen=True)
class Rejection:
    """The answer for an image without pixels; ``n_pixels`` is how far its decoding got."""

    verdict: ImageRejected
    n_pixels: int


def send_request(to: socket.socket, request: Request, data: bytes) -> None:
    """Send a request with the bytes of its image."""
    limits = request.limits
    header = _REQUEST.pack(
        _MAGIC,
        _WORKS.index(request.work),
        _RESIZES.index(request.resize),
        request.input_size,
        request.stride,
        limits.max_nbytes,
        limits.max_pixels,
        limits.max_frames,
        limits.max_frame_pixels,
        limits.memory_nbytes,
        request.memory_nbytes,
        limits.timeout_s,
        len(data),
    )
    to.sendall(header)
    to.sendall(data)


def receive_request(source: socket.socket) -> tuple[Request, bytes] | None:
    """Receive a request; None where the other side has ended."""
    try:
        header = _exactly(source, _REQUEST.size)
    except Ended:
        return None
    magic, work, resize, input_size, stride, *numbers = _REQUEST.unpack(header)
    if magic != _MAGIC:
        raise Nonsense(f"a request starts with {magic!r}")
    nbytes, pixels, frames, frame_pixels, memory, own_memory, timeout_s, n_data = numbers
    limits = DecodeLimits(nbytes, pixels, frames, frame_pixels, timeout_s, memory)
    data = _exactly(source, n_data)
    return Request(_WORKS[work], _RESIZES[resize], input_size, stride, limits, own_memory), data


def send_picture(to: socket.socket, picture: Picture) -> None:
    """Answer with pixels."""
    w, h = picture.image.size
    header = _ANSWER.pack(
        _MAGIC,
        _PIXELS,
        picture.width,
        picture.height,
        h,
        w,
        FORMATS.index(picture.format),
        picture.n_frames,
        picture.frame,
        0,
        0,
    )
    pixels = picture.image.tobytes()
    to.sendall(header)
    to.sendall(pixels)


def send_rejection(to: socket.socket, verdict: ImageRejected, n_pixels: int) -> None:
    """Answer with a verdict."""
    text = f"{verdict.reason}\n{verdict.detail}".encode("utf-8", "replace")[:2_000]
    to.sendall(_ANSWER.pack(_MAGIC, _REJECTED, 0, 0, 0, 0, 0, 0, 0, n_pixels, len(text)) + text)


def receive_answer(source: socket.socket, request: Request) -> Header | Rejection:
    """Receive an answer up to its pixels.

    Raises
    ------
    Nonsense
        If it cannot be the answer to the request.
    Ended
        If the other side is gone.
    """
    header = _exactly(source, _ANSWER.size)
    magic, kind, width, height, h, w, kind_of_file, n_frames, frame, n_pixels, n_text = (
        _ANSWER.unpack(header)
    )
    if magic != _MAGIC or kind not in (_PIXELS, _REJECTED) or kind_of_file >= len(FORMATS):
        raise Nonsense(f"an answer starts with {header[:8].hex(' ')}")
    if kind == _REJECTED:
        said = _exactly(source, n_text).decode("utf-8", "replace")
        reason, _, detail = said.partition("\n")
        if reason not in REASONS:
            raise Nonsense(f"an unknown reason {reason[:40]!r}")
        return Rejection(ImageRejected(reason, detail), n_pixels)
    if min(width, height, h, w) < 1 or not _fits(request, width, height, (h, w)):
        raise Nonsense(f"{w} x {h} pixels of an image of {width} x {height}")
    return Header(width, height, h, w, FORMATS[kind_of_file], n_frames, frame)


def _fits(request: Request, width: int, height: int, shape: tuple[int, int]) -> bool:
    if request.work == "decode":
        return shape[0] * shape[1] <= MAX_SENT_PIXELS
    return shape == target_shape(width, height, request.resize, request.input_size, request.stride)


def receive_into(source: socket.socket, buffer: memoryview) -> None:
    """Fill a buffer."""
    filled = 0
    while filled < len(buffer):
        n = source.recv_into(buffer[filled:])
        if n == 0:
            raise Ended
        filled += n


def _exactly(source: socket.socket, n: int) -> bytes:
    """Receive n bytes, in one piece where the system gives them so: a copy less of a large file."""
    pieces, missing = [], n
    while missing:
        piece = source.recv(missing, socket.MSG_WAITALL)
        if not piece:
            raise Ended
        pieces.append(piece)
        missing -= len(piece)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)
