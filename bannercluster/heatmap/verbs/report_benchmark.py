"""The JSON of the benchmark of heatmaps (``benchmarks/results/heatmap.json``) as views.

Its ``result`` has sections; a section that is missing is not shown, one of another form is an
error, so that no figure is lost unseen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bannercluster.errors import UsageError
from bannercluster.heatmap import goals
from bannercluster.heatmap.report.quality import (
    CalibrationRow,
    CalibrationView,
    Estimate,
    FaultRow,
    FigureRow,
    GoalRow,
    QualityView,
)
from bannercluster.heatmap.report.views import BlockRow, BlocksView
from bannercluster.heatmap.verbs.report_conditions import conditions, estimate
from bannercluster.heatmap.verbs.report_generalisation import (
    GENERALISATION_NOTE,
    curves,
    faults_by_clicks,
    generalisation,
)
from bannercluster.store import files

_NAME = "heatmap"


@dataclass(frozen=True)
class BenchmarkViews:
    """What a benchmark says.

    Parameters
    ----------
    quality : QualityView or None
    blocks : BlocksView or None
    """

    quality: QualityView | None = None
    blocks: BlocksView | None = None


def read_benchmark(url: str) -> BenchmarkViews:
    """Read what the benchmark has written.

    Raises
    ------
    UsageError
        If there is none, it is another benchmark's, or a section has another form.
    StoreError
        If it cannot be read.
    """
    read = files.read_json_if_any(url)
    if read is None:
        raise UsageError(
            f"no benchmark at {url}; expected the JSON of `python -m benchmarks.heatmap`: leave "
            f"--benchmark out, or name another"
        )
    result = read.get("result")
    if read.get("benchmark") != _NAME or not isinstance(result, dict):
        raise UsageError(
            f"{url} is of the benchmark {read.get('benchmark')!r}; expected {_NAME!r}: name the "
            f"JSON of `python -m benchmarks.heatmap` with --benchmark"
        )
    try:
        return BenchmarkViews(_quality(result, str(read.get("measured", ""))), _blocks(result))
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise UsageError(
            f"{url} is not of the form that the report reads ({type(error).__name__}: {error}): "
            f"measure it again with this version's benchmark"
        ) from error


def _quality(result: Mapping[str, Any], measured: str) -> QualityView | None:
    held_out = result.get("held_out_grids")
    if held_out is None:
        return None
    seeds = result.get("seeds", [result["simulator"]["seed"]])
    n_grids = result["simulator"]["grids"][2] * len(seeds)
    by_fault, unseen = result.get("by_fault", {}), result.get("held_out_fault", {})
    cells = generalisation(result.get("generalisation", ()))
    return QualityView(
        source=(
            f"the benchmark of {measured[:10]}: {held_out['log_odds']['n_broken']:,} broken and "
            f"{held_out['log_odds']['n_healthy']:,} healthy heatmaps of {n_grids:,} held-out "
            f"grids, whose layout families were not taught; {_named(seeds)}"
        ),
        curves=curves(result.get("roc", {})),
        figures=_figures(held_out),
        conditions=conditions(result),
        faults=tuple(_fault(name, one, unseen.get(name)) for name, one in by_fault.items()),
        faults_by_clicks=faults_by_clicks(result.get("by_fault_and_clicks", {})),
        calibration=_calibration(result.get("by_clicks", {})),
        generalisation=cells,
        generalisation_note=GENERALISATION_NOTE if cells else "",
        goals=_goals(result),
        note="All faulty heatmaps count, detectable or not. Intervals are bootstrapped over grids. "
        "Faults are told from the heatmaps of the simulator, whose numbers were fixed before "
        "anything was taught.",
    )


def _named(seeds: Sequence[int]) -> str:
    """Name the seeds.

    >>> _named([7]), _named([7, 8, 9])
    ('seed 7', 'seeds 7, 8 and 9')
    """
    if len(seeds) == 1:
        return f"seed {seeds[0]}"
    return f"seeds {', '.join(map(str, seeds[:-1]))} and {seeds[-1]}"


def _figures(held_out: Mapping[str, Any]) -> tuple[FigureRow, ...]:
    shown = [
        FigureRow(f"{name}{told}", estimate(held_out[of][key]))
        for key, name in (("auroc", "AUROC"), ("recall", "recall at 1 % false positives"))
        for of, told in (
            ("log_odds", ""),
            ("statistics_only", ", statistics alone"),
            ("untaught", ", untaught"),
            ("detectable_only", ", detectable faults only"),
        )
        if of in held_out
    ]
    for of, oracle, told in (
        ("on_the_oracle_s_heatmaps", "oracle", "heatmaps that the oracle saw"),
        (
            "on_the_marginal_oracle_s_heatmaps",
            "marginal_oracle",
            "against an oracle that does not know the fault",
        ),
        (
            "on_the_marginal_oracle_s_heatmaps",
            "searching_oracle",
            "against an oracle that searches and is told nothing",
        ),
    ):
        both = held_out.get(of, {})
        if oracle in both:
            shown += [
                FigureRow(
                    f"{name}, {told}", estimate(both["log_odds"][key]), estimate(both[oracle][key])
                )
                for key, name in (("auroc", "AUROC"), ("recall", "recall at 1 %"))
            ]
    return tuple(shown)


def _fault(name: str, one: Mapping[str, Any], unseen: Mapping[str, Any] | None) -> FaultRow:
    detectable = one.get("detectable")
    return FaultRow(
        name,
        int(one["n_broken"]),
        estimate(one["auroc"]),
        estimate(one["recall"]),
        oracle_auroc=estimate(one["oracle"]) if "oracle" in one else None,
        detectable_auroc=estimate(detectable["auroc"]) if detectable else None,
        untaught_auroc=None if unseen is None else estimate(unseen["held_out"]),
    )


def _calibration(by_clicks: Mapping[str, Any]) -> CalibrationView | None:
    rows = tuple(
        CalibrationRow(
            f"{int(clicks):,}", int(one["n_healthy"]), estimate(one["false_positive_rate"])
        )
        for clicks, one in sorted(by_clicks.items(), key=lambda item: int(item[0]))
    )
    return CalibrationView(rows) if rows else None


def _goals(result: Mapping[str, Any]) -> tuple[GoalRow, ...]:
    """Return the goals that the benchmark measures, and what was reached."""
    held_out = result["held_out_grids"]
    auroc, recall = (estimate(held_out["log_odds"][key]) for key in ("auroc", "recall"))
    rows = [
        _row("AUROC, held-out grids", goals.AUROC, auroc, ">= {:.3f}"),
        _row("recall at 1 % false positives", goals.RECALL, recall, ">= {:.2f}"),
    ]
    both = held_out.get("on_the_oracle_s_heatmaps")
    if both is not None:
        gap = both["oracle"]["auroc"]["value"] - both["log_odds"]["auroc"]["value"]
        name = "gap in AUROC to the oracle, which knows the fault"
        rows.append(_row(name, goals.GAP, Estimate(gap), "<= {:.3f}"))
    both = held_out.get("on_the_marginal_oracle_s_heatmaps")
    if both is not None:
        paired = estimate(both["gap"])
        name = "gap in AUROC to an oracle that does not know the fault"
        rows.append(_row(name, goals.GAP, paired, "<= {:.3f}"))
    drops = {name: one["drop"] for name, one in result.get("held_out_fault", {}).items()}
    if drops:
        n_small = sum(map(goals.DROP.met, drops.values()))
        worst = max(drops, key=lambda name: float(drops[name]))
        note = f"worst: {worst.replace('_', ' ')}, {drops[worst]:.3f}"
        asked = goals.FAULTS_WITHIN_DROP
        goal = f"<= {goals.DROP.figure:g} in {asked.figure:g} of {len(drops)}"
        reached = Estimate(float(n_small))
        rows.append(
            GoalRow("drop for a held-out fault", goal, asked.met(n_small), reached, "count",
                    "faults", note)
        )  # fmt: skip
    calibration = _calibration(result.get("by_clicks", {}))
    if calibration is not None:
        held = sum(map(calibration.holds, calibration.rows))
        n_rows, (low, high) = len(calibration.rows), calibration.band
        rows.append(
            GoalRow(
                "false positives at p <= 1 %, each number of clicks",
                f"{100 * low:g} to {100 * high:g} %, holding 1 %",
                held == n_rows, Estimate(float(held)), "count", f"of {n_rows}",
            )
        )  # fmt: skip
    if "two_references" in result:
        two = estimate(result["two_references"]["log_odds"]["auroc"])
        rows.append(_row("AUROC, two references", goals.TWO_REFERENCES, two, ">= {:.2f}"))
    return tuple(rows)


def _row(name: str, goal: goals.Goal, reached: Estimate, asked: str) -> GoalRow:
    return GoalRow(name, asked.format(goal.figure), goal.met(reached.value), reached)


def _blocks(result: Mapping[str, Any]) -> BlocksView | None:
    gate = result.get("gate")
    if not gate:
        return None
    rows = []
    for name, one in gate.items():
        gain = estimate(one)
        rows.append(BlockRow(name, gain, gain.above_zero))
    return BlocksView("AUROC, held-out grids", "the statistics alone", tuple(rows))
