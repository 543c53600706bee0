"""All figures of the benchmark, pooled over the held-out grids of all seeds."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt

from bannercluster.heatmap.model import NETWORK
from bannercluster.heatmap.simulator.faults import FAULTS
from benchmarks.heatmap.curves import alert_budgets, roc
from benchmarks.heatmap.matrix import generalisation
from benchmarks.heatmap.outcomes import NOMINAL, Outcomes, rounded
from benchmarks.heatmap.parts import MARGINAL, SEARCHING
from benchmarks.heatmap.resampling import estimated
from benchmarks.heatmap.simulating import USERS
from benchmarks.heatmap.teaching import IN_RANGE, SeedOutcomes

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

DETECTABLE_NATS = 3.0
"""Expected log likelihood ratio of a fault that somebody who knew all could see."""

CHI_SQUARE = "chi_square_2"
"""The plainest statistic, which the scorer is shown beside."""


def figures(seeds: list[SeedOutcomes], n_references: int) -> dict[str, Any]:
    """Return all figures."""
    held = Outcomes.pooled([one.held_out for one in seeds])
    has_network = f"z:{NETWORK}" in held.scores
    scored = ~np.isnan(held.scores["oracle"])
    return {
        "held_out_grids": _held_out(held, scored),
        "by_seed": {
            str(one.held_out.seed[0]): {
                **one.held_out.ranking("log_odds"),
                "false_positive_rate": one.held_out.false_positive_rate(),
            }
            for one in seeds
        },
        "gate": {NETWORK: _gain(held, "log_odds", "statistics_only")} if has_network else {},
        "by_clicks": _by_clicks(held),
        "false_positive_rate": held.false_positive_rate(),
        "by_fault": {
            fault: {
                **held.ranking("log_odds", held.against_healthy(fault)),
                "oracle": held.ranking("oracle", scored & held.against_healthy(fault))["auroc"],
                "detectable": _detectable(held, fault),
            }
            for fault in FAULTS
        },
        "by_fault_and_clicks": _by_fault_and_clicks(held),
        "single_scores": _single(held),
        "held_out_fault": {fault: _held_out_fault(held, fault) for fault in FAULTS},
        "clicks_not_taught": {
            str(n): held.ranking("in_range_log_odds", held.n_clicks == n)
            for n in np.unique(held.n_clicks[~np.isin(held.n_clicks, IN_RANGE)]).tolist()
        },
        "seen_grids": _seen(Outcomes.pooled([one.seen for one in seeds])),
        "generalisation": generalisation(held, Outcomes.pooled([one.seen for one in seeds])),
        "roc": roc(held, f"z:{CHI_SQUARE}", scored),
        "alert_budget": alert_budgets([one.held_out for one in seeds]),
        "users_baseline": _users(held),
        "contaminated_references": _contaminated(seeds, n_references),
        "two_references": _two(Outcomes.pooled([one.two for one in seeds])),
    }


def _held_out(held: Outcomes, scored: Mask) -> dict[str, Any]:
    detectable = ~held.broken | (held.detectability > DETECTABLE_NATS)
    return {
        **{
            name: held.ranking(name)
            for name in ("log_odds", "p", "untaught", "statistics_only", "oracle_known_density")
        },
        "on_the_oracle_s_heatmaps": {
            name: held.ranking(name, scored) for name in ("log_odds", "oracle")
        },
        "detectable_only": held.ranking("log_odds", detectable),
        **_marginal(held),
    }


def _marginal(held: Outcomes) -> dict[str, Any]:
    """Return scorer and oracles without the fault on the same heatmaps, where they looked."""
    asked = ~np.isnan(held.scores[MARGINAL])
    if not asked.any():
        return {}
    own = held.resampled("log_odds", asked).auroc
    names = ("log_odds", MARGINAL, SEARCHING)
    clicks = np.unique(held.n_clicks[asked]).tolist()
    return {
        "on_the_marginal_oracle_s_heatmaps": {
            "n_grids": len(np.unique(held.grid[asked])),
            **{name: held.ranking(name, asked) for name in (*names, "oracle")},
            "gap": _gap(held, MARGINAL, asked, own),
            "gap_to_search": _gap(held, SEARCHING, asked, own),
            "by_clicks": {
                str(n): {
                    name: held.ranking(name, asked & (held.n_clicks == n))["auroc"]
                    for name in names
                }
                for n in clicks
            },
            "by_fault": {
                fault: {
                    name: held.ranking(name, asked & held.against_healthy(fault))["auroc"]
                    for name in names
                }
                for fault in FAULTS
            },
        }
    }


def _gap(held: Outcomes, oracle: str, asked: Mask, own: Array) -> dict[str, float]:
    return rounded(asdict(estimated(held.resampled(oracle, asked).auroc - own)))


def _gain(held: Outcomes, name: str, baseline: str) -> dict[str, float]:
    """Return what a scorer gains in AUROC, paired."""
    difference = held.resampled(name).auroc - held.resampled(baseline).auroc
    return rounded(asdict(estimated(difference)))


def _by_clicks(held: Outcomes) -> dict[str, Any]:
    found = {}
    for n in np.unique(held.n_clicks).tolist():
        chosen = held.n_clicks == n
        found[str(n)] = {
            **held.ranking("log_odds", chosen),
            "false_positive_rate": held.false_positive_rate(chosen),
            "recall_at_p": round(float((held.p[chosen & held.broken] <= NOMINAL).mean()), 4),
        }
    return found


def _detectable(held: Outcomes, fault: str) -> dict[str, Any] | None:
    """Return the figures of those that can be seen; None where there are none."""
    seen = held.detectability > DETECTABLE_NATS
    if not (seen & (held.fault == fault)).any():
        return None
    return held.ranking("log_odds", ~held.broken | (seen & (held.fault == fault)))


def _by_fault_and_clicks(held: Outcomes) -> dict[str, dict[str, Any]]:
    """Return AUROC of each fault at each number of clicks, against healthy ones of as many."""
    return {
        fault: {
            str(n): held.ranking("log_odds", held.against_healthy(fault) & (held.n_clicks == n))
            for n in np.unique(held.n_clicks).tolist()
        }
        for fault in FAULTS
    }


def _single(held: Outcomes) -> dict[str, list[float]]:
    """Return AUROC and recall of each calibrated score by itself."""
    found = {}
    for name in held.scores:
        if name.startswith("z:"):
            one = held.resampled(name)
            found[name.removeprefix("z:")] = rounded([float(one.auroc[0]), float(one.recall[0])])
    return found


def _held_out_fault(held: Outcomes, fault: str) -> dict[str, Any]:
    """Return AUROC of a fault by the final p, of a combination that was taught it and one not.

    The network was taught all faults, so these figures are of the statistics alone.
    """
    chosen = held.against_healthy(fault)
    taught = held.resampled("statistics_p", chosen).auroc
    without = held.resampled(f"statistics_p_without:{fault}", chosen).auroc
    drop = estimated(taught - without)
    found: dict[str, Any] = rounded(
        {
            "taught": asdict(estimated(taught)),
            "held_out": asdict(estimated(without)),
            "drop": drop.value,
            "drop_interval": [drop.low, drop.high],
        }
    )
    return found


def _seen(seen: Outcomes) -> dict[str, Any]:
    return {
        **{name: seen.ranking(name) for name in ("log_odds", "p")},
        "false_positive_rate": seen.false_positive_rate(),
    }


def _users(held: Outcomes) -> dict[str, Any]:
    """Return the figures of the users' recipe, as they have it and calibrated, and the gain."""
    return {
        "uncalibrated": held.ranking(USERS),
        "calibrated": held.ranking(f"z:{USERS}"),
        "gain_of_the_scorer": _gain(held, "log_odds", USERS),
        "gain_of_the_scorer_over_calibrated": _gain(held, "log_odds", f"z:{USERS}"),
    }


def _contaminated(seeds: list[SeedOutcomes], n_references: int) -> dict[str, Any]:
    """Return the figures with some references broken, by their share; 0 is the clean one."""
    found: dict[str, Any] = {}
    for n in sorted({n for one in seeds for n in one.contaminated}):
        own = Outcomes.pooled([one.contaminated[n] for one in seeds if n in one.contaminated])
        found[f"{n / n_references:g}"] = {
            "n_grids": len(np.unique(own.grid)),
            "n_contaminated": n,
            "n_references": n_references,
            "log_odds": own.ranking("log_odds"),
            "p": own.ranking("p"),
            "false_positive_rate": own.false_positive_rate(),
        }
    return found


def _two(two: Outcomes) -> dict[str, Any]:
    return {
        "log_odds": two.ranking("log_odds"),
        "false_positive_rate_of_all": two.false_positive_rate(),
        "false_positive_rate": {
            str(n): two.false_positive_rate(two.n_clicks == n)
            for n in np.unique(two.n_clicks).tolist()
        },
    }
