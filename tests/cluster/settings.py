"""Small stores, their settings and their runs, for the tests of the stage."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
from kmeans.helpers import RECIPE
from store.stores import committed

from bannercluster.cluster import ClusterResult, run
from bannercluster.config import ClusterConfig, PathsConfig, RuntimeConfig, Settings
from bannercluster.models.folder import load_model
from bannercluster.models.kmeans import KMeansModel
from bannercluster.runtime.executor import Executor, ThreadExecutor
from bannercluster.runtime.progress import SilentProgress


def settings_for(folder: Path, values: np.ndarray, name: str = "e", **cluster: Any) -> Settings:
    """A store of some rows beside a folder of models."""
    ids = [hashlib.sha256(row.tobytes() + b"%d" % n).digest() for n, row in enumerate(values)]
    committed(
        str(folder / f"{name}.zarr"),
        [(values, np.frombuffer(b"".join(ids), np.uint8).reshape(-1, 32))],
        {},
        recipe=RECIPE,
        n_features=values.shape[1],
        dtype=str(values.dtype),
        chunk_rows=1000,
        info={},
    )
    asked: dict[str, Any] = {"k": (4,), "n_init": 2, "normalize": "none"}
    return Settings(
        paths=PathsConfig(embeddings=str(folder / f"{name}.zarr"), models=str(folder / "models")),
        runtime=RuntimeConfig(workers=2, dashboard="off", memory=2**32),
        cluster=ClusterConfig(**{**asked, **cluster}),
    )


def fit(settings: Settings, executor: Executor | None = None) -> ClusterResult:
    if executor is not None:
        return run(settings, executor=executor, progress=SilentProgress())
    with ThreadExecutor(2) as threads:
        return run(settings, executor=threads, progress=SilentProgress())


def models_of(settings: Settings, found: ClusterResult) -> dict[int, KMeansModel]:
    return {one.k: load_model(settings.paths.models, one.name) for one in found.models}


def day(centres: np.ndarray, sizes: Any, seed: int, spread: float = 0.3) -> np.ndarray:
    """Rows around centres, in random order."""
    rng = np.random.default_rng(seed)
    means = np.repeat(centres, sizes, axis=0)
    rows = means + spread * rng.normal(size=means.shape)
    return rows[rng.permutation(len(rows))].astype(np.float32)
