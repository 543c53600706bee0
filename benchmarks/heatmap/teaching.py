"""Combinations taught on the training grids of one seed, and what they make of other heatmaps."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from bannercluster.heatmap.calibration import Calibration, calibrate, calibrate_pooled
from bannercluster.heatmap.combination import (
    PENALTIES,
    Combination,
    LabelledScores,
    train_combination,
)
from bannercluster.heatmap.judging import Judge, Judged
from bannercluster.heatmap.nulls import NullScores
from bannercluster.heatmap.simulator.benchmark import Heatmaps
from bannercluster.heatmap.simulator.faults import FAULTS
from bannercluster.heatmap.statistics.scores import SCORE_NAMES
from benchmarks.heatmap.outcomes import Outcomes
from benchmarks.heatmap.parts import MARGINAL, SEARCHING, Measured
from benchmarks.heatmap.simulating import USERS

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

IN_RANGE = (50, 100, 300, 1_000, 5_000)
"""Clicks that a combination is taught on which is then shown 20 and 50,000."""


@dataclass(frozen=True, eq=False)
class SeedParts:
    """The parts of one seed.

    Parameters
    ----------
    seed : int
    taught, held_out, two : Measured
    few : Measured
        Taught grids against profiles of two references.
    oracle : ndarray of shape (n_held_out,), float64
    marginal : Measured or None
        Of some of the held-out grids of one seed.
    contaminated : dict of int to Measured
        By the number of broken references of each grid; empty for most seeds.
    """

    seed: int
    taught: Measured
    held_out: Measured
    two: Measured
    few: Measured
    oracle: Array
    marginal: Measured | None
    contaminated: dict[int, Measured]


@dataclass(frozen=True, eq=False)
class SeedOutcomes:
    """What the combinations of one seed make of its heatmaps.

    Parameters
    ----------
    held_out : Outcomes
        Of the held-out grids, by all scorers.
    seen : Outcomes
        Of other domains on grids of the training.
    two : Outcomes
        Of the held-out grids, by two references.
    contaminated : dict of int to Outcomes
    """

    held_out: Outcomes
    seen: Outcomes
    two: Outcomes
    contaminated: dict[int, Outcomes]


@dataclass(frozen=True, eq=False)
class _Lessons:
    """Calibrated scores of the heatmaps that combinations learn from."""

    scores: LabelledScores
    heatmaps: Heatmaps

    @classmethod
    def of(cls, taught: Measured) -> _Lessons:
        own = taught.where(~taught.other)
        null, (calibration, healthy) = _null(taught), _calibrated(taught)
        z = calibration.z(taught.values, taught.grid, taught.n_clicks)
        references = LabelledScores.of_references(taught.names, null, healthy)
        scores = replace(_labelled(taught, z), references=references)
        return cls(scores.where(~taught.other), own.heatmaps)

    def teach(
        self,
        names: tuple[str, ...],
        without: str = "",
        n_clicks: tuple[int, ...] = (),
        penalties: tuple[float, ...] = PENALTIES,
    ) -> Combination:
        """Teach a combination of some scores, without a fault, on some numbers of clicks."""
        maps = self.heatmaps
        chosen = maps.fault != without if without else np.ones(len(maps), bool)
        if n_clicks:
            chosen &= np.isin(maps.n_clicks, n_clicks)
        return train_combination(self.scores.where(chosen).columns(names), penalties)


def _labelled(measured: Measured, z: Array) -> LabelledScores:
    maps, names = measured.heatmaps, measured.names
    return LabelledScores(names, z, measured.n_clicks, maps.broken, measured.grid, maps.fault)


def outcomes_of(parts: SeedParts) -> SeedOutcomes:
    """Teach all combinations of a seed and let them judge.

    The scores are named: ``log_odds``, ``p``, ``untaught`` of the whole scorer;
    ``statistics_only`` and ``statistics_p`` without the network; ``statistics_p_without:FAULT``
    never taught a fault; ``in_range...`` taught on 50 to 5,000 clicks; ``z:NAME`` single ones.
    """
    lessons = _Lessons.of(parts.taught)
    names = parts.taught.names
    whole = lessons.teach(names)
    alone = whole if names == SCORE_NAMES else lessons.teach(SCORE_NAMES)
    held, seen = parts.held_out, parts.taught.where(parts.taught.other)
    scores, p = _whole(held.columns(names), whole)
    scores |= {
        "oracle": parts.oracle,
        **_marginal(held, parts.marginal),
        "oracle_known_density": held.heatmaps.oracle,
        **{f"z:{name}": column for name, column in zip(held.names, _z(held).T, strict=True)},
        USERS: held.values[:, held.names.index(USERS)],
    }
    statistics = held.columns(SCORE_NAMES)
    judged = _judge(statistics, alone)
    scores |= {"statistics_only": judged.log_odds, "statistics_p": -np.log(judged.p)}
    for fault in FAULTS:
        other = lessons.teach(SCORE_NAMES, without=fault, penalties=(alone.penalty,))
        scores[f"statistics_p_without:{fault}"] = -np.log(_judge(statistics, other).p)
    other = lessons.teach(names, n_clicks=IN_RANGE, penalties=(whole.penalty,))
    scores["in_range_log_odds"] = _judge(held.columns(names), other).log_odds
    seen_scores, seen_p = _whole(seen, whole)
    for name, fault in (
        ("in_range_p", ""),
        *((f"in_range_p_without:{one}", one) for one in FAULTS),
    ):
        other = lessons.teach(SCORE_NAMES, fault, IN_RANGE, (alone.penalty,))
        scores[name] = -np.log(_judge(statistics, other).p)
        seen_scores[name] = -np.log(_judge(seen.columns(SCORE_NAMES), other).p)
    return SeedOutcomes(
        Outcomes.of(held.heatmaps, p, scores, parts.seed),
        Outcomes.of(seen.heatmaps, seen_p, seen_scores, parts.seed),
        _of_few(parts.two.columns(names), parts.few.columns(names), whole, parts.seed),
        {n: _outcomes(one, whole, parts.seed) for n, one in parts.contaminated.items()},
    )


def _marginal(held: Measured, marginal: Measured | None) -> dict[str, Array]:
    """Return what the oracles without the fault say, NaN where they were not asked."""
    found = {name: np.full(len(held.heatmaps), np.nan) for name in (MARGINAL, SEARCHING)}
    if marginal is not None:
        asked = np.isin(held.heatmaps.grid, marginal.numbers)
        for name, column in zip(marginal.names, marginal.values.T, strict=True):
            found[name][asked] = column
    return found


def _of_few(two: Measured, taught: Measured, whole: Combination, seed: int) -> Outcomes:
    """Judge heatmaps of grids with few references by what taught grids with as few show.

    As ``heatmap.few.teach_few`` does it.
    """
    null = _null(taught)
    calibration = calibrate_pooled(null)
    nowhere = np.full(len(taught.values), -1)
    scores = _labelled(taught, calibration.z(taught.values, nowhere, taught.n_clicks))
    combination = train_combination(scores, (whole.penalty,))
    judge = Judge.pooled(null, combination)
    nowhere = np.full(len(two.values), -1)
    z = judge.calibration.z(two.values, nowhere, two.n_clicks)
    judged = judge.judge(z, nowhere, two.n_clicks)
    found = {"log_odds": judged.log_odds, "p": -np.log(judged.p), "untaught": judged.tails}
    return Outcomes.of(two.heatmaps, judged.p, found, seed)


def _outcomes(measured: Measured, combination: Combination, seed: int) -> Outcomes:
    scores, p = _whole(measured.columns(combination.names), combination)
    return Outcomes.of(measured.heatmaps, p, scores, seed)


def _whole(measured: Measured, combination: Combination) -> tuple[dict[str, Array], Array]:
    judged = _judge(measured, combination)
    found = {"log_odds": judged.log_odds, "p": -np.log(judged.p), "untaught": judged.tails}
    return found, judged.p


def _judge(measured: Measured, combination: Combination) -> Judged:
    judge = Judge.fit(_null(measured), len(measured.numbers), combination)
    z = judge.calibration.z(measured.values, measured.grid, measured.n_clicks)
    return judge.judge(z, measured.grid, measured.n_clicks)


def _z(measured: Measured) -> Array:
    """Return calibrated scores, each a column by itself."""
    return _calibrated(measured)[0].z(measured.values, measured.grid, measured.n_clicks)


def _calibrated(measured: Measured) -> tuple[Calibration, Array]:
    """Return the calibration of all scores, and the left-out references calibrated."""
    return calibrate(_null(measured), len(measured.numbers))


def _null(measured: Measured) -> NullScores:
    if measured.null is None:
        raise ValueError("heatmaps without left-out references cannot be judged, and teach nothing")
    return measured.null
