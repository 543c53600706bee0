"""Which engine, precision and device "auto" means on this machine."""

import sys
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from bannercluster.encoders.processor import cpu_has_bfloat16, cpu_instruction_set
from bannercluster.encoders.spec import Engine, Precision
from bannercluster.errors import EngineError, UsageError


class ResolvedEngine(NamedTuple):
    """A choice that can be had here, and why it was made."""

    engine: Engine
    precision: Precision
    device: str
    reason: str


def resolve_engine(
    engine: str = "auto", precision: str = "auto", device: str = "auto"
) -> ResolvedEngine:
    """Choose what is left at "auto"; check what is not.

    A CUDA device means torch, and bfloat16 where the device computes it. Without one OpenVINO runs
    on the CPU, in bfloat16 where the CPU has AVX512_BF16 or AMX_BF16, else in float32.

    Parameters
    ----------
    engine : {"auto", "openvino", "torch"}
    precision : {"auto", "float32", "bfloat16"}
    device : str
        "auto", "cpu", "cuda" or "cuda:<index>".

    Raises
    ------
    UsageError
        If a word is not one of these.
    EngineError
        If something asked for by name is not available here. Nothing else is put in its place.
    """
    _one_of("engine", engine, ("auto", "openvino", "torch"))
    _one_of("precision", precision, ("auto", "float32", "bfloat16"))
    kind, _, index = device.partition(":")
    if kind not in ("auto", "cpu", "cuda") or (index and (kind != "cuda" or not index.isdigit())):
        raise UsageError(f"device is {device!r}; expected auto, cpu, cuda or cuda:<index>")
    if engine == "openvino" and kind == "cuda":
        raise EngineError("engine openvino runs on the CPU; use engine torch with a CUDA device")

    if kind == "cuda":
        n_devices = _n_cuda_devices()
        if int(index or 0) >= n_devices:
            raise EngineError(
                f"device {device} was asked for, but torch sees {n_devices} CUDA devices here; "
                "use device cpu or auto, or install the driver and a CUDA build of torch"
            )
        return _on_cuda(precision, int(index or 0), f"device {device} was asked for")
    if kind == "auto" and engine != "openvino":
        if _n_cuda_devices() > 0:
            return _on_cuda(precision, 0, "a CUDA device is there")
        return _on_cpu(engine, precision, "no CUDA device is there")
    why = "device cpu was asked for" if kind == "cpu" else "engine openvino runs on the CPU"
    return _on_cpu(engine, precision, why)


def _on_cuda(precision: str, index: int, why: str) -> ResolvedEngine:
    import torch

    major, minor = torch.cuda.get_device_capability(index)
    has_bfloat16 = major >= 8
    if precision == "bfloat16" and not has_bfloat16:
        raise EngineError(
            f"bfloat16 was asked for, but cuda:{index} has compute capability {major}.{minor}; "
            "it takes 8.0. Use precision float32 or auto"
        )
    chosen: Precision = "bfloat16" if has_bfloat16 and precision != "float32" else "float32"
    return ResolvedEngine("torch", chosen, f"cuda:{index}", f"{why}; {_because(precision, chosen)}")


def _on_cpu(engine: str, precision: str, why: str) -> ResolvedEngine:
    has_openvino = find_spec("openvino") is not None
    if engine == "openvino" and not has_openvino:
        raise EngineError(
            "engine openvino was asked for, but it is not installed: pip install openvino"
        )
    chosen_engine: Engine = "torch" if engine == "torch" or not has_openvino else "openvino"
    if engine == "auto" and chosen_engine == "torch":
        why += "; openvino is not installed"
    if precision == "bfloat16" and not cpu_has_bfloat16():
        raise EngineError(
            f"bfloat16 was asked for, but this CPU ({cpu_instruction_set()}) has neither "
            "AVX512_BF16 nor AMX_BF16; use precision float32 or auto"
        )
    chosen: Precision = "bfloat16" if cpu_has_bfloat16() and precision != "float32" else "float32"
    return ResolvedEngine(
        chosen_engine,
        chosen,
        "cpu",
        f"{why}; {_because(precision, chosen)} (CPU: {cpu_instruction_set()})",
    )


def _because(asked: str, chosen: str) -> str:
    if asked != "auto":
        return f"{chosen} was asked for"
    return f"{chosen} is the fastest that the hardware computes"


def _one_of(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise UsageError(f"{name} is {value!r}; expected one of {', '.join(allowed)}")


def _n_cuda_devices() -> int:
    # torch takes seconds to import: without a driver there is nothing that it could find.
    driver = ("/dev/nvidiactl", "/proc/driver/nvidia", "/dev/dxg")
    if sys.platform == "linux" and not any(Path(path).exists() for path in driver):
        return 0
    import torch

    return torch.cuda.device_count() if torch.cuda.is_available() else 0
