"""How many heatmaps a second one core scores: statistics, network, and the users' recipe.

Healthy and broken heatmaps of some simulated grids of held-out families, as many of each number of
clicks. In turns, in one process and one thread: our statistics, the comparison network beside
them (with weights of no training: the time is the same), and the users' recipe, which brings every
heatmap to 50,000 clicks and takes one cosine. The statistics are taken twice in each turn: what
they differ by is the noise of all ratios.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from bannercluster.heatmap.baseline import users_cosine
from bannercluster.heatmap.binning import Counts
from bannercluster.heatmap.networks.comparing import ComparisonConfig
from bannercluster.heatmap.networks.comparison import ComparisonNetwork, comparison_scores
from bannercluster.heatmap.networks.training import seeded
from bannercluster.heatmap.references import profiles_of, references_of
from bannercluster.heatmap.simulator.benchmark import (
    CLICKS,
    BenchmarkConfig,
    draw_grids,
    simulate_grid,
)
from bannercluster.heatmap.statistics.profile import GridProfile
from bannercluster.heatmap.statistics.scores import Scorecard
from benchmarks.results import keep, null_ratio, summary


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--grids", type=int, default=6)
    parser.add_argument("--repeats", type=int, default=5)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    with threadpool_limits(1):
        keep("heatmap_speed", measured(asked.grids, asked.repeats))


def measured(n_grids: int, repeats: int) -> dict[str, Any]:
    """Return the seconds of all heatmaps, and heatmaps a second."""
    counts, profiles, seconds_of_profiles = simulated(n_grids)
    started = time.perf_counter()
    cards = {name: Scorecard.of(profile) for name, profile in profiles.items()}
    seconds_of_tables = time.perf_counter() - started
    network = seeded(lambda: ComparisonNetwork(ComparisonConfig().width), 0).eval()
    score = comparison_scores(network)
    tasks: dict[str, Callable[[str, Counts], object]] = {
        "statistics": lambda name, own: cards[name].scores(own),
        "statistics_again": lambda name, own: cards[name].scores(own),
        "own_healthy_density": lambda name, own: profiles[name].domains.fit(own),
        "users_recipe": lambda name, own: users_cosine(profiles[name], own),
    }
    fits = {name: profiles[name].domains.fit(own) for name, own in counts.items()}
    tasks["network"] = lambda name, own: score(profiles[name], own, fits[name])
    for name, own in counts.items():
        for task in tasks.values():
            task(name, own[:8])  # compiles the loops
    times: dict[str, list[float]] = {name: [] for name in tasks}
    for _ in range(repeats):
        for what, task in tasks.items():
            started = time.perf_counter()
            for name, own in counts.items():
                task(name, own)
            times[what].append(time.perf_counter() - started)
    n = sum(len(own) for own in counts.values())
    again = times.pop("statistics_again")
    both = times["statistics"] + again
    scored = np.array(times["statistics"])
    return {
        "heatmaps": n,
        "grids": n_grids,
        "clicks": CLICKS,
        "threads": 1,
        **{what: summary(values) for what, values in times.items()},
        "heatmaps_a_second": {
            what: round(n / float(np.median(values)), 1) for what, values in times.items()
        },
        "statistics_in_users_recipes": round(
            float(np.median(scored / np.array(times["users_recipe"]))), 3
        ),
        "null_ratio_statistics": null_ratio(both),
        "profile_s_a_grid": round(seconds_of_profiles / n_grids, 3),
        "tables_s_a_grid": round(seconds_of_tables / n_grids, 3),
    }


def simulated(n_grids: int) -> tuple[dict[str, Counts], dict[str, GridProfile], float]:
    """Return heatmaps and profiles by grid, and the seconds that the profiles took."""
    config = BenchmarkConfig(grids=(0, 0, n_grids), healthy=11, faulty=1, seed=5)
    grids = draw_grids(config)
    drawn = [simulate_grid(config, grids, grid.number) for grid in grids]
    names = [grid.layout.grid_id for grid in grids]
    found = np.concatenate([one.counts[one.reference] for one in drawn])
    ids = np.repeat(np.array(names, object), [int(one.reference.sum()) for one in drawn])
    references = references_of(found, ids, np.ones(len(ids), bool))
    profiles_of(references)  # compiles the loops
    started = time.perf_counter()
    profiles = profiles_of(references)
    seconds = time.perf_counter() - started
    counts = {name: one.counts[~one.reference] for name, one in zip(names, drawn, strict=True)}
    return counts, profiles, seconds


if __name__ == "__main__":
    main()
