"""The check that every engine makes of the images it is given."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt


def check_images(
    images: Sequence[npt.NDArray[np.uint8]], fixed_size: int | None, *, mixed: bool = False
) -> tuple[int, int] | None:
    """Shape (h, w) of the first image, which all share, or None if there are none.

    Parameters
    ----------
    images : sequence of ndarray of shape (h, w, 3), uint8
    fixed_size : int or None
        The only side that the network takes, where it takes only one.
    mixed : bool
        Whether the engine takes images of several shapes in one call.
    """
    if len(images) == 0:
        return None
    shape = images[0].shape
    for i, image in enumerate(images):
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
            raise ValueError(f"image {i} is {image.shape} {image.dtype}; expected (h, w, 3) uint8")
        if image.shape != shape and not mixed:
            raise ValueError(
                f"image {i} is {image.shape} but image 0 is {shape}; group images by shape first"
            )
    sides = {image.shape[:2] for image in images}
    if fixed_size is not None and sides != {(fixed_size, fixed_size)}:
        raise ValueError(
            f"images are {sorted(sides)}, but this network takes {fixed_size} x {fixed_size} only; "
            "use --resize squash or letterbox"
        )
    return shape[0], shape[1]
