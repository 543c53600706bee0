"""The torch engine, on CUDA and on the CPU."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext

import numpy as np
import numpy.typing as npt

from bannercluster.encoders.sentences.network import build_sentences
from bannercluster.encoders.sentences.spec import SentenceFolder, SentenceSpec
from bannercluster.encoders.torch_encoder import single_threaded_workers

_CPU_BATCH = 1
_CUDA_BATCH = 32


class TorchSentences:
    """Sentence network on torch: batches of texts of one length, always of the same number.

    A batch that is not full is filled with its first text, so that the library chooses the same
    kernels for a text whatever lies beside it.

    Parameters
    ----------
    spec : SentenceSpec
    folder : SentenceFolder
    threads : int
        Texts computed at the same time on the CPU, each by one thread: with several inside, the
        last bits depend on their number. Without effect on CUDA.

    Raises
    ------
    WeightsError
        If the weights cannot be read.
    """

    def __init__(self, spec: SentenceSpec, folder: SentenceFolder, *, threads: int) -> None:
        import torch

        self._device = torch.device(spec.device)
        self._dtype = torch.bfloat16 if spec.precision == "bfloat16" else torch.float32
        self._network = build_sentences(folder).to(self._device)
        on_cuda = self._device.type == "cuda"
        self._n_batch = _CUDA_BATCH if on_cuda else _CPU_BATCH
        self._pool = ThreadPoolExecutor(1) if on_cuda else single_threaded_workers(threads)
        self._n_features = folder.n_features
        self._lock = threading.Lock()

    def vectors(self, ids: Sequence[npt.NDArray[np.int64]]) -> npt.NDArray[np.float32]:
        """Compute vectors; see `SentenceNetwork.vectors`."""
        found = np.empty((len(ids), self._n_features), np.float32)
        by_length: dict[int, list[int]] = defaultdict(list)
        for i, own in enumerate(ids):
            by_length[len(own)].append(i)
        batches = [
            places[low : low + self._n_batch]
            for _, places in sorted(by_length.items())
            for low in range(0, len(places), self._n_batch)
        ]
        filled = [batch + batch[:1] * (self._n_batch - len(batch)) for batch in batches]
        with self._lock:
            stacked = (np.stack([ids[i] for i in one]) for one in filled)
            for batch, vectors in zip(batches, self._pool.map(self._forward, stacked), strict=True):
                found[batch] = vectors[: len(batch)]
        return found

    def _forward(self, ids: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        import torch

        is_lower = self._dtype != torch.float32
        with (
            torch.inference_mode(),
            torch.autocast(self._device.type, dtype=self._dtype) if is_lower else nullcontext(),
        ):
            vectors = self._network(torch.from_numpy(ids).to(self._device))
            on_host: npt.NDArray[np.float32] = vectors.float().cpu().numpy()
        return on_host
