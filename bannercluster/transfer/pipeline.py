"""Readings -> blocks in their order, on threads, with a bounded number in memory."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


@contextlib.contextmanager
def in_order(
    fn: Callable[[T], R], items: Iterator[T], n_threads: int, ahead: int
) -> Iterator[Iterator[R]]:
    """Give an iterator over ``fn`` of the items, in their order.

    The items are drawn in a thread of their own, because drawing one may be work too.

    Parameters
    ----------
    fn, items
    n_threads : int
    ahead : int
        Most results and items in memory beside the result that is being used.
    """
    room = threading.Semaphore(ahead)
    waiting: queue.SimpleQueue[Future[R] | BaseException | None] = queue.SimpleQueue()
    stopped = threading.Event()

    def feed() -> None:
        try:
            while not stopped.is_set():
                room.acquire()
                if stopped.is_set():
                    break
                item = next(items, None)
                if item is None:
                    break
                waiting.put(pool.submit(fn, item))
        except BaseException as error:  # noqa: BLE001 it is raised where the results are used
            waiting.put(error)
        finally:
            waiting.put(None)

    def results() -> Iterator[R]:
        while (one := waiting.get()) is not None:
            if isinstance(one, BaseException):
                raise one
            yield one.result()
            room.release()

    with ThreadPoolExecutor(n_threads, thread_name_prefix="import") as pool:
        feeder = threading.Thread(target=feed, name="import-feeder")
        feeder.start()
        try:
            yield results()
        finally:
            stopped.set()
            room.release()
            feeder.join()
            pool.shutdown(cancel_futures=True)
