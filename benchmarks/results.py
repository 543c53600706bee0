"""Results of this machine: ``results/<name>.json``."""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bannercluster.bench.results import null_ratio, record, save, summary

__all__ = ["keep", "kept", "null_ratio", "rate", "summary"]

FOLDER = Path(__file__).parent / "results"


def keep(name: str, result: dict[str, Any]) -> Path:
    """Write ``results/<name>.json`` and print the result."""
    path = FOLDER / f"{name}.json"
    save(str(path), record(name, result))
    print(json.dumps(result, indent=2))
    return path


def kept(name: str) -> dict[str, Any]:
    """Return what ``keep`` wrote."""
    result: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text())["result"]
    return result


def rate(n: int, seconds: Sequence[float]) -> float:
    """Return how many a second there are at the median."""
    return round(n / statistics.median(seconds), 1)
