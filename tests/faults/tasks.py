"""Tasks that workers of the tests can import."""

import os
import signal
import time
from pathlib import Path

from bannercluster.runtime.executor import Shared


def lookup(table: Shared[list[int]], item: int) -> int:
    time.sleep(0.05)
    return table.get()[item]


def first_waits(folder: str, item: int) -> int:
    """Item 0 hangs where it runs first, and only there."""
    if item == 0:
        try:
            (Path(folder) / "hangs").touch(exist_ok=False)
        except FileExistsError:
            return item
        deadline = time.monotonic() + 40
        while not (Path(folder) / "over").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        return -1
    return item


def wait_for(file: str, item: int) -> int:
    deadline = time.monotonic() + 60
    while not Path(file).exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    return item


def lookup_later(table: Shared[list[int]], file: str, item: int) -> int:
    return table.get()[wait_for(file, item)]


def place(item: int) -> str:
    from distributed import get_worker

    time.sleep(0.05)
    return str(get_worker().address)


def fill_memory(item: int) -> None:
    """Take more memory than a worker may, and wait to be found."""
    kept = [bytes([1]) * 2**24 for _ in range(64)]
    time.sleep(60)
    kept.clear()


def kill_first_times(folder: str, n_times: int, item: int) -> int:
    """Item 0 takes its worker with it, so many times."""
    deaths = list(Path(folder).iterdir())
    if item == 0 and len(deaths) < n_times:
        (Path(folder) / str(len(deaths))).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return item
