"""Running a function over many items, on threads here or on workers elsewhere."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Generic, Literal, Protocol, TypeVar

T = TypeVar("T")
R = TypeVar("R")
T_co = TypeVar("T_co", covariant=True)

ExecutorKind = Literal["threads", "processes", "remote"]


class Shared(Protocol[T_co]):
    """A read-only value that many tasks use. It may stand anywhere in a task's function or item."""

    def get(self) -> T_co:
        """Return the value, inside a task or where it was shared."""


class Executor(Protocol):
    """Runs tasks. A task is idempotent: after a failure of its worker it runs again."""

    @property
    def n_workers(self) -> int:
        """How many tasks run at a time."""

    @property
    def kind(self) -> ExecutorKind:
        """Where tasks run."""

    @property
    def dashboard_link(self) -> str | None:
        """Where to watch, if anywhere."""

    def map_unordered(
        self,
        fn: Callable[[T], R],
        items: Sequence[T],
        affinity: Sequence[int] | None = None,
    ) -> Iterator[tuple[int, R]]:
        """Yield (index, result) of ``fn`` over the items, in the order in which they finish.

        The first exception is raised as it was, and what has not begun is cancelled; so it is when
        the iterator is closed. Only about two tasks a worker are under way or waiting to be taken,
        so that results do not pile up.

        Parameters
        ----------
        fn, items
            Must pickle (by cloudpickle) for any kind but threads.
        affinity
            For each item a number: items of the same number go to the same worker where that costs
            no time, because it may still hold what they need.
        """

    def share(self, value: T) -> Shared[T]:
        """Hand a value to all tasks that mention the result. Kept until that is dropped."""

    def everywhere(self, fn: Callable[[], object]) -> None:
        """Run a function once in each worker process that answers: for letting go of caches.

        Never fails: a worker that does not answer, or raises, is let be.
        """

    def close(self) -> None:
        """Let go of the workers that this executor started."""


@dataclass(frozen=True)
class LocalShared(Generic[T]):
    """A shared value in the same process: the value itself."""

    value: T

    def get(self) -> T:
        """Return the value."""
        return self.value


class ThreadExecutor:
    """Runs tasks on threads of this process.

    Parameters
    ----------
    n_workers
        Number of threads.
    """

    kind: ExecutorKind = "threads"
    dashboard_link: str | None = None

    def __init__(self, n_workers: int) -> None:
        if n_workers < 1:
            raise ValueError(f"expected at least one worker, got {n_workers}")
        self.n_workers = n_workers
        self._pool = ThreadPoolExecutor(n_workers, thread_name_prefix="bannercluster")

    def map_unordered(
        self,
        fn: Callable[[T], R],
        items: Sequence[T],
        affinity: Sequence[int] | None = None,
    ) -> Iterator[tuple[int, R]]:
        """Yield (index, result) as tasks finish. Threads share memory: affinity is moot."""
        check_affinity(items, affinity)
        index_of: dict[Future[R], int] = {}
        waiting = iter(enumerate(items))
        try:
            while True:
                while len(index_of) < 2 * self.n_workers:
                    following = next(waiting, None)
                    if following is None:
                        break
                    index_of[self._pool.submit(fn, following[1])] = following[0]
                if not index_of:
                    return
                done, _ = wait(index_of, return_when=FIRST_COMPLETED)
                # One at a time: what the caller has not taken yet counts as under way.
                future = min(done, key=index_of.__getitem__)
                index = index_of.pop(future)
                yield index, future.result()
        finally:
            for future in index_of:
                future.cancel()
            # A task that has begun cannot be stopped, and may be writing: it is waited for.
            wait(index_of)

    def share(self, value: T) -> LocalShared[T]:
        """Return the value in a box."""
        return LocalShared(value)

    def everywhere(self, fn: Callable[[], object]) -> None:
        """Run a function once: all threads are in this process."""
        fn()

    def close(self) -> None:
        """Wait for the threads to end."""
        self._pool.shutdown(cancel_futures=True)

    def __enter__(self) -> "ThreadExecutor":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def check_affinity(items: Sequence[object], affinity: Sequence[int] | None) -> None:
    """Refuse an affinity that does not name one number for each item."""
    if affinity is not None and len(affinity) != len(items):
        raise ValueError(f"expected {len(items)} affinities, one an item, got {len(affinity)}")
