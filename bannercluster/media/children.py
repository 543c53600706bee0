"""Handles on the process that forks decoding children, and on each child."""

import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import numpy as np

from bannercluster.errors import DecoderError
from bannercluster.media.child import FORK, NUMBER, READY, WAIT
from bannercluster.media.decoding import DecodedImage
from bannercluster.media.wire import (
    Ended,
    Header,
    Nonsense,
    Rejection,
    Request,
    receive_answer,
    receive_into,
    send_request,
)

_START_S = 120.0  # a cold disk, a loaded machine; not met in any healthy start


class Forker:
    """The process that forks children (see `bannercluster.media.child`).

    Parameters
    ----------
    decoder : tuple of str
        Arguments of Python that start it.

    Raises
    ------
    DecoderError
        If it cannot be started.
    """

    def __init__(self, decoder: tuple[str, ...]) -> None:
        self._lock = threading.Lock()
        self._control, theirs = socket.socketpair()
        with theirs, tempfile.TemporaryFile() as said:
            try:
                # A session of its own: Ctrl-C at the terminal is for the run to handle, and must
                # not look like an image that ends its decoder.
                self._process = subprocess.Popen(  # noqa: S603 - our own Python, our own module
                    [sys.executable, "-P", *decoder],
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    stderr=said,
                    env=_environment(),
                    start_new_session=True,
                )
            except OSError as error:
                self._control.close()
                raise DecoderError(f"cannot start a process that decodes: {error}") from error
            theirs.close()
            self._wait_until_ready(said.fileno())

    def _wait_until_ready(self, said: int) -> None:
        self._control.settimeout(_START_S)
        try:
            if self._control.recv(1) == READY:
                self._control.settimeout(None)
                return
        except OSError:
            pass  # what it said on its way down is the better message
        self.close()
        lines = os.pread(said, 100_000, 0).decode(errors="replace").strip().splitlines()
        raise DecoderError(
            f"the process that decodes images did not start "
            f"({lines[-1] if lines else 'it said nothing'}); expected `{sys.executable} -P -m "
            f"bannercluster.media.child` to start: is bannercluster installed whole, and is there "
            f"memory for one more process?"
        )

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process.poll() is None

    def fork(self) -> "Child":
        """Fork a child.

        Raises
        ------
        Ended
            If the process that forks is gone.
        """
        ours, theirs = socket.socketpair()
        try:
            with theirs, self._lock:
                socket.send_fds(self._control, [FORK], [theirs.fileno()])
                pid = self._number()
        except (OSError, Ended) as error:
            ours.close()
            raise Ended from error
        return Child(self, pid, ours)

    def wait(self, pid: int) -> int | None:
        """Wait for the end of a child; its exit code (-n: by signal n), None if nobody knows."""
        try:
            with self._lock:
                self._control.sendall(WAIT + NUMBER.pack(pid))
                return self._number()
        except (OSError, Ended):
            return None

    def _number(self) -> int:
        buffer = bytearray(NUMBER.size)
        receive_into(self._control, memoryview(buffer))
        return int(NUMBER.unpack(buffer)[0])

    def close(self) -> None:
        """End the process; its children end when their sockets close."""
        self._control.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class Child:
    """One decoding child. Used by one thread at a time; `kill` may come from another one."""

    def __init__(self, forker: Forker, pid: int, link: socket.socket) -> None:
        self.pid = pid
        self._forker = forker
        self._link = link
        self.killed_because: str | None = None

    def ask(self, request: Request, data: bytes) -> DecodedImage | Rejection:
        """Have an image decoded.

        Raises
        ------
        Ended, Nonsense
            If the child died, or gave no proper answer; it must not be asked again.
        """
        try:
            send_request(self._link, request, data)
            answer = receive_answer(self._link, request)
            if isinstance(answer, Rejection):
                return answer
            return self._pixels(answer)
        except OSError as error:
            raise Ended from error

    def _pixels(self, header: Header) -> DecodedImage:
        rgb = np.empty((header.h, header.w, 3), np.uint8)
        receive_into(self._link, rgb.data.cast("B"))
        return DecodedImage(
            rgb, header.width, header.height, header.format, header.n_frames, header.frame
        )

    @property
    def idle_and_well(self) -> bool:
        """Whether the child waits for an image: only an ended one has something to say."""
        poll = select.poll()
        poll.register(self._link, select.POLLIN)
        return not poll.poll(0)

    def kill(self, because: str) -> None:
        """Kill the child, so that the thread that waits for its answer goes on."""
        self.killed_because = self.killed_because or because
        self._kill()

    def _kill(self) -> None:
        # Only `Forker.wait` lets a dead child's id go; without the forker it may be another's.
        if self._forker.alive:
            os.kill(self.pid, signal.SIGKILL)
        try:
            self._link.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # it is closed already

    def end(self) -> int | None:
        """End the child if it still runs; its exit code, None if nobody knows."""
        self._kill()
        self._link.close()
        return self._forker.wait(self.pid)


def _environment() -> dict[str, str]:
    """Return an environment in which Python imports what this process would import."""
    path = [str(Path(entry).absolute()) for entry in sys.path]
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(dict.fromkeys(path)),
        "OPENBLAS_NUM_THREADS": "1",  # a fork takes no threads along
        "MALLOC_ARENA_MAX": "1",
    }


__all__ = ["Child", "Ended", "Forker", "Nonsense", "Rejection"]
