"""What runs on a Dask worker, and what it hands back."""

import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from distributed import get_worker

from bannercluster.errors import BannerclusterError
from bannercluster.runtime.demands import Demand, unmet
from bannercluster.runtime.shared import values_at_hand

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class Done(Generic[R]):
    """A result."""

    value: R


@dataclass(frozen=True)
class Refused:
    """An error that bannercluster raised on purpose: running the task again would not help."""

    error: BannerclusterError


@dataclass(frozen=True)
class Unfit:
    """The worker lacks what the job demands: another one shall run the task."""

    worker: str
    reasons: tuple[str, ...]


def run_task(
    fn: Callable[[T], R], item: T, shared: Mapping[int, Any], demands: tuple[Demand, ...]
) -> Done[R] | Refused | Unfit:
    """Run a task, on a worker that has what the job demands.

    Workers join while a job runs: each looks at itself before its first task.
    """
    reasons = unmet(demands)
    if reasons:
        return Unfit(get_worker().address, reasons)
    with values_at_hand(shared):
        try:
            return Done(fn(item))
        except BannerclusterError as error:
            error.add_note("On the worker:\n" + traceback.format_exc())
            if demands:  # a worker elsewhere: what it lacks, others may have
                error.args = (f"{error} (on the worker {get_worker().address})",)
            return Refused(error)


def identity(value: T) -> T:
    """Return what is given: the task behind a shared value."""
    return value
