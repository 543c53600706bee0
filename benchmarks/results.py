"""Results as JSON, each with the environment it was measured in."""

from __future__ import annotations

import json
import statistics
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bannercluster.runtime.environment import environment

FOLDER = Path(__file__).parent / "results"


def keep(name: str, result: dict[str, Any]) -> Path:
    """Write ``results/<name>.json`` and print the result."""
    whole = {
        "benchmark": name,
        "measured": datetime.now(UTC).isoformat(timespec="seconds"),
        "environment": environment(),
        "result": result,
    }
    FOLDER.mkdir(exist_ok=True)
    path = FOLDER / f"{name}.json"
    path.write_text(json.dumps(whole, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=2))
    return path


def summary(seconds: list[float]) -> dict[str, float]:
    """Minimum, median and maximum of some timings."""
    return {
        "min_s": round(min(seconds), 3),
        "median_s": round(statistics.median(seconds), 3),
        "max_s": round(max(seconds), 3),
    }


def null_ratio(seconds: list[float]) -> float:
    """Largest ratio of two timings of the same thing: what a ratio means nothing below."""
    return round(max(seconds) / min(seconds), 3)
