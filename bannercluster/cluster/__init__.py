"""embeddings -> models, one per k, and a sweep report.

``task``       what is fitted on which rows, and the names of the models
``numbering``  the numbers of the clusters: the predecessor's, or by size
``engines``    the k-means of other libraries, for parity and comparison
``memory``     what a clustering takes in memory, and how many rows a sweep may keep; ``size`` the
               numbers that this is made of
``stage``      the stage: store in, model folders out
``result``     what it left, for people and for programs
``estimator``  ``BannerKMeans``, the scikit-learn way to call a sweep
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bannercluster.cluster.estimator import BannerKMeans as BannerKMeans
    from bannercluster.cluster.result import ClusterResult as ClusterResult
    from bannercluster.cluster.stage import plan as plan
    from bannercluster.cluster.stage import run as run

_MODULE_OF = {
    "BannerKMeans": "estimator",
    "ClusterResult": "result",
    "plan": "stage",
    "run": "stage",
}


def __getattr__(name: str) -> object:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
