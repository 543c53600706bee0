"""What each stage needs before it can be measured, how it is called, and what its result says."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LABEL = "advertiser"
"""Column of the planted groups, in generated stores and in synthetic banners."""

_SOME = ("--n-init", "2", "--max-iter", "10")
"""The models that later stages are measured on: what they are does not change their cost."""

Quality = Mapping[str, float]


@dataclass(frozen=True)
class Measured:
    """A stage that can be measured.

    Parameters
    ----------
    name : str
        Of the command.
    unit : str
        What the sizes count.
    starts_with : {"rows", "banners"}
        What is generated: a store of embeddings, or image files.
    before : tuple of str
        Commands that run once for each size, in this order.
    arguments : function of the folder of a size and of a folder for the output to the arguments
    quality : function of the printed JSON to figures
    """

    name: str
    unit: str
    starts_with: str
    before: tuple[str, ...]
    arguments: Callable[[Path, Path], tuple[str, ...]]
    quality: Callable[[Mapping[str, Any]], Quality]


def arguments_before(name: str, data: Path) -> tuple[str, ...]:
    """Return the arguments of a command that prepares: its outputs lie in the size's folder."""
    more = _SOME if name == "cluster" else ()
    return (*STAGES[name].arguments(data, data), *more)


def _embed(data: Path, out: Path) -> tuple[str, ...]:
    return ("--images", f"{data}/images", "--embeddings", f"{out}/embeddings.zarr",
            "--model", "efficientnet_lite0")  # fmt: skip


def _import(data: Path, out: Path) -> tuple[str, ...]:
    return ("--source", f"{data}/export", "--embeddings", f"{out}/imported.zarr")


def _export(data: Path, out: Path) -> tuple[str, ...]:
    return ("--embeddings", f"{data}/embeddings.zarr", "--target", f"{out}/export")


def _cluster(data: Path, out: Path) -> tuple[str, ...]:
    return ("--embeddings", f"{data}/embeddings.zarr", "--models", f"{out}/models")


def _evaluate(data: Path, out: Path) -> tuple[str, ...]:
    return ("--embeddings", f"{data}/embeddings.zarr", "--models", f"{data}/models",
            "--evaluation", f"{out}/evaluation", "--label", LABEL)  # fmt: skip


def _predict(data: Path, out: Path) -> tuple[str, ...]:
    return ("--embeddings", f"{data}/embeddings.zarr", "--models", f"{data}/models",
            "--evaluation", f"{data}/evaluation",
            "--assignments", f"{out}/assignments")  # fmt: skip


def _report(data: Path, out: Path) -> tuple[str, ...]:
    return ("--images", f"{data}/images", "--embeddings", f"{data}/embeddings.zarr",
            "--models", f"{data}/models", "--evaluation", f"{data}/evaluation",
            "--assignments", f"{data}/assignments", "--report", f"{out}/report.html")  # fmt: skip


def _shares(result: Mapping[str, Any]) -> Quality:
    return {"share embedded": result["n_ok"] / result["n_in"]}


def _written(result: Mapping[str, Any]) -> Quality:
    return {"rows": result["n_rows"]}


def _inertia(result: Mapping[str, Any]) -> Quality:
    found = {f"inertia a row, k = {m['k']}": m["inertia"] / result["n_rows"]
             for m in result["models"]}  # fmt: skip
    return {**found, "traversals": result["n_passes"]}


def _metrics(result: Mapping[str, Any]) -> Quality:
    wanted = ("silhouette_sq_euclidean", "ami")
    return {
        f"{name}, k = {model['k']}": model["metrics"][name]
        for model in result["models"]
        for name in wanted
        if model["metrics"].get(name) is not None
    }


def _banners(result: Mapping[str, Any]) -> Quality:
    return {"banners": result["n_banners"]}


def _nothing(_: Mapping[str, Any]) -> Quality:
    return {}


_ROWS = ("rows", "rows")
_FITTED = ("cluster", "evaluate", "predict")

STAGES = {
    stage.name: stage
    for stage in (
        Measured("embed", "banners", "banners", (), _embed, _shares),
        Measured("import", *_ROWS, ("export",), _import, _shares),
        Measured("export", *_ROWS, (), _export, _written),
        Measured("cluster", *_ROWS, (), _cluster, _inertia),
        Measured("evaluate", *_ROWS, _FITTED[:1], _evaluate, _metrics),
        Measured("predict", *_ROWS, _FITTED[:2], _predict, _banners),
        Measured("report", "banners", "banners", ("embed", *_FITTED), _report, _nothing),
    )
}
"""The stages, in the order of the data."""


def quality_of(stage: Measured, stdout: str) -> Quality:
    """Read the figures of quality out of what a stage printed with ``--json``."""
    return stage.quality(json.loads(stdout))
