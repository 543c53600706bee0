"""The result as a table."""

from __future__ import annotations

from typing import Any

from benchmarks.heatmap_blocks.scoring import SCORES

_HEAD = f"{'':54}{'cosine':>8}{'mahal.':>8}{'nearest':>8}  {'own AUROC':24}{'recall':8}"


def table(result: dict[str, Any]) -> str:
    """Return lines of text."""
    statistics = result["statistics"]
    alone = "  ".join(
        f"{name} {one['auroc']['value']:.3f}" for name, one in statistics["single"].items()
    )
    lines = [
        f"statistics: {_interval(statistics['combination']['auroc'])}, recall at 1 % "
        f"{_interval(statistics['combination']['recall'])}; {alone}",
        f"{_HEAD}gain over the statistics",
    ]
    for name, one in result["blocks"].items():
        passes = "passes" if one["passes"] else "does not pass"
        lines.append(f"{_row(name, one)}{_signed(one['gain'])} {passes}")
    gains = [one["value"] for one in result["noise_gains"]]
    n_passed = sum(one["low"] > 0 for one in result["noise_gains"])
    lines.append(
        f"{len(gains)} blocks of random numbers: {min(gains):+.4f} to {max(gains):+.4f}, "
        f"{n_passed} pass"
    )
    lines += [f"{name:54}no local weights" for name in result["no_local_weights"]]
    lines.append(f"{_HEAD}own AUROC less that of the first, few steps")
    lines += [
        f"{_row(name, one)}{_signed(one['own_less_base'])}"
        for name, one in result["short_trainings"].items()
    ]
    return "\n".join(lines)


def _row(name: str, one: dict[str, Any]) -> str:
    single = "".join(f"{one['single'][score]['auroc']['value']:8.3f}" for score in SCORES)
    own = one["own_combination"]
    return f"{name:54}{single}  {_interval(own['auroc']):24}{own['recall']['value']:<8.3f}"


def _interval(one: dict[str, float]) -> str:
    return f"{one['value']:.3f} [{one['low']:.3f}, {one['high']:.3f}]"


def _signed(one: dict[str, float]) -> str:
    return f"{one['value']:+.4f} [{one['low']:+.4f}, {one['high']:+.4f}]"
