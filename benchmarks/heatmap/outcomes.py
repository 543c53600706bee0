"""What scorers make of heatmaps whose truth is known, of one seed or of several."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from bannercluster.heatmap.quality import false_positive_rate
from bannercluster.heatmap.simulator.benchmark import Heatmaps
from benchmarks.heatmap.resampling import Resampled, estimated

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

NOMINAL = 0.01
_APART = 100_000  # numbers of the grids of a seed: a grid of another seed is another grid


@dataclass(frozen=True, eq=False)
class Outcomes:
    """Heatmaps and what each scorer gives them, one entry of each array per heatmap.

    Parameters
    ----------
    broken : ndarray of bool
    fault : ndarray of object
        "" where healthy.
    n_clicks, grid, seed : ndarray of int64
    detectability : ndarray of float64
        In nats, see ``Heatmaps``.
    p : ndarray of float64
        Final p-value.
    scores : dict of str to ndarray
        By the name of the scorer: larger is more broken, NaN where it was not asked.
    """

    broken: Mask
    fault: npt.NDArray[np.object_]
    n_clicks: npt.NDArray[np.int64]
    grid: npt.NDArray[np.int64]
    seed: npt.NDArray[np.int64]
    detectability: Array
    p: Array
    scores: dict[str, Array]

    @classmethod
    def of(cls, maps: Heatmaps, p: Array, scores: dict[str, Array], seed: int) -> Outcomes:
        """Put scores beside what is known of heatmaps."""
        return cls(
            broken=maps.broken,
            fault=maps.fault,
            n_clicks=maps.n_clicks,
            grid=maps.grid + _APART * seed,
            seed=np.full(len(maps), seed),
            detectability=maps.detectability,
            p=p,
            scores=scores,
        )

    def __len__(self) -> int:
        return len(self.broken)

    @classmethod
    def pooled(cls, parts: list[Outcomes]) -> Outcomes:
        """Return the heatmaps of several seeds, with the scores that all of them have."""
        names = [one.name for one in fields(cls) if one.name != "scores"]
        return cls(
            *(np.concatenate([getattr(part, name) for part in parts]) for name in names),
            scores={
                name: np.concatenate([part.scores[name] for part in parts])
                for name in parts[0].scores
            },
        )

    def where(self, chosen: Mask) -> Outcomes:
        """Return some of them."""
        names = [one.name for one in fields(self) if one.name != "scores"]
        return Outcomes(
            *(getattr(self, name)[chosen] for name in names),
            scores={name: one[chosen] for name, one in self.scores.items()},
        )

    def against_healthy(self, fault: str) -> Mask:
        """Choose the heatmaps with a fault, and all healthy ones."""
        chosen: Mask = ~self.broken | (self.fault == fault)
        return chosen

    def resampled(self, name: str, chosen: Mask | None = None) -> Resampled:
        """Measure a scorer on some of the heatmaps."""
        rows = np.ones(len(self), bool) if chosen is None else chosen
        return Resampled.of(self.scores[name][rows], self.broken[rows], self.grid[rows])

    def ranking(self, name: str, chosen: Mask | None = None) -> dict[str, Any]:
        """Return numbers of heatmaps, AUROC and recall at 1 %, with intervals."""
        return ranked(self.resampled(name, chosen))

    def false_positive_rate(self, chosen: Mask | None = None) -> dict[str, float]:
        """Return which share of the healthy ones has a p-value up to 1 %."""
        rows = ~self.broken if chosen is None else ~self.broken & chosen
        return rounded(asdict(false_positive_rate(self.p[rows], self.grid[rows], NOMINAL)))


def ranked(figures: Resampled) -> dict[str, Any]:
    """Return figures as the result has them."""
    found = {
        "n_broken": figures.n_broken,
        "n_healthy": figures.n_healthy,
        "auroc": asdict(estimated(figures.auroc)),
        "recall": asdict(estimated(figures.recall)),
    }
    return rounded(found)


def rounded(value: Any) -> Any:
    """Return figures with four decimals."""
    if isinstance(value, dict):
        return {key: rounded(one) for key, one in value.items()}
    if isinstance(value, list):
        return [rounded(one) for one in value]
    return round(value, 4) if isinstance(value, float) else value
