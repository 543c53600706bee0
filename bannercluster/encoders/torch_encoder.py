"""The torch engine, on CUDA and on the CPU."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from bannercluster.encoders.images import check_images
from bannercluster.encoders.ir import library_versions
from bannercluster.encoders.network import build_network
from bannercluster.encoders.outputs import with_output
from bannercluster.encoders.processor import cpu_instruction_set
from bannercluster.encoders.spec import EncoderInfo, EncoderSpec, ModelFacts
from bannercluster.encoders.weights import FoundWeights

if TYPE_CHECKING:
    import torch

_CPU_BATCH = 8
_CUDA_BATCH = 64


class TorchEncoder:
    """Encoder on torch: channels-last, bfloat16 by autocast, batches of one fixed size.

    Every batch is padded to the fixed size with black images, so that the library chooses the
    same kernels for an image whatever lies beside it. On the CPU a batch is computed by one
    thread, and threads take batches in parallel: with several threads inside, oneDNN's float32
    results differ in the last bits from one number of threads to another.

    Parameters
    ----------
    spec : EncoderSpec
    facts : ModelFacts
    found : FoundWeights
    threads : int
        Batches computed at the same time on the CPU; without effect on CUDA.
    """

    def __init__(
        self, spec: EncoderSpec, facts: ModelFacts, found: FoundWeights, *, threads: int
    ) -> None:
        import torch

        self._device = torch.device(spec.device)
        self._on_cuda = self._device.type == "cuda"
        self._dtype = torch.bfloat16 if spec.precision == "bfloat16" else torch.float32
        network = with_output(build_network(facts, found), facts.output).to(self._device)
        self._network = network.to(memory_format=torch.channels_last)
        self._mean = torch.tensor(facts.mean, device=self._device).view(1, 3, 1, 1) * 255
        self._std = torch.tensor(facts.std, device=self._device).view(1, 3, 1, 1) * 255
        self._fixed_size = facts.input_size if facts.fixed_input_size else None
        self._n_batch = _CUDA_BATCH if self._on_cuda else _CPU_BATCH
        self._lock = threading.Lock()
        self._pool = None if self._on_cuda else single_threaded_workers(threads)
        self.n_features = facts.n_features
        self.batch_size = self._n_batch * (1 if self._on_cuda else threads)
        self.info = EncoderInfo(
            model=spec.model,
            weights_sha256=found.sha256,
            weights_source=found.source,
            engine="torch",
            precision=spec.precision,
            device=spec.device,
            instruction_set=self._instruction_set(),
            mean=facts.mean,
            std=facts.std,
            input_size=facts.input_size,
            versions=library_versions("numpy", "timm", "torch"),
        )

    @property
    def mixed_shapes(self) -> bool:
        """Whether a call may hold images of several shapes: a batch has one."""
        return False

    def encode(self, images: Sequence[npt.NDArray[np.uint8]]) -> npt.NDArray[np.float32]:
        """Compute features; see `bannercluster.encoders.spec.Encoder.encode`."""
        if check_images(images, self._fixed_size) is None:
            return np.empty((0, self.n_features), np.float32)
        parts = [images[i : i + self._n_batch] for i in range(0, len(images), self._n_batch)]
        if self._pool is None:
            return self._encode_on_cuda(parts)
        return np.concatenate(list(self._pool.map(self._encode_on_cpu, parts)))

    def _encode_on_cpu(self, images: Sequence[npt.NDArray[np.uint8]]) -> npt.NDArray[np.float32]:
        features: npt.NDArray[np.float32] = self._forward(self._padded(images)).numpy()
        return features[: len(images)]

    def _encode_on_cuda(
        self, parts: Sequence[Sequence[npt.NDArray[np.uint8]]]
    ) -> npt.NDArray[np.float32]:
        import torch

        with self._lock, torch.cuda.device(self._device), self._deterministic_cudnn():
            # Kernels and copies are queued; the host stacks the next batch meanwhile.
            features = [
                self._forward(self._padded(part).to(self._device, non_blocking=True))[: len(part)]
                for part in parts
            ]
            on_host: npt.NDArray[np.float32] = torch.cat(features).cpu().numpy()
        return on_host

    def _padded(self, images: Sequence[npt.NDArray[np.uint8]]) -> torch.Tensor:
        """Batch of the fixed size, (n_batch, h, w, 3) uint8, pinned for CUDA."""
        import torch

        shape = (self._n_batch, *images[0].shape)
        batch = torch.empty(shape, dtype=torch.uint8, pin_memory=self._on_cuda)
        view = batch.numpy()
        np.stack(list(images), out=view[: len(images)])
        view[len(images) :] = 0
        return batch

    def _forward(self, batch: torch.Tensor) -> torch.Tensor:
        import torch

        is_lower = self._dtype != torch.float32
        with (
            torch.inference_mode(),
            torch.autocast(self._device.type, dtype=self._dtype) if is_lower else nullcontext(),
        ):
            # NHWC bytes seen as NCHW are channels-last already.
            x = batch.permute(0, 3, 1, 2).float().sub_(self._mean).div_(self._std)
            features: torch.Tensor = self._network(x)
            return features.float()

    def _deterministic_cudnn(self) -> Any:
        import torch

        # Without benchmark mode the choice of a kernel depends on the shapes only; without TF32
        # float32 means float32.
        return torch.backends.cudnn.flags(
            enabled=True, benchmark=False, deterministic=True, allow_tf32=False
        )

    def _instruction_set(self) -> str:
        import torch

        if not self._on_cuda:
            return cpu_instruction_set()
        major, minor = torch.cuda.get_device_capability(self._device)
        return f"sm_{major}{minor}"


def single_threaded_workers(threads: int) -> ThreadPoolExecutor:
    """Threads inside which torch uses no further threads, leaving the rest of the process alone."""
    import torch

    everyone_is_here = threading.Barrier(threads)

    def start_alone() -> None:
        torch.set_num_threads(1)
        # The setting is remembered for this thread once it has been read in it.
        torch.get_num_threads()
        everyone_is_here.wait()

    n_before = torch.get_num_threads()
    pool = ThreadPoolExecutor(threads, thread_name_prefix="encode")
    for started in [pool.submit(start_alone) for _ in range(threads)]:
        started.result()
    torch.set_num_threads(n_before)
    return pool
