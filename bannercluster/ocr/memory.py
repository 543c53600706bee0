"""What reading texts takes in memory, term by term."""

from __future__ import annotations

from bannercluster.config import Settings
from bannercluster.media import DecodeLimits
from bannercluster.media.decoders import planned_nbytes
from bannercluster.media.wire import MAX_SENT_PIXELS
from bannercluster.ocr.parts import WINDOW
from bannercluster.runtime.memory import MemoryPart, MemoryPlan, library_parts, memory_budget
from bannercluster.runtime.networks import NetworkPlan

_LIBRARIES = 120 << 20  # OpenCV, OpenVINO and rapidocr, loaded after the plan
_NETWORKS = 250 << 20  # both, compiled, with the kernels that are kept
# Activations of the recogniser on the longest line in float32, and what the allocator keeps of
# those of shorter ones; in each stream.
_LINES = 192 << 20
_BYTES_PER_PIXEL = 320  # activations of the detector, in each stream
_PER_CONTENT = 1_200  # Python's objects: content, file, place in a part
_PER_ROW = 24_576  # a row of a part in Python and in Arrow: some ten lines


def plan_memory(settings: Settings, n_contents: int) -> MemoryPlan:
    """Plan the memory of a run."""
    config, networks = settings.ocr, NetworkPlan.of(settings.runtime)
    threads = networks.threads
    stream = _LINES + _BYTES_PER_PIXEL * config.max_side**2
    parts = (
        *library_parts(settings.runtime, networks.prefer, _LIBRARIES),
        MemoryPart("networks", _NETWORKS + threads * stream, networks.per),
        MemoryPart(
            "decoders", planned_nbytes(threads, DecodeLimits.of(settings.embed)), networks.per
        ),
        # Few of them are as large as a picture can be.
        MemoryPart("images in work", 2 * WINDOW * 3 * MAX_SENT_PIXELS // 4, "worker"),
        MemoryPart("part", config.part_rows * _PER_ROW, "worker"),
        MemoryPart("contents", _PER_CONTENT * n_contents, "process"),
    )
    return MemoryPlan("ocr", parts, memory_budget(settings.runtime))
