"""Results as JSON, each with the environment it was measured in."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from bannercluster.runtime.environment import environment
from bannercluster.store import files, points


def record(name: str, result: Mapping[str, Any]) -> dict[str, Any]:
    """Return a result with the time and the environment of its measurement."""
    return {
        "benchmark": name,
        "measured": datetime.now(UTC).isoformat(timespec="seconds"),
        "environment": environment(),
        "result": dict(result),
    }


def save(url: str, document: Mapping[str, Any]) -> None:
    """Write a record as JSON.

    Raises
    ------
    StoreError
        If it cannot be written; what was there before stays.
    """
    files.write_json(url, document, points.BENCH)


def summary(seconds: Sequence[float]) -> dict[str, float]:
    """Minimum, median and maximum of some timings."""
    return {
        "min_s": round(min(seconds), 3),
        "median_s": round(statistics.median(seconds), 3),
        "max_s": round(max(seconds), 3),
    }


def null_ratio(seconds: Sequence[float]) -> float:
    """Largest ratio of two timings of the same thing: what a ratio means nothing below."""
    return round(max(seconds) / min(seconds), 3)
