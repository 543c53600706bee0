"""One table of hostile files: what each is, and what must become of it."""

import io
import os
import socket
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from .hostile_decoder import marked

OK, DUPLICATE = "ok", "duplicate"


def picture(nth: int, size: tuple[int, int] = (300, 250)) -> Image.Image:
    blocks = np.random.default_rng(nth).integers(0, 256, (5, 6, 3), dtype=np.uint8)
    return Image.fromarray(blocks).resize(size, Image.Resampling.NEAREST)


def saved(image: Image.Image, kind: str, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def png(width: int, height: int, bits: int, colour: int, rows: bytes, *more: bytes) -> bytes:
    """A PNG from its parts: ``rows`` is one row with its filter byte, repeated."""
    packer = zlib.compressobj(1)
    data = b"".join(packer.compress(rows) for _ in range(height)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    chunks = [_chunk(b"IHDR", header), *more, _chunk(b"IDAT", data), _chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def gif_of_many_frames(n: int, nth: int = 0) -> bytes:
    """Frames of 1 x 1 pixel on a canvas of 64 x 64."""
    palette = bytes([nth % 256, nth // 256 % 256, 9, 250, 250, 250])
    head = b"GIF89a" + struct.pack("<HHBBB", 64, 64, 0x80, 0, 0) + palette
    frame = b"\x2c" + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x4c\x01\x00"
    return head + frame * n + b"\x3b"


def blank_first(nth: int) -> bytes:
    blank = Image.new("RGB", (300, 250), "white")
    return saved(blank, "GIF", save_all=True, append_images=[picture(nth)], duration=100)


def deep_colour(nth: int) -> bytes:
    """16 bits a colour, which Pillow cannot write."""
    colours = np.random.default_rng(nth).integers(0, 65536, 60 * 3).astype(">u2")
    return png(60, 40, 16, 2, b"\0" + colours.tobytes())


def grey16(nth: int) -> bytes:
    values = np.random.default_rng(nth).integers(0, 65536, (40, 60)).astype(np.uint16)
    return saved(Image.fromarray(values), "PNG")


def bomb(nth: int) -> bytes:
    """900 million pixels in some 500 kB."""
    row = bytes([0, nth % 256, nth // 256 % 256]) + bytes(3748)
    return png(30_000, 30_000, 1, 0, row)


def text_bomb(nth: int) -> bytes:
    """A comment of 100 MB, packed."""
    packed = zlib.compress(nth.to_bytes(8, "big") + bytes(100_000_000), 1)
    return png(8, 8, 8, 0, bytes(9), _chunk(b"zTXt", b"Comment\0\0" + packed))


def truncated(nth: int) -> bytes:
    whole = saved(picture(nth), "JPEG")
    return whole[: len(whole) // 2]


def damaged(nth: int) -> bytes:
    """Pixels whose packing is broken in the middle."""
    data = bytearray(saved(picture(nth), "PNG"))
    data[len(data) // 2] ^= 0xFF
    return bytes(data)


DECODED: dict[str, tuple[Callable[[int], bytes], str]] = {
    "good.png": (lambda n: saved(picture(n), "PNG"), OK),
    "empty.png": (lambda n: b"", "empty"),
    "truncated.jpg": (truncated, "truncated"),
    "text.png": (lambda n: f"<!DOCTYPE html>{n}".encode(), "not_an_image"),
    "vector.png": (lambda n: f"<svg width='{n}'/>".encode(), "not_an_image"),
    "postscript.png": (lambda n: f"%!PS-Adobe-3.0 EPSF-3.0\n{n}".encode(), "not_an_image"),
    "bomb.png": (bomb, "too_many_pixels"),
    "text_bomb.png": (text_bomb, "decode_error"),
    "many_frames.gif": (lambda n: gif_of_many_frames(10_000, n), OK),
    "blank_first.gif": (blank_first, OK),
    "one_pixel.png": (lambda n: saved(picture(n, (1, 1)), "PNG"), OK),
    "sliver.png": (lambda n: saved(picture(n, (1, 5000)), "PNG"), OK),
    "grey16.png": (grey16, OK),
    "colour16.png": (deep_colour, OK),
    "cmyk.jpg": (lambda n: saved(picture(n).convert("CMYK"), "JPEG"), OK),
    "wrong_name.gif": (lambda n: saved(picture(n), "WEBP"), OK),
    "float.tif": (
        lambda n: saved(Image.new("F", (9, 9), float(n)), "TIFF"),
        "unsupported_mode",
    ),
    "damaged.png": (damaged, "decode_error"),
}
"""Files that the real decoder decides about."""

DEEDS: dict[str, str] = {
    "segv": "decoder_crashed",
    "real segv": "decoder_crashed",
    "abort": "decoder_crashed",
    "exit": "decoder_crashed",
    "system exit": "decoder_crashed",
    "term": "decoder_crashed",
    "raise": "decoder_crashed",
    "nonsense": "decoder_crashed",
    "huge answer": "decoder_crashed",
    "half an answer": "decoder_crashed",
    "kill": "out_of_memory",
    "exhaust": "out_of_memory",
    "exhaust at once": "out_of_memory",
    "burn in C": "decoder_timeout",
    "burn in Python": "decoder_timeout",
    "sleep": "decoder_timeout",
    "sleep in C": "decoder_timeout",
    "stop": "decoder_timeout",
    "print": OK,
}
"""What a marked file does, and what becomes of it."""


def deed(name: str, nth: int) -> bytes:
    return marked(saved(picture(nth), "PNG"), name)


@dataclass(frozen=True)
class Mixture:
    """Files in a folder, and what must become of each."""

    wanted: dict[str, str]

    @property
    def reasons(self) -> dict[str, str]:
        return {name: end for name, end in self.wanted.items() if end not in (OK, DUPLICATE)}

    def count(self, end: str) -> int:
        return list(self.wanted.values()).count(end)


def put_all(images: Path, outside: Path) -> Mixture:
    """Put one file of every kind into a folder."""
    wanted = {}
    for nth, (name, (make, end)) in enumerate(DECODED.items()):
        (images / name).write_bytes(make(nth))
        wanted[name] = end
    for nth, (name, end) in enumerate(DEEDS.items()):
        file = f"deed_{name.replace(' ', '_')}.png"
        (images / file).write_bytes(deed(name, 100 + nth))
        wanted[file] = end
    (images / "deed_once.png").write_bytes(deed(f"once@{outside / 'once'}", 200))
    (images / "deed_write.png").write_bytes(deed(f"write@{outside / 'written'}", 201))
    wanted |= {"deed_once.png": OK, "deed_write.png": "decoder_crashed"}
    return Mixture(wanted | put_places(images, outside))


def put_places(images: Path, outside: Path) -> dict[str, str]:
    """Put what is no plain file of the folder's own."""
    (outside / "secret.png").write_bytes(saved(picture(300), "PNG"))
    folder = images / "folder.png"
    folder.mkdir()
    (folder / "inner.png").write_bytes(saved(picture(301), "PNG"))
    links = {
        "link_outside.png": (outside / "secret.png", "outside_folder"),
        "link_climbs.png": ("../outside/secret.png", "outside_folder"),
        "link_device.png": ("/dev/zero", "outside_folder"),
        "link_dangling.png": ("nowhere.png", "unreadable"),
        "link_loop.png": ("link_loop.png", "unreadable"),
        "link_folder.png": ("folder.png", "not_a_file"),
        "link_pipe.png": ("pipe.png", "not_a_file"),
        "link_inside.png": ("good.png", DUPLICATE),
    }
    for name, (target, _) in links.items():
        (images / name).symlink_to(target)
    wanted = {name: end for name, (_, end) in links.items()} | {"folder.png/inner.png": OK}
    os.mkfifo(images / "pipe.png")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(images / "socket.png"))
    with (images / "huge.png").open("wb") as file:
        file.truncate(10 << 30)  # a hole: it takes no room on the disk
    Path(os.fsdecode(bytes(images) + b"/\xff\xfe.png")).write_bytes(saved(picture(302), "PNG"))
    return wanted | {
        "pipe.png": "not_a_file",
        "socket.png": "not_a_file",
        "huge.png": "too_many_bytes",
        "\\udcff\\udcfe.png": "bad_name",
    }
