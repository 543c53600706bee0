"""One map under way on a Dask cluster: tries of each item, of which the first to finish counts.

Tasks are idempotent, so an item may be tried twice at a time:

- A task that takes far longer than the others is tried once more on other workers: its worker may
  hang, be stopped, or be slow. So is the second try, if need be.
- Dask gives a task up that was on several workers when they died. It may have killed them, or only
  have waited there: it is tried again with nothing beside it. Only what kills its workers even
  then ends the job.
- Dask forgets tasks that prefer a worker where all workers were gone at a moment: those that have
  no place while others have nothing to do are submitted anew.
"""

import functools
import logging
import queue
import statistics
import time
from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from distributed import CancelledError, Client, Future, KilledWorker
from distributed.comm import CommClosedError

from bannercluster.config import format_size
from bannercluster.errors import SchedulerError, WorkerLostError
from bannercluster.runtime.crew import LOST, Crew, Sight, told_plainly
from bannercluster.runtime.shared import DaskShared, mentions
from bannercluster.runtime.task import Done, Refused, Unfit, run_task

logger = logging.getLogger(__name__)

T = TypeVar("T")
R = TypeVar("R")

RETRIES = 3
HEARTBEAT_S = 0.5
LOOK_EVERY_S = 1.0
LATE_S = 10.0
"""No task is late before this, however short the others are."""
LATE_FACTOR = 4.0
FIRST_LATE_S = 120.0
"""Where no other task has finished yet, whose time could be compared."""
MUCH_LATER_FACTOR = 4.0
"""So many times later, a second try is worth a place even where all workers have work."""
FETCH_WITHIN_S = 60.0
DEATHS_ALONE = 4
NO_WORKERS_S = 300.0
MOST_TRIES = 4
"""Of one item at a time."""


@dataclass
class _Item:
    """An item under way."""

    index: int
    since_s: float
    tried_s: float = 0.0  # when the latest try was submitted
    tries: list[Future] = field(default_factory=list)
    alone: bool = False
    late_at: str | None = None  # the worker of the first try, where there is a second


