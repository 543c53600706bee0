"""The workers of a Dask cluster as they are now: which to give work, which to pass over.

Passing over is a preference, never a pin: a task whose preferred workers are gone runs anywhere.
"""

import contextlib
import logging
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any

from distributed import CancelledError, Client
from distributed.client import ClosedClientError

from bannercluster.errors import SchedulerError
from bannercluster.runtime.demands import Demand, unmet

logger = logging.getLogger(__name__)

LOST = (
    "the connection to the Dask scheduler was lost while tasks were running; what is written so "
    "far is whole: see why the scheduler ended, and start the same command again"
)
SILENT_AFTER_S = 10.0
"""A worker sends a heartbeat every half a second (seldom in clusters of hundreds)."""
PASSED_OVER_S = 300.0
"""How long a worker on which a task hung gets work only where nobody else can take it."""
ANSWER_WITHIN_S = 10.0


@contextlib.contextmanager
def told_plainly() -> Iterator[None]:
    """Say in plain words that Dask lost the scheduler."""
    try:
        yield
    except (CancelledError, ClosedClientError, OSError) as error:
        raise SchedulerError(LOST) from error


@dataclass(frozen=True)
class Sight:
    """The workers at a moment, by address.

    Attributes
    ----------
    threads
        Number of threads.
    silent
        Those that stopped sending heartbeats while others go on.
    paused
        Those that begin nothing for now: most often their memory is full.
    processing
        Keys of the tasks that a worker has to do, whoever asked for them.
    executing
        Number of tasks that it had begun at its last heartbeat.
    """

    threads: dict[str, int]
    silent: frozenset[str]
    paused: frozenset[str]
    processing: dict[str, frozenset[str]]
    executing: dict[str, int]

    def place(self, key: str) -> str | None:
        """Return the worker that has a task to do, or None while it waits."""
        return next((worker for worker, keys in self.processing.items() if key in keys), None)

    def is_stuck(self, worker: str) -> bool:
        """Whether tasks of a worker wait, as they do for data of a silent worker."""
        if worker in self.silent:
            return True
        n_due = min(self.threads[worker], len(self.processing.get(worker, ())))
        return bool(self.silent) and self.executing[worker] < n_due

    @property
    def n_spare(self) -> int:
        """Threads that have nothing to do and would take something."""
        return sum(
            max(threads - len(self.processing.get(worker, ())), 0)
            for worker, threads in self.threads.items()
            if worker not in self.silent | self.paused
        )


class Crew:
    """The workers behind a client.

    Parameters
    ----------
    client
        Connected and synchronous.
    demands
        What a worker must have to run tasks of the job.
    replace_lost
        Asks for as many workers as there were; None where that is the cluster's own affair.
    """

    def __init__(
        self,
        client: Client,
        demands: tuple[Demand, ...] = (),
        replace_lost: Callable[[], object] | None = None,
    ) -> None:
        self.client = client
        self.demands = demands
        self._replace_lost = replace_lost
        self._passed_over: dict[str, float] = {}
        self._unfit: dict[str, tuple[str, ...]] = {}

    @property
    def is_connected(self) -> bool:
        """Whether the scheduler is there."""
        return bool(self.client.status == "running")

    def threads(self) -> dict[str, int]:
        """Return the number of threads of each worker."""
        with told_plainly():
            return dict(self.client.nthreads())

    def replace_lost(self) -> None:
        """See to it that workers that died for good are followed by others."""
        if self._replace_lost is not None:
            self._replace_lost()

    def look(self) -> "Sight":
        """See who is there, who is silent, and who does what."""
        with told_plainly():
            infos = self.client.scheduler_info(n_workers=-1)["workers"]
            processing = self.client.processing()
        latest = max((info["last_seen"] for info in infos.values()), default=0.0)
        return Sight(
            {worker: info["nthreads"] for worker, info in infos.items()},
            frozenset(
                worker
                for worker, info in infos.items()
                if latest - info["last_seen"] > SILENT_AFTER_S
            ),
            frozenset(worker for worker, info in infos.items() if info["status"] != "running"),
            {worker: frozenset(keys) for worker, keys in processing.items() if worker in infos},
            {worker: info["metrics"].get("executing", 0) for worker, info in infos.items()},
        )

    def pass_over(self, workers: Collection[str]) -> None:
        """Prefer other workers than these for a while."""
        until = time.monotonic() + PASSED_OVER_S
        self._passed_over.update(dict.fromkeys(workers, until))

    def dismiss(self, worker: str, reasons: tuple[str, ...]) -> None:
        """Give no more work to a worker that lacks something.

        Raises
        ------
        SchedulerError
            If no other worker is left.
        """
        whole = f"the worker {worker} {'; and '.join(reasons)}"
        if worker not in self._unfit:
            self._unfit[worker] = reasons
            logger.warning("passed over: %s", whole)
        if not set(self.threads()) - set(self._unfit):
            raise SchedulerError(whole)

    def usable(self, workers: Collection[str]) -> list[str]:
        """Return those of these workers that shall get work, in a fixed order."""
        now = time.monotonic()
        barred = {worker for worker, until in self._passed_over.items() if until > now}
        barred |= self._unfit.keys()
        return sorted(worker for worker in workers if worker not in barred)

    def placement(
        self,
        workers: Collection[str],
        preferred: str | None = None,
        avoided: Collection[str] = (),
    ) -> dict[str, Any]:
        """Return where to send a task, as options of Dask's submit.

        Parameters
        ----------
        workers
            All that are known.
        preferred
            The one that may still hold what the task needs.
        avoided
            Those that have this very task already.
        """
        usable = [worker for worker in self.usable(workers) if worker not in avoided]
        if preferred is not None and preferred in usable:
            return {"workers": [preferred], "allow_other_workers": True}
        if usable and len(usable) < len(workers):
            return {"workers": usable, "allow_other_workers": True}
        return {}

    def answers(
        self, fn: Callable[..., object], *args: object, within_s: float = ANSWER_WITHIN_S
    ) -> dict[str, Any]:
        """Run a function in each worker's process, beside its tasks; an exception is an answer.

        Workers that stopped, and all where one does not answer in time, are left out.
        """
        sight = self.look()
        asked = sorted(sight.threads.keys() - sight.silent)
        if not asked:
            return {}
        try:
            found: dict[str, Any] = self.client.run(
                fn, *args, workers=asked, on_error="return", callback_timeout=within_s
            )
        except TimeoutError:
            logger.debug("not every worker answered within %g s", within_s)
            return {}
        return found

    def unfit(self) -> dict[str, tuple[str, ...]]:
        """Return what workers lack of the demands, by worker."""
        found = self.answers(unmet, self.demands) if self.demands else {}
        return {
            worker: answer if isinstance(answer, tuple) else (f"cannot say what it has: {answer}",)
            for worker, answer in sorted(found.items())
            if answer
        }

    def refuse_unfit(self, cause: BaseException | None = None) -> None:
        """Refuse workers that lack something.

        Raises
        ------
        SchedulerError
            Naming the first such worker and what it lacks.
        """
        for worker, reasons in self.unfit().items():
            raise SchedulerError(f"the worker {worker} {'; and '.join(reasons)}") from cause
