"""Turns a drawn banner into the bytes of a file, in the formats that networks carry."""

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

EXTENSIONS = {"JPEG": "jpg", "PNG": "png", "GIF": "gif", "WEBP": "webp"}

# Variant and how often it is seen.
VARIANTS: dict[str, float] = {
    "jpeg": 0.70, "png_rgb": 0.07, "png_rgba": 0.03, "png_palette": 0.04, "gif": 0.04,
    "gif_animated": 0.06, "webp": 0.06,
}  # fmt: skip


@dataclass(frozen=True)
class Encoded:
    """Bytes of one file with the format that they are in."""

    data: bytes
    format: str
    width: int
    height: int


def to_bytes(image: Image.Image, file_format: str, **options: object) -> bytes:
    """Encode an image in memory."""
    out = io.BytesIO()
    image.save(out, file_format, **options)
    return out.getvalue()


def steps_of(variant: str) -> tuple[str, ...]:
    """List the steps of an animation that a variant shows before the finished banner."""
    return ("blank", "message") if variant == "gif_animated" else ()


def encode(frames: list[Image.Image], variant: str, rng: np.random.Generator) -> Encoded:
    """Encode a banner; the last of ``frames`` (all RGB) is the finished picture."""
    image = frames[-1]
    size = image.size
    if variant == "jpeg":
        quality = int(rng.integers(72, 93))
        return Encoded(to_bytes(image, "JPEG", quality=quality), "JPEG", *size)
    if variant == "webp":
        quality = int(rng.integers(70, 90))
        return Encoded(to_bytes(image, "WEBP", quality=quality, method=1), "WEBP", *size)
    if variant == "png_rgb":
        return Encoded(to_bytes(image, "PNG", compress_level=2), "PNG", *size)
    if variant == "png_rgba":
        return Encoded(to_bytes(_cornered(image), "PNG", compress_level=2), "PNG", *size)
    if variant == "png_palette":
        return Encoded(to_bytes(_paletted(image), "PNG", compress_level=4), "PNG", *size)
    if variant == "gif":
        return Encoded(to_bytes(_paletted(image), "GIF", optimize=False), "GIF", *size)
    return Encoded(_animated(frames), "GIF", *size)


def _paletted(image: Image.Image) -> Image.Image:
    # The fast octree, which is far quicker than the median cut.
    return image.quantize(255, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)


def _cornered(image: Image.Image) -> Image.Image:
    """RGBA copy with round, transparent corners."""
    width, height = image.size
    mask = Image.new("L", (width * 2, height * 2), 0)
    frame = (0, 0, width * 2 - 1, height * 2 - 1)
    ImageDraw.Draw(mask).rounded_rectangle(frame, radius=min(width, height) // 5, fill=255)
    out = image.convert("RGBA")
    out.putalpha(mask.reduce(2))
    return out


def _animated(frames: list[Image.Image]) -> bytes:
    """Looping GIF: a blank first frame, the message, the finished banner."""
    last = _paletted(frames[-1])
    first = Image.new("RGB", last.size, _corner(frames[0]))
    shown = [f.quantize(palette=last, dither=Image.Dither.NONE) for f in (first, *frames[1:-1])]
    out = io.BytesIO()
    shown[0].save(
        out, "GIF", save_all=True, append_images=[*shown[1:], last], duration=[400, 1200, 2600],
        loop=0, optimize=False,
    )  # fmt: skip
    return out.getvalue()


def _corner(image: Image.Image) -> tuple[int, int, int]:
    r, g, b = image.resize((1, 1), Image.Resampling.BOX).tobytes()[:3]
    return r, g, b


def reencode(source: Encoded, rng: np.random.Generator) -> tuple[Encoded, str]:
    """Encode decoded pixels anew: other bytes, the same picture. Returns it with its extension."""
    image = Image.open(io.BytesIO(source.data)).convert("RGB")
    way = int(rng.integers(3))
    if way == 0:
        data, form = to_bytes(image, "PNG", compress_level=2), "PNG"
    elif way == 1:
        data, form = to_bytes(image, "WEBP", quality=int(rng.integers(80, 92)), method=1), "WEBP"
    else:
        data, form = to_bytes(image, "JPEG", quality=int(rng.integers(50, 70))), "JPEG"
    if data == source.data:
        data, form = to_bytes(image, "JPEG", quality=45), "JPEG"
    return Encoded(data, form, source.width, source.height), EXTENSIONS[form]
