"""What is asked of a text reader, what it gives, and the protocol that all engines follow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from bannercluster.encoders.spec import Precision

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


@dataclass(frozen=True)
class ReaderSpec:
    """How text is read.

    Parameters
    ----------
    precision : {"float32", "bfloat16"}
        Of the arithmetic inside both networks.
    max_side : int
        Longest side in pixels of the picture in which lines are looked for.
    min_confidence : float
        Lines below this mean confidence of their characters are left out.
    """

    precision: Precision
    max_side: int
    min_confidence: float


@dataclass(frozen=True)
class Line:
    """A line of text in an image.

    Parameters
    ----------
    text : str
        Not empty.
    confidence : float
        Mean over the characters, 0 to 1.
    box : tuple of 8 float
        x and y of the corners in pixels of the image that was given: top left, top right, bottom
        right, bottom left.
    """

    text: str
    confidence: float
    box: tuple[float, ...]


@dataclass(frozen=True)
class ReadingFailed:
    """In the place of an image's lines where reading it failed.

    Parameters
    ----------
    detail : str
        What failed, for a person to read.
    """

    detail: str


@dataclass(frozen=True)
class ReaderDescription:
    """All that shapes what a reader gives.

    Parameters
    ----------
    engine : str
    precision : {"float32", "bfloat16"}
    models : tuple of (name, sha256)
        Files of the networks.
    rules : int
        Version of what this package does before, between and after the networks.
    """

    engine: str
    precision: Precision
    models: tuple[tuple[str, str], ...]
    rules: int


class TextReader(Protocol):
    """Reads text. May be called by several threads at a time.

    What an image gives depends on the image alone: not on its neighbours in a call, nor on the
    number of threads. An engine that works in batches must see to it.
    """

    def read(
        self, images: Sequence[npt.NDArray[np.uint8]]
    ) -> list[tuple[Line, ...] | ReadingFailed]:
        """Return the lines of each image in reading order.

        Parameters
        ----------
        images : sequence of (height, width, 3) uint8 arrays
            RGB, of any sizes.
        """
