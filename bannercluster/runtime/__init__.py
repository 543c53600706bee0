"""Who runs a stage, with how much memory, and how it says how far it is.

The names are handed on when they are used: Dask takes a second to import.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bannercluster.runtime.cluster import open_executor as open_executor
    from bannercluster.runtime.executor import Executor as Executor
    from bannercluster.runtime.executor import Shared as Shared
    from bannercluster.runtime.executor import ThreadExecutor as ThreadExecutor
    from bannercluster.runtime.memory import MemoryPart as MemoryPart
    from bannercluster.runtime.memory import MemoryPlan as MemoryPlan
    from bannercluster.runtime.plan import StagePlan as StagePlan
    from bannercluster.runtime.plan import Table as Table
    from bannercluster.runtime.progress import Progress as Progress
    from bannercluster.runtime.progress import SilentProgress as SilentProgress

_MODULE_OF = {
    "Executor": "executor",
    "MemoryPart": "memory",
    "MemoryPlan": "memory",
    "Progress": "progress",
    "Shared": "executor",
    "SilentProgress": "progress",
    "StagePlan": "plan",
    "Table": "plan",
    "ThreadExecutor": "executor",
    "open_executor": "cluster",
}

__all__ = list(_MODULE_OF)


def __getattr__(name: str) -> object:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
