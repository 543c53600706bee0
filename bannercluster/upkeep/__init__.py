"""What lies on disk, whose it is, and what can go.

``places``    what is where: committed, staged, left over
``status``    ``bc status``: all of it as tables, nothing changed
``garbage``   ``bc gc``: what is left over is removed
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bannercluster.upkeep.garbage import Collected as Collected
    from bannercluster.upkeep.garbage import collect_garbage as collect_garbage
    from bannercluster.upkeep.status import Status as Status
    from bannercluster.upkeep.status import read_status as read_status

_MODULE_OF = {
    "Collected": "garbage",
    "Status": "status",
    "collect_garbage": "garbage",
    "read_status": "status",
}


def __getattr__(name: str) -> object:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
