"""What `bc heatmap score` hands back."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bannercluster.heatmap.quality import Ranking
from bannercluster.runtime.plan import Table


@dataclass(frozen=True)
class TopRow:
    """A heatmap that looks broken, as the table has it."""

    domain: str
    grid_id: str
    n_clicks: int
    p: float
    q: float
    alert: bool
    fault: str
    share: float | None


@dataclass(frozen=True)
class KnownQuality:
    """How well scores tell broken from healthy heatmaps, where that is known.

    Parameters
    ----------
    ranking : Ranking
        References are not among its heatmaps.
    n_true_alerts, n_false_alerts : int
    """

    ranking: Ranking
    n_true_alerts: int
    n_false_alerts: int


@dataclass(frozen=True)
class ScoreResult:
    """What was scored.

    ``n_heatmaps = n_references + n_doubtful + n_scored + n_without_clicks + n_rejected``.

    Parameters
    ----------
    scores : str
        The table.
    model : str
        By what, in words.
    n_references, n_doubtful : int
        References that are believed, and those that are too unlike the others of their grid.
    n_scored, n_without_clicks : int
    n_rejected : int
        Heatmaps of grids without references: nothing can be said of them.
    n_alerts : int
    rule : str
        What makes an alert.
    top : tuple of TopRow
        The most broken ones first.
    quality : KnownQuality or None
        None where the truth is not known.
    is_new : bool
        Whether they were scored now; alerts follow the budget in any case.
    duration_s : float
    """

    scores: str
    model: str
    n_heatmaps: int
    n_references: int
    n_doubtful: int
    n_scored: int
    n_without_clicks: int
    n_rejected: int
    n_alerts: int
    rule: str
    top: tuple[TopRow, ...]
    quality: KnownQuality | None
    is_new: bool
    duration_s: float

    def tables(self) -> tuple[Table, ...]:
        """Return the result as tables."""
        state = "" if self.is_new else "; scores as they were"
        title = f"{self.scores}: {self.n_alerts:,} alerts ({self.rule}){state}"
        rows = (
            ("model", self.model),
            ("heatmaps", self.n_heatmaps),
            ("scored", self.n_scored),
            ("without clicks, p is 1", self.n_without_clicks),
            ("of grids without a reference, not scored", self.n_rejected),
            ("references", self.n_references),
            ("references unlike the others, scored", self.n_doubtful),
        )
        top = tuple(
            (one.domain, one.grid_id, one.n_clicks, one.p, one.q, "yes" if one.alert else "",
             one.fault, one.share)
            for one in self.top
        )  # fmt: skip
        columns = ("domain", "grid", "clicks", "p", "q", "alert", "likely fault", "share")
        shown = [
            Table(title, ("what", "value"), rows),
            Table("Most broken by p", columns, top),
        ]
        if self.quality is not None:
            right, wrong = self.quality.n_true_alerts, self.quality.n_false_alerts
            shown[0] = replace(
                shown[0],
                rows=(
                    *shown[0].rows,
                    ("alerts known to be right", right),
                    ("alerts known to be false", wrong),
                ),
            )
            shown.append(self._quality_table(self.quality))
        return tuple(shown)

    def _quality_table(self, quality: KnownQuality) -> Table:
        ranking = quality.ranking
        title = (
            f"Against the known truth: {ranking.n_broken:,} broken, {ranking.n_healthy:,} healthy "
            f"heatmaps; 95 % intervals by bootstrap over grids"
        )
        rows = tuple(
            (name, round(one.value, 4), round(one.low, 4), round(one.high, 4))
            for name, one in (
                ("AUROC", ranking.auroc),
                ("recall at 1 % false positives", ranking.recall),
            )
        )
        return Table(title, ("figure", "value", "low", "high"), rows)
