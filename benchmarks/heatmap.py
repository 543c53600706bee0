"""How well broken banners are found: the scorer against the simulator's own likelihood ratio.

    python -m benchmarks.heatmap FOLDER [--grids 120 20 60] [--seed 7] [--workers 2]

FOLDER keeps the trained comparison network: a run that was ended goes on with it. Grids are split
before anything is drawn; the held-out ones are of layout families that nothing was taught on. The
figures go to ``results/heatmap.json``.
"""

from __future__ import annotations

import argparse
import multiprocessing
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import threadpoolctl
import torch

from bannercluster.heatmap.combination import PENALTIES, Combination, auroc, train_combination
from bannercluster.heatmap.judging import Judge, Judged
from bannercluster.heatmap.networks.comparing import ComparisonConfig, train_comparison
from bannercluster.heatmap.networks.comparison import ComparisonNetwork, compare
from bannercluster.heatmap.nulls import NullScores, null_scores
from bannercluster.heatmap.quality import (
    Estimated,
    false_positive_rate,
    gain,
    ranking,
    recall_at,
)
from bannercluster.heatmap.references import all_scores, fold_scorer, profiles_of, references_of
from bannercluster.heatmap.simulator.benchmark import (
    BenchmarkConfig,
    Heatmaps,
    draw_grids,
    draw_of_grid,
    simulate_grid,
)
from bannercluster.heatmap.simulator.faults import FAULTS
from bannercluster.heatmap.simulator.oracle import Oracle
from bannercluster.heatmap.statistics.profile import GridProfile
from bannercluster.heatmap.statistics.scores import SCORE_NAMES
from benchmarks.results import keep

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

BLOCK = "comparison"
NOMINAL = 0.01
IN_RANGE = (50, 100, 300, 1_000, 5_000)
"""Clicks that a combination is taught on which is then shown 20 and 50,000."""

ORACLE_DOMAINS = 5
"""Healthy domains of each grid that the integrated oracle looks at: 40 ms a heatmap."""


@dataclass(frozen=True, eq=False)
class Measured:
    """Raw scores of the heatmaps of some grids, and of their left-out references.

    Parameters
    ----------
    heatmaps : Heatmaps
        Without the references, and without their counts.
    values : ndarray of shape (n, n_scores)
    null : NullScores
        Grids numbered from 0, as ``place`` says.
    place : dict of int to int
        From the number of a grid to its place.
    """

    heatmaps: Heatmaps
    values: Array
    null: NullScores
    place: dict[int, int]

    def columns(self, n: int) -> Measured:
        """Return the same with the first scores only."""
        return replace(
            self, values=self.values[:, :n], null=replace(self.null, values=self.null.values[:, :n])
        )

    @property
    def grid(self) -> npt.NDArray[np.int64]:
        """Place of the grid of each heatmap."""
        return np.array([self.place[one] for one in self.heatmaps.grid.tolist()])

    @property
    def n_clicks(self) -> Array:
        """Clicks of each heatmap."""
        return self.heatmaps.n_clicks.astype(np.float64)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", help="keeps the comparison network")
    parser.add_argument("--grids", type=int, nargs=3, default=(120, 20, 60))
    parser.add_argument("--healthy", type=int, default=30, help="domains of a held-out grid")
    parser.add_argument("--taught", type=int, default=6, help="domains of a grid to learn from")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    torch.set_num_threads(1)
    trained = train_comparison(ComparisonConfig(), folder=given.folder, on_step=_say)
    weights = {name: value.numpy() for name, value in trained.network.state_dict().items()}
    config = BenchmarkConfig(grids=tuple(given.grids), healthy=given.healthy, seed=given.seed)
    context = multiprocessing.get_context("spawn")
    began = time.perf_counter()
    with ProcessPoolExecutor(given.workers, context, _set_up, (weights,)) as pool:
        grids = draw_grids(config)
        held_out = [grid.number for grid in grids if grid.split == "test"]
        seen = [grid.number for grid in grids if grid.split != "test"]
        taught = measured(pool, replace(config, healthy=given.taught), seen)
        _say("taught grids scored, s", time.perf_counter() - began)
        judged = measured(pool, config, held_out)
        _say("held-out grids scored, s", time.perf_counter() - began)
        two = measured(pool, replace(config, healthy=min(10, given.healthy)), held_out, 2)
        _say("with two references, s", time.perf_counter() - began)
        oracle = np.concatenate(list(pool.map(_oracle, [(config, number) for number in held_out])))
        _say("oracle, s", time.perf_counter() - began)
    result = {
        "simulator": asdict(config),
        "network": trained.fingerprint,
        "duration_s": round(time.perf_counter() - began),
        **figures(taught, judged, two, oracle),
    }
    keep("heatmap", result)


