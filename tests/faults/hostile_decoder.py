"""The process that decodes, with a decoder that marked images can crash, hang and exhaust.

Run as a script in the place of ``-m bannercluster.media.child``. No known file does these things
to the decoders of today, so a file says with a word after its last byte what it does.
"""

import contextlib
import ctypes
import os
import re
import signal
import socket
import sys
import time
from pathlib import Path

from bannercluster.media import child

MARK = b"\nhostile:"
DECODER = (__file__,)


def marked(data: bytes, deed: str) -> bytes:
    """A file that does something to the decoder."""
    return data + MARK + deed.encode()


def _exhaust():
    """Ask for ever more and write into none of it: that spends no time before the limit."""
    taken = []
    while True:
        taken.append(bytes(5_000_000))


def _link():
    """The socket to the run: the only one that this process has."""
    for path in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            if str(path.readlink()).startswith("socket:"):
                return socket.socket(fileno=os.dup(int(path.name)))
    raise AssertionError("no socket")


def _write_a_file(place):
    with Path(place).open("wb") as file:
        file.write(b"x" * 1000)


def _huge_answer():
    """An answer of the right form that promises more pixels than there can be."""
    from bannercluster.media.wire import _ANSWER

    _link().sendall(_ANSWER.pack(b"bcd1", 0, 300, 250, 2**31, 2**31, 1, 1, 0, 0, 0))
    time.sleep(1_000)


def _die_once(place):
    """Killed from outside the first time; `mkdir` writes no bytes."""
    with contextlib.suppress(FileExistsError):
        Path(place).mkdir()
        os.kill(os.getpid(), signal.SIGKILL)


DEEDS = {
    "segv": lambda: os.kill(os.getpid(), signal.SIGSEGV),
    "real segv": lambda: ctypes.string_at(0),
    "abort": os.abort,
    "exit": lambda: os._exit(3),
    "system exit": lambda: sys.exit(4),
    "kill": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "term": lambda: os.kill(os.getpid(), signal.SIGTERM),
    "burn in C": lambda: re.match(r"(a+)+$", "a" * 60 + "b"),
    "burn in Python": lambda: [None for _ in iter(int, 1)],
    "sleep": lambda: time.sleep(1_000),
    "sleep in C": lambda: ctypes.PyDLL(None).sleep(1_000),
    "stop": lambda: os.kill(os.getpid(), signal.SIGSTOP),
    "exhaust": _exhaust,
    "exhaust at once": lambda: b"x" * (3 << 30),
    "raise": lambda: {}["a bug of the decoder"],
    "nonsense": lambda: (_link().sendall(b"\x89PNG" * 1_000), time.sleep(1_000)),
    "huge answer": _huge_answer,
    "half an answer": lambda: (_link().sendall(b"bcd1\0"), os._exit(0)),
    "print": lambda: os.write(1, b"libtiff says much\n" * 100_000),
}


def decode(request, data, on_pixels):
    _, mark, deed = data.rpartition(MARK)
    if mark:
        name, _, place = deed.decode().partition("@")
        if name == "once":
            _die_once(place)
        elif name == "write":
            _write_a_file(place)
        else:
            DEEDS[name]()
    return child.decode_request(request, data, on_pixels)


if __name__ == "__main__":
    child.main(decode)
