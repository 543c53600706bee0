"""The scorer of heatmaps: fitted to known-healthy references, it says which others look broken."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import partial
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr
from threadpoolctl import threadpool_limits

from bannercluster.errors import DataError
from bannercluster.heatmap.alerts import benjamini_hochberg
from bannercluster.heatmap.binning import Counts
from bannercluster.heatmap.combination import Combination
from bannercluster.heatmap.explanation import evidence, likely_fault, share_of
from bannercluster.heatmap.few import MANY, judge_for
from bannercluster.heatmap.judging import Judge
from bannercluster.heatmap.nulls import NullScores, null_scores, null_scores_of_few
from bannercluster.heatmap.references import (
    counts_of,
    fold_scorer,
    mapped,
    names_of,
    profiles_of,
    references_of,
)
from bannercluster.heatmap.scored import RowScores, ScoredHeatmaps
from bannercluster.heatmap.statistics.profile import GridProfile
from bannercluster.heatmap.statistics.scores import Blocks, Scorecard, score_names
from bannercluster.heatmap.thinning import thinned_to

_GRIDS_OF_ONE = 12
"""Grids whose references stand in for those of grids that have one only."""

NO_JUDGES: Mapping[int, Judge] = MappingProxyType({})
"""Nothing was taught of grids with few references."""


@dataclass(frozen=True, eq=False)
class HeatmapScorer:
    """What is healthy on each grid, and what that says of other heatmaps.

    Make one with :meth:`fit`.

    Parameters
    ----------
    profiles : dict of str to GridProfile
        By ``grid_id``: the grids that have references.
    judge : Judge or None
        Of grids that say themselves what their healthy heatmaps score; None where there are none.
    few : mapping of int to Judge
        Of the others, by number of references.
    itself : frozenset of str
        The grids that say themselves.
    blocks : tuple of ScoreBlock
        Scores beside the statistics, such as those of a network.
    n_workers : int
    """

    profiles: dict[str, GridProfile]
    judge: Judge | None
    few: Mapping[int, Judge]
    itself: frozenset[str]
    blocks: Blocks
    n_workers: int

    @classmethod
    def fit(
        cls,
        heatmaps: xr.Dataset,
        healthy: npt.NDArray[np.bool_],
        *,
        combination: Combination | None = None,
        blocks: Blocks = (),
        few: Mapping[int, Judge] = NO_JUDGES,
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
        blocks : tuple of ScoreBlock
            Further scores.
        few : mapping of int to Judge
            What was taught of grids with so few references, see ``heatmap.few``: it judges grids
            with less than five. Without it they are calibrated by themselves, and a grid with one
            reference as others would be with one.
        n_workers : int
            Threads; the result does not depend on it.

        Raises
        ------
        DataError
            If the Dataset is another, or no grid has references enough.
        """
        return cls._fitted(heatmaps, healthy, combination, blocks, few, n_workers)[0]

    @classmethod
    def fit_with_null(
        cls,
        heatmaps: xr.Dataset,
        healthy: npt.NDArray[np.bool_],
        *,
        blocks: Blocks = (),
        n_workers: int = 1,
    ) -> tuple[HeatmapScorer, NullScores]:
        """Fit without what was taught, for those who teach; parameters as of ``fit``.

        Returns
        -------
        scorer : HeatmapScorer
        null : NullScores
            Raw scores of the left-out references; grids are numbered as in ``profiles``.
        """
        scorer, null = cls._fitted(heatmaps, healthy, None, blocks, NO_JUDGES, n_workers)
        assert null is not None  # noqa: S101 - without judges of few, some grid has two references
        return scorer, null

    @classmethod
    def _fitted(
        cls,
        heatmaps: xr.Dataset,
        healthy: npt.NDArray[np.bool_],
        combination: Combination | None,
        blocks: Blocks,
        few: Mapping[int, Judge],
        n_workers: int,
    ) -> tuple[HeatmapScorer, NullScores | None]:
        names = score_names(blocks)
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
            found = _judges(references, profiles, blocks, combination, few, n_workers)
        scorer = cls(profiles, found.judge, found.few, found.itself, blocks, n_workers)
        return scorer, found.null

    @property
    def most_clicks(self) -> int:
        """Clicks up to which heatmaps of some grid are judged: those of more are thinned."""
        judges = [*self.few.values(), *(() if self.judge is None else (self.judge,))]
        return max((judge.calibration.most_clicks for judge in judges), default=0)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the scores, those of the blocks last."""
        return score_names(self.blocks)

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
        profile = self.profiles[name]
        judge, grid = self.judge, number
        if judge is None or name not in self.itself:
            judge, grid = judge_for(self.few, profile.n_references), -1
        most = judge.calibration.most_clicks
        fewer = thinned_to(counts, most)
        raw = Scorecard.of(profile, self.blocks).scores(fewer)
        n_clicks = fewer.sum(axis=(1, 2), dtype=np.float64)
        grids = np.full(len(counts), grid)
        z = judge.calibration.z(raw.values, grids, n_clicks)
        judged = judge.judge(z, grids, n_clicks)
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


class _Judges(NamedTuple):
    """Judge of grids that calibrate themselves, the others', the former's names and null scores."""

    judge: Judge | None
    few: Mapping[int, Judge]
    itself: frozenset[str]
    null: NullScores | None


def _judges(
    references: dict[str, Counts],
    profiles: dict[str, GridProfile],
    blocks: Blocks,
    combination: Combination | None,
    few: Mapping[int, Judge],
    n_workers: int,
) -> _Judges:
    names = list(profiles)
    enough = MANY if few else 2
    many = [nth for nth, name in enumerate(names) if len(references[name]) >= enough]
    itself = frozenset(names[nth] for nth in many)
    if not many and not few:
        raise DataError(
            f"none of {len(names)} grids has two distinct healthy heatmaps with clicks: one is "
            "the reference, the other shows what healthy scores are; mark more as healthy, or "
            "score with a model that was taught grids with few (`bc heatmap train`)"
        )

    def own(number: int) -> NullScores | None:
        name = names[number]
        return null_scores(number, references[name], fold_scorer(profiles[name], blocks))

    def of_one(number: int) -> NullScores:
        left_out, name = references[names[number]], names[number]
        score = partial(fold_scorer(profiles[name], blocks), left_out[:1])
        return null_scores_of_few(number, left_out[1:], score)

    judge, null = None, None
    if many:
        parts = mapped(own, many, n_workers)
        null = NullScores.concatenated([part for part in parts if part is not None])
        judge = Judge.fit(null, len(names), combination)
    if not few and len(many) < len(names):
        stand_in = NullScores.concatenated(mapped(of_one, many[:_GRIDS_OF_ONE], n_workers))
        few = {1: Judge.pooled(stand_in, combination)}
    return _Judges(judge, few, itself, null)
