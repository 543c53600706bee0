"""What other scorers reach in the benchmark, and this one under other conditions, as rows."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from bannercluster.heatmap.report.quality import ConditionRow, Estimate


def conditions(result: Mapping[str, Any]) -> tuple[ConditionRow, ...]:
    """Return the rows of a benchmark, the scorer itself first; none where it is the only one."""
    others = (
        *_seeds(result.get("by_seed", {})),
        *_scorers(result),
        *_references(result),
    )
    if not others:
        return ()
    rate = result.get("false_positive_rate")
    return (_row("this scorer, all held-out grids", result["held_out_grids"]["log_odds"], rate),
            *others)  # fmt: skip


def estimate(one: Mapping[str, Any]) -> Estimate:
    """Return a figure as the benchmark writes it, with its interval.

    Raises
    ------
    ValueError
        If it is not a number.
    """
    value, low, high = (float(one[key]) for key in ("value", "low", "high"))
    if not math.isfinite(value):
        raise ValueError(f"a figure is {value}")
    return Estimate(value, low, high)


def _seeds(by_seed: Mapping[str, Any]) -> Iterator[ConditionRow]:
    if len(by_seed) > 1:
        for seed, one in by_seed.items():
            yield _row(f"seed {seed} alone", one, one["false_positive_rate"])


def _scorers(result: Mapping[str, Any]) -> Iterator[ConditionRow]:
    chi_square = result.get("roc", {}).get("chi_square")
    if chi_square is not None:
        yield _row("chi-square alone", chi_square, note="calibrated per grid and clicks")
    users = result.get("users_baseline", {})
    for kind, told in (
        ("uncalibrated", "as it is"),
        ("calibrated", "calibrated per grid and clicks"),
    ):
        if kind in users:
            note = f"50,000 clicks drawn again, noise, cosine to the mean reference; {told}"
            yield _row(f"the users' recipe, {kind}", users[kind], note=note)


def _references(result: Mapping[str, Any]) -> Iterator[ConditionRow]:
    contaminated = result.get("contaminated_references", {})
    for share, one in sorted(contaminated.items(), key=lambda item: float(item[0])):
        broken = f"{100 * float(share):g} % of the references are broken"
        yield _row(
            broken if float(share) else "no reference is broken",
            one["log_odds"],
            one["false_positive_rate"],
            f"{one['n_contaminated']} of {one['n_references']} on each of {one['n_grids']} grids",
        )
    two = result.get("two_references")
    if two is not None:
        rate = two.get("false_positive_rate_of_all")
        yield _row("two references for each grid", two["log_odds"], rate)


def _row(
    name: str, ranked: Mapping[str, Any], rate: Mapping[str, Any] | None = None, note: str = ""
) -> ConditionRow:
    return ConditionRow(
        name,
        int(ranked["n_broken"]) + int(ranked["n_healthy"]),
        estimate(ranked["auroc"]),
        estimate(ranked["recall"]),
        None if rate is None else estimate(rate),
        note,
    )
