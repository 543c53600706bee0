"""Functions that workers can import."""

import os
import signal
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from bannercluster.errors import DataError
from bannercluster.runtime.executor import Shared


def double(item: int) -> int:
    return 2 * item


def lookup(table: Shared[list[int]], item: int) -> int:
    return table.get()[item]


@dataclass(frozen=True)
class Job:
    table: Shared[list[int]]
    index: int


def lookup_job(job: Job) -> int:
    return job.table.get()[job.index]


def refuse_three(item: int) -> int:
    if item == 3:
        raise DataError("three has no labels")
    return item


def divide_by_zero(item: int) -> float:
    return item / 0


def mark_and_refuse_first(folder: str, item: int) -> None:
    if item == 0:
        raise DataError("first")
    time.sleep(0.02)
    (Path(folder) / str(item)).touch()


def where(item: int) -> str:
    from distributed import get_worker

    time.sleep(0.01)
    return str(get_worker().address)


def kill_once(folder: str, table: Shared[list[int]], item: int) -> int:
    """Kill the worker at item 3, the first time; the value must still be there afterwards."""
    flag = Path(folder) / "killed"
    if item == 3 and not flag.exists():
        flag.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(0.01)
    return table.get()[item]


def kill(item: int) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def thread_variables(item: int) -> tuple[str | None, str]:
    return os.environ.get("OMP_NUM_THREADS"), threading.current_thread().name


def wait_for(path: str, item: int) -> int:
    deadline = time.monotonic() + 120
    while not Path(path).exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    return item
