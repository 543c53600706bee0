"""``python -m benchmarks.heatmap.tables``: tables of docs/heatmap.md, from the kept results."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bannercluster.heatmap import goals
from benchmarks.results import kept

Result = Mapping[str, Any]


def main() -> None:
    found = (*tables(kept("heatmap"), kept("heatmap_speed")), clicks_table(kept("heatmap_clicks")))
    print("\n\n".join(found))


def tables(result: Result, speed: Result) -> tuple[str, ...]:
    """Return the tables of goals, clicks, faults and generalisation as Markdown."""
    return (
        _table(("figure", "reached", "asked (floor)", ""), _goals(result, speed)),
        _table(
            ("clicks", "AUROC", "recall at 1 %", f"{_some(result)}: {_ORACLES}"),
            _by_clicks(result),
        ),
        _table(
            ("fault", "AUROC", "recall at 1 %", "oracle that knows it",
             f"{_some(result)}: {_ORACLES}", "taught -> never taught (AUROC of p)"),
            _by_fault(result),
        ),
        _table(
            ("", "taught fault", "the same, other clicks", "fault never taught",
             "the same, other clicks"),
            _generalisation(result),
        ),
    )  # fmt: skip


def clicks_table(result: Result) -> str:
    """Return the table of faults in real clicks as Markdown."""
    few, many = result["100"], result["300"]
    return _table(
        ("fault", "scorer, 100 clicks", "chi-square", "scorer, 300 clicks", "chi-square"),
        (
            (
                name.replace("_", " "),
                *(cell for one in (few[name], many[name]) for cell in _beside_chi_square(one)),
            )
            for name in few
            if "scorer" in few[name]
        ),
    )


def _beside_chi_square(one: Result) -> tuple[str, str]:
    value, low, high = one["scorer"]
    return f"{value:.3f} [{low:.3f}, {high:.3f}]", f"{one['chi_square'][0]:.3f}"


_ORACLES = "scorer / oracle that searches / that is told"
_MARGINAL = "on_the_marginal_oracle_s_heatmaps"
_ANSWERS = ("log_odds", "searching_oracle", "marginal_oracle")


def _goals(result: Result, speed: Result) -> Iterator[tuple[str, ...]]:
    held = result["held_out_grids"]
    whole, both, seen = held["log_odds"], held[_MARGINAL], held["detectable_only"]
    for name, key, digits, goal in (
        ("AUROC, mixed clicks", "auroc", 3, goals.AUROC),
        ("recall at 1 % false positives", "recall", 2, goals.RECALL),
    ):
        asked, verdict = _asked(goal, digits), goal.verdict(whole[key]["value"])
        yield name, _bold(whole[key]), f"{asked} ({goal.floor:.2f})", verdict
    yield ("the same, faults that can be seen (over 3 nats)",
           f"{seen['auroc']['value']:.3f} / {seen['recall']['value']:.3f}", "", "")  # fmt: skip
    for of, name in (
        ("marginal_oracle", "oracle that is told the fault among others: AUROC / recall"),
        ("searching_oracle", "oracle that searches, told nothing: AUROC / recall"),
        ("log_odds", "the scorer on the same heatmaps"),
    ):
        yield (name, f"{_interval(both[of]['auroc'])} / {both[of]['recall']['value']:.3f}", "", "")
    asked = f"{_asked(goals.GAP, 3)} ({goals.GAP.floor:.3f})"
    for of, name in (("gap", "is told"), ("gap_to_search", "searches")):
        verdict = goals.GAP.verdict(both[of]["value"])
        yield f"gap to the one that {name}", _interval(both[of]), asked, verdict
    known = held["on_the_oracle_s_heatmaps"]
    gap = known["oracle"]["auroc"]["value"] - known["log_odds"]["auroc"]["value"]
    yield ("oracle that knows the fault: AUROC", _interval(known["oracle"]["auroc"]), "", "")
    yield "gap to it", f"{gap:.3f}", asked, goals.GAP.verdict(gap)
    rate, (low, high) = result["false_positive_rate"], goals.RATES
    yield ("false positives at p <= 1 %, all clicks", _percent(rate),
           f"{100 * low:g}-{100 * high:g} %", _reached(low <= rate["value"] <= high))  # fmt: skip
    low, high = goals.RATES_OF_INTERVAL
    for clicks, one in result["by_clicks"].items():
        rate = one["false_positive_rate"]
        holds = low <= rate["low"] <= goals.NOMINAL <= rate["high"] <= high
        yield (f"at {int(clicks):,} clicks", _percent(rate),
               f"contains 1 %, within {100 * low:g}-{100 * high:g} %", _reached(holds))  # fmt: skip
    drops = {name: one["drop"] for name, one in result["held_out_fault"].items()}
    small, worst = sum(map(goals.DROP.met, drops.values())), max(drops, key=drops.__getitem__)
    yield ("held-out fault, AUROC lost",
           f"at most {goals.DROP.figure:g} in {small} of {len(drops)}; "
           f"worst {_named(worst)}, {drops[worst]:.3f}",
           f"{goals.FAULTS_WITHIN_DROP.figure:g} of {len(drops)}",
           goals.FAULTS_WITHIN_DROP.verdict(small))  # fmt: skip
    two = result["two_references"]
    auroc = two["log_odds"]["auroc"]
    yield ("two references for each grid, AUROC", _interval(auroc),
           _asked(goals.TWO_REFERENCES, 2),
           goals.TWO_REFERENCES.verdict(auroc["value"]))  # fmt: skip
    yield ("the same, false positives at p <= 1 %", _percent(two["false_positive_rate_of_all"]),
           "", "")  # fmt: skip
    a_second = speed["heatmaps_a_second"]["statistics"]
    yield ("statistics, heatmaps a second on one core", f"{a_second:.0f}",
           _asked(goals.STATISTICS_A_SECOND, 0),
           goals.STATISTICS_A_SECOND.verdict(a_second))  # fmt: skip


def _by_clicks(result: Result) -> Iterator[tuple[str, ...]]:
    both = result["held_out_grids"][_MARGINAL]["by_clicks"]
    for clicks, one in result["by_clicks"].items():
        yield f"{int(clicks):,}", *_ranked(one), _answers(both[clicks])


def _by_fault(result: Result) -> Iterator[tuple[str, ...]]:
    both = result["held_out_grids"][_MARGINAL]["by_fault"]
    faults = result["by_fault"]
    for name in sorted(faults, key=lambda name: -faults[name]["auroc"]["value"]):
        unseen = result["held_out_fault"][name]
        yield (
            _named(name),
            *_ranked(faults[name]),
            f"{faults[name]['oracle']['value']:.3f}",
            _answers(both[name]),
            f"{unseen['taught']['value']:.3f} -> {unseen['held_out']['value']:.3f}",
        )


def _generalisation(result: Result) -> Iterator[tuple[str, ...]]:
    def cell(*, grid: bool, fault: bool, clicks: bool) -> str:
        wanted = {"held_out_grid": grid, "held_out_fault": fault, "other_clicks": clicks}
        (one,) = (one for one in result["generalisation"] if wanted.items() <= one.items())
        return f"{one['auroc']['value']:.3f}"

    for grid, name in ((False, "grids that it was taught on, other domains"),
                       (True, "held-out grids")):  # fmt: skip
        yield (
            name,
            *(
                cell(grid=grid, fault=fault, clicks=clicks)
                for fault in (False, True)
                for clicks in (False, True)
            ),
        )


def _some(result: Result) -> str:
    return f"{result['held_out_grids'][_MARGINAL]['n_grids']} grids"


def _table(head: Sequence[str], rows: Iterator[tuple[str, ...]]) -> str:
    lines = [_line(head), "|" + "---|" * len(head), *map(_line, rows)]
    return "\n".join(lines)


def _line(cells: Sequence[str]) -> str:
    return "|" + "|".join(f" {cell} " for cell in cells) + "|"


def _interval(one: Result) -> str:
    return f"{one['value']:.3f} [{one['low']:.3f}, {one['high']:.3f}]"


def _bold(one: Result) -> str:
    return f"**{one['value']:.3f}** [{one['low']:.3f}, {one['high']:.3f}]"


def _percent(one: Result) -> str:
    value, low, high = (f"{100 * one[name]:.2f}" for name in ("value", "low", "high"))
    return f"{value} % [{low}, {high}]"


def _ranked(one: Result) -> tuple[str, str]:
    return f"{one['auroc']['value']:.3f}", f"{one['recall']['value']:.3f}"


def _answers(one: Result) -> str:
    return " / ".join(f"{one[of]['value']:.3f}" for of in _ANSWERS)


def _asked(goal: goals.Goal, digits: int) -> str:
    return f"{goal.figure:.{digits}f}"


def _reached(holds: bool) -> goals.Verdict:
    return "reached" if holds else "not reached"


def _named(fault: str) -> str:
    return fault.replace("_", " ")


if __name__ == "__main__":
    main()
