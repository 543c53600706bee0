"""Greedy k-means++ of many runs at once.

Each run draws its own candidates from its own generator; the distances of all candidates of all
runs to a tile of the sample are one matrix product, so thirty runs cost about what one costs.

Source: Arthur and Vassilvitskii, k-means++: the advantages of careful seeding (2007), with the
greedy choice among ``2 + floor(ln k)`` candidates a step, as scikit-learn does it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from bannercluster.errors import DataError
from bannercluster.kernels.products import float32_product

MapTiles = Callable[[Callable[[slice], None], Sequence[slice]], None]
"""Runs a function over tiles, in parallel or not; the result must not depend on it."""

_TILE = 2048
_SMALLEST = np.finfo(np.float32).tiny
_ROUNDING = 1e-2  # of a squared distance: far above what float32 sums of any width lose


@dataclass(frozen=True)
class SeedRun:
    """One run to be seeded: ``k`` centres by the generator seeded with ``entropy``."""

    k: int
    entropy: tuple[int, ...]

    @property
    def n_candidates(self) -> int:
        """Candidates a step."""
        return 2 + int(math.log(self.k))


def kmeans_plusplus(
    sample: torch.Tensor, runs: Sequence[SeedRun], map_tiles: MapTiles | None = None
) -> list[np.ndarray]:
    """Choose the first centres of every run.

    Parameters
    ----------
    sample : (n, n_features) float32 tensor
        Prepared rows.
    runs : sequence of SeedRun
    map_tiles : callable, optional
        Runs the tiles of a step; one after the other by default.

    Returns
    -------
    list of (k,) int64 arrays
        For each run the indices into ``sample``, in the order chosen.

    Raises
    ------
    DataError
        If a run asks for more centres than the sample has distinct rows.
    """
    n = len(sample)
    mean = sample.double().mean(dim=0).float()
    centred = _scaled(sample - mean)
    half_sq = torch.cat([_half_sq(centred[low : low + _TILE]) for low in range(0, n, _TILE)])
    state = _State(centred, half_sq, np.full((len(runs), n), np.inf), map_tiles or _one_by_one)
    generators = [np.random.Generator(np.random.PCG64(list(run.entropy))) for run in runs]
    chosen: list[list[int]] = [[int(g.integers(n))] for g in generators]
    state.lower([np.array([first[0]]) for first in chosen], range(len(runs)))
    for step in range(1, max((run.k for run in runs), default=0)):
        active = [index for index, run in enumerate(runs) if run.k > step]
        drawn = [
            _draw(
                state.sq_dist[index],
                runs[index].n_candidates,
                generators[index],
                runs[index].k,
                step,
            )
            for index in active
        ]
        winners = state.lower(drawn, active)
        for index, winner in zip(active, winners, strict=True):
            chosen[index].append(winner)
    return [np.array(rows, dtype=np.int64) for rows in chosen]


def _half_sq(x: torch.Tensor) -> torch.Tensor:
    """(n,) float32: half the squared norms, taken in float64."""
    return (0.5 * x.double().square().sum(dim=1)).float()


def _scaled(x: torch.Tensor) -> torch.Tensor:
    """Scale by a power of two to values about 1: exact, and no square leaves float32."""
    exponent = -math.frexp(float(x.abs().max()))[1]
    return x * math.ldexp(1.0, max(-126, min(exponent, 126)))


def _draw(
    sq_dist: np.ndarray, size: int, generator: np.random.Generator, k: int, step: int
) -> np.ndarray:
    """Draw candidate rows with probability proportional to their squared distance."""
    cumulative = np.cumsum(sq_dist)
    if not cumulative[-1] > 0.0:
        raise DataError(
            f"k = {k} is larger than the number of distinct rows: only {step} distinct rows "
            f"were found; "
            f"expected k <= {step}: choose a smaller k, or embed more banners"
        )
    positions = np.searchsorted(cumulative, generator.random(size) * cumulative[-1])
    drawn: np.ndarray = np.minimum(positions, len(sq_dist) - 1)
    return drawn


@dataclass
class _State:
    centred: torch.Tensor
    half_sq: torch.Tensor
    sq_dist: np.ndarray  # (n_runs, n) float64: to the nearest chosen centre so far
    map_tiles: MapTiles

    def lower(self, candidates: Sequence[np.ndarray], active: Sequence[int]) -> list[int]:
        """Take for each active run the candidate that lowers its potential most."""
        stacked = torch.from_numpy(np.concatenate(candidates))
        operand, offset = self.centred[stacked], self.half_sq[stacked]
        bounds = np.cumsum([0, *(len(own) for own in candidates)])
        tiles = [slice(low, low + _TILE) for low in range(0, len(self.centred), _TILE)]
        lowered = np.empty((len(stacked), len(self.centred)), np.float32)
        partial = np.empty((len(tiles), len(stacked)))

        def one(tile: slice) -> None:
            scores = float32_product(operand, self.centred[tile])
            scores.neg_().add_(offset[:, None]).add_(self.half_sq[None, tile])
            out = lowered[:, tile]
            np.multiply(scores.numpy(), 2, out=out)
            # Only copies of a chosen row are at distance 0, however near another row is.
            np.maximum(out, _SMALLEST, out=out)
            for position, index in enumerate(active):
                own = out[bounds[position] : bounds[position + 1]]
                np.minimum(own, self.sq_dist[index, tile], out=own, casting="same_kind")
            partial[tile.start // _TILE] = out.sum(axis=1, dtype=np.float64)

        self.map_tiles(one, tiles)
        potential = partial.sum(axis=0)
        winners = []
        for position, index in enumerate(active):
            own = slice(bounds[position], bounds[position + 1])
            best = int(np.argmin(potential[own]))
            self.sq_dist[index] = lowered[bounds[position] + best]
            winner = int(candidates[position][best])
            # Rounding must not leave a chosen row, or a copy of it, a distance to itself.
            self.sq_dist[index, self._copies(winner, self.sq_dist[index])] = 0.0
            winners.append(winner)
        return winners

    def _copies(self, winner: int, sq_dist: np.ndarray) -> np.ndarray:
        """Return the rows equal to one, itself among them, given the distances to it or less.

        Only rows whose computed distance is within its rounding can be copies.
        """
        within = _ROUNDING * (self.half_sq.numpy() + float(self.half_sq[winner]))
        near = np.flatnonzero(sq_dist <= within + _SMALLEST)
        rows = self.centred[torch.from_numpy(near)]
        found: np.ndarray = near[(rows == self.centred[winner]).all(dim=1).numpy()]
        return found


def _one_by_one(one: Callable[[slice], None], tiles: Sequence[slice]) -> None:
    for tile in tiles:
        one(tile)


def entropy_of(seed: int, k: int, restarts: int) -> Iterator[tuple[int, ...]]:
    """Yield the entropy of each restart of a k: a restart stays the same when others are added."""
    for restart in range(restarts):
        yield (seed, k, restart)
