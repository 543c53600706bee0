"""Parts simulated and scored by processes."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from multiprocessing.connection import wait
from typing import Any

import numpy as np
import numpy.typing as npt
import threadpoolctl
import torch

from bannercluster.heatmap.baseline import users_cosine
from bannercluster.heatmap.binning import Counts
from bannercluster.heatmap.model import network_block
from bannercluster.heatmap.networks.comparing import ComparisonConfig
from bannercluster.heatmap.networks.comparison import ComparisonNetwork
from bannercluster.heatmap.nulls import NullScores, null_scores, null_scores_of_few
from bannercluster.heatmap.references import fold_scorer, profiles_of, references_of
from bannercluster.heatmap.simulator.benchmark import (
    Heatmaps,
    draw_grids,
    draw_of_grid,
    others_of,
    simulate_grid,
)
from bannercluster.heatmap.simulator.faults import Broken
from bannercluster.heatmap.simulator.layouts import Layout
from bannercluster.heatmap.simulator.marginal import MarginalOracle
from bannercluster.heatmap.simulator.oracle import Oracle
from bannercluster.heatmap.statistics.profile import GridProfile
from bannercluster.heatmap.statistics.scores import ScoreBlock, Scorecard
from benchmarks.heatmap.parts import (
    MARGINAL,
    ORACLE,
    SEARCHING,
    Measured,
    Part,
    sources,
    without_counts,
)

Array = npt.NDArray[np.float64]

USERS = "users_cosine"
"""Score of the users' recipe."""

ORACLE_DOMAINS = 5
"""Healthy domains of each grid that the integrated oracle looks at: 40 ms a heatmap."""

_LEAST_CLICKS_OF_A_REFERENCE = 5_000
_CONTAMINATED, _MARGINAL = 9, 10
"""Of random numbers: which references are broken, and what the marginal oracle draws. The
simulator's own have numbers below."""

SIMULATED_CLICKS = 50
"""Clicks up to which the marginal oracle simulates."""

Weights = dict[str, npt.NDArray[Any]]


@contextmanager
def workers(n: int, weights: Weights | None) -> Iterator[ProcessPoolExecutor]:
    """Start processes that simulate and score, with a network or without."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(n, context, _set_up, (weights,)) as pool:
        yield pool


def measure(pool: ProcessPoolExecutor, part: Part) -> Measured:
    """Simulate the grids of a part, and score their heatmaps and left-out references."""
    if part.names in ((ORACLE,), (MARGINAL, SEARCHING)):
        asked = _oracle if part.names == (ORACLE,) else _marginal
        return _measured(part, list(pool.map(asked, [(part, one) for one in part.numbers])))
    drawn = list(pool.map(_references, [(part, number) for number in part.numbers]))
    left_out = [one[part.n_references :] if part.of_few else None for one in drawn]
    drawn = [one[: part.n_references] for one in drawn]
    ids = np.concatenate(
        [
            np.full(len(own), f"{number:04d}", object)
            for own, number in zip(drawn, part.numbers, strict=True)
        ]
    )
    references = references_of(np.concatenate(drawn), ids, np.ones(len(ids), bool))
    profiles = profiles_of(references)
    tasks = [
        _Task(part, number, place, profiles[f"{number:04d}"], references[f"{number:04d}"], others)
        for place, (number, others) in enumerate(zip(part.numbers, left_out, strict=True))
    ]
    return _measured(part, list(pool.map(_scored, tasks)))


@dataclass(frozen=True, eq=False)
class _Task:
    part: Part
    number: int
    place: int
    profile: GridProfile
    references: Counts
    left_out: Counts | None


@dataclass(frozen=True, eq=False)
class _OfGrid:
    """Heatmaps of one grid, scored."""

    heatmaps: Heatmaps
    values: Array
    null: NullScores | None
    other: npt.NDArray[np.bool_]


def _measured(part: Part, found: list[_OfGrid]) -> Measured:
    nulls = [one.null for one in found if one.null is not None]
    return Measured(
        heatmaps=Heatmaps.concatenated([one.heatmaps for one in found]),
        names=part.names,
        values=np.concatenate([one.values for one in found]),
        null=NullScores.concatenated(nulls) if nulls else None,
        numbers=np.array(part.numbers, np.int64),
        other=np.concatenate([one.other for one in found]),
        sources=sources(),
    )


# In the processes of the pool.

_blocks: list[ScoreBlock] = [
    ScoreBlock((USERS,), lambda profile, counts, _: users_cosine(profile, counts)[:, None])
]


def _set_up(weights: Weights | None) -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    torch.set_num_threads(1)
    threadpoolctl.threadpool_limits(1)
    if weights is not None:
        network = ComparisonNetwork(ComparisonConfig().width)
        network.load_state_dict({name: torch.from_numpy(value) for name, value in weights.items()})
        _blocks.append(network_block(network))


def _end_with_parent() -> None:
    """End this process when the run was killed: it would wait for tasks for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def _references(task: tuple[Part, int]) -> Counts:
    """Return the references of a grid; the last of them broken, if some are to be."""
    part, number = task
    config = replace(part.config, healthy=0, faulty=2 if part.n_contaminated else 0)
    drawn = simulate_grid(config, draw_grids(config), number)
    counts: Counts = drawn.counts[drawn.reference]
    if not part.n_contaminated:
        return counts
    # Broken heatmaps of domains that are not judged, with clicks as references have them.
    second = _nth_of_its_fault(drawn, part, config.healthy) == 1
    broken = drawn.counts[second & (drawn.n_clicks >= _LEAST_CLICKS_OF_A_REFERENCE)]
    seed = np.random.SeedSequence([part.config.seed, number, _CONTAMINATED])
    chosen = np.random.default_rng(seed).permutation(len(broken))[: part.n_contaminated]
    return np.concatenate([counts[: -part.n_contaminated], broken[chosen]])


