"""Workers for a run: on this machine, or on a Dask cluster that is already there."""

import contextlib
import importlib.metadata
import platform
import ssl
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import dask
from distributed import Client
from distributed.versions import VersionMismatchWarning

from bannercluster.config import RuntimeConfig, format_size
from bannercluster.errors import MemoryPlanError, SchedulerError, UsageError
from bannercluster.runtime.crew import Crew
from bannercluster.runtime.dask_executor import DaskExecutor
from bannercluster.runtime.demands import Demand, SameVersions, minor_version, our_version
from bannercluster.runtime.executor import Executor
from bannercluster.runtime.local import local_executor, quiet_config, reporting
from bannercluster.runtime.memory import MemoryPlan
from bannercluster.runtime.quiet import quiet_logs, quiet_loop
from bannercluster.runtime.tls import address_of, security_of

CONNECT_TIMEOUT_S = 5.0


@contextlib.contextmanager
def open_executor(
    runtime: RuntimeConfig,
    *,
    prefer: Literal["threads", "processes"] = "threads",
    plan: MemoryPlan | None = None,
    timeout_s: float | None = None,
    demands: tuple[Demand, ...] = (),
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
    demands
        What a worker elsewhere must have besides the versions of here: the paths of the job. Those
        that are there now are looked at before work starts, those that join later before their
        first task.

    Raises
    ------
    SchedulerError
        If the scheduler cannot be reached, has no workers, or one of them lacks what is demanded.
    MemoryPlanError
        If the workers have less memory than the plan needs.
    UsageError
        If a file cannot be written where the performance report shall go, or certificates do not
        fit each other or the address.
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
        quiet_loop(client.loop)
        demands = (SameVersions.as_here(), *demands)
        _check_workers(client, Crew(client, demands), plan, timeout_s)
        with reporting(runtime, client):
            link = client.dashboard_link
            yield DaskExecutor(client, "remote", str(link) if link else None, demands)


def _connect(runtime: RuntimeConfig, timeout_s: float) -> Client:
    address = address_of(runtime)
    where = f"{address} (of {runtime.scheduler_file})" if runtime.scheduler_file else address
    security = security_of(runtime)
    try:
        with warnings.catch_warnings():
            # Other versions are refused below, in one line that names the worker.
            warnings.simplefilter("ignore", VersionMismatchWarning)
            return Client(
                address=address, security=security, timeout=timeout_s, set_as_default=False
            )
    except (OSError, TimeoutError, ValueError) as error:
        raise SchedulerError(
            f"no Dask scheduler answered at {where} within {timeout_s:g} s"
            f"{_tls_fault(error)}: expected one at an address such as tcp://host:8786 (tls:// where"
            " it speaks TLS); start it with `dask scheduler`, correct --scheduler or "
            "DASK_SCHEDULER_ADDRESS, or unset them to run on this machine"
        ) from error


def _tls_fault(error: BaseException) -> str:
    """Return what TLS had against it, if that was the reason."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            return f" ({cause.reason}: check that --tls-ca is the authority of the cluster)"
        cause = cause.__cause__ or cause.__context__
    return ""


def _check_workers(client: Client, crew: Crew, plan: MemoryPlan | None, timeout_s: float) -> None:
    """Refuse workers that are absent, lack what is demanded, or are too small."""
    address = client.scheduler.address
    _check_version(f"the scheduler {address}", _version_of_scheduler(client))
    try:
        client.wait_for_workers(1, timeout=timeout_s)
    except TimeoutError:
        raise SchedulerError(
            f"the Dask scheduler at {address} has no workers: start one with "
            f"`dask worker {address}`"
        ) from None
    # First with functions of Python alone: who has another version may not have ours.
    for worker, answer in sorted(crew.answers(platform.python_version).items()):
        found = str(answer).rpartition(".")[0]
        if found != minor_version():
            raise SchedulerError(
                f"the worker {worker} runs Python {found} and this is {minor_version()}: use one "
                "image for scheduler, workers and client"
            )
    versions = crew.answers(importlib.metadata.version, "bannercluster")
    for worker, version in sorted(versions.items()):
        _check_version(f"the worker {worker}", version)
    crew.refuse_unfit()
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


def _check_version(who: str, version: object) -> None:
    ours = our_version()
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