def measured(
    pool: ProcessPoolExecutor,
    config: BenchmarkConfig,
    numbers: Sequence[int],
    n_references: int | None = None,
) -> Measured:
    """Simulate grids and score their heatmaps and left-out references."""
    drawn = list(pool.map(_simulate, [(config, number) for number in numbers]))
    counts = np.concatenate([one.counts[one.reference][:n_references] for one in drawn])
    names = np.concatenate(
        [
            np.full(len(one.counts[one.reference][:n_references]), f"{number:04d}", object)
            for one, number in zip(drawn, numbers, strict=True)
        ]
    )
    references = references_of(counts, names, np.ones(len(names), bool))
    profiles = profiles_of(references)
    tasks = [
        (place, profiles[f"{number:04d}"], references[f"{number:04d}"], one)
        for place, (number, one) in enumerate(zip(numbers, drawn, strict=True))
    ]
    scored = list(pool.map(_score, tasks))
    kept = [_without_counts(one.where(~one.reference)) for one in drawn]
    return Measured(
        Heatmaps.concatenated(kept),
        np.concatenate([values for values, _ in scored]),
        NullScores.concatenated([null for _, null in scored if null is not None]),
        {number: place for place, number in enumerate(numbers)},
    )


def figures(taught: Measured, judged: Measured, two: Measured, oracle: Array) -> dict[str, Any]:
    """Return all figures of the benchmark."""
    names = (*SCORE_NAMES, BLOCK)
    maps, broken, grid = judged.heatmaps, judged.heatmaps.broken, judged.grid
    combination = _teach(taught, names, everything(taught))
    scored = _judge(judged, combination)
    n_statistics = len(SCORE_NAMES)
    plain = _teach(taught.columns(n_statistics), SCORE_NAMES, everything(taught))
    without = _judge(judged.columns(n_statistics), plain)
    seen = ~np.isnan(oracle)

    def rank(scores: Array, chosen: Mask) -> dict[str, Any]:
        found: dict[str, Any] = asdict(ranking(scores[chosen], broken[chosen], grid[chosen]))
        rounded: dict[str, Any] = _rounded(found)
        return rounded

    known = maps.oracle
    healthy, all_of_them = ~broken, everything(judged)
    result: dict[str, Any] = {
        "held_out_grids": {
            "log_odds": rank(scored.log_odds, all_of_them),
            "p": rank(-np.log(scored.p), all_of_them),
            "untaught": rank(scored.tails, all_of_them),
            "statistics_only": rank(without.log_odds, all_of_them),
            "oracle_known_density": rank(known, all_of_them),
            "on_the_oracle_s_heatmaps": {
                "log_odds": rank(scored.log_odds, seen),
                "oracle": rank(oracle, seen),
            },
            "detectable_only": rank(
                scored.log_odds, healthy | (maps.detectability > DETECTABLE_NATS)
            ),
        },
        "gate": _rounded({BLOCK: asdict(gain(scored.log_odds, without.log_odds, broken, grid))}),
        "by_clicks": {
            str(n): {
                **rank(scored.log_odds, maps.n_clicks == n),
                "false_positive_rate": _rounded(
                    asdict(_rate(scored.p, healthy & (maps.n_clicks == n), grid))
                ),
                "recall_at_p": round(
                    float((scored.p[broken & (maps.n_clicks == n)] <= NOMINAL).mean()), 4
                ),
            }
            for n in np.unique(maps.n_clicks).tolist()
        },
        "false_positive_rate": _rounded(asdict(_rate(scored.p, healthy, grid))),
        "by_fault": {
            fault: {
                **rank(scored.log_odds, healthy | (maps.fault == fault)),
                "oracle": rank(oracle, seen & (healthy | (maps.fault == fault)))["auroc"],
            }
            for fault in FAULTS
        },
        "single_scores": _single(judged, names),
        "held_out_fault": _held_out_faults(taught, judged),
        "clicks_not_taught": _other_clicks(taught, judged, names),
        "two_references": _two(two, combination),
    }
    return result


DETECTABLE_NATS = 3.0
"""Expected log likelihood ratio of a fault that somebody who knew all could see."""


def everything(measured: Measured) -> Mask:
    """Return a choice of all heatmaps."""
    return np.ones(len(measured.heatmaps), bool)


def _teach(
    taught: Measured,
    names: tuple[str, ...],
    chosen: Mask,
    penalties: tuple[float, ...] = PENALTIES,
) -> Combination:
    judge = Judge.fit(taught.null, len(taught.place), None)
    z = judge.calibration.z(taught.values, taught.grid, taught.n_clicks)
    maps = taught.heatmaps
    return train_combination(
        names,
        z[chosen],
        taught.n_clicks[chosen],
        maps.broken[chosen],
        taught.grid[chosen],
        penalties=penalties,
    )


def _judge(judged: Measured, combination: Combination) -> Judged:
    judge = Judge.fit(judged.null, len(judged.place), combination)
    z = judge.calibration.z(judged.values, judged.grid, judged.n_clicks)
    return judge.judge(z, judged.grid, judged.n_clicks)


def _single(judged: Measured, names: tuple[str, ...]) -> dict[str, list[float]]:
    """Return AUROC and recall of each calibrated score by itself."""
    judge = Judge.fit(judged.null, len(judged.place), None)
    z = judge.calibration.z(judged.values, judged.grid, judged.n_clicks)
    broken = judged.heatmaps.broken
    return {
        name: [round(auroc(column, broken), 4), round(recall_at(column, broken), 4)]
        for name, column in zip(names, z.T, strict=True)
    }