def _scored(task: _Task) -> _OfGrid:
    part = task.part
    own = (block for block in _blocks if block.names[0] in part.names)
    blocks = tuple(sorted(own, key=lambda block: part.names.index(block.names[0])))
    scorecard = Scorecard.of(task.profile, blocks)
    if task.left_out is None:
        null = null_scores(task.place, task.references, fold_scorer(task.profile, blocks))
    else:
        null = null_scores_of_few(
            task.place, task.left_out, lambda some: scorecard.scores(some).values
        )
    config = part.config
    more = task.number in part.others_of
    if more:
        config = replace(config, healthy=config.healthy + part.n_others, faulty=config.faulty + 1)
    drawn = simulate_grid(config, draw_grids(config), task.number)
    asked = drawn.where(~drawn.reference)
    values = scorecard.scores(asked.counts).values
    nth = np.where(
        asked.broken,
        _nth_of_its_fault(asked, part, config.healthy, config.faulty) - part.config.faulty,
        asked.domain - config.simulator.references - part.config.healthy,
    )
    return _OfGrid(without_counts(asked), values, null, nth >= 0)


def _nth_of_its_fault(
    maps: Heatmaps, part: Part, healthy: int, faulty: int = 2
) -> npt.NDArray[np.int64]:
    """Return which domain with its fault a broken heatmap is of, and negative for others.

    See ``draw_of_grid``: the first ones are the same however many there are.
    """
    simulator, n_levels = part.config.simulator, len(part.config.clicks)
    nth: npt.NDArray[np.int64] = (
        (maps.domain - simulator.references - healthy) // n_levels
    ) % faulty
    return np.where(maps.broken, nth, -1)


def _oracle(task: tuple[Part, int]) -> _OfGrid:
    """Return the integrated log likelihood ratio, NaN where it was not asked."""
    part, number = task
    asked = _Asked.of(part, number)
    oracle = Oracle(asked.layout, part.config.simulator)
    found = [oracle.log_likelihood_ratio(counts, truth) for counts, truth in asked.pairs()]
    return asked.answered(np.array(found)[:, None])


def _marginal(task: tuple[Part, int]) -> _OfGrid:
    """Return the log likelihood ratio of all faults together, NaN where it was not asked.

    Of many clicks in two ways: with the true fault told among others, and by search.
    """
    part, number = task
    asked = _Asked.of(part, number)
    grids = draw_grids(part.config)
    oracle = MarginalOracle(
        asked.layout, others_of(part.config, grids, number), part.config.simulator
    )
    path = [part.config.seed, number, _MARGINAL]
    rng = np.random.default_rng(np.random.SeedSequence(path))
    few = asked.n_clicks <= SIMULATED_CLICKS
    found = np.empty((len(few), 2))
    found[few] = oracle.by_simulation(rng, asked.counts[few])[0][:, None]
    for row in np.flatnonzero(~few).tolist():
        found[row, 0] = oracle.by_laplace(rng, asked.counts[row], asked.truths[row])
    for n_clicks in np.unique(asked.n_clicks[~few]).tolist():
        rows = asked.n_clicks == n_clicks
        rng = np.random.default_rng(np.random.SeedSequence([*path, n_clicks]))
        found[rows, 1] = oracle.by_search(rng, asked.counts[rows])
    return asked.answered(found)


@dataclass(frozen=True, eq=False)
class _Asked:
    """The heatmaps of a grid that oracles look at: all broken ones, and some healthy ones."""

    heatmaps: Heatmaps
    layout: Layout
    rows: npt.NDArray[np.int64]
    counts: Counts
    n_clicks: npt.NDArray[np.int64]
    truths: list[Broken]

    @classmethod
    def of(cls, part: Part, number: int) -> _Asked:
        config, grids = part.config, draw_grids(part.config)
        simulated = simulate_grid(config, grids, number)
        maps = simulated.where(~simulated.reference)
        drawn = [one for one in draw_of_grid(config, grids, number) if not one.reference]
        most = config.simulator.references + ORACLE_DOMAINS
        rows = [
            row
            for row, one in enumerate(drawn)
            if one.broken is not None and (not one.healthy or one.number < most)
        ]
        return cls(
            without_counts(maps),
            grids[number].layout,
            np.array(rows),
            maps.counts[rows],
            maps.n_clicks[rows],
            [one for row in rows if (one := drawn[row].broken) is not None],
        )

    def pairs(self) -> Iterator[tuple[Counts, Broken]]:
        """Return each heatmap with the fault that an oracle looks for."""
        return zip(self.counts, self.truths, strict=True)

    def answered(self, found: Array) -> _OfGrid:
        """Put what was found, shape (n_asked, n_names), at its rows."""
        columns = np.full((len(self.heatmaps), found.shape[1]), np.nan)
        columns[self.rows] = found
        return _OfGrid(self.heatmaps, columns, None, np.zeros(len(columns), bool))
