"""What a worker must have, or it would compute something else: checked on it, once a process."""

import importlib.metadata
import platform
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from bannercluster.runtime.environment import library_version

LIBRARIES_OF_RESULTS = (
    "bannercluster",
    # Arithmetic: rounding and the order of sums are theirs to choose.
    "numpy",
    "torch",
    "numba",
    "openvino",
    # Pixels: decoding and resizing; the graph of a network.
    "pillow",
    "timm",
    # What travels: tasks are pickled by one and read by the other.
    "cloudpickle",
    "dask",
    "distributed",
)


class Demand(Protocol):
    """Something that a worker must have. Hashable, and pickles."""

    def refusal(self) -> str | None:
        """Return why this process does not have it, to follow "the worker X", or None."""


@dataclass(frozen=True)
class SameVersions:
    """The versions that shape a result must be those of the process that runs the stage.

    Parameters
    ----------
    python : str
        Major and minor version: byte code travels.
    libraries : tuple of (name, version or None)
    """

    python: str
    libraries: tuple[tuple[str, str | None], ...]

    @classmethod
    def as_here(cls) -> "SameVersions":
        """Return the versions of this process."""
        found = tuple((name, library_version(name)) for name in LIBRARIES_OF_RESULTS)
        return cls(minor_version(), found)

    def refusal(self) -> str | None:
        """Return which versions differ here, or None."""
        here = SameVersions.as_here()
        theirs = [("python", here.python), *here.libraries]
        ours = [("python", self.python), *self.libraries]
        differing = [
            f"{name} {found or 'missing'} (here {wanted or 'missing'})"
            for (name, found), (_, wanted) in zip(theirs, ours, strict=True)
            if found != wanted
        ]
        if not differing:
            return None
        return (
            f"has {', '.join(differing)}: results would differ; install the same versions there "
            "(one image for scheduler, workers and client)"
        )


def minor_version() -> str:
    """Return the version of Python without the patch: ``3.11``."""
    return ".".join(platform.python_version_tuple()[:2])


def our_version() -> str:
    """Return the version that the workers must have too."""
    return importlib.metadata.version("bannercluster")


_met: set[Demand] = set()
_lock = threading.Lock()


def unmet(demands: Sequence[Demand]) -> tuple[str, ...]:
    """Return what this process lacks; what it was found to have is not looked at again."""
    with _lock:
        fresh = [demand for demand in demands if demand not in _met]
    reasons = []
    for demand in fresh:
        reason = demand.refusal()
        if reason is None:
            with _lock:
                _met.add(demand)
        else:
            reasons.append(reason)
    return tuple(reasons)
