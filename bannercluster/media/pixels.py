"""Any mode that Pillow decodes to, turned into 8-bit RGB by stated rules."""

import struct

import numpy as np
from PIL import Image

from bannercluster.media.rejection import ImageRejected

_ORIENTATION_TAG = 0x0112
_TRANSPOSE = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_WITH_ALPHA = frozenset({"LA", "La", "PA", "RGBA", "RGBa"})
_PLAIN = frozenset({"1", "L", "P", "RGB", "RGBX", "CMYK", "YCbCr", "HSV"})
_WHITE = (255, 255, 255, 255)
_BAND_PIXELS = 1 << 20


def to_rgb(image: Image.Image) -> Image.Image:
    """Convert a decoded image to mode RGB.

    - Transparency (an alpha channel, a transparent palette entry or colour) is composited over
      white, the usual page behind a banner.
    - 16-bit grey is scaled, ``round(v / 257)``, not clipped. 32-bit integers are taken as 16-bit
      values when all of them are in that range.
    - CMYK and YCCK go through Pillow's plain conversion. An embedded ICC profile is ignored:
      banners are sRGB with few exceptions, and a profile is one more parser fed by strangers.

    Raises
    ------
    ImageRejected
        ``unsupported_mode`` for pixels with no defined picture (float, Lab, wide integers).
    """
    mode = image.mode
    if mode.startswith("I"):
        return _from_wide_grey(image)
    if mode in _WITH_ALPHA or (mode in _PLAIN and "transparency" in image.info):
        return _over_white(image)
    if mode == "RGB":
        return image
    if mode in _PLAIN:
        return image.convert("RGB")
    raise ImageRejected("unsupported_mode", f"pixels of mode {mode} have no defined RGB picture")


def _over_white(image: Image.Image) -> Image.Image:
    """Composite over white, in bands: the four copies that it takes are never of the whole."""
    out = Image.new("RGB", image.size)
    rows = max(1, _BAND_PIXELS // image.width)
    for top in range(0, image.height, rows):
        band = image.crop((0, top, image.width, min(top + rows, image.height))).convert("RGBA")
        white = Image.new("RGBA", band.size, _WHITE)
        out.paste(Image.alpha_composite(white, band).convert("RGB"), (0, top))
    return out


def _from_wide_grey(image: Image.Image) -> Image.Image:
    values = np.asarray(image)
    low, high = int(values.min()), int(values.max())
    if low < 0 or high > 65535:
        raise ImageRejected(
            "unsupported_mode",
            f"integer pixels of mode {image.mode} span {low}..{high}; expected 0..65535",
        )
    grey = ((values.astype(np.uint32) + 128) // 257).astype(np.uint8)
    return Image.fromarray(grey).convert("RGB")


def orientation(image: Image.Image) -> int:
    """EXIF orientation of a loaded image, 1 to 8; 1 when absent, unreadable or out of range."""
    try:
        value = image.getexif().get(_ORIENTATION_TAG, 1)
    # Damaged metadata says nothing about the pixels: the picture is kept, as it is stored.
    except (OSError, SyntaxError, ValueError, TypeError, KeyError, IndexError, struct.error):
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def upright(image: Image.Image, exif_orientation: int) -> Image.Image:
    """Turn an image from how it is stored to how it is displayed."""
    method = _TRANSPOSE.get(exif_orientation)
    return image if method is None else image.transpose(method)
