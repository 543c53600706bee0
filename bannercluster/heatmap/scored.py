"""What a scorer says of heatmaps, as a table."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

Status = Literal["scored", "no_clicks", "no_reference"]


@dataclass(frozen=True, eq=False)
class RowScores:
    """What is said of heatmaps one by one, one entry of each array per heatmap.

    Parameters
    ----------
    p : ndarray of shape (n,), float64
        Share of healthy heatmaps of so many clicks that look as broken.
    p_taught, p_untaught : ndarray of shape (n,), float64
        The two that p is the smaller of, see ``judging``.
    log_odds, tails : ndarray of shape (n,), float64
        Of the regression (``tails`` where there is none), and the sum of tails.
    z : ndarray of shape (n, n_scores), float64
        Calibrated scores.
    fault : ndarray of shape (n,), object
        The likeliest, were it broken; empty where not scored.
    share : ndarray of shape (n,), float64
        Share of the clicks that the fault touches; NaN where it has no templates.
    """

    p: Array
    p_taught: Array
    p_untaught: Array
    log_odds: Array
    tails: Array
    z: Array
    fault: npt.NDArray[np.object_]
    share: Array

    @classmethod
    def unknown(cls, n: int, n_scores: int) -> RowScores:
        """Return rows of which nothing is said yet: NaN, and no fault."""
        p, p_taught, p_untaught, log_odds, tails, share = np.full((6, n), np.nan)
        z = np.full((n, n_scores), np.nan)
        return cls(p, p_taught, p_untaught, log_odds, tails, z, np.full(n, "", object), share)

    def put(self, rows: npt.NDArray[np.int64], part: RowScores) -> None:
        """Fill some rows."""
        for one in fields(RowScores):
            getattr(self, one.name)[rows] = getattr(part, one.name)

    def __len__(self) -> int:
        return len(self.p)


@dataclass(frozen=True, eq=False)
class ScoredHeatmaps(RowScores):
    """Scored heatmaps, in the order they were given.

    Parameters
    ----------
    domain, grid_id : ndarray of shape (n,), object
    n_clicks : ndarray of shape (n,), int64
    status : ndarray of shape (n,), object
        ``scored``; ``no_clicks``: p is 1; ``no_reference``: its grid has no healthy reference with
        clicks, all scores are NaN.
    q : ndarray of shape (n,), float64
        False discovery rate among the rows with p at most as large.
    names : tuple of str
        Of the scores.
    """

    domain: npt.NDArray[np.object_]
    grid_id: npt.NDArray[np.object_]
    n_clicks: npt.NDArray[np.int64]
    status: npt.NDArray[np.object_]
    q: Array
    names: tuple[str, ...]

    def alerts(self, false_discovery_rate: float) -> npt.NDArray[np.bool_]:
        """Return which rows are alerts when so large a share of alerts may be false."""
        chosen: npt.NDArray[np.bool_] = self.q <= false_discovery_rate
        return chosen

    def count(self, status: Status) -> int:
        """Return how many rows have a status."""
        return int((self.status == status).sum())

    def ranked(self) -> npt.NDArray[np.int64]:
        """Return the rows by how broken they look: by p, then by the log odds; NaN last."""
        return np.lexsort((-self.log_odds, self.p))
