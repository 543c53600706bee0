"""Pixels to the shape of a network's input."""

import numpy as np
import numpy.typing as npt
from PIL import Image

from bannercluster.media.shapes import Resize

PAD_GREY = 128
"""Colour of letterbox bars: about the mean of the networks' inputs, so nearly 0 to a network."""


def resize_to(
    rgb: npt.NDArray[np.uint8], shape: tuple[int, int], resize: Resize
) -> npt.NDArray[np.uint8]:
    """Resize with Pillow's bicubic filter, which widens with the scale and so does not alias.

    Parameters
    ----------
    rgb : ndarray of shape (height, width, 3), uint8
        Any size of at least one pixel.
    shape : tuple of int
        (h, w), usually from `bannercluster.media.shapes.target_shape`.
    resize : {"native", "letterbox", "squash"}
        ``letterbox`` keeps the aspect ratio exactly and pads with grey 128, the image centred;
        the others stretch to the shape.

    Returns
    -------
    ndarray of shape (h, w, 3), uint8
        C-contiguous, never an alias of `rgb`.
    """
    if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype != np.uint8 or 0 in rgb.shape:
        raise ValueError(f"expected (height, width, 3) uint8, got {rgb.shape} {rgb.dtype}")
    return np.array(resize_image(Image.fromarray(np.ascontiguousarray(rgb)), shape, resize))


def resize_image(image: Image.Image, shape: tuple[int, int], resize: Resize) -> Image.Image:
    """As `resize_to`, from and to an image of mode RGB."""
    h, w = shape
    if resize != "letterbox":
        return image.resize((w, h), Image.Resampling.BICUBIC)
    width, height = image.size
    scale = min(h / height, w / width)
    inner_w, inner_h = max(1, round(width * scale)), max(1, round(height * scale))
    inner_w, inner_h = min(inner_w, w), min(inner_h, h)
    padded = Image.new("RGB", (w, h), (PAD_GREY,) * 3)
    inner = image.resize((inner_w, inner_h), Image.Resampling.BICUBIC)
    padded.paste(inner, ((w - inner_w) // 2, (h - inner_h) // 2))
    return padded
