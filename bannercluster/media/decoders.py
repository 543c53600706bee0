"""Images decoded in children: what an image does to its decoder costs that image, not the run.

A pool belongs to a process and is kept until the process ends. At most ``places`` children are at
work. A child that works on one image for long is *slow*: it goes on, but gives up its place, so
that one bad image does not hold up the others.
"""

import atexit
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from bannercluster.errors import DecoderError
from bannercluster.media.children import Child, Ended, Forker, Nonsense
from bannercluster.media.decoding import DecodedImage, DecodeLimits
from bannercluster.media.rejection import ImageRejected
from bannercluster.media.shapes import Resize
from bannercluster.media.watch import Watch
from bannercluster.media.wire import Request

DECODER: tuple[str, ...] = ("-m", "bannercluster.media.child")
"""Arguments of Python that start the process that decodes. Tests start one of their own."""

SMALL_NBYTES = 96 << 20
"""Memory of a first try. An image that needs more is tried again with ``limits.memory_nbytes``,
one such image at a time, so that a run needs that memory once and not once for each child."""

_FORKER_NBYTES = 40 << 20  # measured: 34 MiB resident
_CHILD_NBYTES = 26 << 20  # measured: 23 MiB resident when idle, 21 of them shared
_NBYTES_PER_PIXEL = 24  # what decoding takes at worst, with room: WebP takes 16


@dataclass(frozen=True)
class _Failure:
    """A verdict, and whether another try could come to another one."""

    verdict: ImageRejected
    open: bool


class DecoderPool:
    """Children that decode, shared by the threads of a process.

    Parameters
    ----------
    places : int
        Children at work. As many more may be slow, and one more may have a large image.
    decoder : tuple of str
        As `DECODER`.
    """

    def __init__(self, places: int, decoder: tuple[str, ...] = DECODER) -> None:
        self._places = places
        self._decoder = decoder
        self._changed = threading.Condition()
        self._forking = threading.Lock()
        self._large = threading.Lock()
        self._forker: Forker | None = None
        self._idle: list[Child] = []
        self._children: set[Child] = set()
        self._n_working = self._n_slow = 0
        self._closed = False
        self._watch = Watch()

    def run(self, request: Request, data: bytes) -> DecodedImage:
        """Decode one image.

        A first try that ends in what memory or somebody else's signal could have caused is
        repeated, with all the memory allowed; only the second verdict counts.

        Raises
        ------
        ImageRejected
            With the reason.
        DecoderError
            If no child can be started, or the pool was closed.
        """
        small = min(request.memory_nbytes, SMALL_NBYTES)
        with self._place() as place:
            found = self._try(replace(request, memory_nbytes=small), data, place)
        if isinstance(found, _Failure) and found.open:
            with self._large:
                found = self._try(request, data, None)
        if isinstance(found, _Failure):
            raise found.verdict
        return found

    def _try(
        self, request: Request, data: bytes, place: "_Place | None"
    ) -> DecodedImage | _Failure:
        # A large image gets a child of its own, whose memory no earlier image has cut to pieces.
        child = self._new_child() if place is None else self._child()
        self._watch.begin(
            child, request.limits.timeout_s, self._no_place if place is None else place.give_up
        )
        try:
            answer = child.ask(request, data)
        except (Ended, Nonsense) as error:
            self._watch.end(child)
            return self._post_mortem(child, error, request.limits.timeout_s)
        self._watch.end(child)
        if child.killed_because or place is None:
            self._let_go(child)
        else:
            with self._changed:
                self._idle.append(child)
        if isinstance(answer, DecodedImage):
            return answer
        # Without a number of pixels it failed while the file was opened: WebP decodes there.
        n_pixels = answer.n_pixels or request.memory_nbytes
        short = n_pixels * _NBYTES_PER_PIXEL > request.memory_nbytes
        reason = answer.verdict.reason
        return _Failure(
            answer.verdict, reason == "out_of_memory" or (reason == "decode_error" and short)
        )

    def _post_mortem(self, child: Child, error: Exception, timeout_s: float) -> _Failure:
        """Say what ended a child while it had an image."""
        code = child.end()
        with self._changed:
            self._children.discard(child)
            if self._closed:
                raise DecoderError("the decoders were ended while an image was decoded")
        if child.killed_because:
            return _Failure(ImageRejected("decoder_timeout", child.killed_because), False)
        if code == -signal.SIGPROF:
            said = f"more processor time than its size explains, or than {timeout_s:g} s"
            return _Failure(ImageRejected("decoder_timeout", said), False)
        if code == -signal.SIGALRM:
            return _Failure(ImageRejected("decoder_timeout", "no answer"), False)
        if isinstance(error, Nonsense):
            return _Failure(ImageRejected("decoder_crashed", f"it answered {error}"), True)
        if code == -signal.SIGKILL:
            said = "killed twice from outside (SIGKILL), as the system does where memory ends"
            return _Failure(ImageRejected("out_of_memory", said), True)
        return _Failure(ImageRejected("decoder_crashed", _ended_by(code)), True)

    def _child(self) -> Child:
        """Return a child that waits for an image: an idle one, or a new one."""
        while True:
            with self._changed:
                if self._closed:
                    raise DecoderError("the decoders of this process were ended")
                child = self._idle.pop() if self._idle else None
            if child is None:
                return self._new_child()
            if child.idle_and_well:
                return child
            self._let_go(child)

    def _new_child(self) -> Child:
        with self._forking:
            for _ in range(2):
                if self._forker is None:
                    self._forker = Forker(self._decoder)
                try:
                    child = self._forker.fork()
                except Ended:
                    self._forker.close()
                    self._forker = None
                    continue
                with self._changed:
                    self._children.add(child)
                return child
        raise DecoderError("the process that forks decoders ends again and again; is memory short?")

    def _let_go(self, child: Child) -> None:
        child.end()
        with self._changed:
            self._children.discard(child)

    @contextmanager
    def _place(self) -> Iterator["_Place"]:
        with self._changed:
            self._changed.wait_for(lambda: self._n_working < self._places)
            self._n_working += 1
        place = _Place(self)
        try:
            yield place
        finally:
            with self._changed:
                if place.given_up:
                    self._n_slow -= 1
                else:
                    self._n_working -= 1
                self._changed.notify()

    def _no_place(self) -> None:
        """Give up no place: a large image has none."""

    def close(self) -> None:
        """End all children; an image that is being decoded gets no verdict."""
        with self._changed:
            self._closed = True
            children = list(self._children)
            self._children.clear()
        self._watch.close()
        for child in children:
            child.kill("the pool was closed")
        with self._forking:
            for child in self._idle:
                child.end()
            self._idle.clear()
            if self._forker is not None:
                self._forker.close()
                self._forker = None


