"""Models and their cards, and a slow reference of the nearest centre."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np

from bannercluster.models.card import ModelCard, RestartCard
from bannercluster.models.kmeans import KMeansModel


def model(name: str = "kmeans-k03-abc", k: int = 3, f: int = 4, **card: Any) -> KMeansModel:
    values = ModelCard(
        name=name,
        algorithm="kmeans",
        k=k,
        n_features=f,
        normalize="none",
        spherical=False,
        seed=1,
        n_iter=7,
        inertia=1 / 3,
        converged=True,
        sizes=tuple(range(k)),
        restarts=(RestartCard(0, 1 / 3, 7, True), RestartCard(1, 0.5, 9, False)),
        fit={"k": k, "tol": 1e-4},
        data={"n_rows": 10, "fingerprint": "ab"},
        embedding={"model": "efficientnet_lite0", "précis": "ü"},
        versions={"python": "3.11"},
        created="2024-05-01T00:00:00+00:00",
    )
    centres = np.random.default_rng(k).normal(size=(k, f)) / 3
    return KMeansModel(centres, dataclasses.replace(values, **card))


def files_below(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Contents and times of all files."""
    return {
        str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def nearest(x: np.ndarray, centres: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Label, distance and margin of rows, one row at a time, in 80 bits."""
    labels, distances, margins = [], [], []
    for row in np.asarray(x, np.longdouble):
        found = np.sqrt(np.square(row - np.asarray(centres, np.longdouble)).sum(axis=1))
        own = int(np.flatnonzero(found <= found.min() * (1 + 2.0**-41))[0])
        others = np.delete(found, own)
        labels.append(own)
        distances.append(found[own])
        margins.append(others.min() - found[own] if len(others) else np.nan)
    return np.array(labels), np.array(distances), np.array(margins)
