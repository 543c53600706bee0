"""embeddings + a model -> a cluster per banner, stored as one Parquet file per model."""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bannercluster.predict.stage import PredictResult as PredictResult
    from bannercluster.predict.stage import plan as plan
    from bannercluster.predict.stage import run as run

_MODULE_OF = {"PredictResult": "stage", "plan": "stage", "run": "stage"}


def __getattr__(name: str) -> object:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
