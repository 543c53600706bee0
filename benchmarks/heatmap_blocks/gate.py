"""Figures of blocks: each score alone, their own combination, and what they add."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from bannercluster.heatmap.combination import LabelledScores, train_combination
from bannercluster.heatmap.quality import Estimated, gain, ranking
from bannercluster.heatmap.statistics.scores import SCORE_NAMES
from benchmarks.heatmap_blocks.features import Make
from benchmarks.heatmap_blocks.material import CLICKS, Material
from benchmarks.heatmap_blocks.scoring import SCORES, Covariances, scores

Array = npt.NDArray[np.float64]

PLAIN = ("chi_square_2", "mahalanobis", "cosine_mean")
"""Statistics that are shown beside blocks."""

N_NOISE = 10
"""Blocks of random numbers: which gains chance alone makes."""


@dataclass(frozen=True, eq=False)
class Lessons:
    """Grids that combinations are taught on, and held-out ones that they are measured on."""

    taught: Material
    held_out: Material

    def block(self, make: Make) -> tuple[Array, Array]:
        """Return calibrated scores of a block, of the taught and of the held-out heatmaps."""
        found, covariances = [], None
        for material in (self.taught, self.held_out):
            thin, maps = make(material.thin.counts), make(material.maps.counts)
            is_taught = covariances is None
            if covariances is None:
                covariances = Covariances.of(material.thin, thin)
            raw = scores(material, maps, thin, covariances, taught=is_taught)
            found.append(material.calibrated(*raw))
        return found[0], found[1]

    def noise(self, seed: int, nth: int = 0) -> tuple[Array, Array]:
        """Return random numbers instead of scores."""
        rng = np.random.default_rng(np.random.SeedSequence([seed, nth]))
        taught, held_out = (
            material.calibrated(
                rng.normal(size=(len(material.maps), len(SCORES))),
                rng.normal(size=(len(material.thin.counts), len(SCORES))),
            )
            for material in (self.taught, self.held_out)
        )
        return taught, held_out

    def judged(self, names: tuple[str, ...], taught: Array, held_out: Array) -> Array:
        """Return log odds of the held-out heatmaps by a combination of some scores."""
        maps = self.taught.maps
        combination = train_combination(
            LabelledScores(
                names,
                taught,
                maps.n_clicks.astype(np.float64),
                np.asarray(maps.broken),
                self.taught.grid,
                maps.fault,
            )
        )
        return combination.log_odds(held_out, self.held_out.maps.n_clicks.astype(np.float64))

    def statistics(self) -> Array:
        """Return log odds by the statistics alone."""
        return self.judged(SCORE_NAMES, self.taught.statistics, self.held_out.statistics)

    def own(self, z: tuple[Array, Array]) -> Array:
        """Return log odds by the scores of a block alone."""
        return self.judged(SCORES, *z)

    def with_statistics(self, z: tuple[Array, Array]) -> Array:
        """Return log odds by the statistics and the scores of a block."""
        taught = np.concatenate([self.taught.statistics, z[0]], axis=1)
        held_out = np.concatenate([self.held_out.statistics, z[1]], axis=1)
        return self.judged((*SCORE_NAMES, *(f"block_{name}" for name in SCORES)), taught, held_out)

    def noise_gains(self, seed: int, statistics: Array) -> list[dict[str, float]]:
        """Return what blocks of random numbers gain over the statistics."""
        return [
            self.gain(self.with_statistics(self.noise(seed, nth)), statistics)
            for nth in range(N_NOISE)
        ]

    def ranking(self, found: Array) -> dict[str, Any]:
        """Return AUROC and recall at 1 % of held-out heatmaps, with intervals over grids."""
        one = ranking(found, np.asarray(self.held_out.maps.broken), self.held_out.grid)
        return {"auroc": estimated(one.auroc), "recall": estimated(one.recall)}

    def by_clicks(self, found: Array) -> dict[str, float]:
        """Return AUROC at each number of clicks."""
        maps, level = self.held_out.maps, self.held_out.level
        return {
            str(n): estimated(
                ranking(
                    found[level == nth],
                    np.asarray(maps.broken)[level == nth],
                    self.held_out.grid[level == nth],
                    n_resamples=1,
                ).auroc
            )["value"]
            for nth, n in enumerate(CLICKS)
        }

    def gain(self, found: Array, baseline: Array) -> dict[str, float]:
        """Return what log odds gain in AUROC over others, paired."""
        broken = np.asarray(self.held_out.maps.broken)
        return estimated(gain(found, baseline, broken, self.held_out.grid))

    def single(self, z: Array, names: tuple[str, ...]) -> dict[str, Any]:
        """Return the figures of each column."""
        return {name: self.ranking(column) for name, column in zip(names, z.T, strict=True)}


def estimated(one: Estimated) -> dict[str, float]:
    """Return a figure with its interval, four decimals."""
    return {name: round(value, 4) for name, value in asdict(one).items()}
