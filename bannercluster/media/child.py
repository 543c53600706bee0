"""The process that decodes: ``python -m bannercluster.media.child``, started by `decoders`.

It loads the decoders once and then forks a child for each place where images are decoded, which
takes 3 ms instead of the 0.1 s of a new interpreter: an image that kills its child costs little.
The run asks over a socket at standard input: ``fork``, with the socket of the new child; or
``wait``, how a child ended. When that socket closes, all of it ends.

A child decodes one image at a time, within limits that the kernel keeps, whatever the decoder
does: memory, processor time, time, no core file, no byte written to any file.
"""

import gc
import io
import os
import resource
import signal
import socket
import struct
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from math import isqrt
from pathlib import Path

from PIL import Image

from bannercluster.media.decoding import Picture, decode_picture
from bannercluster.media.preparation import prepare_picture
from bannercluster.media.rejection import ImageRejected
from bannercluster.media.wire import (
    MAX_SENT_PIXELS,
    Request,
    receive_request,
    send_picture,
    send_rejection,
)

FORK, WAIT, READY = b"f", b"w", b"r"
NUMBER = struct.Struct("<q")

BASE_S = 0.5
"""Processor time that any image may take. A banner takes some 0.003 s."""
PER_MEGAPIXEL_S = 0.25
"""Processor time for each million pixels more. The slowest format takes some 0.03 s."""

Decode = Callable[[Request, bytes, Callable[[int], None]], Picture]


def main(decode: Decode | None = None) -> None:
    """Fork children until the run ends; a test gives a decoder of its own."""
    _load_decoders()
    gc.freeze()  # so that collecting garbage in a child copies no page of what they share
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 1)
    os.dup2(null, 2)  # libjpeg and libtiff print there
    with socket.socket(fileno=0) as control:
        control.sendall(READY)
        while True:
            asked, fds, _, _ = socket.recv_fds(control, 1 + NUMBER.size, 1)
            if not asked:
                break
            if asked[:1] == FORK:
                pid = os.fork()
                if pid == 0:
                    _be_a_child(control, fds[0], decode or decode_request)
                os.close(fds[0])
                control.sendall(NUMBER.pack(pid))
            else:
                _, status = os.waitpid(NUMBER.unpack(asked[1:])[0], 0)
                control.sendall(NUMBER.pack(os.waitstatus_to_exitcode(status)))


def decode_request(request: Request, data: bytes, on_pixels: Callable[[int], None]) -> Picture:
    """Do what a request asks for."""
    if request.work == "prepare":
        return prepare_picture(
            data,
            request.limits,
            resize=request.resize,
            input_size=request.input_size,
            stride=request.stride,
            on_pixels=on_pixels,
        )
    picture = decode_picture(
        data,
        request.limits,
        request.input_size**2,
        resize=request.resize,
        on_pixels=on_pixels,
    )
    n_pixels = picture.image.width * picture.image.height
    if n_pixels <= MAX_SENT_PIXELS:
        return picture
    return replace(picture, image=picture.image.reduce(isqrt(n_pixels // MAX_SENT_PIXELS) + 1))


def _be_a_child(control: socket.socket, fd: int, decode: Decode) -> None:
    """Serve one socket and end the process."""
    status = 1
    # Closed by the end of the process and not before: the run then asks at once how it ended.
    link = socket.socket(fileno=fd)
    try:
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, control.fileno())  # the run's end of it must be able to see its end
        for number in (signal.SIGALRM, signal.SIGPROF):
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
        _serve(link, decode)
        status = 0
    except SystemExit as error:
        status = error.code if isinstance(error.code, int) else 1
    finally:
        os._exit(status)


def _serve(link: socket.socket, decode: Decode) -> None:
    base = _address_space()
    while _answer_one(link, decode, base):
        pass


def _answer_one(link: socket.socket, decode: Decode, base: int | None) -> bool:
    """Answer one request and forget all of it; False where the run has ended."""
    received = receive_request(link)
    if received is None:
        return False
    request, data = received
    if base is not None:
        hard = resource.getrlimit(resource.RLIMIT_AS)[1]
        resource.setrlimit(resource.RLIMIT_AS, (base + request.memory_nbytes, hard))
    clock = _Clock(request.limits.timeout_s)
    try:
        picture = decode(request, data, clock.allow)
        clock.stop()
        send_picture(link, picture)
    except ImageRejected as error:
        verdict = error
    except MemoryError:
        verdict = ImageRejected("out_of_memory", f"{len(data)} bytes of image data")
    except Exception as error:  # noqa: BLE001 - the run is told: it costs the image, not the run
        verdict = ImageRejected("decoder_crashed", f"{type(error).__name__}: {error}"[:300])
    else:
        return True
    clock.stop()
    send_rejection(link, verdict, clock.n_pixels)
    return True


class _Clock:
    """Timers of the kernel, whose default action ends the process, also inside C code.

    Processor time is what is rationed: it does not depend on what else the machine does. The timer
    of real time is for a child that sleeps and has lost its run.
    """

    def __init__(self, timeout_s: float) -> None:
        self.n_pixels = 0
        self._timeout_s = timeout_s
        self._started = time.process_time()
        signal.setitimer(signal.ITIMER_REAL, wall_limit_s(timeout_s))
        self.allow(0)

    def allow(self, n_pixels: int) -> None:
        """Set the processor time to that of so many pixels."""
        self.n_pixels = n_pixels
        allowed = min(self._timeout_s, BASE_S + PER_MEGAPIXEL_S * n_pixels / 1e6)
        left = allowed - (time.process_time() - self._started)
        signal.setitimer(signal.ITIMER_PROF, max(left, 1e-3))

    def stop(self) -> None:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)


def wall_limit_s(timeout_s: float) -> float:
    """Return the time after which a child is ended whatever it does: it may be starved, or swap."""
    return 60 + 10 * timeout_s


def _address_space() -> int | None:
    """Return the bytes of this process's address space; None where the system does not say."""
    try:
        n_pages = int(Path("/proc/self/statm").read_text().split()[0])
    except FileNotFoundError:
        return None
    return n_pages * resource.getpagesize()


def _load_decoders() -> None:
    """Import what decoding needs, so that no child imports it within an image's time."""
    Image.init()
    small = Image.new("RGB", (2, 2))
    for kind in ("PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF"):
        buffer = io.BytesIO()
        small.save(buffer, kind)
        Image.open(io.BytesIO(buffer.getvalue())).load()


if __name__ == "__main__":
    main()
    sys.exit(0)
