"""A Dask cluster on this machine, for the length of a run."""

import contextlib
import functools
import logging
import socket
from collections.abc import Iterator
from typing import Any, Literal

import dask
from distributed import Client, LocalCluster, Nanny, Status, Worker, performance_report

from bannercluster.config import RuntimeConfig, format_size
from bannercluster.errors import MemoryPlanError, UsageError
from bannercluster.runtime.dask_executor import DaskExecutor
from bannercluster.runtime.devices import n_cores
from bannercluster.runtime.memory import MemoryPlan, memory_budget, worker_count
from bannercluster.runtime.quiet import debugging, quiet_logs, quiet_loop

logger = logging.getLogger(__name__)

LOOPBACK = "127.0.0.1"
# A worker process with Dask and numpy alone takes some 150 MB; below this it cannot even start.
_SMALLEST_WORKER = 2**28
_TERMINATE_AT = 0.95
# A worker process that stopped is ended and started anew. One in this process cannot be; and where
# a laptop slept, it only seems to have been silent.
_SILENT_UNTIL = "60 s"
# Dask looks once, so long after a death, whether the worker is back, and else gives it up for good:
# though it may have died a second time and be starting, or be slow to start on a busy machine.
_BACK_WITHIN = "365 days"
_LIBRARY_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


@contextlib.contextmanager
def local_executor(
    runtime: RuntimeConfig,
    *,
    prefer: Literal["threads", "processes"],
    plan: MemoryPlan | None = None,
) -> Iterator[DaskExecutor]:
    """Start a Dask cluster on this machine, and end it afterwards.

    Parameters
    ----------
    runtime
        Number and kind of workers, memory, dashboard.
    prefer
        The kind of workers where ``runtime.pool`` is ``auto``.
    plan
        Sets the memory that the workers may use; without it that is the budget of ``runtime``.

    Raises
    ------
    MemoryPlanError
        If a worker process would have too little memory to start.
    """
    kind = prefer if runtime.pool == "auto" else runtime.pool
    workers = worker_count(runtime)
    processes = kind == "processes"
    budget = memory_budget(runtime) if plan is None else plan.budget
    share = budget // workers if plan is None else plan.share(workers)
    if processes and share < _SMALLEST_WORKER:
        raise MemoryPlanError(
            f"{format_size(budget)} leave {format_size(share)} for each of {workers} worker "
            f"processes, and one needs {format_size(_SMALLEST_WORKER)} to start: use fewer "
            "--workers, --pool threads, or allow more with --memory SIZE"
        )
    config = quiet_config() | {
        "distributed.deploy.lost-worker-timeout": _BACK_WITHIN,
        "distributed.scheduler.worker-ttl": _SILENT_UNTIL if processes else None,
    }
    dashboard = free_dashboard_address(runtime.dashboard)
    with (
        quiet_logs(),
        dask.config.set(config),
        LocalCluster(
            processes=processes,
            n_workers=workers if processes else 1,
            threads_per_worker=1 if processes else workers,
            # A worker in this process cannot be ended when it takes too much, only paused for ever.
            memory_limit=int(share / _TERMINATE_AT) if processes else 0,
            dashboard_address=dashboard,
            scheduler_kwargs={"dashboard_address": dashboard or f"{LOOPBACK}:0"},
            worker_class=_Nanny if processes else _LoopbackWorker,
            silence_logs=False if debugging() else logging.CRITICAL,
            **(_of_processes(max(1, n_cores() // workers)) if processes else {}),
        ) as cluster,
        Client(cluster, set_as_default=False) as client,
        reporting(runtime, client),
    ):
        quiet_loop(client.loop)
        link = None
        if dashboard is not None:
            host = dashboard.rpartition(":")[0]
            link = f"http://{host}:{cluster.scheduler.http_server.port}/status"
        replace_lost = functools.partial(_replace_lost, cluster) if processes else None
        yield DaskExecutor(client, kind, link, replace_lost=replace_lost)


def _replace_lost(cluster: LocalCluster) -> None:
    """Start others in the place of workers that Dask will not start again.

    It starts a worker process anew that died, unless that had hardly begun.
    """

    def replace() -> None:
        for name, worker in list(cluster.workers.items()):
            if worker.status in (Status.closed, Status.failed):
                del cluster.workers[name]
        cluster.scale(len(cluster.worker_spec))

    cluster.loop.add_callback(replace)


def _of_processes(n_threads: int) -> dict[str, Any]:
    return {
        "host": LOOPBACK,
        "preload": ["bannercluster.runtime.worker_setup"],
        "n_library_threads": n_threads,
    }


class _Nanny(Nanny):  # type: ignore[misc] # distributed has no types
    """Starts a worker process whose libraries use so many threads.

    By Dask's settings they would be those of the cluster that was opened last: they are looked up
    again for the worker that takes a lost one's place.
    """

    def __init__(self, *args: Any, n_library_threads: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        threads = dict.fromkeys(_LIBRARY_THREADS, str(n_library_threads))
        self.pre_spawn_env |= threads
        self.env |= threads


class _LoopbackWorker(Worker):  # type: ignore[misc] # distributed has no types
    """A worker in this process; by itself it would open a page to all of the network."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **(options | {"dashboard_address": f"{LOOPBACK}:0"}))


def quiet_config() -> dict[str, Any]:
    """Return Dask's settings for a command that a person runs."""
    return {
        # A shared value is part of the graph on purpose: so the scheduler can compute it again.
        "distributed.admin.large-graph-warning-threshold": "1 TiB",
        # A task that only waited on workers that died counts too: see flight.py.
        "distributed.scheduler.allowed-failures": 3,
        # What a task holds is not Dask's to spill; a paused worker would wait for ever.
        "distributed.worker.memory.target": False,
        "distributed.worker.memory.spill": False,
        "distributed.worker.memory.pause": False,
        "distributed.worker.memory.terminate": _TERMINATE_AT,
    }


@contextlib.contextmanager
def reporting(runtime: RuntimeConfig, client: Client) -> Iterator[None]:
    """Write Dask's performance report at the end, where one is asked for."""
    if runtime.performance_report is None:
        yield
        return
    with client.as_current(), performance_report(filename=runtime.performance_report):
        yield


def free_dashboard_address(address: str) -> str | None:
    """Return the dashboard's address with a port that is free, or None where it is off.

    Raises
    ------
    UsageError
        If the address is no ``host:port``.
    """
    if address == "off":
        return None
    host, _, port = address.rpartition(":")
    if not port.isdigit() or int(port) > 65535:
        raise UsageError(
            f"--dashboard {address}: expected host:port such as {LOOPBACK}:8787, or off"
        )
    host = host or LOOPBACK
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host.strip("[]"), int(port)))
        except OSError as error:
            logger.info("no dashboard at %s (%s): a free port is used", address, error.strerror)
            return f"{host}:0"
    return f"{host}:{port}"
