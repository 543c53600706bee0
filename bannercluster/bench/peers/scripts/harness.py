"""Times one k-means in a process of its own: JSON lines in, JSON lines out.

Run as ``python harness.py PEER.py``. It knows nothing but numpy and the file of the peer, so it
runs in any environment. The peer's file has

- ``DISTRIBUTIONS``: names of the distributions whose versions are to be told;
- ``prepare(rows, n_threads)``: returns ``fit(inits, max_iter, tol)``, which returns for each array
  of first centres the tuple (centres, labels or None, number of iterations or None).

The first line of stdin says what to load, each further one what to fit; the end of stdin ends the
process. What the peer itself prints goes to stderr.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import os
import platform
import resource
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any, TextIO

import numpy as np

# Rows of the fit that is not timed: it loads libraries and compiles what is compiled.
WARM_UP_ROWS = 5_000


def main() -> None:
    """Load, warm up, then fit what is asked for until stdin ends."""
    # A copy of stdout for the answers: the peer may print what it likes.
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    peer = _peer(Path(sys.argv[1]))
    task = json.loads(sys.stdin.readline())
    started = time.perf_counter()
    rows = np.load(task["rows"], mmap_mode="r")[: task["n_rows"]].astype(np.float32)
    loaded = time.perf_counter()
    _warm_up(peer, rows, task["n_threads"])
    warm = time.perf_counter()
    fit = peer.prepare(rows, task["n_threads"])
    prepared = time.perf_counter()
    _answer(
        out,
        {
            "versions": {name: importlib.metadata.version(name) for name in peer.DISTRIBUTIONS},
            "python": platform.python_version(),
            "load_s": loaded - started,
            "warm_up_s": warm - loaded,
            "prepare_s": prepared - warm,
        },
    )
    for line in sys.stdin:
        asked = json.loads(line)
        if asked.get("dtype") == "float64":
            rows = rows.astype(np.float64)
            fit = peer.prepare(rows, task["n_threads"])
        if asked["call"] == "fit":
            _answer(out, _fitted(fit, asked, rows.dtype))
        else:
            _answer(out, getattr(peer, asked["call"])(rows, task["n_threads"], asked))


def _peer(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("timed_peer", path)
    if spec is None or spec.loader is None:
        raise SystemExit(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules["timed_peer"] = module
    spec.loader.exec_module(module)
    return module


def _warm_up(peer: ModuleType, rows: np.ndarray, n_threads: int) -> None:
    few = rows[:WARM_UP_ROWS]
    peer.prepare(few, n_threads)([np.array(few[:2])], 2, 0.0)


def _fitted(fit: Any, asked: dict[str, Any], dtype: np.dtype[Any]) -> dict[str, Any]:
    """Fit job after job: each is timed, and is one call with all its first centres."""
    jobs = []
    for number, job in enumerate(asked["jobs"]):
        inits = [
            np.load(asked["init"][str(one["k"])], mmap_mode="r")[one["restart"]].astype(dtype)
            for one in job
        ]
        cpu, started = cpu_s(), time.perf_counter()
        found = fit(inits, asked["max_iter"], asked["tol"])
        wall, cpu = time.perf_counter() - started, cpu_s() - cpu
        fits = []
        for one, (centres, labels, n_iter) in zip(job, found, strict=True):
            stem = f"{asked['out']}-{number:02d}-k{one['k']:02d}-r{one['restart']:02d}"
            fits.append(
                {
                    **one,
                    "n_iter": None if n_iter is None else int(n_iter),
                    "centres": _saved(f"{stem}-centres.npy", np.asarray(centres, np.float64)),
                    "labels": None if labels is None else _saved(f"{stem}-labels.npy", labels),
                }
            )
        jobs.append({"wall_s": wall, "cpu_s": cpu, "fits": fits})
    return {"jobs": jobs, "peak_rss_bytes": peak_rss_bytes()}


def _saved(path: str, values: np.ndarray) -> str:
    np.save(path, values)
    return path


def _answer(out: TextIO, answer: dict[str, Any]) -> None:
    out.write(json.dumps(answer) + "\n")
    out.flush()


def cpu_s() -> float:
    """Processor seconds of this process, and of its children that live (Linux)."""
    ticks = 0
    for child in _descendants(os.getpid()):
        try:
            fields = Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()
        except FileNotFoundError:  # it has ended
            continue
        ticks += int(fields[11]) + int(fields[12])
    return time.process_time() + ticks / os.sysconf("SC_CLK_TCK")


def peak_rss_bytes() -> int:
    """Largest resident size of this process, plus that of each child that lives (Linux)."""
    unit = 1 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    for child in _descendants(os.getpid()):
        try:
            status = Path(f"/proc/{child}/status").read_text()
        except FileNotFoundError:  # it has ended
            continue
        peak += 1024 * sum(
            int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")
        )
    return peak


def _descendants(pid: int) -> list[int]:
    found: list[int] = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = [int(word) for word in path.read_text().split()]
        except FileNotFoundError:  # the thread has ended
            continue
        for child in children:
            found += [child, *_descendants(child)]
    return found


if __name__ == "__main__":
    main()
