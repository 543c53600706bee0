"""What is found for how many false alerts: ROC curves, and alerts within a budget."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from bannercluster.heatmap.alerts import benjamini_hochberg
from benchmarks.heatmap.outcomes import NOMINAL, Outcomes
from benchmarks.heatmap.simulating import USERS

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

RATES = np.geomspace(1e-3, 1.0, 61)
"""False positive rates of the points of a curve."""

BUDGETS = (0.05, 0.1, 0.2)
"""Shares of the alerts that may be false; 10 % is the default of ``bc heatmap score``."""

RARE = 0.02
"""Share of broken heatmaps in a world where banners rarely break."""

_DRAWS = 20
"""Of the broken heatmaps of that world."""


def roc(held: Outcomes, chi_square: str, scored_by_oracle: Mask) -> dict[str, Any]:
    """Return ROC curves by the name of the scorer; the oracle's on the heatmaps that it saw."""
    everything = np.ones(len(held), bool)
    shown = {
        "log_odds": ("log_odds", everything),
        "p": ("p", everything),
        "oracle": ("oracle", scored_by_oracle),
        "log_odds_on_the_oracle_s_heatmaps": ("log_odds", scored_by_oracle),
        "chi_square": (chi_square, everything),
        "users": (USERS, everything),
        "users_calibrated": (f"z:{USERS}", everything),
    }
    return {
        name: {
            **held.ranking(score, rows),
            "points": curve(held.scores[score][rows], held.broken[rows]),
        }
        for name, (score, rows) in shown.items()
    }


def curve(scores: Array, broken: Mask) -> list[list[float]]:
    """Return false positive rates, ascending, with the recall at each.

    The limit is the least with at most so many healthy ones above it.
    """
    healthy = np.sort(scores[~broken])
    allowed = np.floor(RATES * len(healthy) + 1e-9).astype(np.int64)
    limits = np.append(-np.inf, healthy)[len(healthy) - allowed]
    recalls = (scores[broken] > limits[:, None]).mean(axis=1)
    return [
        [round(rate, 6), round(recall, 4)]
        for rate, recall in zip(RATES.tolist(), recalls.tolist(), strict=True)
    ]


def alert_budgets(seeds: list[Outcomes]) -> dict[str, Any]:
    """Return what alerts find at p <= 1 %, and within budgets of false alerts.

    Benjamini and Hochberg's procedure runs on the heatmaps of each seed together, as they are and
    with as few broken ones as 2 %. Means over seeds (and over draws of the few).
    """
    found: dict[str, Any] = {
        "at_p": _mean([_found(one.p <= NOMINAL, one.broken) for one in seeds]),
        "broken": round(float(np.mean([one.broken.mean() for one in seeds])), 4),
        "budgets": {},
    }
    for budget in BUDGETS:
        whole = [_within(one.p, one.broken, budget) for one in seeds]
        few = [
            _within(one.p[rows], one.broken[rows], budget)
            for one in seeds
            for rows in _with_few_broken(one)
        ]
        found["budgets"][f"{budget:g}"] = {"as_simulated": _mean(whole), f"{RARE:g}": _mean(few)}
    return found


def _with_few_broken(one: Outcomes) -> list[npt.NDArray[np.int64]]:
    healthy, broken = np.flatnonzero(~one.broken), np.flatnonzero(one.broken)
    n = max(1, min(len(broken), round(RARE / (1 - RARE) * len(healthy))))
    rng = np.random.default_rng(0)
    return [np.append(healthy, rng.permutation(broken)[:n]) for _ in range(_DRAWS)]


def _within(p: Array, broken: Mask, budget: float) -> tuple[float, float]:
    return _found(benjamini_hochberg(p) <= budget, broken)


def _found(alerts: Mask, broken: Mask) -> tuple[float, float]:
    """Return the share of the broken ones with an alert, and of the alerts that are false."""
    false = float((~broken[alerts]).mean()) if alerts.any() else 0.0
    return float(alerts[broken].mean()), false


def _mean(found: list[tuple[float, float]]) -> dict[str, float]:
    recall, false = np.mean(found, axis=0).tolist()
    return {"recall": round(recall, 4), "false_share": round(false, 4)}
