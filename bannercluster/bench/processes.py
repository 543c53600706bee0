"""What a command takes: time, processor, memory and bytes of its whole tree of processes.

- Time on the clock, from the start to the end of the command.
- Processor: user and system time of the command and of all that it waited for, as the kernel
  counts them at its end (``wait4``).
- Memory: resident memory of all processes of the tree together, looked at every 20 ms, or the
  kernel's own high-water mark of the command (``VmHWM``) where that is more. Pages that processes
  share count once in each.
- Bytes: ``/proc/<pid>/io`` after the last instruction and before the command is waited for, which
  holds those of its children too. ``rchar`` and ``wchar`` are what it asked for, from the cache
  or not, and pipes; ``read_bytes`` and ``write_bytes`` what the disks moved for it.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from bannercluster.errors import UsageError

_INTERVAL_S = 0.02


@dataclass(frozen=True)
class Usage:
    """What one run of a command took.

    Parameters
    ----------
    exit_code : int
        Negative: the number of the signal that ended it.
    wall_s, cpu_s : float
    peak_nbytes : int
    asked_read_nbytes, asked_written_nbytes : int
        ``rchar`` and ``wchar``.
    disk_read_nbytes, disk_written_nbytes : int
        ``read_bytes`` and ``write_bytes``.
    stdout, stderr : str
    """

    exit_code: int
    wall_s: float
    cpu_s: float
    peak_nbytes: int
    asked_read_nbytes: int
    asked_written_nbytes: int
    disk_read_nbytes: int
    disk_written_nbytes: int
    stdout: str
    stderr: str


def measure(command: Sequence[str], *, folder: Path, variables: Mapping[str, str]) -> Usage:
    """Run a command to its end.

    Parameters
    ----------
    command : sequence of str
    folder : Path
        Where it runs.
    variables : mapping of str to str
        Its environment.

    Raises
    ------
    UsageError
        On a system without ``/proc``.
    """
    if not Path("/proc/self/io").is_file():
        raise UsageError(
            "this system has no /proc/<pid>/io; expected Linux: run the measurement there"
        )
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        started = time.perf_counter()
        child = subprocess.Popen(  # noqa: S603 the caller's own command
            command,
            cwd=folder,
            env=dict(variables),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
        )
        sampler = _Sampler(child.pid)
        try:
            with sampler:
                # It is a zombie from here until it is waited for: its counters are final.
                os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
            wall_s = time.perf_counter() - started
            moved = _moved(child.pid)
            _, status, used = os.wait4(child.pid, 0)
            child.returncode = os.waitstatus_to_exitcode(status)
        finally:
            if child.returncode is None:
                child.kill()
                child.wait()
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read().decode("utf-8", "replace"))
    return Usage(
        child.returncode,
        wall_s,
        used.ru_utime + used.ru_stime,
        sampler.peak_nbytes,
        moved["rchar"],
        moved["wchar"],
        moved["read_bytes"],
        moved["write_bytes"],
        *texts,
    )


def _moved(pid: int) -> dict[str, int]:
    lines = Path(f"/proc/{pid}/io").read_text(encoding="ascii").splitlines()
    return {name: int(value) for name, value in (line.split(": ") for line in lines)}


class _Sampler:
    """Looks at the memory of a tree of processes on a thread of its own.

    Parameters
    ----------
    pid : int
        Of the root of the tree.
    """

    def __init__(self, pid: int) -> None:
        self._root = psutil.Process(pid)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, name="memory of the tree", daemon=True)
        self.peak_nbytes = 0

    def __enter__(self) -> _Sampler:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._ended.set()
        self._thread.join()

    def _look(self) -> None:
        while True:
            self.peak_nbytes = max(self.peak_nbytes, self._tree_nbytes(), self._highest_nbytes())
            if self._ended.wait(_INTERVAL_S):
                return

    def _tree_nbytes(self) -> int:
        try:
            tree = [self._root, *self._root.children(recursive=True)]
        except psutil.NoSuchProcess:
            return 0
        nbytes = 0
        for one in tree:
            try:
                nbytes += int(one.memory_info().rss)
            except (psutil.NoSuchProcess, psutil.ZombieProcess):
                continue  # it ended between the list and the look
        return nbytes

    def _highest_nbytes(self) -> int:
        try:
            text = Path(f"/proc/{self._root.pid}/status").read_text(encoding="utf-8")
        except (FileNotFoundError, ProcessLookupError):
            return 0
        found = [line for line in text.splitlines() if line.startswith("VmHWM")]
        return int(found[0].split()[1]) << 10 if found else 0
