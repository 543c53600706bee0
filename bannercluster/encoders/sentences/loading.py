"""Each sentence encoder once per process."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np

from bannercluster.encoders.engines import resolve_engine
from bannercluster.encoders.sentences.folder import describe_sentences
from bannercluster.encoders.sentences.spec import (
    EncodedTexts,
    SentenceEncoder,
    SentenceFolder,
    SentenceNetwork,
    SentenceSpec,
)
from bannercluster.encoders.sentences.tokens import Tokenizer
from bannercluster.errors import EngineError

_lock = threading.Lock()
_loaded: dict[tuple[SentenceSpec, str, str, int], LoadedSentences] = {}


class LoadedSentences:
    """A tokenizer and a network.

    Parameters
    ----------
    folder : SentenceFolder
    tokenizer : Tokenizer
    network : SentenceNetwork
    """

    def __init__(
        self, folder: SentenceFolder, tokenizer: Tokenizer, network: SentenceNetwork
    ) -> None:
        self.folder, self._tokenizer, self._network = folder, tokenizer, network

    def encode(self, texts: Sequence[str]) -> EncodedTexts:
        """Encode texts; see `SentenceEncoder.encode`."""
        tokens = [self._tokenizer.tokens(text) for text in texts]
        n_tokens = np.array([one.n_tokens for one in tokens], np.int32)
        return EncodedTexts(
            self._network.vectors([one.ids for one in tokens]),
            n_tokens,
            n_tokens > self.folder.max_tokens,
            np.array([one.unknown_share for one in tokens], np.float32),
        )


def load_sentences(spec: SentenceSpec, *, threads: int, cache_dir: str) -> SentenceEncoder:
    """Load a sentence encoder, or hand out the one that this process has loaded already.

    Parameters
    ----------
    spec : SentenceSpec
        See `resolve_engine` for turning "auto" into a spec.
    threads : int
        CPU threads to use. Does not change the vectors.
    cache_dir : str
        Local folder in which exported networks are kept between processes. May be deleted.

    Raises
    ------
    WeightsError, UsageError
        As `describe_sentences`, and if the weights do not fit.
    EngineError
        If engine, precision or device are not available here.
    """
    if threads < 1:
        raise EngineError(f"an encoder needs at least 1 thread, got {threads}")
    resolve_engine(spec.engine, spec.precision, spec.device)
    with _lock:
        folder = describe_sentences(spec.model)
        key = (spec, folder.weights_sha256, folder.tokenizer_sha256, threads)
        if key not in _loaded:
            _loaded[key] = LoadedSentences(
                folder, Tokenizer(folder), _network(spec, folder, threads, cache_dir)
            )
        return _loaded[key]


def _network(
    spec: SentenceSpec, folder: SentenceFolder, threads: int, cache_dir: str
) -> SentenceNetwork:
    if spec.engine == "openvino":
        from bannercluster.encoders.sentences.openvino_network import OpenVinoSentences

        return OpenVinoSentences(spec, folder, threads=threads, cache_dir=cache_dir)
    from bannercluster.encoders.sentences.torch_network import TorchSentences

    return TorchSentences(spec, folder, threads=threads)
