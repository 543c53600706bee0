"""From a file's bytes to a network's input in one call."""

from dataclasses import replace

from bannercluster.media.decoding import DecodedImage, DecodeLimits, decode
from bannercluster.media.resize import resize_to
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
    decoded = decode(data, limits or DecodeLimits(), input_size**2, resize=resize)
    shape = target_shape(decoded.width, decoded.height, resize, input_size, stride)
    return replace(decoded, rgb=resize_to(decoded.rgb, shape, resize))
