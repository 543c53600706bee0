"""Faults put into real clicks: the scorer beside chi-square, on pooled trials of a user study.

    python -m benchmarks.heatmap_clicks CLICKS MODEL [--splits 30]

CLICKS is the table of clicks of the study (``iweb_clicks``), MODEL a folder of ``bc heatmap train
--network none``: what is taught comes from the simulator alone. Trials are divided before anything
is pooled: half of them are references, half are healthy or get a fault. The figures go to
``results/heatmap_clicks.json``.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np
import numpy.typing as npt
import threadpoolctl

from bannercluster.errors import UsageError
from bannercluster.heatmap.binning import Counts, bin_clicks
from bannercluster.heatmap.combination import Combination
from bannercluster.heatmap.dataset import heatmap_dataset
from bannercluster.heatmap.model import load_model_if_any
from bannercluster.heatmap.quality import auroc
from bannercluster.heatmap.scorer import HeatmapScorer
from bannercluster.heatmap.simulator.config import SimulatorConfig
from bannercluster.heatmap.simulator.domains import draw_domain
from bannercluster.heatmap.simulator.faults import FAULTS
from bannercluster.heatmap.simulator.layouts import FAMILIES, draw_layout
from bannercluster.heatmap.trials import Trials, inject, pool_trials, read_trials, split_trials
from benchmarks.results import keep

Array = npt.NDArray[np.float64]

N_CLICKS = (100, 300)
N_HEALTHY, N_FAULTY = 24, 4
"""Pools of a split: healthy ones, and ones with each fault."""

CHI_SQUARE = "chi_square_4"
SEED = 20_261_123
N_RESAMPLES = 2_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clicks", help="clicks_parsed.csv of the study")
    parser.add_argument("model", help="of `bc heatmap train --network none`")
    parser.add_argument("--splits", type=int, default=30)
    given = parser.parse_args()
    model = load_model_if_any(given.model)
    if model is None or model.network is not None:
        raise UsageError(f"expected a model without network in {given.model}")
    trials = read_trials(given.clicks)
    result: dict[str, Any] = {
        "trials": trials.n_trials,
        "clicks": len(trials.clicks),
        "splits": given.splits,
        "healthy_of_a_split": N_HEALTHY,
        "faulty_of_a_split": N_FAULTY,
        "chi_square": CHI_SQUARE,
        "taught_on": model.card["recipe"]["lessons"],
    }
    with threadpoolctl.threadpool_limits(1):
        for n_clicks in N_CLICKS:
            splits = [
                _of_split(trials, model.combination, n_clicks, nth) for nth in range(given.splits)
            ]
            result[str(n_clicks)] = _summed(splits)
            print(n_clicks, result[str(n_clicks)]["all"], flush=True)
    keep("heatmap_clicks", result)


def _of_split(
    trials: Trials, combination: Combination, n_clicks: int, nth: int
) -> dict[str, dict[str, float]]:
    """Return AUROC of scorer and chi-square, fault by fault, and the false positive rate."""
    rng = np.random.default_rng(np.random.SeedSequence([SEED, n_clicks, nth]))
    known, rest = split_trials(rng, trials, (0.5, 0.5))
    references = _disjoint(rng, known, n_clicks)
    pools = [pool_trials(rng, rest, n_clicks) for _ in range(N_HEALTHY)]
    counts = [*references, *(bin_clicks(pool.clicks) for pool in pools)]
    names = [""] * len(counts)
    config = SimulatorConfig()
    for fault in FAULTS:
        for _ in range(N_FAULTY):
            pool = pool_trials(rng, rest, n_clicks)
            injected = inject(rng, fault, pool, [_elsewhere(rng, n_clicks, config)], config)
            counts.append(bin_clicks(injected.clicks))
            names.append(str(fault))
    healthy = np.arange(len(counts)) < len(references)
    heatmaps = heatmap_dataset(
        np.stack(counts),
        np.array([f"{number:04d}" for number in range(len(counts))], object),
        np.full(len(counts), "map", object),
        {},
    )
    scorer = HeatmapScorer.fit(heatmaps, healthy, combination=combination)
    scored = scorer.score(heatmaps.isel(sample=np.flatnonzero(~healthy)))
    fault_of = np.array(names, object)[~healthy]
    chi_square = scored.z[:, scored.names.index(CHI_SQUARE)]
    found: dict[str, dict[str, float]] = {}
    groups = {**{str(fault): fault_of == fault for fault in FAULTS}, "all": fault_of != ""}
    for name, own in groups.items():
        chosen = own | (fault_of == "")
        broken = fault_of[chosen] != ""
        found[name] = {
            "scorer": auroc(scored.log_odds[chosen], broken),
            "chi_square": auroc(chi_square[chosen], broken),
        }
    found["false_positive_rate"] = {
        "at_5_percent": float((scored.p[fault_of == ""] <= 0.05).mean())
    }
    return found


def _disjoint(rng: np.random.Generator, trials: Trials, n_clicks: int) -> list[Counts]:
    """Return as many heatmaps as the trials give without sharing one."""
    order = rng.permutation(trials.n_trials)
    pools: list[Counts] = []
    taken: list[Array] = []
    for number in order.tolist():
        taken.append(trials.clicks[trials.trial == number])
        if sum(len(one) for one in taken) >= n_clicks:
            pools.append(bin_clicks(np.concatenate(taken)[:n_clicks]))
            taken = []
    return pools


def _elsewhere(rng: np.random.Generator, n_clicks: int, config: SimulatorConfig) -> Array:
    """Draw clicks on a simulated layout: what a wrong layout shows."""
    layout = draw_layout(rng, "other", FAMILIES[rng.integers(len(FAMILIES))], config)
    return draw_domain(rng, layout, config).density.sample(rng, n_clicks)[0]


def _summed(splits: list[dict[str, dict[str, float]]]) -> dict[str, Any]:
    """Return means over splits with intervals of a bootstrap over splits, and the paired gain."""
    rng = np.random.default_rng(SEED)
    drawn = rng.integers(len(splits), size=(N_RESAMPLES, len(splits)))

    def estimate(values: Array) -> list[float]:
        means = values[drawn].mean(axis=1)
        ends = np.quantile(means, [0.025, 0.975])
        return [round(float(one), 4) for one in (values.mean(), *ends)]

    found: dict[str, Any] = {}
    for name in splits[0]:
        columns = {key: np.array([one[name][key] for one in splits]) for key in splits[0][name]}
        found[name] = {key: estimate(values) for key, values in columns.items()}
        if "scorer" in columns:
            found[name]["gain"] = estimate(columns["scorer"] - columns["chi_square"])
    return found


if __name__ == "__main__":
    main()
