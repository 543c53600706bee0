"""The peak memory of a command: its whole tree of processes, sampled from outside.

One process is exact: the kernel keeps the peak of its resident set (``VmHWM``). Of several, the
memory that they allocated is summed at each sample (``Pss_Anon`` and ``Pss_Shmem``: what a fork
shares counts once), and the files that are mapped, which are the same libraries in each, count as
often as they lie in memory: once. The page cache of files that are read counts nowhere.
"""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

EVERY_S = 0.02
_LISTED_EVERY_S = 0.1
_DEADLINE_S = 600
MIB = 2**20


@dataclass(frozen=True)
class Measured:
    """What a command did and took; ``n_started`` counts a process that was replaced twice."""

    code: int
    out: str
    err: str
    peak_nbytes: int
    n_processes: int
    n_started: int


def measure(command: Sequence[str], env: Mapping[str, str] | None = None) -> Measured:
    """Run a command to its end and watch the memory of all its processes."""
    child = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **(env or {})},
    )
    watch = _Watch(child.pid)
    thread = threading.Thread(target=watch.run, daemon=True)
    thread.start()
    try:
        out, err = child.communicate(timeout=_DEADLINE_S)
    finally:
        child.kill()
        watch.ended = True
        thread.join()
    return Measured(
        child.returncode, out, err, watch.peak_nbytes, watch.n_processes, len(watch.seen)
    )


def bc(line: str, **env: str) -> Measured:
    """Run ``bc`` in a process of its own, without a dashboard."""
    code = "import sys; from bannercluster.cli.main import main; sys.exit(main(sys.argv[1:]))"
    surroundings = {"BC_RUNTIME_DASHBOARD": "off", "COLUMNS": "200", **env}
    return measure([sys.executable, "-c", code, *line.split()], surroundings)


def planned(line: str, **env: str) -> dict:
    """The memory that ``--dry-run`` says the command needs.

    It is asked of a process of its own: a plan counts what the process that it is made in has
    already taken, which of the tests' own process is what all tests before it left behind.
    """
    said = bc(f"{line} --dry-run --json", **env)
    assert said.code == 0, said.err
    memory = json.loads(said.out)["memory"]
    assert isinstance(memory, dict)
    return memory


class _Watch:
    """Samples a tree of processes until it is told that it ended."""

    def __init__(self, pid: int) -> None:
        self.peak_nbytes, self.n_processes, self.ended = 0, 1, False
        self.seen = {pid}
        self._pid, self._tree, self._listed = pid, (pid,), 0.0

    def run(self) -> None:
        while not self.ended:
            self._sample()
            time.sleep(EVERY_S)

    def _sample(self) -> None:
        now = time.monotonic()
        if now - self._listed > _LISTED_EVERY_S:
            self._tree, self._listed = _tree(self._pid), now
            self.n_processes = max(self.n_processes, len(self._tree))
            self.seen.update(self._tree)
        status = [found for pid in self._tree if (found := _fields(pid, "status"))]
        alone = max((of.get("VmHWM", 0) for of in status), default=0)
        together = 0
        if len(status) > 1:
            of_all = [_fields(pid, "smaps_rollup") for pid in self._tree]
            own = sum(of.get("Pss_Anon", 0) + of.get("Pss_Shmem", 0) for of in of_all)
            together = own + max(of.get("RssFile", 0) for of in status)
        self.peak_nbytes = max(self.peak_nbytes, alone, together)


def _tree(pid: int) -> tuple[int, ...]:
    try:
        return (pid, *(child.pid for child in psutil.Process(pid).children(recursive=True)))
    except psutil.Error:
        return (pid,)


def _fields(pid: int, name: str) -> dict[str, int]:
    """Bytes by name, from a file of the kernel; nothing of a process that has ended."""
    try:
        lines = Path(f"/proc/{pid}/{name}").read_text().splitlines()
    except OSError:
        return {}
    fields = (line.split() for line in lines if line.endswith(" kB"))
    return {words[0].rstrip(":"): int(words[1]) * 1024 for words in fields}
