"""``python -m benchmarks.heatmap``: see the package."""

from __future__ import annotations

import argparse
import time
from typing import NoReturn

import torch

import benchmarks.heatmap as package
from bannercluster.bench.results import record, save
from bannercluster.errors import UsageError
from bannercluster.heatmap.networks.comparing import ComparisonConfig, train_comparison
from benchmarks.heatmap.figures import figures
from benchmarks.heatmap.running import N_REFERENCES, Options, described, outcomes, say, score_all
from benchmarks.heatmap.simulating import workers
from benchmarks.results import keep


def main() -> None:
    parser = argparse.ArgumentParser(
        "python -m benchmarks.heatmap",
        description=package.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", help="keeps the network and the scored heatmaps")
    parser.add_argument("--seeds", type=int, nargs="+", default=(7, 8, 9))
    parser.add_argument("--grids", type=int, nargs=3, default=(120, 20, 60))
    parser.add_argument("--healthy", type=int, default=30, help="domains of a held-out grid")
    parser.add_argument("--taught", type=int, default=15, help="domains of a grid to learn from")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--label", default="", help="another one scores all heatmaps again")
    parser.add_argument("--no-network", action="store_true", help="the statistics alone")
    parser.add_argument(
        "--figures-only", action="store_true", help="of what FOLDER has; no scoring"
    )
    parser.add_argument("--output", help="JSON to write instead of results/heatmap.json")
    given = parser.parse_args()
    asked = (*given.grids, given.healthy, given.taught, given.no_network)
    if given.output is None and asked != (120, 20, 60, 30, 15, False):
        parser.error("results/heatmap.json is of the whole benchmark: give --output for another")
    torch.set_num_threads(given.workers)
    began = time.perf_counter()
    network, weights = "", None
    if not given.no_network:
        with workers(given.workers, None) as pool:
            trained = train_comparison(
                ComparisonConfig(),
                folder=given.folder,
                on_step=say,
                each=_refuse_to_train if given.figures_only else pool.map,
            )
        network = trained.fingerprint
        weights = {name: value.numpy() for name, value in trained.network.state_dict().items()}
    options = Options(
        given.folder,
        tuple(given.grids),
        given.healthy,
        given.taught,
        tuple(given.seeds),
        given.label,
        network,
    )
    if not given.figures_only:
        score_all(options, weights, given.workers, began)
    seeds = outcomes(options, given.workers)
    say("combinations taught, s", time.perf_counter() - began)
    result = {**described(options), **figures(seeds, N_REFERENCES)}
    result["duration_s"] = round(time.perf_counter() - began)
    if given.output is None:
        keep("heatmap", result)
    else:
        save(given.output, record("heatmap", result))
    say("figures, s", time.perf_counter() - began)


def _refuse_to_train(*_: object) -> NoReturn:
    raise UsageError(
        "the folder has no trained network of this version, which --figures-only needs to know "
        "what was scored by it: leave it out, or take --no-network"
    )


if __name__ == "__main__":
    main()
