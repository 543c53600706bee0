"""Sums over rows with known labels: the contingency tables, and the mis-clustering distances."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch

from bannercluster.kernels.contingency import main_distances
from bannercluster.kernels.stack import Stack
from bannercluster.traverse.walk import Tile


@dataclass(frozen=True, eq=False)
class Contingency:
    """Reducer to the tables n[label, cluster] of each run, as (n_labels, k) int64 arrays.

    Parameters
    ----------
    stack : Stack
    codes : (n_rows,) int32 array
        Label of each row; -1 leaves a row out.
    weights : (n_rows,) int64 array
    n_labels : int
    """

    stack: Stack
    codes: np.ndarray
    weights: np.ndarray
    n_labels: int

    def start(self) -> list[np.ndarray]:
        """Return empty tables."""
        sizes = np.diff(self.stack.starts)
        return [np.zeros((self.n_labels, int(k)), np.int64) for k in sizes]

    def add(self, state: list[np.ndarray], tile: Tile) -> None:
        """Count a tile."""
        assert tile.labels is not None  # noqa: S101 - a pass with this reducer has centres
        own = slice(tile.start, tile.start + tile.labels.shape[1])
        known = self.codes[own] >= 0
        codes, weights = self.codes[own][known].astype(np.int64), self.weights[own][known]
        for run, table in enumerate(state):
            # One flat index: adding at pairs of indices takes four times as long.
            np.add.at(table.reshape(-1), codes * table.shape[1] + tile.labels[run][known], weights)

    def merge(self, left: list[np.ndarray], right: list[np.ndarray]) -> list[np.ndarray]:
        """Add."""
        return [one + other for one, other in zip(left, right, strict=True)]


class RowWeights(Protocol):
    """Weights of rows in bootstrap replicates, by global row number."""

    @property
    def n_replicates(self) -> int:
        """Number of replicates."""

    def weights(self, start: int, n: int) -> np.ndarray:
        """(n_replicates, n) weights of the rows from ``start`` on."""


@dataclass
class MisclusteringSums:
    """Sums over the rows outside the main cluster of their label.

    Parameters
    ----------
    distance : (n_runs, n_labels) float64 array
        Sum of their distances to the centre of that cluster, times their weights.
    replicates_distance, replicates_outside : (n_replicates, n_runs) float64 arrays
        The sums over all labels of distances and of weights in each bootstrap replicate; no rows
        without a bootstrap.
    """

    distance: np.ndarray
    replicates_distance: np.ndarray
    replicates_outside: np.ndarray


@dataclass(frozen=True, eq=False)
class Misclustering:
    """Reducer to :class:`MisclusteringSums`, given the main clusters of the labels.

    Parameters
    ----------
    stack : Stack
    codes : (n_rows,) int32 array
        Label of each row; -1 leaves a row out.
    weights : (n_rows,) int64 array
    main : (n_labels, n_centres) bool array
        Main clusters of each label in each run; several where they tie, and then the values are
        the means over them.
    bootstrap : RowWeights or None
    """

    stack: Stack
    codes: np.ndarray
    weights: np.ndarray
    main: np.ndarray
    bootstrap: RowWeights | None = None

    def start(self) -> MisclusteringSums:
        """Return the sums of no rows."""
        replicates = (self._n_replicates, self.stack.n_runs)
        return MisclusteringSums(
            np.zeros((self.stack.n_runs, len(self.main))),
            np.zeros(replicates),
            np.zeros(replicates),
        )

    @property
    def _n_replicates(self) -> int:
        return 0 if self.bootstrap is None else self.bootstrap.n_replicates

    def add(self, state: MisclusteringSums, tile: Tile) -> None:
        """Add a tile."""
        assert tile.labels is not None  # noqa: S101 - a pass with this reducer has centres
        own = slice(tile.start, tile.start + tile.labels.shape[1])
        codes, weights = self.codes[own], self.weights[own]
        x, stack = tile.rows.x.cpu().numpy(), self.stack
        distance, outside = main_distances(
            x, tile.labels, codes, self.main, stack.centres, stack.starts
        )
        distance *= weights
        outside *= weights
        known = codes >= 0
        for run, sums in enumerate(state.distance):
            np.add.at(sums, codes[known], distance[run][known])
        if self.bootstrap is not None:
            drawn = torch.from_numpy(self.bootstrap.weights(tile.start, len(codes))).double()
            state.replicates_distance += torch.mm(drawn, torch.from_numpy(distance).T).numpy()
            state.replicates_outside += torch.mm(drawn, torch.from_numpy(outside).T).numpy()

    def merge(self, left: MisclusteringSums, right: MisclusteringSums) -> MisclusteringSums:
        """Add."""
        return MisclusteringSums(
            left.distance + right.distance,
            left.replicates_distance + right.replicates_distance,
            left.replicates_outside + right.replicates_outside,
        )
