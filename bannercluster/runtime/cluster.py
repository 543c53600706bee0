"""Workers for a run: on this machine, or on a Dask cluster that is already there."""

import contextlib
import importlib.metadata
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import dask
from distributed import Client

from bannercluster.config import RuntimeConfig, format_size
from bannercluster.errors import MemoryPlanError, SchedulerError, UsageError
from bannercluster.runtime.dask_executor import DaskExecutor
from bannercluster.runtime.executor import Executor
from bannercluster.runtime.local import local_executor, quiet_config, quiet_logs, reporting
from bannercluster.runtime.memory import MemoryPlan

CONNECT_TIMEOUT_S = 5.0


@contextlib.contextmanager
def open_executor(
    runtime: RuntimeConfig,
    *,
    prefer: Literal["threads", "processes"] = "threads",
    plan: MemoryPlan | None = None,
    timeout_s: float | None = None,
) -> Iterator[Executor]:
    """Open the workers that the settings ask for, and close what was started for it.

    Parameters
    ----------
    runtime
        A scheduler to connect to, or the number and kind of workers on this machine.
    prefer
        The kind of local workers where ``runtime.pool`` is ``auto``.
    plan
        Sets the memory that local workers may use; workers elsewhere are held against it.
    timeout_s
        How long to wait for a scheduler, and then for its first worker; five seconds by default.

    Raises
    ------
    SchedulerError
        If the scheduler cannot be reached, has no workers, or its workers have another version.
    MemoryPlanError
        If the workers have less memory than the plan needs.
    UsageError
        If a file cannot be written where the performance report shall go.
    """
    timeout_s = CONNECT_TIMEOUT_S if timeout_s is None else timeout_s
    report = runtime.performance_report
    if report is not None and not Path(report).absolute().parent.is_dir():
        raise UsageError(f"--performance-report {report}: there is no such folder; create it first")
    if runtime.scheduler is None and runtime.scheduler_file is None:
        with local_executor(runtime, prefer=prefer, plan=plan) as executor:
            yield executor
        return
    with (
        quiet_logs(),
        dask.config.set(quiet_config()),
        _connect(runtime, timeout_s) as client,
    ):
        _check_workers(client, plan, timeout_s)
        with reporting(runtime, client):
            link = client.dashboard_link
            yield DaskExecutor(client, "remote", str(link) if link else None)


def _connect(runtime: RuntimeConfig, timeout_s: float) -> Client:
    file = runtime.scheduler_file
    where = runtime.scheduler if file is None else f"the scheduler of {file}"
    if file is not None and not Path(file).is_file():
        raise SchedulerError(
            f"there is no scheduler file {file}: start `dask scheduler --scheduler-file {file}`, "
            "or leave --scheduler-file out to run on this machine"
        )
    try:
        return Client(
            address=runtime.scheduler,
            scheduler_file=file,
            timeout=timeout_s,
            set_as_default=False,
        )
    except (OSError, TimeoutError, ValueError) as error:
        raise SchedulerError(
            f"no Dask scheduler answered at {where} within {timeout_s:g} s: expected one at an "
            "address such as tcp://host:8786; start it with `dask scheduler`, correct --scheduler "
            "or DASK_SCHEDULER_ADDRESS, or unset them to run on this machine"
        ) from error


def _check_workers(client: Client, plan: MemoryPlan | None, timeout_s: float) -> None:
    """Refuse workers that are absent, of another version, or too small."""
    address = client.scheduler.address
    ours = our_version()
    _check_version(f"the scheduler {address}", _version_of_scheduler(client), ours)
    try:
        client.wait_for_workers(1, timeout=timeout_s)
    except TimeoutError:
        raise SchedulerError(
            f"the Dask scheduler at {address} has no workers: start one with "
            f"`dask worker {address}`"
        ) from None
    versions = client.run(importlib.metadata.version, "bannercluster", on_error="return")
    for worker, version in sorted(versions.items()):
        _check_version(f"the worker {worker}", version, ours)
    if plan is None:
        return
    for worker, info in sorted(client.scheduler_info(n_workers=-1)["workers"].items()):
        needed = info["nthreads"] * plan.per_worker
        if 0 < info["memory_limit"] < needed:
            raise MemoryPlanError(
                f"{plan.stage} needs {format_size(needed)} on the worker {worker} "
                f"({info['nthreads']} threads), and its limit is "
                f"{format_size(info['memory_limit'])}: give workers more memory or fewer threads"
            )


def _check_version(who: str, version: object, ours: str) -> None:
    if version != ours:
        has = f"version {version}" if isinstance(version, str) else "no bannercluster"
        raise SchedulerError(
            f"{who} has {has} and this is version {ours}: install bannercluster {ours} there (one "
            "image for scheduler, workers and client)"
        )


def _version_of_scheduler(client: Client) -> str | None:
    """Ask the scheduler: it reads every task, so it must have the package too."""
    try:
        return str(client.run_on_scheduler(importlib.metadata.version, "bannercluster"))
    except importlib.metadata.PackageNotFoundError:
        return None


def our_version() -> str:
    """Return the version that the workers must have too."""
    return importlib.metadata.version("bannercluster")
