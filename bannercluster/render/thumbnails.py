"""Small pictures of banners, from 728 x 90 to 160 x 600, of about the same area each.

A box alone would show a 300 x 250 large and a 728 x 90 as a hairline; so width, height and area
are all bounded. The page shows them at 1 / `DENSITY` of their pixels (crisp on dense screens) and
at full size under the pointer.
"""

from __future__ import annotations

import base64
import io
import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image

DENSITY: Final = 1.4
_MEDIA_TYPES: Final = (
    (b"RIFF", "image/webp"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG", "image/png"),
)


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """An encoded picture.

    Parameters
    ----------
    data : bytes
        WebP, JPEG or PNG file.
    width, height : int
        Its pixels.
    """

    data: bytes
    width: int
    height: int

    @property
    def data_uri(self) -> str:
        """The picture as a ``data:`` address (base64).

        Raises
        ------
        ValueError
            If the bytes are neither WebP, JPEG nor PNG.
        """
        known = (kind for magic, kind in _MEDIA_TYPES if self.data.startswith(magic))
        media_type = next(known, None)
        if media_type is None:
            raise ValueError(
                f"a thumbnail starts with {self.data[:4]!r}, expected a WebP, JPEG or PNG file: "
                "make it with bannercluster.render.thumbnails.thumbnail"
            )
        return f"data:{media_type};base64,{base64.b64encode(self.data).decode('ascii')}"


def thumbnail(
    rgb: npt.NDArray[np.uint8],
    max_width: int = 270,
    max_height: int = 180,
    max_area: int = 20_000,
    quality: int = 55,
) -> Thumbnail:
    """Shrink a decoded banner; one that is smaller already keeps its size.

    Parameters
    ----------
    rgb : (height, width, 3) uint8
        The banner.
    max_width, max_height : int
        Bounds of the sides in pixels.
    max_area : int
        Bound of their product in pixels.
    quality : int
        Of WebP, 1 to 100. At the defaults a real banner takes 2.3 kB on average.

    Raises
    ------
    ValueError
        If the array is not (height, width, 3) uint8 with at least one pixel.
    """
    if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype != np.uint8 or rgb.size == 0:
        raise ValueError(
            f"expected pixels (height, width, 3) uint8, got {rgb.shape} {rgb.dtype}: decode to RGB"
        )
    height, width = rgb.shape[:2]
    scale = min(1.0, max_width / width, max_height / height, math.sqrt(max_area / (width * height)))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    image = Image.fromarray(np.ascontiguousarray(rgb))
    if size != image.size:
        image = image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
    out = io.BytesIO()
    image.save(out, "WEBP", quality=quality, method=4)
    return Thumbnail(out.getvalue(), *size)
