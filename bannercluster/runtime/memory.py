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
    "library_parts",
    "memory_budget",
    "parse_size",
    "resident_nbytes",
    "with_kept",
    "worker_count",
    "worker_kind",
]

_SHARE_OF_AVAILABLE = 0.8
# What starts after the plan, measured: Dask 40 MiB, stacks and buffers of the threads of the math
# libraries 170 MiB, compiling the loops where the cache of numba is empty 110 MiB.
_STARTED_LATER = 320 << 20
_KEPT_BY_ARENA = 32 << 20


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


def resident_nbytes() -> int:
    """Return the bytes that this process takes now, mapped libraries included."""
    import psutil

    return int(psutil.Process().memory_info().rss)


def memory_budget(runtime: RuntimeConfig) -> int:
    """Return the bytes that a run may use, with those that this process takes already.

    That is ``--memory``, or else what it takes and 80 % of what is available.
    """
    return runtime.memory or resident_nbytes() + int(_SHARE_OF_AVAILABLE * available_memory())


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
    phase
        The part of the run that needs it; phases come one after the other, so that only the
        largest counts. None: it is there from the first to the last.
    """

    name: str
    nbytes: int
    per: Literal["process", "worker"]
    phase: str | None = None


def with_kept(nbytes: int) -> int:
    """Return the bytes of a worker's arrays with those that the allocator keeps of earlier ones.

    glibc gives blocks above 32 MiB back at once; smaller ones stay in the arena of the thread.
    """
    return nbytes + min(nbytes, _KEPT_BY_ARENA)


def worker_kind(
    runtime: RuntimeConfig, prefer: Literal["threads", "processes"]
) -> Literal["threads", "processes"]:
    """Return what a local worker will be: as the user says, or as the stage prefers."""
    return prefer if runtime.pool == "auto" else runtime.pool


def library_parts(
    runtime: RuntimeConfig, prefer: Literal["threads", "processes"], loaded_later: int = 0
) -> tuple[MemoryPart, ...]:
    """Return what the interpreter and the libraries take, in this process and in each worker's.

    What is loaded by now is measured, not estimated: a torch that was built for GPUs takes three
    times as much as one that was not. A worker process loads the same.

    Parameters
    ----------
    runtime : RuntimeConfig
    prefer : {"threads", "processes"}
        The kind of workers that the stage prefers.
    loaded_later : int
        Bytes of libraries that the stage loads after its plan.
    """
    nbytes = resident_nbytes() + _STARTED_LATER + loaded_later
    here = MemoryPart("interpreter and libraries", nbytes, "process")
    if worker_kind(runtime, prefer) == "threads":
        return (here,)
    return (here, MemoryPart("interpreter and libraries of a worker", nbytes, "worker"))


@dataclass(frozen=True)
class MemoryPlan:
    """What a stage needs in memory at its peak, and what it may use."""

    stage: str
    parts: tuple[MemoryPart, ...]
    budget: int

    @property
    def per_process(self) -> int:
        """Bytes that are needed once, in the phase that needs most of them."""
        return max(once for once, _ in self._phases())

    @property
    def per_worker(self) -> int:
        """Bytes that every worker needs, in the phase that needs most of them."""
        return max(each for _, each in self._phases())

    def total(self, n_workers: int) -> int:
        """Return the bytes that the stage needs with so many workers."""
        once, each = self._largest(n_workers)
        return once + n_workers * each

    def fitting_workers(self) -> int:
        """Return the largest number of workers that fits; 0 if not even one does."""
        if self.total(1) > self.budget:
            return 0
        fitting = [(self.budget - once) // each for once, each in self._phases() if each]
        return min(fitting, default=n_cores())

    def share(self, n_workers: int) -> int:
        """Return the bytes that each of so many worker processes may take."""
        return max((self.budget - self.per_process) // n_workers, self.per_worker)

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
        once, each = self._largest(n_workers)
        fitting = self.fitting_workers()
        largest = max(self.parts, key=lambda part: part.nbytes)
        smallest = format_size(self.total(1))
        ways = f"use --workers {fitting}" if fitting else f"one worker alone needs {smallest}"
        raise MemoryPlanError(
            f"{self.stage} needs {format_size(total)} ({format_size(once)} once and "
            f"{format_size(each)} for each of {n_workers} workers; the largest part is "
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
                    part.name if part.phase is None else f"{part.name} ({part.phase})",
                    format_size(part.nbytes),
                    f"x {times}",
                    format_size(times * part.nbytes),
                )
            )
        several = len({part.phase for part in self.parts} - {None}) > 1
        total = "total, in the largest phase" if several else "total"
        rows.append((total, "", "", format_size(self.total(n_workers))))
        return tuple(rows)

    def _phases(self) -> list[tuple[int, int]]:
        """Bytes needed once and in each worker, for each phase."""
        phases = {part.phase for part in self.parts} - {None} or {None}
        return [
            (self._sum("process", phase), self._sum("worker", phase))
            for phase in sorted(phases, key=str)
        ]

    def _sum(self, per: str, phase: str | None) -> int:
        own = (part for part in self.parts if part.per == per and part.phase in (None, phase))
        return sum(part.nbytes for part in own)

    def _largest(self, n_workers: int) -> tuple[int, int]:
        return max(self._phases(), key=lambda phase: phase[0] + n_workers * phase[1])
