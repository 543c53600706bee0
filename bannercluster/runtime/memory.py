"""What a run will need in memory, held against what it may use before it starts."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from bannercluster.config import RuntimeConfig, format_size, parse_size
from bannercluster.errors import MemoryPlanError
from bannercluster.runtime.cgroup import CgroupLimits, cgroup_limits
from bannercluster.runtime.devices import n_cores

__all__ = [
    "MemoryPart",
    "MemoryPlan",
    "available_memory",
    "format_size",
    "memory_budget",
    "parse_size",
    "worker_count",
]

_SHARE_OF_AVAILABLE = 0.8


def _psutil_available() -> int:
    import psutil

    return int(psutil.virtual_memory().available)


def available_memory(
    limits: CgroupLimits | None = None, machine: Callable[[], int] = _psutil_available
) -> int:
    """Return the bytes that can still be had, on the machine and inside its container."""
    limits = cgroup_limits() if limits is None else limits
    available = machine()
    if limits.memory_limit is not None:
        available = min(available, max(limits.memory_limit - (limits.memory_used or 0), 0))
    return available


def memory_budget(runtime: RuntimeConfig) -> int:
    """Return the bytes that a run may use: ``--memory``, or 80 % of what is available."""
    return runtime.memory or int(_SHARE_OF_AVAILABLE * available_memory())


def worker_count(runtime: RuntimeConfig) -> int:
    """Return the number of local workers: ``--workers``, or one for each core."""
    return runtime.workers or n_cores()


@dataclass(frozen=True)
class MemoryPart:
    """One thing that takes memory.

    Attributes
    ----------
    name
        What it is, for people.
    nbytes
        Its size at the peak.
    per
        ``process``: once, in the process that runs the stage. ``worker``: once in each worker.
    """

    name: str
    nbytes: int
    per: Literal["process", "worker"]


@dataclass(frozen=True)
class MemoryPlan:
    """What a stage needs in memory at its peak, and what it may use."""

    stage: str
    parts: tuple[MemoryPart, ...]
    budget: int

    @property
    def per_process(self) -> int:
        """Bytes that are needed once."""
        return sum(part.nbytes for part in self.parts if part.per == "process")

    @property
    def per_worker(self) -> int:
        """Bytes that every worker needs."""
        return sum(part.nbytes for part in self.parts if part.per == "worker")

    def total(self, n_workers: int) -> int:
        """Return the bytes that the stage needs with so many workers."""
        return self.per_process + n_workers * self.per_worker

    def fitting_workers(self) -> int:
        """Return the largest number of workers that fits; 0 if not even one does."""
        room = self.budget - self.per_process
        if room < self.per_worker or room < 0:
            return 0
        return room // self.per_worker if self.per_worker else n_cores()

    def check(self, n_workers: int | None = None) -> None:
        """Refuse what does not fit.

        Parameters
        ----------
        n_workers
            One for each core by default.

        Raises
        ------
        MemoryPlanError
            With the figures, and the ways out.
        """
        n_workers = n_cores() if n_workers is None else n_workers
        total = self.total(n_workers)
        if total <= self.budget:
            return
        fitting = self.fitting_workers()
        largest = max(self.parts, key=lambda part: part.nbytes)
        smallest = format_size(self.total(1))
        ways = f"use --workers {fitting}" if fitting else f"one worker alone needs {smallest}"
        raise MemoryPlanError(
            f"{self.stage} needs {format_size(total)} ({format_size(self.per_process)} once and "
            f"{format_size(self.per_worker)} for each of {n_workers} workers; the largest part is "
            f"{largest.name}, {format_size(largest.nbytes)}) and may use "
            f"{format_size(self.budget)}: {ways}, allow more with --memory SIZE, or free memory"
        )

    def rows(self, n_workers: int) -> tuple[tuple[str, str, str, str], ...]:
        """Return the plan as a table: part, size, times, sum; the last row is the total."""
        rows = []
        for part in self.parts:
            times = n_workers if part.per == "worker" else 1
            rows.append(
                (
                    part.name,
                    format_size(part.nbytes),
                    f"x {times}",
                    format_size(times * part.nbytes),
                )
            )
        rows.append(("total", "", "", format_size(self.total(n_workers))))
        return tuple(rows)
