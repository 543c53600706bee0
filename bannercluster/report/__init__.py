"""What the stages left -> one offline HTML file.

``selection`` which rows are shown: nearest, boundary, random, the points of the map
``pictures``  thumbnails of the shown banners
``contents``  what is known of the run -> the views of the page
``memory``    what it takes in memory
``stage``     the stage: store, models and evaluation in, a file out
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bannercluster.report.stage import ReportResult as ReportResult
    from bannercluster.report.stage import plan as plan
    from bannercluster.report.stage import run as run

_MODULE_OF = {"ReportResult": "stage", "plan": "stage", "run": "stage"}


def __getattr__(name: str) -> object:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
