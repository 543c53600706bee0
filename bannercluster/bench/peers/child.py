"""A process that fits what it is asked for: lines of JSON to it, lines of JSON back."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from bannercluster.bench.peers.catalogue import HARNESS
from bannercluster.errors import BannerclusterError

_THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "NUMBA_NUM_THREADS",
)
_LAST_CHARS = 400
_ENDS_WITHIN_S = 20.0


class PeerError(BannerclusterError):
    """A measured process ended, said something else, or did not answer in time."""


class Child:
    """A harness with one peer in it.

    Parameters
    ----------
    python : Path
    script : Path
        File of the peer.
    n_threads : int
        Of the libraries below the peer.
    scratch : Path
        Folder for what the peer writes aside.
    isolated : bool
        Leave this process's Python path behind.
    timeout_s : float
        Longest time that one answer may take.
    """

    def __init__(
        self,
        python: Path,
        script: Path,
        *,
        n_threads: int,
        scratch: Path,
        isolated: bool,
        timeout_s: float,
    ) -> None:
        self.timeout_s = timeout_s
        self._log: IO[bytes] = tempfile.TemporaryFile(dir=scratch)  # noqa: SIM115 - closed below
        self._pending = b""
        env = {
            **os.environ,
            **dict.fromkeys(_THREADS, str(n_threads)),
            "TMPDIR": str(scratch),
            "SPARK_LOCAL_DIRS": str(scratch),
            "PYSPARK_PYTHON": str(python),
            "PYSPARK_DRIVER_PYTHON": str(python),
        }
        if isolated:
            env.pop("PYTHONPATH", None)
        # A session of its own, so that what the peer starts (a JVM) can be ended with it.
        self._process = subprocess.Popen(  # noqa: S603 - our own script
            [str(python), "-I" if isolated else "-P", str(HARNESS), str(script)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env=env,
            cwd=scratch,
            start_new_session=True,
        )

    def __enter__(self) -> Child:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def load(self, rows: Path, n_rows: int, n_threads: int) -> dict[str, Any]:
        """Have the rows loaded; returns versions, ``load_s``, ``warm_up_s`` and ``prepare_s``."""
        return self.ask({"rows": str(rows), "n_rows": n_rows, "n_threads": n_threads})

    def fit(
        self,
        jobs: Sequence[Sequence[tuple[int, int]]],
        init: Mapping[int, Path],
        out: Path,
        *,
        max_iter: int,
        dtype: str = "float32",
        call: str = "fit",
    ) -> dict[str, Any]:
        """Have (k, restart) pairs fitted, each job timed as a whole, with a tolerance of zero."""
        return self.ask(
            {
                "call": call,
                "jobs": [[{"k": k, "restart": restart} for k, restart in job] for job in jobs],
                "init": {str(k): str(path) for k, path in init.items()},
                "max_iter": max_iter,
                "tol": 0.0,
                "out": str(out),
                "dtype": dtype,
            }
        )

    def ask(self, what: dict[str, Any]) -> dict[str, Any]:
        """Send a line and return the answer.

        Raises
        ------
        PeerError
            If the process ends, or does not answer in time.
        """
        assert self._process.stdin is not None  # noqa: S101 - it is a pipe
        try:
            self._process.stdin.write(json.dumps(what).encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise PeerError(self._how_it_ended()) from None
        line = self._line()
        try:
            answer: dict[str, Any] = json.loads(line)
        except json.JSONDecodeError as error:
            raise PeerError(f"its answer is no JSON: {line[:_LAST_CHARS]!r}") from error
        return answer

    def _line(self) -> bytes:
        assert self._process.stdout is not None  # noqa: S101 - it is a pipe
        descriptor = self._process.stdout.fileno()
        ends = time.monotonic() + self.timeout_s
        while b"\n" not in self._pending:
            left = ends - time.monotonic()
            if left <= 0 or not select.select([descriptor], [], [], left)[0]:
                raise PeerError(f"it did not answer within {self.timeout_s:g} s")
            read = os.read(descriptor, 1 << 16)
            if not read:
                raise PeerError(self._how_it_ended())
            self._pending += read
        line, _, self._pending = self._pending.partition(b"\n")
        return line

    def _how_it_ended(self) -> str:
        """Say what a process that hung up said last."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_ENDS_WITHIN_S)
        self._log.seek(0)
        said = self._log.read().decode("utf-8", "replace").strip()
        last = said.splitlines()[-1] if said else "without a word"
        return f"it ended with exit code {self._process.poll()}: {last[-_LAST_CHARS:]}"

    def close(self) -> None:
        """End the process: at its own pace at first, then with all that it started."""
        if self._process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.close()
        late = False
        try:
            self._process.wait(_ENDS_WITHIN_S if self._process.poll() is None else 0)
        except subprocess.TimeoutExpired:
            late = True
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        if late:
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._log.close()
