"""How workers share the cores between networks: threads have one together, processes one each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bannercluster.config import RuntimeConfig
from bannercluster.runtime.devices import n_cores
from bannercluster.runtime.executor import Executor
from bannercluster.runtime.memory import worker_count, worker_kind

_THREADS_UP_TO = 4  # workers; more of them are processes, whose Python code runs side by side


@dataclass(frozen=True)
class NetworkPlan:
    """The networks of a run that is to come.

    Parameters
    ----------
    prefer : {"threads", "processes"}
        The kind of workers that a stage with networks prefers.
    per : {"process", "worker"}
        What has a network of its own.
    threads : int
        Inference threads of a network.
    """

    prefer: Literal["threads", "processes"]
    per: Literal["process", "worker"]
    threads: int

    @classmethod
    def of(cls, runtime: RuntimeConfig) -> NetworkPlan:
        """Plan as the settings ask."""
        n_workers = worker_count(runtime)
        prefer: Literal["threads", "processes"] = (
            "processes" if n_workers > _THREADS_UP_TO else "threads"
        )
        if worker_kind(runtime, prefer) == "threads":
            return cls(prefer, "process", n_cores())
        return cls(prefer, "worker", _share(n_workers))


def inference_threads(executor: Executor) -> int:
    """Return the inference threads of a network on the workers of an executor."""
    return n_cores() if executor.kind == "threads" else _share(executor.n_workers)


def _share(n_workers: int) -> int:
    return max(1, n_cores() // n_workers)
