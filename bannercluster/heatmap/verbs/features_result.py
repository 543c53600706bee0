"""What `bc heatmap features` hands back."""

from __future__ import annotations

from dataclasses import dataclass

from bannercluster.runtime.plan import Table


@dataclass(frozen=True)
class FeaturesResult:
    """What was made of the clicks.

    ``n_rows = n_clicks + n_other_days + n_rejected``, for clicks and exposure together.

    Parameters
    ----------
    heatmaps, rejected_table : str
        The store, and where the rejected rows are.
    n_heatmaps, n_references, n_without_clicks : int
        Heatmaps; those known to be healthy; those that were shown and never clicked.
    n_rows : int
        Rows of both tables.
    n_clicks, n_exposure : int
        Rows that counted: clicks, and days of exposure.
    n_beyond : int
        Clicks beyond the ring, counted in its edge.
    n_other_days, n_rejected : int
        Rows of days that were not asked for; rejected ones.
    reasons : tuple of (table, reason, rows)
    n_unknown : int
        Rows of references and truth that name no heatmap.
    is_new : bool
        Whether the heatmaps are others than those that were there.
    duration_s : float
    """

    heatmaps: str
    rejected_table: str
    n_heatmaps: int
    n_references: int
    n_without_clicks: int
    n_rows: int
    n_clicks: int
    n_exposure: int
    n_beyond: int
    n_other_days: int
    n_rejected: int
    reasons: tuple[tuple[str, str, int], ...]
    n_unknown: int
    is_new: bool
    duration_s: float

    def tables(self) -> tuple[Table, ...]:
        """Return the result as tables."""
        state = "" if self.is_new else ", as they were"
        title = f"{self.heatmaps}: {self.n_heatmaps:,} heatmaps of {self.n_clicks:,} clicks{state}"
        rows = (
            ("clicks counted", self.n_clicks),
            ("of them beyond the ring", self.n_beyond),
            ("rows of exposure counted", self.n_exposure),
            ("rows of days not asked for", self.n_other_days),
            ("rows rejected", self.n_rejected),
            ("heatmaps without clicks", self.n_without_clicks),
            ("heatmaps known to be healthy", self.n_references),
            ("references and truth without a heatmap", self.n_unknown),
        )
        found = [Table(title, ("what", "number"), rows)]
        if self.reasons:
            title = f"Rejected rows, listed in {self.rejected_table}"
            found.append(Table(title, ("table", "reason", "rows"), self.reasons))
        return tuple(found)
