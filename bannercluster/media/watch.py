"""A thread that looks at the children that are at work, and ends those that got stuck."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from bannercluster.media.child import wall_limit_s
from bannercluster.media.children import Child

SLOW_S = 0.25
"""After this time on one image a child is slow, and another one takes the next image."""

_LOOK_S = 0.1
_QUIET_LOOKS = 20


@dataclass
class _Watched:
    child: Child
    timeout_s: float
    on_slow: Callable[[], None]
    started: float = field(default_factory=time.monotonic)
    slow: bool = False
    cpu_s: float = -1.0
    quiet_looks: int = 0


class Watch:
    """Looks every 0.1 s at the children at work, and at nothing while none is.

    Processor time is limited by the kernel. What is left to see here is a child that waits for
    what never comes: asleep, without processor time, 20 looks in a row. Looks are counted, not
    seconds, so that a run that was itself stopped for a while (Ctrl-Z) blames no image for it.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._watched: dict[Child, _Watched] = {}
        self._thread: threading.Thread | None = None
        self._closed = False

    def begin(self, child: Child, timeout_s: float, on_slow: Callable[[], None]) -> None:
        """Watch a child; ``on_slow`` is called once if it becomes slow."""
        with self._changed:
            self._watched[child] = _Watched(child, timeout_s, on_slow)
            if self._thread is None:
                self._thread = threading.Thread(target=self._look_on, daemon=True, name="decoders")
                self._thread.start()
            self._changed.notify()

    def end(self, child: Child) -> None:
        """Watch a child no longer; it is not killed after this."""
        with self._changed:
            del self._watched[child]

    def close(self) -> None:
        """End the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify()

    def _look_on(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._watched or self._closed)
                if self._closed:
                    return
                for watched in self._watched.values():
                    _look(watched)
            time.sleep(_LOOK_S)


def _look(watched: _Watched) -> None:
    elapsed_s = time.monotonic() - watched.started
    if elapsed_s < SLOW_S:
        return
    if not watched.slow:
        watched.slow = True
        watched.on_slow()
    limit_s = wall_limit_s(watched.timeout_s)
    if elapsed_s > limit_s:
        watched.child.kill(f"no answer within {limit_s:g} s")
    elif _asleep(watched):
        watched.child.kill(
            f"no answer, and no processor time used for {_QUIET_LOOKS * _LOOK_S:g} s"
        )


def _asleep(watched: _Watched) -> bool:
    import psutil  # the children do not need it

    try:
        process = psutil.Process(watched.child.pid)
        with process.oneshot():
            sleeping = process.status() in (psutil.STATUS_SLEEPING, psutil.STATUS_STOPPED)
            times = process.cpu_times()
    except psutil.Error:
        return False  # it has just ended; the thread that waits for it sees that
    cpu_s = times.user + times.system
    watched.quiet_looks = watched.quiet_looks + 1 if sleeping and cpu_s == watched.cpu_s else 0
    watched.cpu_s = cpu_s
    return watched.quiet_looks >= _QUIET_LOOKS
