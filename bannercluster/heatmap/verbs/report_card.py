"""What a report says around its pictures: headline, tiles, notes, and what made the scores."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa

from bannercluster.config import Settings
from bannercluster.heatmap.model import HeatmapModel
from bannercluster.heatmap.scores_table import DOUBTFUL, REFERENCE, ScoresMark
from bannercluster.render.views import Fact


@dataclass(frozen=True, eq=False)
class Around:
    """The scores and what made them.

    Parameters
    ----------
    settings : Settings
    table : Table
        Of scores.
    mark : ScoresMark
    model : HeatmapModel or None
        That made them; None where there was none, or it is no longer there.
    """

    settings: Settings
    table: pa.Table
    mark: ScoresMark
    model: HeatmapModel | None

    @cached_property
    def rule(self) -> str:
        """What makes an alert."""
        rule = f"q <= {self.mark.false_discovery_rate:g}"
        most = self.mark.most_alerts
        return rule if most is None else f"{rule}, the surest {most:,} of them"

    @property
    def reason(self) -> str:
        """How broken banners were found."""
        how = (
            "Each heatmap is compared with the references of its grid by statistics, calibrated "
            "for its number of clicks"
        )
        if not self.mark.model:
            return f"{how}; the sum of their tails judges, no model was taught."
        return f"{how}; a combination that was taught on simulated faults judges, beside an "\
            "untaught sum of tails for faults that nobody simulated."  # fmt: skip

    def count(self, status: str) -> int:
        """Return how many heatmaps have a status."""
        return int((self.table["status"].to_numpy(zero_copy_only=False) == status).sum())

    @property
    def n_alerts(self) -> int:
        """Alerts."""
        return int(self.table["alert"].to_numpy(zero_copy_only=False).sum())

    @property
    def n_judged(self) -> int:
        """Heatmaps with a p-value."""
        return len(self.table) - int(self.table["p"].null_count)


def headline(around: Around) -> str:
    """Say what was found in one sentence."""
    if not around.n_alerts:
        return f"None of {around.n_judged:,} heatmaps looks broken enough for an alert."
    looks = "looks" if around.n_alerts == 1 else "look"
    return f"{around.n_alerts:,} of {around.n_judged:,} heatmaps {looks} broken."


def tiles(around: Around) -> tuple[Fact, ...]:
    """Return the numbers at the top."""
    grids = around.table["grid_id"].unique()
    n_clicks = int(np.sum(around.table["n_clicks"].to_numpy()))
    return (
        Fact("alerts", f"{around.n_alerts:,}", around.rule),
        Fact("heatmaps", f"{len(around.table):,}", f"of {len(grids):,} grids"),
        Fact("clicks", f"{n_clicks:,}"),
        Fact("references", f"{around.count(REFERENCE):,}", "believed to be healthy"),
        Fact("without clicks", f"{around.count('no_clicks'):,}", "nothing speaks against them"),
        Fact("without reference", f"{around.count('no_reference'):,}", "not scored"),
    )


def run_card(around: Around) -> tuple[Fact, ...]:
    """Return what the scores were made from."""
    paths, mark, model = around.settings.paths, around.mark, around.model
    facts = [
        Fact("heatmaps", paths.heatmaps, mark.heatmaps[:12]),
        Fact("scores", paths.heatmap_scores),
    ]
    if model is None:
        said = f"{mark.model[:12]}, no longer in {paths.heatmap_model}" if mark.model else "none"
        return (*facts, Fact("model", said))
    lessons, auroc = model.card["lessons"], model.card["auroc_out_of_fold"]
    network = "statistics alone" if model.network is None else "statistics and network"
    return (
        *facts,
        Fact("model", model.url, model.fingerprint[:12]),
        Fact("scores it combines", network),
        Fact(
            "taught on",
            f"{lessons['n_heatmaps']:,} simulated heatmaps",
            f"of {lessons['n_grids']:,} grids",
        ),
        Fact(
            "AUROC, grids left out",
            f"{auroc['value']:.4f}",
            f"{auroc['low']:.4f} to {auroc['high']:.4f}, on its lessons; an oracle "
            f"reaches {model.card['auroc_oracle']['value']:.4f}",
        ),
    )


def notes(around: Around) -> tuple[str, ...]:
    """Return what a reader should know."""
    said = []
    if not around.mark.model:
        said.append(
            "No model was used: faults are named by the largest likelihood ratio. "
            "`bc heatmap train` makes a model."
        )
    n_doubtful = around.count(DOUBTFUL)
    if n_doubtful:
        said.append(
            f"{n_doubtful:,} of the heatmaps that are said to be healthy are too unlike the others "
            f"of their grid: they are no references, and are scored like any heatmap."
        )
    n_unknown = around.count("no_reference")
    if n_unknown:
        said.append(
            f"{n_unknown:,} heatmaps are of grids without a known-healthy one: nothing can be said "
            f"of them. Mark one or more of each grid as healthy."
        )
    return tuple(said)


def commands(around: Around) -> tuple[str, ...]:
    """Return what makes this report again."""
    paths, mark = around.settings.paths, around.mark
    budget = f"--false-discovery-rate {mark.false_discovery_rate:g}"
    if mark.most_alerts is not None:
        budget += f" --most-alerts {mark.most_alerts}"
    model = f"--model {shlex.quote(paths.heatmap_model)} " if mark.model else ""
    places = (
        f"--heatmaps {shlex.quote(paths.heatmaps)} {model}"
        f"--scores {shlex.quote(paths.heatmap_scores)}"
    )
    return (
        f"bc heatmap score {places} {budget}",
        f"bc heatmap report {places} --report {shlex.quote(paths.heatmap_report)}",
    )
