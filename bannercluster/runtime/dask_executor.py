"""Tasks on a Dask cluster that survive what happens to its workers.

No actors, no pinned tasks and no scattered data: all three are lost with their worker.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from distributed import Client, Future

from bannercluster.errors import SchedulerError
from bannercluster.runtime.crew import Crew, told_plainly
from bannercluster.runtime.demands import Demand
from bannercluster.runtime.executor import ExecutorKind, check_affinity
from bannercluster.runtime.flight import RETRIES, Flight
from bannercluster.runtime.shared import DaskShared
from bannercluster.runtime.task import identity

T = TypeVar("T")
R = TypeVar("R")


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
    demands
        What a worker must have before it runs a task.
    replace_lost
        Asks for as many workers as there were; None where that is the cluster's own affair.
    """

    def __init__(
        self,
        client: Client,
        kind: ExecutorKind,
        dashboard_link: str | None,
        demands: tuple[Demand, ...] = (),
        replace_lost: Callable[[], object] | None = None,
    ) -> None:
        self.kind = kind
        self.dashboard_link = dashboard_link
        self._client = client
        self._crew = Crew(client, demands, replace_lost)

    @property
    def n_workers(self) -> int:
        """How many tasks run at a time now: a cluster may grow and shrink."""
        return max(sum(self._crew.threads().values()), 1)

    def share(self, value: T) -> DaskShared[T]:
        """Hand a value to all tasks that mention the result."""
        return DaskShared(value, self._submit_value)

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
            If the scheduler is lost, or no worker is left that may run the tasks.
        WorkerLostError
            If a task took several workers with it.
        """
        check_affinity(items, affinity)
        yield from Flight(self._crew, fn, items, affinity).results()

    def everywhere(self, fn: Callable[[], object]) -> None:
        """Run a function once in each worker process that answers; whatever fails is let be."""
        if self.kind == "threads":
            fn()
        elif self._crew.is_connected:
            with contextlib.suppress(SchedulerError):
                self._crew.answers(fn)

    def as_current(self) -> contextlib.AbstractContextManager[object]:
        """Let Dask collections compute on these workers, for the length of a ``with``."""
        current: contextlib.AbstractContextManager[object] = self._client.as_current()
        return current

    def close(self) -> None:
        """Nothing to let go of: the client belongs to who opened it."""

    def _submit_value(self, value: object) -> Future:
        with told_plainly():
            return self._client.submit(
                identity,
                value,
                pure=False,
                retries=RETRIES,
                **self._crew.placement(self._crew.threads()),
            )
