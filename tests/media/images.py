"""Images made in memory, as files of every kind that a banner may arrive in."""

import io
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image


def picture(width: int = 60, height: int = 40, seed: int = 0) -> npt.NDArray[np.uint8]:
    """Smooth colours with a few hard edges, (height, width, 3) uint8."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    rgb = np.stack([255 * x / width, 255 * y / height, np.full_like(x, 90)], axis=2)
    for _ in range(6):
        top, left = int(rng.integers(0, height)), int(rng.integers(0, width))
        rgb[top : top + 8, left : left + 8] = rng.integers(0, 256, 3)
    return rgb.astype(np.uint8)


def to_bytes(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def encoded(kind: str = "PNG", width: int = 60, height: int = 40, **options: Any) -> bytes:
    return to_bytes(Image.fromarray(picture(width, height)), kind, **options)


def animated(frames: list[npt.NDArray[np.uint8]], kind: str = "GIF", **options: Any) -> bytes:
    images = [Image.fromarray(frame) for frame in frames]
    return to_bytes(
        images[0], kind, save_all=True, append_images=images[1:], duration=100, **options
    )
