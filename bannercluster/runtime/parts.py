"""Parts of a job on the workers of an executor: those that are missing, with progress."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence, Sized
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from bannercluster.runtime.executor import Executor, Shared
from bannercluster.runtime.progress import Progress

Job = TypeVar("Job")
Part = TypeVar("Part", bound=Sized)


@dataclass(frozen=True)
class Computed:
    """What was computed.

    Parameters
    ----------
    n_contents : int
        Contents of the parts that were missing.
    load_s : float
        Wall time of loading the networks, on the worker that took longest.
    work_s : float
        The other wall time.
    """

    n_contents: int
    load_s: float
    work_s: float


def compute_parts(
    task: Callable[[Shared[Job], Part], float],
    job: Job,
    parts: Sequence[Part],
    missing: Sequence[Part],
    executor: Executor,
    progress: Progress,
    *,
    stage: str,
    unit: str,
    loading: str = "loading the network",
) -> Computed:
    """Compute the parts of a job that are missing.

    Parameters
    ----------
    task : callable
        Computes a part, writes it, and returns the seconds that loading its network took.
        Idempotent.
    job
        What all parts have in common; shared among the workers.
    parts, missing : sequence
        All parts, and those of them to compute; a part is as long as it has contents.
    executor, progress
    stage, unit, loading : str
        What the round is called, what its parts hold, and the remark until one is done.
    """
    started = time.perf_counter()
    n_missing = sum(map(len, missing))
    n_all = sum(map(len, parts))
    load_s = 0.0
    progress.start(stage, n_all, unit)
    try:
        progress.advance(n_all - n_missing, loading if missing else "")
        if missing:
            computing = partial(task, executor.share(job))
            finished = executor.map_unordered(computing, missing)
            for nth, (index, seconds) in enumerate(finished, len(parts) - len(missing) + 1):
                progress.advance(len(missing[index]), f"part {nth} of {len(parts)}")
                load_s = max(load_s, seconds)
    finally:
        progress.finish()
    return Computed(n_missing, load_s, time.perf_counter() - started - load_s)
