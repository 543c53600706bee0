"""The parts of a run: which there are, scoring those that are missing, judging those of a seed."""

from __future__ import annotations

import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import threadpoolctl

from bannercluster.errors import UsageError
from bannercluster.heatmap.model import NETWORK_SCORES
from bannercluster.heatmap.simulator.benchmark import BenchmarkConfig, draw_grids
from bannercluster.heatmap.statistics.scores import SCORE_NAMES
from benchmarks.heatmap.parts import MARGINAL, ORACLE, SEARCHING, Measured, Part, sources
from benchmarks.heatmap.simulating import USERS, Weights, measure, workers
from benchmarks.heatmap.teaching import SeedOutcomes, SeedParts, outcomes_of

TWO = 2
CONTAMINATED_GRIDS = 30
FEW_GRIDS, _LESS_TAUGHT = 70, 6
"""Grids that teach what two references show, and healthy domains of each."""

MARGINAL_GRIDS = 16
"""Held-out grids of the first seed that the marginal oracle looks at: about a minute each."""

N_REFERENCES = BenchmarkConfig().simulator.references
CONTAMINATED = (0, N_REFERENCES // 10, N_REFERENCES // 5)
"""Broken ones among the references of a grid: none, 10 and 20 %."""

FAULTY_TAUGHT = 3
"""Heatmaps of each taught grid, fault and number of clicks."""

_LESS_HEALTHY = 10
"""Healthy domains of a held-out grid, at most, in the parts beside the main one."""


@dataclass(frozen=True)
class Options:
    """What was asked for, and the network that scores."""

    folder: str
    grids: tuple[int, int, int]
    healthy: int
    taught: int
    seeds: tuple[int, ...]
    label: str
    network: str

    @property
    def names(self) -> tuple[str, ...]:
        """Scores that combinations are taught."""
        return (*SCORE_NAMES, *NETWORK_SCORES) if self.network else SCORE_NAMES

    def parts(self, seed: int) -> dict[str, Part]:
        """Return the parts of a seed; those with broken references of the first seed only."""
        config = BenchmarkConfig(grids=self.grids, healthy=self.healthy, seed=seed)
        split = {grid.number: grid.split for grid in draw_grids(config)}
        held_out = tuple(number for number in split if split[number] == "test")
        seen = tuple(number for number in split if split[number] != "test")
        others = np.random.default_rng(seed).permutation(seen)[: len(held_out)]
        less = replace(config, healthy=min(_LESS_HEALTHY, self.healthy))

        def part(name: str, own: BenchmarkConfig, **more: Any) -> Part:
            numbers = more.pop("numbers", held_out)
            names = more.pop("names", self.names)
            network = "" if names in ((ORACLE,), (MARGINAL, SEARCHING)) else self.network
            return Part(name, own, numbers, names, network, self.label, **more)

        found = [
            part(
                "taught",
                replace(config, healthy=self.taught, faulty=FAULTY_TAUGHT),
                numbers=seen,
                others_of=tuple(sorted(others.tolist())),
                n_others=max(1, self.healthy // 2),
            ),
            part("held_out", config, names=(*self.names, USERS)),
            part("two", less, n_references=TWO),
            part(ORACLE, config, names=(ORACLE,)),
            part(
                f"few_{TWO}",
                replace(config, healthy=_LESS_TAUGHT),
                numbers=seen[:FEW_GRIDS],
                n_references=TWO,
                of_few=True,
            ),
        ]
        if seed == self.seeds[0]:
            some, few = held_out[:MARGINAL_GRIDS], held_out[:CONTAMINATED_GRIDS]
            found.append(part(MARGINAL, config, numbers=some, names=(MARGINAL, SEARCHING)))
            found += [
                part(f"contaminated_{n}", less, numbers=few, n_contaminated=n) for n in CONTAMINATED
            ]
        return {one.name: one for one in found}


def score_all(options: Options, weights: Weights | None, n_workers: int, began: float) -> None:
    """Simulate and score the parts that are not there yet."""
    sources()  # of the code that starts now, whatever is edited while it runs
    missing = [
        (part, path)
        for seed in options.seeds
        for part in options.parts(seed).values()
        if not (path := part.path(options.folder)).exists()
    ]
    if not missing:
        return
    with workers(n_workers, weights) as pool:
        for part, path in missing:
            measure(pool, part).keep(path)
            say(f"seed {part.config.seed}, {part.name} scored, s", time.perf_counter() - began)


def outcomes(options: Options, n_workers: int) -> list[SeedOutcomes]:
    """Teach the combinations of each seed, in a process of its own."""
    for seed in options.seeds:
        for part in options.parts(seed).values():
            if not part.path(options.folder).exists():
                raise UsageError(
                    f"{part.path(options.folder)} is not there: the part {part.name!r} of seed "
                    f"{seed} has not been scored with these options; leave --figures-only out"
                )
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(n_workers, len(options.seeds)), context) as pool:
        return list(pool.map(_outcomes_of, [(options, seed) for seed in options.seeds]))


def _outcomes_of(task: tuple[Options, int]) -> SeedOutcomes:
    options, seed = task
    read = {
        name: Measured.read(part.path(options.folder)) for name, part in options.parts(seed).items()
    }
    parts = SeedParts(
        seed=seed,
        taught=read["taught"],
        held_out=read["held_out"],
        two=read["two"],
        few=read[f"few_{TWO}"],
        oracle=read[ORACLE].values[:, 0],
        marginal=read.get(MARGINAL),
        contaminated={
            n: read[f"contaminated_{n}"] for n in CONTAMINATED if f"contaminated_{n}" in read
        },
    )
    with threadpoolctl.threadpool_limits(1):
        return outcomes_of(parts)


def described(options: Options) -> dict[str, Any]:
    """Return what the figures are of, and which parts other sources than these have scored."""
    now = sources()
    config = BenchmarkConfig(grids=options.grids, healthy=options.healthy, seed=options.seeds[0])
    older = [
        f"{part.name}, seed {seed}"
        for seed in options.seeds
        for part in options.parts(seed).values()
        if Measured.read(part.path(options.folder)).sources != now
    ]
    if older:
        print(f"scored by other sources than there are now: {older}", flush=True)
    return {
        "simulator": asdict(config),
        "seeds": list(options.seeds),
        "taught": options.taught,
        "network": options.network,
        "label": options.label,
        "sources": now,
        "scored_by_other_sources": older,
    }


def say(what: object, value: float) -> None:
    print(f"{what}: {value:.4g}", flush=True)
