"""What ``bc bench scale`` found: runs, how their costs grow, and both as tables."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from bannercluster.bench.growth import Growth
from bannercluster.bench.processes import Usage
from bannercluster.bench.results import null_ratio
from bannercluster.runtime.plan import Table

COST_NAMES = {
    "wall_s": "time on the clock",
    "cpu_s": "processor time",
    "peak_nbytes": "peak memory",
    "asked_read_nbytes": "bytes read",
}


@dataclass(frozen=True)
class Run:
    """One run.

    Parameters
    ----------
    size : int
    repeat : int
        From 0.
    usage : Usage
    quality : mapping of str to float
    """

    size: int
    repeat: int
    usage: Usage
    quality: Mapping[str, float]


@dataclass(frozen=True)
class ScaleResult:
    """What a stage takes over the sizes.

    Parameters
    ----------
    stage, unit : str
        The command; what the sizes count.
    options : tuple of str
        Of the stage, as asked.
    n_features : int
        Of generated rows.
    runs : tuple of Run
    growth : mapping of cost to Growth or None
    files : str
        Where the results lie, without ``.json`` and ``.svg``.
    """

    stage: str
    unit: str
    options: tuple[str, ...]
    n_features: int
    runs: tuple[Run, ...]
    growth: Mapping[str, Growth | None]
    files: str

    @property
    def sizes(self) -> tuple[int, ...]:
        """The sizes, rising."""
        return tuple(sorted({run.size for run in self.runs}))

    def costs(self, size: int, cost: str) -> list[float]:
        """Return a cost of all repeats of a size."""
        return [float(getattr(run.usage, cost)) for run in self.runs if run.size == size]

    def noise(self) -> dict[str, float]:
        """Return the largest ratio of two repeats of one size, by cost: the null run."""
        return {
            cost: max(null_ratio(self.costs(size, cost)) for size in self.sizes)
            for cost in ("wall_s", "cpu_s", "peak_nbytes")
        }

    def tables(self) -> tuple[Table, ...]:
        """Return the result as tables."""
        asked = f" with {' '.join(self.options)}" if self.options else ""
        n_repeats = 1 + max(run.repeat for run in self.runs)
        columns = (
            self.unit, "wall [s]", "max / min", "cpu [s]", "peak [MiB]", "read [MiB]",
            "from disk [MiB]", "written [MiB]",
        )  # fmt: skip
        rows = tuple(self._row(size) for size in self.sizes)
        shown = [Table(f"bc {self.stage}{asked}: medians of {n_repeats} runs", columns, rows)]
        grown = tuple(
            (COST_NAMES[cost], round(one.exponent, 3), _rounded(one.standard_error))
            for cost, one in self.growth.items()
            if one is not None
        )
        if grown:
            title = f"cost = a x {self.unit} ^ exponent"
            shown.append(Table(title, ("cost", "exponent", "standard error"), grown))
        names = list(self.runs[0].quality)
        if names:
            found = tuple(
                (name, *(_figure(self._quality(size, name)) for size in self.sizes))
                for name in names
            )
            heads = ("quality", *(f"{size:,} {self.unit}" for size in self.sizes))
            shown.append(Table("", heads, found))
        shown.append(Table(f"{self.files}.json, {self.files}.svg", (), ()))
        return tuple(shown)

    def document(self) -> dict[str, Any]:
        """Return the result as JSON has it, without what the commands printed."""
        runs = [asdict(run) for run in self.runs]
        for run in runs:
            for text in ("stdout", "stderr"):
                del run["usage"][text]
        return {
            "stage": self.stage,
            "unit": self.unit,
            "options": list(self.options),
            "n_features": self.n_features,
            "memory_is": "resident memory of all processes of the command, sampled every 20 ms, "
            "or VmHWM of its first one where that is more",
            "bytes_are": "rchar and wchar (asked), read_bytes and write_bytes (disk)",
            "growth": {cost: one and asdict(one) for cost, one in self.growth.items()},
            "null_ratio": self.noise(),
            "runs": runs,
        }

    def _row(self, size: int) -> tuple[object, ...]:
        def middle(cost: str) -> float:
            return statistics.median(self.costs(size, cost))

        def mebibytes(cost: str) -> int:
            return round(middle(cost) / (1 << 20))

        return (
            size,
            round(middle("wall_s"), 2),
            null_ratio(self.costs(size, "wall_s")),
            round(middle("cpu_s"), 2),
            mebibytes("peak_nbytes"),
            mebibytes("asked_read_nbytes"),
            mebibytes("disk_read_nbytes"),
            mebibytes("asked_written_nbytes"),
        )

    def _quality(self, size: int, name: str) -> float:
        return statistics.median(run.quality[name] for run in self.runs if run.size == size)


def _rounded(error: float | None) -> float | None:
    return None if error is None else round(error, 3)


def _figure(value: float) -> str:
    return f"{value:.6g}"
