"""What a result was made with, for model cards and benchmarks."""

import importlib.metadata
import platform

from bannercluster.runtime.devices import cpu_info

LIBRARIES = (
    "bannercluster",
    "dask",
    "distributed",
    "numba",
    "numpy",
    "openvino",
    "pillow",
    "pyarrow",
    "safetensors",
    "scikit-learn",
    "timm",
    "torch",
    "torchvision",
    "xarray",
    "zarr",
)


def environment() -> dict[str, object]:
    """Return versions, processor and memory as JSON has them. Imports none of the libraries."""
    import psutil

    cpu = cpu_info()
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "libraries": {name: library_version(name) for name in LIBRARIES},
        "cpu": cpu.name,
        "cpu_flags": list(cpu.flags),
        "n_cores": cpu.n_cores,
        "n_cores_machine": cpu.n_cores_machine,
        "memory_bytes": int(psutil.virtual_memory().total),
    }


def library_version(name: str) -> str | None:
    """Return the version of an installed distribution, or None."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
