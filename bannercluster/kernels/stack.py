"""The centres of many k-means runs as one matrix, with rigorous bounds of its rounding.

A row's nearest centre is ``argmin_j |c_j|^2 / 2 - <x, c_j>``. The products of a tile with all
centres of all runs are one matrix product, taken in low precision. With ``x~`` and ``c~`` the
rounded operands, the difference of two values of a run is off by at most

    |x - x~| max|c_j - c_l|  +  |x~| max|(c~_j - c_j) - (c~_l - c_l)|  +  2 gamma |x~| max|c~_j|

(plus |r| max|(c_j - c_l) - QQ'(c_j - c_l)| where the product is taken of projections on a basis Q
that leave the part r of the row away)

(Cauchy-Schwarz on ``x c - x~ c~ = (x - x~) c + x~ (c - c~)``; gamma = n u / (1 - n u) bounds the
float32 accumulation over n features: Higham, Accuracy and Stability of Numerical Algorithms,
3.1), plus the rounding of each score as it is stored, plus what underflow takes (a product may
flush to zero below 2**-126). Two centres that are equally near by the rule of ties differ by less
than ``TIE |x - c|^2 / 2``: that is added too, for the rule to be asked. Rows inside this bound are
decided in float64 (:mod:`bannercluster.kernels.assign`), so the precision of the product never
changes a label. What overflows float32 gives infinite or undefined values, which are inside any
bound.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from bannercluster.kernels.native.labels import Centres
from bannercluster.kernels.rows import Recipe

TIE = 2.0**-40
"""Relative difference under which two squared distances count as equal (the lower index wins)."""

_UNIT_FLOAT32 = 2.0**-24
_UNIT_BFLOAT16 = 2.0**-8
_SMALLEST_FLOAT32 = 2.0**-126


@dataclass(frozen=True)
class Stack:
    """Centres of several runs, one below the other.

    Parameters
    ----------
    centres : (n_centres, n_features) float64 array
    starts : (n_runs + 1,) int64 array
        Run ``r`` owns the rows ``starts[r]:starts[r + 1]``.
    recipe : Recipe
        How the rows that meet these centres are prepared.
    """

    centres: np.ndarray
    starts: np.ndarray
    recipe: Recipe

    @classmethod
    def of(cls, runs: list[np.ndarray], recipe: Recipe) -> Stack:
        """Stack the centres of ``runs``, each ``(k, n_features)``."""
        starts = np.cumsum([0, *(len(centres) for centres in runs)]).astype(np.int64)
        return cls(np.ascontiguousarray(np.vstack(runs), dtype=np.float64), starts, recipe)

    @property
    def n_runs(self) -> int:
        """Number of runs."""
        return len(self.starts) - 1

    @property
    def label_dtype(self) -> np.dtype[np.unsignedinteger]:
        """Smallest unsigned type that holds every label."""
        return np.dtype(np.uint8 if np.diff(self.starts).max() <= 256 else np.uint16)

    def __getstate__(self) -> dict[str, object]:
        return {"centres": self.centres, "starts": self.starts, "recipe": self.recipe}

    @cached_property
    def _shifted(self) -> np.ndarray:
        mean, plain = self.recipe.mean, self.recipe.basis is None
        if mean is None or (plain and self.recipe.product == "float32"):
            return self.centres
        return self.centres - mean.astype(np.float64)

    @cached_property
    def _inside(self) -> np.ndarray:
        """What the product sees of the centres, before it is rounded."""
        basis = self.recipe.basis
        inside: np.ndarray = (
            self._shifted if basis is None else self._shifted @ basis.astype(np.float64)
        )
        return inside

    @cached_property
    def operand(self) -> torch.Tensor:
        """(n_centres, n_features or n_dims) tensor in the precision of the product."""
        dtype = torch.bfloat16 if self.recipe.product == "bfloat16" else torch.float32
        return torch.from_numpy(self._inside).to(dtype)

    @cached_property
    def half_sq(self) -> np.ndarray:
        """(n_centres,) float32: half the squared norms of the (shifted) centres."""
        half: np.ndarray = 0.5 * np.square(self._shifted).sum(axis=1)
        with np.errstate(over="ignore"):
            return half.astype(np.float32)

    @property
    def score_rounding(self) -> np.float32:
        """Relative rounding of a stored score: a bfloat16 product is stored in bfloat16 on CPU."""
        bf16 = self.recipe.product == "bfloat16"
        return np.float32((_UNIT_BFLOAT16 if bf16 else _UNIT_FLOAT32) * (1 + 2.0**-7))

    @cached_property
    def slack(self) -> np.ndarray:
        """(n_runs, 5) float32: factors of residual, norm, rest, 1 and squared norm."""
        n_features = self.centres.shape[1]
        out = np.empty((self.n_runs, 5))
        for run in range(self.n_runs):
            own = slice(self.starts[run], self.starts[run + 1])
            out[run, :3] = self.pairs[self.pair_starts[run] : self.pair_starts[run + 1]].max(axis=0)
            # the float32 subtraction, the rounding of half_sq and of the limit itself; underflow
            out[run, 3] = 16 * _UNIT_FLOAT32 * float(self.half_sq[own].max())
            out[run, 3] += 4 * (n_features + 8) * _SMALLEST_FLOAT32
            # |x - c|^2 / 2 <= |x|^2 + |c|^2: the second is far inside the constant.
            out[run, 4] = 2 * TIE
        return _rounded_up(out)

    @cached_property
    def pair_starts(self) -> np.ndarray:
        """(n_runs + 1,) int64: the pairs of run ``r`` are ``pair_starts[r]:pair_starts[r + 1]``."""
        return np.cumsum([0, *np.square(np.diff(self.starts))]).astype(np.int64)

    @cached_property
    def pairs(self) -> np.ndarray:
        """(n_pairs, 3) float32: for two centres of a run the factors of residual, norm and rest."""
        return self._pair_factors(self.operand.double().numpy())

    @cached_property
    def wide(self) -> np.ndarray:
        """(n_centres, n_features or n_dims) float32: what the product sees, hardly rounded."""
        with np.errstate(over="ignore"):
            return self._inside.astype(np.float32)

    @cached_property
    def wide_pairs(self) -> np.ndarray:
        """(n_pairs, 3) float32: as ``pairs``, for float32 products with ``wide``."""
        return self._pair_factors(self.wide.astype(np.float64))

    @cached_property
    def wide_half_sq(self) -> np.ndarray:
        """(n_centres,) float64: half the squared norms of the (shifted) centres."""
        half: np.ndarray = 0.5 * np.square(self._shifted).sum(axis=1)
        return half

    @cached_property
    def rounded(self) -> np.ndarray:
        """(n_centres, n_features) float32: the centres themselves."""
        with np.errstate(over="ignore"):
            return self.centres.astype(np.float32)

    @cached_property
    def own_half_sq(self) -> np.ndarray:
        """(n_centres,) float64: half the squared norms of the centres themselves."""
        half: np.ndarray = 0.5 * np.square(self.centres).sum(axis=1)
        return half

    @cached_property
    def largest_norm(self) -> np.ndarray:
        """(n_runs,) float64: largest norm of a centre of each run."""
        with np.errstate(over="ignore"):
            return np.sqrt(2.0 * np.maximum.reduceat(self.own_half_sq, self.starts[:-1]))

    @cached_property
    def mean_norm(self) -> float:
        """Norm of what is subtracted from the rows before they are rounded."""
        mean = self.recipe.mean
        return 0.0 if mean is None else float(np.linalg.norm(mean.astype(np.float64)))

    @cached_property
    def arrays(self) -> Centres:
        """What the compiled loops take."""
        projected = self.recipe.basis is not None and self.recipe.product == "bfloat16"
        nothing = np.empty((0, 0), np.float32)
        return Centres(
            self.starts,
            self.half_sq,
            self.score_rounding,
            self.slack,
            self.pairs,
            self.pair_starts,
            self.wide if projected else nothing,
            self.wide_half_sq,
            self.wide_pairs if projected else nothing,
            self.rounded,
            self.own_half_sq,
            self.largest_norm,
            self.centres,
            self.mean_norm,
        )

    def _pair_factors(self, rounded: np.ndarray) -> np.ndarray:
        lost = rounded - self._inside
        basis = self.recipe.basis
        outside = (
            None if basis is None else self._shifted - self._inside @ basis.T.astype(np.float64)
        )
        gamma = _gamma(rounded.shape[1] + 8)
        parts = []
        for run in range(self.n_runs):
            own = slice(self.starts[run], self.starts[run + 1])
            norm = np.sqrt(np.square(rounded[own]).sum(axis=1))
            accumulated = 2 * gamma * np.maximum(norm[:, None], norm[None, :])
            by_norm = _distances(lost[own]) + accumulated
            by_rest = np.zeros_like(by_norm) if outside is None else _distances(outside[own])
            factors = [_distances(self._shifted[own]), by_norm, by_rest]
            parts.append(np.stack(factors, axis=-1).reshape(-1, 3))
        return _rounded_up(np.concatenate(parts))


def _rounded_up(bound: np.ndarray) -> np.ndarray:
    """Return a bound as float32 that is no smaller; infinity where float32 ends."""
    with np.errstate(over="ignore"):
        return np.nextafter((bound * (1 + 1e-5)).astype(np.float32), np.float32(np.inf))


def _gamma(n_operations: int) -> float:
    """Return Higham's gamma of a float32 sum: eight more than features cover the rest."""
    return n_operations * _UNIT_FLOAT32 / (1 - n_operations * _UNIT_FLOAT32)


def _distances(points: np.ndarray) -> np.ndarray:
    """(n, n) Euclidean distances between rows, rounded up."""
    sq = np.square(points).sum(axis=1)
    sq_dist = sq[:, None] + sq[None, :] - 2 * points @ points.T
    found: np.ndarray = np.sqrt(np.maximum(sq_dist, 0.0) + 1e-12 * sq.max())
    return found
