"""Stores and models made by hand: every label, centre and weight is known."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from store.stores import committed

from bannercluster import evaluate
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


def make_models(
    folder: Path,
    centres: Mapping[str, np.ndarray],
    normalize: Mapping[str, str] | None = None,
    embedding: dict | None = None,
) -> None:
    for name, own in centres.items():
        card = ModelCard(
            name=name,
            algorithm="kmeans",
            k=len(own),
            n_features=own.shape[1],
            normalize=(normalize or {}).get(name, "l2"),
            spherical=False,
            seed=0,
            n_iter=1,
            inertia=1.0,
            converged=True,
            sizes=(1,) * len(own),
            restarts=(RestartCard(0, 1.0, 1, True),),
            fit={},
            data={},
            embedding=RECIPE if embedding is None else embedding,
            versions={},
            created="2026-01-05T00:00:00+00:00",
        )
        save_model(str(folder / "models"), KMeansModel(own.astype(np.float64), card))
    SweepFile(tuple(centres), "embeddings.zarr", {}).save(str(folder / "models"))


def settings_of(folder: Path) -> Settings:
    return Settings().replace(
        "paths",
        embeddings=str(folder / "embeddings.zarr"),
        models=str(folder / "models"),
        evaluation=str(folder / "evaluation"),
    )


def run(settings: Settings, n_workers: int = 1) -> evaluate.EvaluateResult:
    with ThreadExecutor(n_workers) as executor:
        return evaluate.run(settings, executor=executor, progress=SilentProgress())


def table_store(folder: Path, table: Sequence[Sequence[int]], **columns) -> None:
    """Rows whose labels and clusters have this contingency table, and a model that finds it.

    The clusters are the axes; labels a, b, c ... stand in the column ``advertiser``.
    """
    counts = np.array(table)
    values, aliases = [], []
    for label, of_cluster in enumerate(counts):
        for cluster, n in enumerate(of_cluster):
            for _ in range(n):
                aliases.append({"row": len(values), "advertiser": "abcdef"[label], **columns})
                values.append(np.eye(counts.shape[1])[cluster])
    make_store(folder, np.array(values), aliases)
    make_models(folder, {"axes": np.eye(counts.shape[1])})
