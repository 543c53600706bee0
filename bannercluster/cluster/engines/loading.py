"""An engine by its name."""

from __future__ import annotations

import importlib

from bannercluster.cluster.engines.protocol import Engine
from bannercluster.errors import EngineError

_MODULES = {
    "sklearn": ("sklearn_engine", "scikit-learn", "scikit-learn"),
    "dask-ml": ("dask_ml_engine", "dask_ml", "dask-ml"),
    "cuml": ("cuml_engine", "cuml", "cuml-cu13 cupy-cuda13x"),
}


def load_engine(name: str) -> Engine:
    """Import an engine.

    Parameters
    ----------
    name : {"sklearn", "dask-ml", "cuml"}

    Raises
    ------
    EngineError
        If its library is not installed here, or cannot be loaded.
    """
    module, library, packages = _MODULES[name]
    try:
        found = importlib.import_module(f"bannercluster.cluster.engines.{module}")
    except ImportError as error:
        raise EngineError(
            f"--engine {name} was asked for and {library} cannot be loaded here ({error}); install "
            f"it (pip install {packages}), or use --engine sweep, which needs nothing else"
        ) from error
    engine: Engine = found.ENGINE
    return engine