def _held_out_faults(taught: Measured, judged: Measured) -> dict[str, Any]:
    """Return AUROC of each fault, by the final p, with a combination that was never taught it.

    The network was taught all faults, so these figures are of the statistics alone.
    """
    n = len(SCORE_NAMES)
    taught, judged = taught.columns(n), judged.columns(n)
    broken, grid = judged.heatmaps.broken, judged.grid
    whole = _teach(taught, SCORE_NAMES, everything(taught))
    with_all = _judge(judged, whole)
    found: dict[str, Any] = {}
    for fault in FAULTS:
        others = taught.heatmaps.fault != fault
        without = _judge(judged, _teach(taught, SCORE_NAMES, others, (whole.penalty,)))
        chosen = ~broken | (judged.heatmaps.fault == fault)
        known, unknown = (
            ranking(-np.log(one.p[chosen]), broken[chosen], grid[chosen]).auroc
            for one in (with_all, without)
        )
        found[fault] = _rounded(
            {
                "taught": asdict(known),
                "held_out": asdict(unknown),
                "drop": known.value - unknown.value,
            }
        )
    return found


def _other_clicks(taught: Measured, judged: Measured, names: tuple[str, ...]) -> dict[str, Any]:
    """Return AUROC at numbers of clicks that the combination was never taught."""
    within = np.isin(taught.heatmaps.n_clicks, IN_RANGE)
    combination = _teach(taught, names, within)
    scored = _judge(judged, combination)
    maps, grid = judged.heatmaps, judged.grid
    found = {}
    for n in np.unique(maps.n_clicks[~np.isin(maps.n_clicks, IN_RANGE)]).tolist():
        chosen = maps.n_clicks == n
        one = ranking(scored.log_odds[chosen], maps.broken[chosen], grid[chosen])
        found[str(n)] = _rounded(asdict(one))
    return found


def _two(two: Measured, combination: Combination) -> dict[str, Any]:
    scored = _judge(two, combination)
    maps, grid = two.heatmaps, two.grid
    healthy = ~maps.broken
    return {
        "log_odds": _rounded(asdict(ranking(scored.log_odds, maps.broken, grid))),
        "false_positive_rate": {
            str(n): _rounded(asdict(_rate(scored.p, healthy & (maps.n_clicks == n), grid)))
            for n in np.unique(maps.n_clicks).tolist()
        },
    }


def _rate(p: Array, chosen: Mask, grid: npt.NDArray[np.int64]) -> Estimated:
    return false_positive_rate(p[chosen], grid[chosen], NOMINAL)


def _without_counts(maps: Heatmaps) -> Heatmaps:
    return replace(maps, counts=np.zeros((len(maps), 0, 0), np.uint32))


def _rounded(value: Any) -> Any:
    """Return figures with four decimals."""
    if isinstance(value, dict):
        return {key: _rounded(one) for key, one in value.items()}
    return round(value, 4) if isinstance(value, float) else value


def _say(what: object, value: float) -> None:
    print(f"{what}: {value:.4g}", flush=True)


# In the processes of the pool.

_network: list[ComparisonNetwork] = []


def _set_up(weights: dict[str, npt.NDArray[Any]]) -> None:
    torch.set_num_threads(1)
    threadpoolctl.threadpool_limits(1)
    network = ComparisonNetwork(ComparisonConfig().width)
    network.load_state_dict({name: torch.from_numpy(value) for name, value in weights.items()})
    _network.append(network.eval().requires_grad_(requires_grad=False))


def _simulate(task: tuple[BenchmarkConfig, int]) -> Heatmaps:
    config, number = task
    return simulate_grid(config, draw_grids(config), number)


def _compared(profile: GridProfile, counts: npt.NDArray[np.uint32]) -> Array:
    return compare(_network[0], counts, profile.density).evidence


def _score(
    task: tuple[int, GridProfile, npt.NDArray[np.uint32], Heatmaps],
) -> tuple[Array, NullScores | None]:
    place, profile, references, drawn = task
    blocks: dict[str, Callable[..., Array]] = {BLOCK: _compared}
    null = null_scores(place, references, fold_scorer(profile, blocks))
    counts = drawn.counts[~drawn.reference]
    return all_scores(profile, counts, blocks).values, null


def _oracle(task: tuple[BenchmarkConfig, int]) -> Array:
    """Return the integrated log likelihood ratio, NaN where it was not asked."""
    config, number = task
    grids = draw_grids(config)
    drawn = simulate_grid(config, grids, number)
    oracle = Oracle(grids[number].layout, config.simulator)
    most = config.simulator.references + ORACLE_DOMAINS
    found = np.full(int((~drawn.reference).sum()), np.nan)
    asked = [one for one in draw_of_grid(config, grids, number) if not one.reference]
    for nth, (one, counts) in enumerate(zip(asked, drawn.counts[~drawn.reference], strict=True)):
        if one.broken is not None and (not one.healthy or one.number < most):
            found[nth] = oracle.log_likelihood_ratio(counts, one.broken)
    return found


if __name__ == "__main__":
    main()
