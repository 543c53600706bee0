"""Embed display banners, cluster them for many k in one pass, and say which clustering is good.

The public names are handed on when they are used: torch and OpenVINO take seconds to import.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bannercluster.cluster.estimator import BannerKMeans as BannerKMeans
    from bannercluster.config import Settings as Settings
    from bannercluster.config import load_config as load_config
    from bannercluster.models.folder import load_model as load_model
    from bannercluster.runtime.cluster import open_executor as open_executor
    from bannercluster.store.embeddings import EmbeddingStore as EmbeddingStore

    __version__: str

_MODULE_OF = {
    "BannerKMeans": "cluster.estimator",
    "EmbeddingStore": "store.embeddings",
    "Settings": "config",
    "load_config": "config",
    "load_model": "models.folder",
    "open_executor": "runtime.cluster",
}


def __getattr__(name: str) -> object:
    if name == "__version__":
        return importlib.import_module("importlib.metadata").version("bannercluster")
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