class Flight(Generic[T, R]):
    """One map: iterate over it for (index, result), and close it.

    Parameters
    ----------
    crew, fn, items, affinity
        As :meth:`Executor.map_unordered`.
    """

    def __init__(
        self,
        crew: Crew,
        fn: Callable[[T], R],
        items: Sequence[T],
        affinity: Sequence[int] | None,
    ) -> None:
        self._crew = crew
        self._client: Client = crew.client
        self._fn = fn
        self._items = items
        self._affinity = affinity
        self._shared = mentions(fn)
        self._threads = crew.threads()
        self._homes = sorted(self._threads)
        self._following = iter(range(len(items)))
        self._under_way: dict[int, _Item] = {}
        self._index_of: dict[str, int] = {}
        self._suspects: deque[int] = deque()
        self._deaths: dict[int, int] = {}
        self._deaths_alone: dict[int, int] = {}
        self._finished: queue.SimpleQueue[Future] = queue.SimpleQueue()
        self._durations_s: deque[float] = deque(maxlen=99)
        self._next_look_s = time.monotonic() + LOOK_EVERY_S
        self._workers_seen_s = time.monotonic()

    def results(self) -> Iterator[tuple[int, R]]:
        """Yield (index, result) as items finish."""
        try:
            self._refill()
            while self._under_way:
                future = self._next()
                index = self._index_of.pop(future.key, None)
                done = None if index is None else self._outcome(self._under_way[index], future)
                del future
                if index is not None and done is not None:
                    self._settle(self._under_way.pop(index))
                    yield index, done.value
                del done
                self._refill()
        finally:
            if self._crew.is_connected:
                self._client.cancel(
                    [one for item in self._under_way.values() for one in item.tries]
                )

    def _refill(self) -> None:
        """Submit what there is room for; while a task is under suspicion, only that one."""
        if any(item.alone for item in self._under_way.values()):
            return
        if self._suspects:
            if not self._under_way:
                self._begin(self._suspects.popleft(), alone=True)
            return
        room = 2 * max(sum(self._threads.values()), 1) - len(self._under_way)
        for _ in range(room):
            index = next(self._following, None)
            if index is None:
                return
            self._begin(index)

    def _begin(self, index: int, *, alone: bool = False) -> None:
        item = _Item(index, time.monotonic(), alone=alone)
        self._under_way[index] = item
        home = None
        if self._affinity is not None and self._homes:
            home = self._homes[self._affinity[index] % len(self._homes)]
        self._try(item, home)

    def _try(self, item: _Item, home: str | None = None, avoided: Collection[str] = ()) -> None:
        thing = self._items[item.index]
        shared = self._shared | mentions(thing)
        with told_plainly():
            future = self._client.submit(
                run_task,
                self._fn,
                thing,
                {number: box.future for number, box in shared.items()},
                self._crew.demands,
                pure=False,
                retries=RETRIES,
                **self._crew.placement(self._threads, home, avoided),
            )
        self._index_of[future.key] = item.index
        item.tried_s = time.monotonic()
        item.tries.append(future)
        future.add_done_callback(self._finished.put)

    def _drop(self, item: _Item, tries: Sequence[Future]) -> None:
        for future in tries:
            self._index_of.pop(future.key, None)
        item.tries = [future for future in item.tries if future not in tries]
        if tries:
            with told_plainly():
                self._client.cancel(list(tries))

    def _settle(self, item: _Item) -> None:
        self._durations_s.append(time.monotonic() - item.since_s)
        behind = [future for future in item.tries if future.key in self._index_of]
        if item.late_at is not None and item.tries[0] in behind:
            self._crew.pass_over([item.late_at])
        self._drop(item, behind)

    # What a try came to

    def _outcome(self, item: _Item, future: Future) -> Done[R] | None:
        """Return the result of a try, or None where the item has to be tried again."""
        outcome: Done[R] | Refused | Unfit
        try:
            outcome = future.result(timeout=FETCH_WITHIN_S)
        except KilledWorker as error:
            self._suspect(item, future, error)
            return None
        except TimeoutError:
            if future.status == "error":
                raise  # the task's own
            # Its worker stopped, or died, between finishing and handing over.
            self._retry(item, future)
            return None
        except (CancelledError, CommClosedError) as error:
            raise SchedulerError(LOST) from error
        except (ImportError, AttributeError, TypeError) as error:
            # So fails to read a task who has another bannercluster, or none.
            self._crew.refuse_unfit(cause=error)
            raise
        if isinstance(outcome, Refused):
            raise outcome.error
        if isinstance(outcome, Unfit):
            self._crew.dismiss(outcome.worker, outcome.reasons)
            self._retry(item, future)
            return None
        return outcome

    def _retry(self, item: _Item, future: Future) -> None:
        self._drop(item, [future])
        if not item.tries:
            self._try(item)

    def _suspect(self, item: _Item, future: Future, error: KilledWorker) -> None:
        """Note that workers died with a task; once no other task can have been the cause, refuse.

        Raises
        ------
        WorkerLostError
            If they died with this task alone.
        """
        self._drop(item, [future])
        if error.task != future.key:
            for box in self._boxes(item):
                box.renew()
        if item.tries:
            return
        n_lost = error.allowed_failures + 1
        self._deaths[item.index] = self._deaths.get(item.index, 0) + n_lost
        if item.alone:
            self._deaths_alone[item.index] = self._deaths_alone.get(item.index, 0) + n_lost
            if self._deaths_alone[item.index] >= DEATHS_ALONE:
                raise self._lost(item, error) from error
        del self._under_way[item.index]
        self._suspects.append(item.index)

    def _lost(self, item: _Item, error: KilledWorker) -> WorkerLostError:
        worker = error.last_worker
        limit = format_size(worker.memory_limit) if worker.memory_limit else "no limit"
        fn = self._fn.func if isinstance(self._fn, functools.partial) else self._fn
        name = getattr(fn, "__name__", type(fn).__name__)
        return WorkerLostError(
            f"task {item.index + 1} of {len(self._items)} ({name}) took {self._deaths[item.index]} "
            f"workers with it, the last {self._deaths_alone[item.index]} with no other task beside "
            f"it; the last one was {worker.address} (memory: {limit}). Most often they ran out of "
            "memory: allow more with --memory, or use fewer --workers or smaller parts; or a "
            "native library crashed: the logs of the workers say more (--verbose)"
        )

    def _boxes(self, item: _Item) -> list[DaskShared[Any]]:
        return list((self._shared | mentions(self._items[item.index])).values())

    # Waiting, and looking around meanwhile

    def _next(self) -> Future:
        """Wait for a try to end."""
        while True:
            now = time.monotonic()
            if now >= self._next_look_s:
                self._next_look_s = now + LOOK_EVERY_S
                self._look(now)
            try:
                return self._finished.get(timeout=HEARTBEAT_S)
            except queue.Empty:
                if not self._crew.is_connected:
                    raise SchedulerError(LOST) from None

    def _look(self, now_s: float) -> None:
        """Replace workers that are lost, and give what is late another try elsewhere."""
        self._crew.replace_lost()
        self._threads = self._crew.threads()
        self._check_any_worker(now_s)
        late = sorted(
            (
                item
                for item in self._under_way.values()
                if now_s - item.tried_s > LATE_S
                and all(one.status == "pending" for one in item.tries)
            ),
            key=lambda item: item.since_s,
        )
        if late:
            self._try_elsewhere(late, now_s)

    def _try_elsewhere(self, late: Sequence[_Item], now_s: float) -> None:
        sight = self._crew.look()
        self._crew.pass_over(sight.silent)
        n_spare = sight.n_spare
        if n_spare > 0:
            self._release_stranded(late, sight)
        for item in late:
            if item.tried_s > now_s or len(item.tries) >= MOST_TRIES:
                continue
            places = [place for one in item.tries if (place := sight.place(one.key)) is not None]
            if len(places) < len(item.tries):
                continue  # one waits for a place: another one would wait behind it
            age_s = now_s - item.tried_s
            patience = 1.0 if n_spare > 0 else MUCH_LATER_FACTOR
            if all(sight.is_stuck(place) for place in places):
                # They wait for data, not for the worker: another one may run there.
                avoided = sight.silent
            elif age_s > patience * self._late_after_s():
                avoided = sight.silent.union(places)
            else:
                continue
            if not sight.threads.keys() - avoided and n_spare <= 0:
                continue  # it would wait behind the others
            logger.debug("item %d is late at %s: another try", item.index, ", ".join(places))
            item.late_at = item.late_at or places[0]
            self._renew_shared(item, sight.silent, avoided)
            self._try(item, avoided=avoided)
            n_spare -= 1

    def _release_stranded(self, late: Sequence[_Item], sight: Sight) -> None:
        """Submit anew what has no place though there are threads with nothing to do.

        A task that prefers a worker, and met a moment without any worker at all, is kept by Dask
        for that very one, although others may run it (distributed 2026.8,
        ``bulk_schedule_unrunnable_after_adding_worker``); one that starts again has a new address.
        """
        boxes = {box.number: box for item in late for box in self._boxes(item)}
        in_progress = {number for number, box in boxes.items() if sight.place(box.future.key)}
        for number, box in boxes.items():
            if number not in in_progress and not self._holders(box):
                box.renew()
        for item in late:
            if any(box.number in in_progress for box in self._boxes(item)):
                continue  # its tries wait for that
            stranded = [one for one in item.tries if sight.place(one.key) is None]
            self._drop(item, stranded)
            if not item.tries:
                logger.debug("item %d was kept for a worker that is gone: another try", item.index)
                self._try(item, avoided=sight.silent)

    def _late_after_s(self) -> float:
        if not self._durations_s:
            return FIRST_LATE_S
        return max(LATE_S, LATE_FACTOR * statistics.median(self._durations_s))

    def _renew_shared(self, item: _Item, silent: frozenset[str], avoided: frozenset[str]) -> None:
        """Hand shared values out anew that a try elsewhere might wait for in vain.

        Those that a silent worker holds; and those that only avoided workers hold, which may have
        stopped a moment ago.
        """
        for box in self._boxes(item):
            holders = self._holders(box)
            if not silent.isdisjoint(holders) or (holders and holders <= avoided):
                box.renew()

    def _holders(self, box: DaskShared[Any]) -> set[str]:
        """Return the workers that have a shared value."""
        with told_plainly():
            held = self._client.who_has([box.future])
        return {worker for workers in held.values() for worker in workers}

    def _check_any_worker(self, now_s: float) -> None:
        if self._threads:
            self._workers_seen_s = now_s
        elif now_s - self._workers_seen_s > NO_WORKERS_S:
            raise SchedulerError(
                f"the Dask cluster has had no workers for {NO_WORKERS_S:g} s; what is written so "
                "far is whole: start workers, and then the same command again"
            )
