"""From a file's bytes to a network's input in one call."""

from collections.abc import Callable
from dataclasses import replace

from bannercluster.media.decoding import DecodedImage, DecodeLimits, Picture, decode_picture
from bannercluster.media.resize import resize_image
from bannercluster.media.shapes import Resize, target_shape


def prepare(
    data: bytes,
    *,
    resize: Resize,
    input_size: int,
    limits: DecodeLimits | None = None,
    stride: int = 32,
) -> DecodedImage:
    """Decode an image and resize it to the shape that a network takes.

    Parameters
    ----------
    data : bytes
        The whole file.
    resize : {"native", "letterbox", "squash"}
        See `bannercluster.media.shapes.target_shape`.
    input_size, stride : int
        Of the network.
    limits : DecodeLimits, optional
        What the image may cost.

    Returns
    -------
    DecodedImage
        As `decode` gives it, with `rgb` of shape ``target_shape(width, height, ...) + (3,)``.

    Raises
    ------
    ImageRejected
        As `decode`.
    """
    return prepare_picture(
        data, limits or DecodeLimits(), resize=resize, input_size=input_size, stride=stride
    ).decoded()


def prepare_picture(
    data: bytes,
    limits: DecodeLimits,
    *,
    resize: Resize,
    input_size: int,
    stride: int = 32,
    on_pixels: Callable[[int], None] | None = None,
) -> Picture:
    """As `prepare`, without the copy of the pixels into an array; see `decode_picture`."""
    picture = decode_picture(data, limits, input_size**2, resize=resize, on_pixels=on_pixels)
    shape = target_shape(picture.width, picture.height, resize, input_size, stride)
    return replace(picture, image=resize_image(picture.image, shape, resize))