class _Place:
    """A place at work; given up by a child that is slow, as long as few are."""

    def __init__(self, pool: DecoderPool) -> None:
        self._pool = pool
        self.given_up = False

    def give_up(self) -> None:
        pool = self._pool
        with pool._changed:
            if pool._n_slow < pool._places:
                pool._n_slow += 1
                pool._n_working -= 1
                self.given_up = True
                pool._changed.notify()


def _ended_by(code: int | None) -> str:
    if code is None:
        return "the decoder ended"
    if code >= 0:
        return f"the decoder ended with exit status {code}"
    try:
        return f"the decoder was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"the decoder was ended by signal {-code}"


def planned_nbytes(places: int, limits: DecodeLimits) -> int:
    """Return the bytes that a pool takes at most, beside the process that it belongs to."""
    small = min(SMALL_NBYTES, limits.memory_nbytes)
    large = _CHILD_NBYTES + limits.memory_nbytes
    return _FORKER_NBYTES + 2 * places * (_CHILD_NBYTES + small) + large


_lock = threading.Lock()
_pools: dict[tuple[int, tuple[str, ...]], DecoderPool] = {}
_inherited: list[DecoderPool] = []


def decoder_pool(places: int, decoder: tuple[str, ...] | None = None) -> DecoderPool:
    """Return this process's pool of so many places."""
    key = (max(1, places), DECODER if decoder is None else decoder)
    with _lock:
        if key not in _pools:
            _pools[key] = DecoderPool(*key)
        return _pools[key]


def close_decoders() -> None:
    """End the decoders of this process; the next image starts new ones."""
    with _lock:
        pools = list(_pools.values())
        _pools.clear()
    for pool in pools:
        pool.close()


def prepare(
    data: bytes,
    *,
    resize: Resize,
    input_size: int,
    limits: DecodeLimits,
    places: int,
    decoder: tuple[str, ...] | None = None,
    stride: int = 32,
) -> DecodedImage:
    """As `bannercluster.media.prepare`, in a child.

    Parameters
    ----------
    places, decoder
        Of the pool, see `decoder_pool`.

    Raises
    ------
    ImageRejected
        With the reason: one of `decode`, or what became of the child.
    DecoderError
        If no child can be started.
    """
    request = Request("prepare", resize, input_size, stride, limits, limits.memory_nbytes)
    return decoder_pool(places, decoder).run(request, data)


def decode_near(
    data: bytes,
    *,
    side: int,
    limits: DecodeLimits,
    places: int,
    decoder: tuple[str, ...] | None = None,
) -> DecodedImage:
    """Decode in a child for a smaller picture to be made of it.

    Parameters
    ----------
    side : int
        Large JPEGs are decoded at a scale still no smaller than about ``side ** 2`` pixels. No
        picture comes back with more than `bannercluster.media.wire.MAX_SENT_PIXELS`.

    Raises
    ------
    ImageRejected, DecoderError
        As `prepare`.
    """
    request = Request("decode", "native", side, 32, limits, limits.memory_nbytes)
    return decoder_pool(places, decoder).run(request, data)


def _leave_to_the_parent() -> None:
    """Forget the pools in a fork of this process: their children belong to the other one."""
    global _lock
    _lock = threading.Lock()
    _inherited.extend(_pools.values())
    _pools.clear()


atexit.register(close_decoders)
os.register_at_fork(after_in_child=_leave_to_the_parent)
