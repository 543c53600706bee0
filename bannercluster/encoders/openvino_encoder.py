"""The CPU engine: one image per request, one thread per stream, as many streams as threads."""

import queue
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bannercluster.encoders.images import check_images
from bannercluster.encoders.ir import cached_ir, library_versions
from bannercluster.encoders.processor import cpu_instruction_set
from bannercluster.encoders.runtime import import_openvino
from bannercluster.encoders.spec import EncoderInfo, EncoderSpec, ModelFacts, Precision
from bannercluster.encoders.weights import FoundWeights
from bannercluster.errors import EngineError

_HINTS = {"float32": "f32", "bfloat16": "bf16"}
_REQUESTS_PER_STREAM = 2  # the second is ready when the first ends


class OpenVinoEncoder:
    """Encoder on OpenVINO's CPU plugin.

    Every image is a request of its own that one thread computes: what lies beside it and how many
    threads there are cannot change its features. Measured, several streams of batch 1 are as fast
    as batches of 8 and need less memory.

    Parameters
    ----------
    spec : EncoderSpec
    facts : ModelFacts
    found : FoundWeights
    threads : int
        Number of images computed at the same time.
    cache_dir : str
        Folder for exported networks.

    Raises
    ------
    EngineError
        If the plugin computes in another precision than asked for.
    """

    def __init__(
        self,
        spec: EncoderSpec,
        facts: ModelFacts,
        found: FoundWeights,
        *,
        threads: int,
        cache_dir: str,
    ) -> None:
        xml = cached_ir(facts, found, cache_dir)
        self._compiled = compile_network(xml, spec.precision, threads)
        self._fixed_size = facts.input_size if facts.fixed_input_size else None
        self._idle: queue.SimpleQueue[Any] = queue.SimpleQueue()
        for _ in range(threads * _REQUESTS_PER_STREAM):
            self._idle.put(self._compiled.create_infer_request())
        self.n_features = facts.n_features
        self.batch_size = 8 * threads
        self.info = EncoderInfo(
            model=spec.model,
            weights_sha256=found.sha256,
            weights_source=found.source,
            engine="openvino",
            precision=spec.precision,
            device="cpu",
            instruction_set=cpu_instruction_set(),
            mean=facts.mean,
            std=facts.std,
            input_size=facts.input_size,
            versions=library_versions("numpy", "openvino", "timm", "torch"),
        )

    @property
    def mixed_shapes(self) -> bool:
        """Whether a call may hold images of several shapes: every image is a request."""
        return True

    def encode(self, images: Sequence[npt.NDArray[np.uint8]]) -> npt.NDArray[np.float32]:
        """Compute features; see `bannercluster.encoders.spec.Encoder.encode`."""
        check_images(images, self._fixed_size, mixed=True)
        features = np.empty((len(images), self.n_features), np.float32)
        running: deque[tuple[int, Any]] = deque()
        try:
            for i, image in enumerate(images):
                request = self._free_request(running, features)
                try:
                    # The request holds the array until it is started anew: nothing is copied.
                    batch = np.ascontiguousarray(image)[None]
                    request.start_async({0: batch}, share_inputs=True)
                except BaseException:
                    self._idle.put(request)
                    raise
                running.append((i, request))
            while running:
                self._collect(running, features)
        finally:
            for _, request in running:  # only after an error
                request.cancel()
                self._idle.put(request)
        return features

    def _free_request(
        self, running: deque[tuple[int, Any]], features: npt.NDArray[np.float32]
    ) -> Any:
        """Take an idle request, or the oldest of our own once it is done.

        A call that holds requests never waits for those of another call, so that calls from many
        threads cannot wait for each other in a circle.
        """
        while running:
            try:
                return self._idle.get_nowait()
            except queue.Empty:
                self._collect(running, features)
        return self._idle.get()

    def _collect(self, running: deque[tuple[int, Any]], features: npt.NDArray[np.float32]) -> None:
        i, request = running.popleft()
        try:
            request.wait()
            features[i] = request.get_output_tensor(0).data[0]
        finally:
            self._idle.put(request)


def compile_network(
    xml: Path, precision: Precision, threads: int, most_kernels: int | None = None
) -> Any:
    """Compile a network for the CPU: a stream for each thread, in the precision asked for.

    Parameters
    ----------
    xml : Path
        Or a network that was read already.
    precision : {"float32", "bfloat16"}
    threads : int
    most_kernels : int, optional
        Kernels that each stream keeps, of the shapes that it met last; as the plugin has it by
        default, 5,000: some megabytes for each of dozens of shapes.

    Raises
    ------
    EngineError
        If the plugin computes in another precision.
    """
    core = import_openvino().Core()
    wanted = _HINTS[precision]
    compiled = core.compile_model(
        xml,
        "CPU",
        {
            # Left to itself the plugin takes bf16 on some machines and f32 on others.
            "INFERENCE_PRECISION_HINT": wanted,
            "PERFORMANCE_HINT": "THROUGHPUT",
            "NUM_STREAMS": str(threads),
            "INFERENCE_NUM_THREADS": threads,
            # Pinned, the threads of several workers on one machine would share the first cores.
            "ENABLE_CPU_PINNING": False,
            **({} if most_kernels is None else {"CPU_RUNTIME_CACHE_CAPACITY": str(most_kernels)}),
        },
    )
    # The first tensor of a process fills a static table of OpenVINO's bindings. Two threads that
    # make it at the same time wait for ever, one for the table, the other for the interpreter.
    import_openvino().Tensor(np.zeros(1, np.float32))
    got = compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name()
    if got != wanted:
        raise EngineError(
            f"{precision} was asked for, but OpenVINO computes {got} on this CPU "
            f"({cpu_instruction_set()}); use precision float32 or auto"
        )
    return compiled
