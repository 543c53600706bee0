"""Tasks on a Dask cluster that survive the death of a worker.

No actors, no pinned tasks and no scattered data: all three are lost with their worker. A shared
value is the result of a task, which the scheduler computes again where its copies are gone.
"""

import contextlib
import contextvars
import io
import itertools
import queue
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import cloudpickle  # type: ignore[import-untyped]
from distributed import CancelledError, Client, Future, KilledWorker
from distributed.comm import CommClosedError

from bannercluster.errors import BannerclusterError, SchedulerError
from bannercluster.runtime.executor import ExecutorKind, check_affinity

T = TypeVar("T")
R = TypeVar("R")

RETRIES = 3
_HEARTBEAT_S = 0.5
_LOST = (
    "the connection to the Dask scheduler was lost while tasks were running; what is written so "
    "far is whole: see why the scheduler ended, and start the same command again"
)

_values_of_task: contextvars.ContextVar[dict[int, Any]] = contextvars.ContextVar("shared_values")
_share_ids = itertools.count()


class DaskShared(Generic[T]):
    """A shared value on a Dask cluster.

    Only its number travels inside a task. The executor finds the boxes that a task mentions, and
    gives their futures to Dask as arguments, which Dask replaces by the values.
    """

    def __init__(self, value: T, future: Future) -> None:
        self._number = next(_share_ids)
        self._local: tuple[T] | None = (value,)
        self.future = future

    def get(self) -> T:
        """Return the value, inside a task or where it was shared."""
        if self._local is not None:
            return self._local[0]
        value: T = _values_of_task.get()[self._number]
        return value

    @property
    def number(self) -> int:
        """What stands for the value inside a task."""
        return self._number

    def __reduce__(self) -> tuple[Any, ...]:
        return _mention, (self._number,)


def _mention(number: int) -> DaskShared[Any]:
    shared: DaskShared[Any] = DaskShared.__new__(DaskShared)
    shared._number = number
    shared._local = None
    shared.future = None
    return shared


class _MentionFinder(cloudpickle.Pickler):  # type: ignore[misc] # cloudpickle has no types
    """Pickles to nowhere, and notes which shared values it meets."""

    def __init__(self) -> None:
        super().__init__(io.BytesIO())
        self.found: dict[int, Future] = {}

    def reducer_override(self, obj: Any) -> Any:
        if isinstance(obj, DaskShared):
            self.found[obj.number] = obj.future
        return super().reducer_override(obj)


def _mentions(thing: object) -> dict[int, Future]:
    finder = _MentionFinder()
    finder.dump(thing)
    return finder.found


def _identity(value: T) -> T:
    return value


@contextlib.contextmanager
def _clear_errors() -> Iterator[None]:
    """Say in plain words that Dask lost the scheduler, or workers."""
    try:
        yield
    except KilledWorker as error:
        raise SchedulerError(
            f"a task took {error.allowed_failures + 1} workers with it, one after the other: most "
            "often they ran out of memory (allow more with --memory, or use fewer --workers), or "
            "a native library crashed; their logs say more (--verbose)"
        ) from error
    except (CancelledError, CommClosedError) as error:
        raise SchedulerError(_LOST) from error


@dataclass(frozen=True)
class _Refused:
    """An error that bannercluster raised on purpose: running the task again would not help."""

    error: BannerclusterError


def _run_task(fn: Callable[[T], R], item: T, shared: dict[int, Any]) -> R | _Refused:
    token = _values_of_task.set(shared)
    try:
        return fn(item)
    except BannerclusterError as error:
        error.add_note("On the worker:\n" + traceback.format_exc())
        return _Refused(error)
    finally:
        _values_of_task.reset(token)


class DaskExecutor:
    """Runs tasks through a Dask client.

    Parameters
    ----------
    client
        A connected, synchronous client. Stays the caller's to close.
    kind
        What the workers are.
    dashboard_link
        Where to watch, if anywhere.
    """

    def __init__(self, client: Client, kind: ExecutorKind, dashboard_link: str | None) -> None:
        self.kind = kind
        self.dashboard_link = dashboard_link
        self._client = client

    @property
    def n_workers(self) -> int:
        """How many tasks run at a time now: a cluster may grow and shrink."""
        return max(sum(self._threads_by_worker().values()), 1)

    def share(self, value: T) -> DaskShared[T]:
        """Hand a value to all tasks that mention the result."""
        with _clear_errors():
            future = self._client.submit(_identity, value, pure=False, retries=RETRIES)
        return DaskShared(value, future)

    def map_unordered(
        self,
        fn: Callable[[T], R],
        items: Sequence[T],
        affinity: Sequence[int] | None = None,
    ) -> Iterator[tuple[int, R]]:
        """Yield (index, result) as tasks finish.

        Raises
        ------
        SchedulerError
            If the scheduler is lost, or a task took several workers with it.
        """
        check_affinity(items, affinity)
        threads = self._threads_by_worker()
        workers = sorted(threads)
        limit = 2 * max(sum(threads.values()), 1)
        shared_by_all = _mentions(fn)
        finished: queue.SimpleQueue[Future] = queue.SimpleQueue()
        index_of: dict[str, int] = {}
        futures: dict[str, Future] = {}

        def submit(index: int) -> None:
            where: dict[str, Any] = {}
            if affinity is not None and workers:
                preferred = workers[affinity[index] % len(workers)]
                where = {"workers": [preferred], "allow_other_workers": True}
            with _clear_errors():
                future = self._client.submit(
                    _run_task,
                    fn,
                    items[index],
                    shared_by_all | _mentions(items[index]),
                    pure=False,
                    retries=RETRIES,
                    **where,
                )
            index_of[future.key] = index
            futures[future.key] = future
            future.add_done_callback(finished.put)

        following = iter(range(len(items)))
        try:
            for index in itertools.islice(following, limit):
                submit(index)
            while futures:
                future = self._next_of(finished)
                with _clear_errors():
                    result = future.result()
                index = index_of.pop(future.key)
                del futures[future.key], future
                if isinstance(result, _Refused):
                    raise result.error
                yield index, result
                for index in itertools.islice(following, 1):
                    submit(index)
        finally:
            if futures and self._client.status == "running":
                self._client.cancel(list(futures.values()))

    def _next_of(self, finished: "queue.SimpleQueue[Future]") -> Future:
        """Wait for a task to finish, and see whether the scheduler is still there meanwhile."""
        while True:
            try:
                return finished.get(timeout=_HEARTBEAT_S)
            except queue.Empty:
                if self._client.status != "running":
                    raise SchedulerError(_LOST) from None

    def close(self) -> None:
        """Nothing to let go of: the client belongs to who opened it."""

    def _threads_by_worker(self) -> dict[str, int]:
        with _clear_errors():
            return dict(self._client.nthreads())
