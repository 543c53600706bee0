"""The CPU engine: one text per request, one thread per stream, as many streams as threads."""

from __future__ import annotations

import re
import threading
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bannercluster.encoders.ir import (
    exported_files,
    exported_once,
    files_are_there,
    library_versions,
)
from bannercluster.encoders.openvino_encoder import compile_network
from bannercluster.encoders.runtime import import_openvino
from bannercluster.encoders.sentences.spec import SentenceFolder, SentenceSpec

EXPORT_VERSION = 1
"""Raise when the export changes."""


class OpenVinoSentences:
    """Sentence network on OpenVINO's CPU plugin.

    Every text is a request of its own, as long as its tokens: nothing is padded, and what lies
    beside it and how many threads there are cannot change its vector.

    Parameters
    ----------
    spec : SentenceSpec
    folder : SentenceFolder
    threads : int
        Texts computed at the same time.
    cache_dir : str
        Folder of exported networks.

    Raises
    ------
    EngineError
        If the plugin computes in another precision than asked for.
    WeightsError
        If the weights cannot be read.
    """

    def __init__(
        self, spec: SentenceSpec, folder: SentenceFolder, *, threads: int, cache_dir: str
    ) -> None:
        place, recipe = _place(folder, cache_dir)
        xml = exported_once(place, recipe, lambda: _convert(folder))
        compiled = compile_network(xml, spec.precision, threads)
        self._n_features = folder.n_features
        self._queue = import_openvino().AsyncInferQueue(compiled, 2 * threads)
        self._queue.set_callback(_collect)
        self._lock = threading.Lock()

    def vectors(self, ids: Sequence[npt.NDArray[np.int64]]) -> npt.NDArray[np.float32]:
        """Compute vectors; see `SentenceNetwork.vectors`."""
        found = np.empty((len(ids), self._n_features), np.float32)
        # Neighbours of one length: the plugin prepares itself anew for every other one.
        order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
        with self._lock:  # the queue belongs to one call at a time, which keeps all threads busy
            try:
                for i in order:
                    self._queue.start_async({0: ids[i][None]}, userdata=(found, i))
            finally:
                self._queue.wait_all()
        return found


def is_exported(folder: SentenceFolder, cache_dir: str) -> bool:
    """Whether the exported network lies in the cache, by its names alone."""
    return files_are_there(_place(folder, cache_dir)[0])


def _collect(request: Any, userdata: tuple[npt.NDArray[np.float32], int]) -> None:
    found, i = userdata
    found[i] = request.get_output_tensor(0).data[0]


def _place(folder: SentenceFolder, cache_dir: str) -> tuple[Path, dict[str, Any]]:
    recipe = {
        "export_version": EXPORT_VERSION,
        "kind": "sentences",
        "weights_sha256": folder.weights_sha256,
        "config_sha256": folder.config_sha256,
        "pooling": folder.pooling,
        "normalize": folder.normalize,
        "versions": library_versions("openvino", "torch", "transformers"),
    }
    name = re.sub(r"[^\w.-]", "_", folder.name, flags=re.ASCII).lstrip(".") or "sentences"
    return exported_files(name, recipe, cache_dir), recipe


def _convert(folder: SentenceFolder) -> Any:
    import torch

    from bannercluster.encoders.sentences.network import build_sentences, silent_transformers

    ov = import_openvino()
    network = build_sentences(folder)
    with warnings.catch_warnings(), silent_transformers():
        # OpenVINO traces with torch.jit, which torch has deprecated, and the tracer warns of
        # Python branches over shapes. Tests compare the result with torch at many lengths.
        for category in (DeprecationWarning, FutureWarning):
            warnings.filterwarnings("ignore", r"`?torch\.jit", category)
        warnings.filterwarnings("ignore", category=torch.jit._trace.TracerWarning)
        # The tracer looks at every attribute of the network, at those that will go as well.
        warnings.filterwarnings("ignore", ".*is deprecated and will be removed")
        model = ov.convert_model(network, example_input=torch.ones(2, 7, dtype=torch.int64))
    model.reshape([-1, -1])
    return model
