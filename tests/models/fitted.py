"""Stores and models made by hand: every row, label, centre and weight is known."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pyarrow as pa
from store.stores import committed

from bannercluster.config import Settings
from bannercluster.models.card import ModelCard, RestartCard
from bannercluster.models.folder import save_model
from bannercluster.models.kmeans import KMeansModel
from bannercluster.models.sweeps import SweepFile
from bannercluster.runtime import SilentProgress, ThreadExecutor

RECIPE = {"model": "a_network", "precision": "float32", "preprocessing": {"resize": "native"}}


def content(row: int) -> bytes:
    return hashlib.sha256(b"%d" % row).digest()


def make_store(
    folder: Path, values: np.ndarray, aliases: Sequence[Mapping[str, object]] | None = None
) -> None:
    """Row i holds content i; an alias names its row by ``row`` and gets a file by default."""
    if aliases is None:
        aliases = [{"row": row} for row in range(len(values))]
    rows = [
        {
            "banner_id": None,
            "file": f"{alias['row']}.png",
            **alias,
            "content_id": content(alias["row"]),
        }
        for alias in aliases
    ]
    names = dict.fromkeys(name for row in rows for name in row if name != "row")
    fields = [(name, pa.binary(32) if name == "content_id" else pa.string()) for name in names]
    ids = b"".join(content(row) for row in range(len(values)))
    committed(
        str(folder / "embeddings.zarr"),
        [(values.astype(np.float16), np.frombuffer(ids, np.uint8).reshape(-1, 32))],
        {"aliases": pa.Table.from_pylist(rows, schema=pa.schema(fields))},
        recipe=RECIPE,
        n_features=values.shape[1],
        dtype="float16",
        chunk_rows=16,
        info={},
    )


def make_card(
    name: str,
    centres: np.ndarray,
    normalize: str = "l2",
    embedding: dict[str, Any] | None = None,
    versions: dict[str, Any] | None = None,
) -> ModelCard:
    return ModelCard(
        name=name,
        algorithm="kmeans",
        k=len(centres),
        n_features=centres.shape[1],
        normalize=normalize,
        spherical=False,
        seed=0,
        n_iter=1,
        inertia=1.0,
        converged=True,
        sizes=(1,) * len(centres),
        restarts=(RestartCard(0, 1.0, 1, True),),
        fit={},
        data={},
        embedding=RECIPE if embedding is None else embedding,
        versions=versions or {},
        created="2026-01-05T00:00:00+00:00",
    )


def make_models(
    folder: Path,
    centres: Mapping[str, np.ndarray],
    normalize: Mapping[str, str] | None = None,
    embedding: dict | None = None,
) -> None:
    for name, own in centres.items():
        card = make_card(name, own, (normalize or {}).get(name, "l2"), embedding)
        save_model(str(folder / "models"), KMeansModel(own.astype(np.float64), card))
    SweepFile(tuple(centres), "embeddings.zarr", {}).save(str(folder / "models"))


def settings_of(folder: Path) -> Settings:
    """Every path of a stage after embed, in the folder; the store is ``embeddings.zarr``."""
    leaves = ("images", "models", "evaluation", "assignments")
    return Settings().replace(
        "paths",
        embeddings=str(folder / "embeddings.zarr"),
        **{name: str(folder / name) for name in leaves},
    )


def run_stage(stage: ModuleType, settings: Settings, n_workers: int = 1) -> Any:
    with ThreadExecutor(n_workers) as executor:
        return stage.run(settings, executor=executor, progress=SilentProgress())
