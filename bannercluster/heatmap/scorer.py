"""The scorer of heatmaps: fitted to known-healthy references, it says which others look broken."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
import xarray as xr
from threadpoolctl import threadpool_limits

from bannercluster.errors import DataError
from bannercluster.heatmap.alerts import benjamini_hochberg
from bannercluster.heatmap.binning import Counts
from bannercluster.heatmap.combination import Combination
from bannercluster.heatmap.explanation import evidence, likely_fault, share_of
from bannercluster.heatmap.judging import Judge
from bannercluster.heatmap.nulls import NullScores, null_scores
from bannercluster.heatmap.references import (
    all_scores,
    counts_of,
    fold_scorer,
    mapped,
    names_of,
    profiles_of,
    references_of,
)
from bannercluster.heatmap.scored import RowScores, ScoredHeatmaps
from bannercluster.heatmap.statistics.profile import GridProfile
from bannercluster.heatmap.statistics.scores import SCORE_NAMES, ScoreFunction
from bannercluster.heatmap.thinning import thinned

_GRIDS_OF_ONE = 12
"""Grids whose references stand in for those of grids that have one only."""

NO_BLOCKS: Mapping[str, ScoreFunction] = MappingProxyType({})
"""No scores beside the statistics."""


@dataclass(frozen=True, eq=False)
class HeatmapScorer:
    """What is healthy on each grid, and what that says of other heatmaps.

    Make one with :meth:`fit`.

    Parameters
    ----------
    profiles : dict of str to GridProfile
        By ``grid_id``: the grids that have references.
    judge : Judge
    judge_of_one : Judge or None
        For grids with one reference; None where there are none.
    blocks : mapping of str to callable
        Scores beside the statistics, such as those of a network.
    n_workers : int
    """

    profiles: dict[str, GridProfile]
    judge: Judge
    judge_of_one: Judge | None
    blocks: Mapping[str, ScoreFunction]
    n_workers: int

    @classmethod
    def fit(
        cls,
        heatmaps: xr.Dataset,
        healthy: npt.NDArray[np.bool_],
        *,
        combination: Combination | None = None,
        blocks: Mapping[str, ScoreFunction] = NO_BLOCKS,
        n_workers: int = 1,
    ) -> HeatmapScorer:
        """Fit to known-healthy heatmaps.

        The order of the heatmaps does not matter, and heatmaps with the same counts on a grid
        count once.

        Parameters
        ----------
        heatmaps : Dataset
            ``counts(sample, y, x)`` uint32 with the coordinate ``grid_id``.
        healthy : ndarray of shape (n_samples,), bool
            The references. Some may be broken.
        combination : Combination, optional
            What was taught on labelled heatmaps; without it, the sum of tails alone judges.
        blocks : mapping of str to callable
            Further scores: ``(profile, counts) -> (n,)``.
        n_workers : int
            Threads; the result does not depend on it.

        Raises
        ------
        DataError
            If the Dataset is another, or no grid has two references.
        """
        names = (*SCORE_NAMES, *blocks)
        if combination is not None and combination.names != names:
            other = sorted({*combination.names} ^ {*names}) or ["their order"]
            raise DataError(
                f"the combination was trained on other scores; the difference is {other}: train "
                "it with these blocks, or give the blocks that it was trained with"
            )
        counts, grid_id = counts_of(heatmaps), names_of(heatmaps, "grid_id")
        if healthy.shape != grid_id.shape or healthy.dtype != bool:
            raise DataError(
                f"healthy has the shape {healthy.shape} and type {healthy.dtype}; expected "
                f"{grid_id.shape} of bool, one for each heatmap"
            )
        references = references_of(counts, grid_id, healthy)
        # The products are small: threads of the library would only wait for one another.
        with threadpool_limits(1, "blas"):
            profiles = profiles_of(references)
            judge, judge_of_one = _judges(references, profiles, blocks, combination, n_workers)
        return cls(profiles, judge, judge_of_one, blocks, n_workers)

    @property
    def most_clicks(self) -> int:
        """Clicks up to which heatmaps are judged: those of more are thinned to them."""
        return self.judge.calibration.most_clicks

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the scores, those of the blocks last."""
        return (*SCORE_NAMES, *self.blocks)

    def score(self, heatmaps: xr.Dataset) -> ScoredHeatmaps:
        """Score heatmaps.

        A row's scores, p and fault do not depend on the rows beside it; only q does. A heatmap
        of more clicks than references enough have is thinned to as many as they do.

        Parameters
        ----------
        heatmaps : Dataset
            ``counts(sample, y, x)`` uint32 with the coordinates ``domain`` and ``grid_id``.
        """
        counts, grid_id = counts_of(heatmaps), names_of(heatmaps, "grid_id")
        n_clicks = counts.sum(axis=(1, 2), dtype=np.int64)
        known = np.isin(grid_id, list(self.profiles))
        chosen = known & (n_clicks > 0)
        names = np.array(list(self.profiles), object)

        def by_grid(number: int) -> tuple[npt.NDArray[np.int64], RowScores]:
            rows = np.flatnonzero(chosen & (grid_id == names[number]))
            return rows, self._score_grid(number, names[number], counts[rows])

        table = RowScores.unknown(len(counts), len(self.names))
        present = [nth for nth, name in enumerate(names) if (chosen & (grid_id == name)).any()]
        with threadpool_limits(1, "blas"):
            for rows, part in mapped(by_grid, present, self.n_workers):
                table.put(rows, part)
        status = np.full(len(counts), "no_reference", object)
        status[known] = np.where(n_clicks[known] > 0, "scored", "no_clicks")
        table.p[status == "no_clicks"] = 1.0
        return ScoredHeatmaps(
            **{one.name: getattr(table, one.name) for one in fields(RowScores)},
            domain=names_of(heatmaps, "domain"),
            grid_id=grid_id,
            n_clicks=n_clicks,
            status=status,
            q=benjamini_hochberg(table.p),
            names=self.names,
        )

    def evidence(self, heatmaps: xr.Dataset) -> npt.NDArray[np.float32]:
        """Return where heatmaps differ from their grids, in standard deviations.

        Returns
        -------
        maps : ndarray of shape (n, 64, 64), float32
            NaN for heatmaps of grids without reference.
        """
        counts, grid_id = counts_of(heatmaps), names_of(heatmaps, "grid_id")
        maps = np.full(counts.shape, np.nan, np.float32)
        for name, profile in self.profiles.items():
            rows = grid_id == name
            if rows.any():
                maps[rows] = evidence(profile, counts[rows])
        return maps

    def _score_grid(self, number: int, name: str, counts: Counts) -> RowScores:
        profile, judge = self.profiles[name], self.judge
        grid = np.full(len(counts), number)
        if profile.n_references == 1 and self.judge_of_one is not None:
            judge, grid = self.judge_of_one, np.full(len(counts), -1)
        most = judge.calibration.most_clicks
        fewer = np.stack([one if one.sum() <= most else thinned(one, most) for one in counts])
        raw = all_scores(profile, fewer, self.blocks)
        n_clicks = fewer.sum(axis=(1, 2), dtype=np.float64)
        z = judge.calibration.z(raw.values, grid, n_clicks)
        judged = judge.judge(z, grid, n_clicks)
        fault = likely_fault(judge.combination, raw, z, n_clicks)
        return RowScores(
            p=judged.p,
            p_taught=judged.p_taught,
            p_untaught=judged.p_untaught,
            log_odds=judged.log_odds,
            tails=judged.tails,
            z=z,
            fault=fault,
            share=share_of(fault, raw),
        )


def _judges(
    references: dict[str, Counts],
    profiles: dict[str, GridProfile],
    blocks: Mapping[str, ScoreFunction],
    combination: Combination | None,
    n_workers: int,
) -> tuple[Judge, Judge | None]:
    """Return the judge of grids with several references, and that of grids with one."""
    names = list(profiles)
    several = [nth for nth, name in enumerate(names) if len(references[name]) > 1]
    if not several:
        raise DataError(
            f"none of {len(names)} grids has two distinct healthy heatmaps with clicks: one is "
            "the reference, the other shows what healthy scores are; mark more as healthy"
        )

    def nulls(number: int, *, of_one: bool) -> NullScores | None:
        name = names[number]
        score = fold_scorer(profiles[name], blocks)
        return null_scores(number, references[name], score, profile_of_one=of_one)

    def judge(numbers: list[int], *, of_one: bool) -> Judge:
        parts = mapped(lambda number: nulls(number, of_one=of_one), numbers, n_workers)
        null = NullScores.concatenated([part for part in parts if part is not None])
        return Judge.fit(null, len(names), combination)

    lonely = len(several) < len(names)
    few = several[:_GRIDS_OF_ONE]
    return judge(several, of_one=False), judge(few, of_one=True) if lonely else None
