"""Files as the web delivers them: broken ones, and valid ones that trip a careless decoder."""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from bannercluster.synth.encode import to_bytes

# Fault: does a decoder deliver pixels?
FAULTS: dict[str, bool] = {
    "truncated": False,
    "zero_byte": False,
    "text_as_png": False,
    "random_bytes": False,
    "wrong_extension": True,
    "one_pixel": True,
    "cmyk_jpeg": True,
    "png_16bit": True,
    "exif_rotated": True,
}
_ORIENTATION = 0x0112


@dataclass(frozen=True)
class Faulty:
    """Bytes of a faulty file; ``format`` is what the bytes are, empty where they are no image."""

    data: bytes
    extension: str
    format: str
    width: int
    height: int


def make_faulty(image: Image.Image, fault: str, rng: np.random.Generator) -> Faulty:
    """Make a file with a fault out of a drawn RGB banner.

    ``width`` and ``height`` are those a viewer sees (EXIF orientation applied), 0 where nothing can
    be decoded.
    """
    width, height = image.size
    if fault == "truncated":
        whole = to_bytes(image, "JPEG", quality=80)
        return Faulty(whole[: int(len(whole) * rng.uniform(0.35, 0.8))], "jpg", "JPEG", 0, 0)
    if fault == "zero_byte":
        return Faulty(b"", "jpg", "", 0, 0)
    if fault == "text_as_png":
        code = int(rng.integers(10**9))
        text = f"<!DOCTYPE html><title>404 Not Found</title><p>Reference {code:09d}</p>\n"
        return Faulty(text.encode(), "png", "", 0, 0)
    if fault == "random_bytes":
        # The first two bytes begin no image format.
        return Faulty(b"\xde\xad" + rng.bytes(int(rng.integers(600, 9000))), "gif", "", 0, 0)
    if fault == "wrong_extension":
        return Faulty(to_bytes(image, "JPEG", quality=85), "png", "JPEG", width, height)
    if fault == "one_pixel":
        r, g, b = (int(v) for v in rng.integers(256, size=3))
        return Faulty(to_bytes(Image.new("RGB", (1, 1), (r, g, b)), "PNG"), "png", "PNG", 1, 1)
    if fault == "cmyk_jpeg":
        return Faulty(
            to_bytes(image.convert("CMYK"), "JPEG", quality=85), "jpg", "JPEG", width, height
        )
    if fault == "png_16bit":
        deep = np.asarray(image.convert("L"), dtype=np.uint16) * 257
        return Faulty(
            to_bytes(Image.fromarray(deep), "PNG", compress_level=2), "png", "PNG", width, height
        )
    exif = Image.Exif()
    exif[_ORIENTATION] = 6  # stored turned a quarter to the left
    turned = image.transpose(Image.Transpose.ROTATE_90)
    return Faulty(to_bytes(turned, "JPEG", quality=85, exif=exif), "jpg", "JPEG", width, height)
