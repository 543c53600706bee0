"""embeddings + models (+ labels) -> a metric table and the chosen model.

``labels``      known groups of banners, joined to the rows
``contingency`` metrics of clusters against labels
``memory``      what it takes in memory
``stage``       the stage: two traversals for all models together
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bannercluster.evaluate.stage import EvaluateResult as EvaluateResult
    from bannercluster.evaluate.stage import plan as plan
    from bannercluster.evaluate.stage import run as run

_MODULE_OF = {"EvaluateResult": "stage", "plan": "stage", "run": "stage"}


def __getattr__(name: str) -> object:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
