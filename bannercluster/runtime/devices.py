"""The cores and GPUs of this machine."""

import os
import platform
from dataclasses import dataclass
from pathlib import Path

from bannercluster.runtime.cgroup import cgroup_limits

# Instruction sets that decide how fast a network runs, and in which precision.
_FLAGS = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_tile", "amx_int8", "amx_bf16")


@dataclass(frozen=True)
class CpuInfo:
    """The processor.

    Attributes
    ----------
    name
        As the maker writes it.
    n_cores
        Cores that this process may use.
    n_cores_machine
        Cores of the machine.
    flags
        Those instruction sets that matter here, such as ``avx512_bf16`` and ``amx_bf16``.
    """

    name: str
    n_cores: int
    n_cores_machine: int
    flags: tuple[str, ...]


@dataclass(frozen=True)
class CudaDevice:
    """A GPU that torch can use."""

    index: int
    name: str
    nbytes: int
    compute_capability: tuple[int, int]


def n_cores() -> int:
    """Return how many cores this process may use: affinity and container limits included."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    limit = cgroup_limits().cpus
    return max(1, min(cores or 1, limit or cores or 1))


def cpu_info(cpuinfo: Path = Path("/proc/cpuinfo")) -> CpuInfo:
    """Describe the processor, from ``/proc/cpuinfo`` where there is one."""
    entries: dict[str, str] = {}
    if cpuinfo.is_file():
        for line in cpuinfo.read_text(encoding="utf-8").splitlines():
            key, _, value = line.partition(":")
            entries.setdefault(key.strip(), value.strip())
    present = set(entries.get("flags", entries.get("Features", "")).split())
    return CpuInfo(
        name=entries.get("model name") or platform.processor() or platform.machine(),
        n_cores=n_cores(),
        n_cores_machine=os.cpu_count() or 1,
        flags=tuple(flag for flag in _FLAGS if flag in present),
    )


def cuda_devices() -> tuple[CudaDevice, ...]:
    """Return the GPUs that torch can use. Imports torch, which takes seconds."""
    import torch

    if not torch.cuda.is_available():
        return ()
    found = []
    for index in range(torch.cuda.device_count()):
        properties = torch.cuda.get_device_properties(index)
        found.append(
            CudaDevice(
                index=index,
                name=properties.name,
                nbytes=properties.total_memory,
                compute_capability=(properties.major, properties.minor),
            )
        )
    return tuple(found)
