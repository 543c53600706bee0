"""embeddings -> models, one per k, and a sweep report.

``memory``     what a sweep takes in memory, and how many rows it may keep
``stage``      the stage: store in, model folders out
``estimator``  ``BannerKMeans``, the scikit-learn way to call a sweep
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bannercluster.cluster.estimator import BannerKMeans as BannerKMeans
    from bannercluster.cluster.stage import ClusterResult as ClusterResult
    from bannercluster.cluster.stage import plan as plan
    from bannercluster.cluster.stage import run as run

_MODULE_OF = {
    "BannerKMeans": "estimator",
    "ClusterResult": "stage",
    "plan": "stage",
    "run": "stage",
}


def __getattr__(name: str) -> object:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
