"""Results of this machine: ``results/<name>.json``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from bannercluster.bench.results import null_ratio, record, save, summary

__all__ = ["keep", "null_ratio", "summary"]

FOLDER = Path(__file__).parent / "results"


def keep(name: str, result: dict[str, Any]) -> Path:
    """Write ``results/<name>.json`` and print the result."""
    path = FOLDER / f"{name}.json"
    save(str(path), record(name, result))
    print(json.dumps(result, indent=2))
    return path
