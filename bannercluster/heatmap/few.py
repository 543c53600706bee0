"""Grids with few references: judged by what simulated grids with as few have shown.

What healthy heatmaps score cannot be learned from two references: their one comparison says
nothing of its own spread. Simulated grids have more, so that a profile can be made of a few of
them, and the others say what healthy heatmaps score against it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from bannercluster.heatmap.alerts import ConformalNull
from bannercluster.heatmap.binning import Counts
from bannercluster.heatmap.calibration import Calibration, calibrate_pooled
from bannercluster.heatmap.combination import Combination, LabelledScores, train_combination
from bannercluster.heatmap.judging import Judge
from bannercluster.heatmap.nulls import NullScores, null_scores_of_few
from bannercluster.heatmap.references import mapped, profiles_of, references_of
from bannercluster.heatmap.statistics.profile import GridProfile
from bannercluster.heatmap.statistics.scores import Blocks, Scorecard
from bannercluster.heatmap.thinning import thinned_to

Array = npt.NDArray[np.float64]

NUMBERS = (1, 2, 4)
"""Numbers of references that judges are made for; a grid with three is judged as if it had two."""

MANY = 5
"""References from which on a grid says itself what its healthy heatmaps score."""

_MOST_GRIDS, _MOST_OF_A_GRID, _MOST_LEFT_OUT = 70, 200, 12
"""Grids, heatmaps of each and healthy references of each that teach a number: they are scored again
for each number, and the benchmark's figures are reached with as many."""

_MOST_SCORES = 4_000
"""Scores of healthy heatmaps that are kept of each number of clicks."""


def judge_for(few: Mapping[int, Judge], n_references: int) -> Judge:
    """Return the judge of grids with so many references, or the next fewer that there is."""
    return few[max((number for number in few if number <= n_references), default=min(few))]


def teach_few(
    counts: Counts,
    grid_id: npt.NDArray[np.object_],
    reference: npt.NDArray[np.bool_],
    fault: npt.NDArray[np.object_],
    combination: Combination,
    blocks: Blocks,
    n_workers: int,
) -> dict[int, Judge]:
    """Teach a judge for each of some numbers of references.

    Parameters
    ----------
    counts : ndarray of shape (n, 64, 64), uint32
    grid_id : ndarray of shape (n,), object
    reference : ndarray of shape (n,), bool
        Known to be healthy. Grids with more than a number of them teach it, 70 at most.
    fault : ndarray of shape (n,), object
        Of the others: "" where healthy. Of each grid 200 at most are taken.
    combination : Combination
        That of many references: its ridge is taken.
    blocks : tuple of ScoreBlock
    n_workers : int
        Threads; the result does not depend on it.

    Returns
    -------
    judges : dict of int to Judge
        By number of references; without those for which no two grids have more.
    """
    whole = references_of(counts, grid_id, reference)
    asked = ~reference & counts.any(axis=(1, 2))
    found = {}
    for number in NUMBERS:
        more = {name: own for name, own in whole.items() if len(own) > number}
        more = dict(list(more.items())[:_MOST_GRIDS])
        if len(more) < 2:
            continue
        profiles = profiles_of({name: own[:number] for name, own in more.items()})
        grids = [
            _Grid(
                place,
                profiles[name],
                more[name][number:][:_MOST_LEFT_OUT],
                _some(np.flatnonzero((grid_id == name) & asked), place),
            )
            for place, name in enumerate(profiles)
        ]
        nulls = mapped(lambda grid: grid.null(blocks), grids, n_workers)
        null = NullScores.concatenated(nulls)
        calibration = calibrate_pooled(null)
        fewer = [thinned_to(counts[grid.rows], calibration.most_clicks) for grid in grids]
        tasks = list(zip(grids, fewer, strict=True))
        values = mapped(lambda task: task[0].scores(task[1], blocks), tasks, n_workers)
        rows = np.concatenate([grid.rows for grid in grids])
        n_clicks = np.concatenate([one.sum(axis=(1, 2), dtype=np.float64) for one in fewer])
        scores = LabelledScores(
            combination.names,
            calibration.z(np.concatenate(values), np.full(len(rows), -1), n_clicks),
            n_clicks,
            fault[rows] != "",
            np.repeat([grid.place for grid in grids], [len(grid.rows) for grid in grids]),
            fault[rows],
        )
        # Without the left-out references: p-values count them, and what has taught looks healthier.
        taught = train_combination(scores, (combination.penalty,))
        found[number] = Judge.pooled(null, taught)
    return found


def _some(rows: npt.NDArray[np.int64], seed: int) -> npt.NDArray[np.int64]:
    """Return rows as they are, or a sample of them in their order."""
    chosen: npt.NDArray[np.int64] = np.random.default_rng(seed).permutation(rows)
    return np.sort(chosen[:_MOST_OF_A_GRID])


@dataclass(frozen=True, eq=False)
class _Grid:
    """A grid with a profile of few references, its others, and the rows of heatmaps to score."""

    place: int
    profile: GridProfile
    left_out: Counts
    rows: npt.NDArray[np.int64]

    def null(self, blocks: Blocks) -> NullScores:
        return null_scores_of_few(
            self.place, self.left_out, lambda counts: self.scores(counts, blocks)
        )

    def scores(self, counts: Counts, blocks: Blocks) -> Array:
        return Scorecard.of(self.profile, blocks).scores(counts).values


def few_as_json(few: Mapping[int, Judge]) -> dict[str, Any]:
    """Return judges as JSON has them; ``few_from_json`` gives those that judge alike."""
    return {str(number): _judge_as_json(judge) for number, judge in few.items()}


def few_from_json(read: Mapping[str, Any]) -> dict[int, Judge]:
    """Return the judges that ``few_as_json`` wrote."""
    return {int(number): _judge_from_json(judge) for number, judge in read.items()}


def _judge_as_json(judge: Judge) -> dict[str, Any]:
    if judge.combination is None:
        raise ValueError("only a judge that was taught is kept")
    return {
        "calibration": _calibration_as_json(judge.calibration),
        "combination": json.loads(judge.combination.to_json()),
        "standard": _calibration_as_json(judge.standard),
        "parts": [_null_as_json(part) for part in judge.parts],
        "whole": _null_as_json(judge.whole),
    }


def _judge_from_json(read: Mapping[str, Any]) -> Judge:
    return Judge(
        _calibration_from_json(read["calibration"]),
        Combination.from_json(json.dumps(read["combination"])),
        _calibration_from_json(read["standard"]),
        tuple(_null_from_json(part) for part in read["parts"]),
        _null_from_json(read["whole"]),
    )


def _calibration_as_json(calibration: Calibration) -> dict[str, Any]:
    return {
        "location": calibration.location.tolist(),
        "log_scale": calibration.log_scale.tolist(),
    }


def _calibration_from_json(read: Mapping[str, Any]) -> Calibration:
    return Calibration(np.array(read["location"]), np.array(read["log_scale"]))


def _null_as_json(null: ConformalNull) -> list[list[float]]:
    """Return the scores of each level, evenly spaced ones where there are many."""
    return [_spaced(one).tolist() for one in null.levels]


def _null_from_json(read: list[list[float]]) -> ConformalNull:
    return ConformalNull(tuple(np.array(one) for one in read))


def _spaced(values: Array) -> Array:
    if len(values) <= _MOST_SCORES:
        return values
    return values[np.linspace(0, len(values) - 1, _MOST_SCORES).round().astype(np.int64)]
