"""The sums over rows that the stages are made of."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch

from bannercluster.kernels.native.rows import stats
from bannercluster.kernels.stack import Stack
from bannercluster.kernels.sums import ClusterSums
from bannercluster.traverse.walk import Tile

_DOUBLE_ROWS = 512


@dataclass
class RowStats:
    """Facts about prepared rows.

    Parameters
    ----------
    n_rows, n_zero, n_not_finite : int
    first_not_finite : int
        Global number of the first row with NaN or infinity; -1 if none.
    largest : float
        Largest absolute value.
    total : (n_features,) float64 array
        Sum of the rows.
    sum_sq : float
        Sum of the squared norms.
    """

    n_rows: int
    n_zero: int
    n_not_finite: int
    first_not_finite: int
    largest: float
    total: np.ndarray
    sum_sq: float

    @property
    def mean(self) -> np.ndarray:
        """(n_features,) float64."""
        mean: np.ndarray = self.total / max(self.n_rows, 1)
        return mean

    @property
    def mean_variance(self) -> float:
        """Mean over the features of their variance."""
        n = max(self.n_rows, 1)
        return float(max(self.sum_sq / n - np.square(self.mean).sum(), 0.0) / len(self.total))


@dataclass(frozen=True)
class Stats:
    """Reducer to :class:`RowStats`."""

    n_features: int

    def start(self) -> RowStats:
        """Return the facts about no rows."""
        return RowStats(0, 0, 0, -1, 0.0, np.zeros(self.n_features), 0.0)

    def add(self, state: RowStats, tile: Tile) -> None:
        """Add a tile."""
        x = tile.rows.x.cpu()
        sq_ = np.empty(len(x))
        total = np.zeros_like(state.total)
        largest = stats(x.numpy(), sq_, total)
        sq = torch.from_numpy(sq_)
        bad = ~torch.isfinite(sq)
        state.n_rows += len(x)
        if bool(bad.any()):
            if state.first_not_finite < 0:
                state.first_not_finite = tile.start + int(torch.nonzero(bad)[0])
            state.n_not_finite += int(bad.sum())
            return
        state.total += total
        state.n_zero += int((sq == 0).sum())
        state.largest = max(state.largest, float(largest))
        state.sum_sq += float(sq.sum())

    def merge(self, left: RowStats, right: RowStats) -> RowStats:
        """Merge; the first bad row is the left one's, if it has one."""
        first = left.first_not_finite if left.first_not_finite >= 0 else right.first_not_finite
        return RowStats(
            left.n_rows + right.n_rows,
            left.n_zero + right.n_zero,
            left.n_not_finite + right.n_not_finite,
            first,
            max(left.largest, right.largest),
            left.total + right.total,
            left.sum_sq + right.sum_sq,
        )


@dataclass(frozen=True)
class MovedSums:
    """Reducer to the change of the cluster sums since the basis (all rows where there is none)."""

    stack: Stack
    grid: float

    def start(self) -> ClusterSums:
        """Return the sums of no rows."""
        return ClusterSums.zeros(*self.stack.centres.shape)

    def add(self, state: ClusterSums, tile: Tile) -> None:
        """Move the rows of a tile whose labels changed."""
        assert tile.labels is not None  # noqa: S101 - a pass with this reducer has centres
        state.move(tile.rows, self.stack, tile.previous, tile.labels, self.grid)

    def merge(self, left: ClusterSums, right: ClusterSums) -> ClusterSums:
        """Add; exact."""
        left += right
        return left


@dataclass
class FarRows:
    """Rows far from their centres, for each run: squared distance, number, label, values."""

    rows: list[list[tuple[float, int, int, np.ndarray]]]


@dataclass(frozen=True)
class Farthest:
    """Reducer to the ``limit`` rows farthest from their own centre in each run."""

    stack: Stack
    limit: int

    def start(self) -> FarRows:
        """Return no rows."""
        return FarRows([[] for _ in range(self.stack.n_runs)])

    def add(self, state: FarRows, tile: Tile) -> None:
        """Add the farthest rows of a tile."""
        assert tile.labels is not None  # noqa: S101 - a pass with this reducer has centres
        x = tile.rows.x.cpu()
        for run in range(self.stack.n_runs):
            own = self.stack.starts[run] + tile.labels[run].astype(np.int64)
            sq_dist = _sq_distances(x, self.stack.centres, own)
            for row in np.argsort(-sq_dist, kind="stable")[: self.limit]:
                label = int(tile.labels[run, row])
                state.rows[run].append(
                    (float(sq_dist[row]), tile.start + int(row), label, x[row].double().numpy())
                )
            self._shorten(state, run)

    def merge(self, left: FarRows, right: FarRows) -> FarRows:
        """Keep the farthest of both."""
        for run, rows in enumerate(right.rows):
            left.rows[run].extend(rows)
            self._shorten(left, run)
        return left

    def _shorten(self, state: FarRows, run: int) -> None:
        state.rows[run].sort(key=lambda far: (-far[0], far[1]))
        del state.rows[run][self.limit :]


def _sq_distances(x: torch.Tensor, centres: np.ndarray, own: np.ndarray) -> np.ndarray:
    """(n,) float64 squared distances of rows to their centres; few rows are float64 at a time."""
    sq_dist = np.empty(len(x))
    for low in range(0, len(x), _DOUBLE_ROWS):
        rows = slice(low, low + _DOUBLE_ROWS)
        away = x[rows].double() - torch.from_numpy(centres[own[rows]])
        sq_dist[rows] = away.square_().sum(dim=1).numpy()
    return sq_dist


@dataclass
class LabelRows:
    """Labels of consecutive rows, in parts: (n_runs, n) each."""

    parts: list[np.ndarray] = field(default_factory=list)

    def joined(self) -> np.ndarray:
        """(n_runs, n_rows)."""
        return np.concatenate(self.parts, axis=1)


@dataclass(frozen=True)
class Labels:
    """Reducer to the labels of all rows."""

    def start(self) -> LabelRows:
        """Return no labels."""
        return LabelRows()

    def add(self, state: LabelRows, tile: Tile) -> None:
        """Append a tile's labels."""
        assert tile.labels is not None  # noqa: S101 - a pass with this reducer has centres
        state.parts.append(tile.labels)

    def merge(self, left: LabelRows, right: LabelRows) -> LabelRows:
        """Append; segments come in their order."""
        left.parts.extend(right.parts)
        return left
