"""What is asked of a sentence encoder, and what it hands back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from bannercluster.encoders.spec import Engine, Precision

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

Pooling = Literal["mean", "cls", "max", "mean_sqrt_len_tokens"]


@dataclass(frozen=True)
class SentenceSpec:
    """Which sentence encoder, run how; nothing here is "auto".

    Parameters
    ----------
    model : str
        A folder of sentence-transformers, the name of the packaged model, or a name in the local
        cache of the Hugging Face hub.
    engine : {"openvino", "torch"}
    precision : {"float32", "bfloat16"}
        Of the arithmetic inside; vectors always come out as float32.
    device : str
        "cpu" or "cuda:<index>".
    """

    model: str
    engine: Engine
    precision: Precision
    device: str


@dataclass(frozen=True)
class SentenceFolder:
    """A folder of sentence-transformers on this machine, read but not loaded.

    Parameters
    ----------
    name : str
        What the model is called, without a path.
    path : Path
        Never stored: where a file lies says nothing about what is in it.
    transformer : Path
        The folder in it that holds weights, configuration and tokenizer.
    source : str
        "packaged:<package> <version>", "folder:<name>" or "hub:<repository>".
    weights_sha256, tokenizer_sha256, config_sha256 : str
        Of ``model.safetensors``, ``tokenizer.json`` and ``config.json``, in hex.
    n_features : int
    max_tokens : int
        Tokens that the model reads, its special ones included; the rest of a text is left out.
    pooling : {"mean", "cls", "max", "mean_sqrt_len_tokens"}
        How the vectors of the tokens become one.
    normalize : bool
        Whether the model ends by scaling vectors to length one.
    prompt : str
        What the model wants before every text; mostly nothing.
    lower_case : bool
        Whether the model wants texts in lower case, beside what its tokenizer does.
    """

    name: str
    path: Path
    transformer: Path
    source: str
    weights_sha256: str
    tokenizer_sha256: str
    config_sha256: str
    n_features: int
    max_tokens: int
    pooling: Pooling
    normalize: bool
    prompt: str
    lower_case: bool


@dataclass(frozen=True, eq=False)
class EncodedTexts:
    """Vectors of texts, and how much of each the model could read.

    Parameters
    ----------
    vectors : (n, n_features) float32 array
    n_tokens : (n,) int32 array
        Tokens of the whole text, the model's special ones included.
    truncated : (n,) bool array
        Whether these were more than the model reads.
    unknown_share : (n,) float32 array
        Of the text's own tokens, those that the vocabulary does not have; 0 without any token.
    """

    vectors: npt.NDArray[np.float32]
    n_tokens: npt.NDArray[np.int32]
    truncated: npt.NDArray[np.bool_]
    unknown_share: npt.NDArray[np.float32]


class SentenceNetwork(Protocol):
    """An engine: token ids in, one vector for each text out.

    The vector of a text depends neither on the texts beside it nor on the number of threads.
    """

    def vectors(self, ids: Sequence[npt.NDArray[np.int64]]) -> npt.NDArray[np.float32]:
        """Compute the vectors of texts, given as arrays of token ids, in their order."""


class SentenceEncoder(Protocol):
    """Texts to vectors. `encode` may be called from several threads at once."""

    @property
    def folder(self) -> SentenceFolder:
        """The model."""

    def encode(self, texts: Sequence[str]) -> EncodedTexts:
        """Encode texts; their order, and what else is in the call, change no bit of a vector."""
