"""Which product a pass takes: of all features, or of projections on a few directions.

The directions are those in which the centres differ after the first update. A projection makes the
product many times smaller and leaves more labels to be decided in float64; which one pays is tried
on a few rows. The labels are the same with every choice.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch

from bannercluster.config import ClusterConfig
from bannercluster.kernels.assign import assign
from bannercluster.kernels.basis import separating_directions
from bannercluster.kernels.rows import Product, Recipe, normalized, prepare, to_float32
from bannercluster.kernels.stack import Stack
from bannercluster.runtime.devices import cpu_info

TRIAL_ROWS = 2_048
DIMS = (64, 128, 256)
_LEAST_ROWS = 8_192  # below, a whole pass costs less than the trial
LEAST_RATIO = 4  # features for each dimension
_ROUNDS = 2


def product_of(config: ClusterConfig) -> Product:
    """Return the precision of the matrix product: bfloat16 where the processor multiplies it."""
    if config.product != "auto":
        return config.product
    flags = cpu_info().flags
    return "bfloat16" if "avx512_bf16" in flags or "amx_bf16" in flags else "float32"


@dataclass
class Products:
    """The recipes that a sweep may use for its rows.

    Parameters
    ----------
    full : Recipe
        The product of all features.
    trial : (n, n_features) float32 tensor or None
        Rows to try projections on, as they are after normalisation; None tries none.
    fitted : bool
        Whether the first centres are means of rows, not single ones.
    most_dims : int or None
        Where a projection is all that is kept of the rows: its dimensions, at most; the full
        product is then not tried.
    """

    full: Recipe
    trial: torch.Tensor | None = None
    fitted: bool = False
    most_dims: int | None = None
    _calls: int = field(default=0, init=False)
    _settled: Recipe | None = field(default=None, init=False)

    @classmethod
    def of(
        cls,
        full: Recipe,
        rows: np.ndarray,
        n_rows: int,
        *,
        fitted: bool = False,
        most_dims: int | None = None,
    ) -> Products:
        """Take rows for the trial; none where there are too few rows or features to gain.

        Parameters
        ----------
        full : Recipe
        rows : (n, n_features) array
            Random rows, as stored.
        n_rows : int
            Of the source.
        fitted, most_dims
            As the fields.
        """
        small = n_rows < _LEAST_ROWS or rows.shape[1] < LEAST_RATIO * DIMS[0]
        trial = None if small else normalized(to_float32(rows[:TRIAL_ROWS]).clone(), full.normalize)
        return cls(full, trial, fitted, most_dims)

    @property
    def settled(self) -> bool:
        """Whether the next pass will take the recipe of this one."""
        return self.trial is None or self._settled is not None

    def choose(self, centres: Sequence[np.ndarray]) -> Recipe:
        """Return the recipe of the next pass, given the centres of its runs.

        The first pass takes the full product, unless the centres are fitted ones: first centres are
        single rows, most of which lies outside any few directions.
        """
        self._calls += 1
        if self.trial is None or (self._calls == 1 and not self.fitted):
            return self.full
        if self._settled is None:
            self._settled = self._fastest(centres, self.trial)
        return self._settled

    def _fastest(self, centres: Sequence[np.ndarray], trial: torch.Tensor) -> Recipe:
        basis = separating_directions(centres, DIMS[-1], trial.numpy())
        if basis is None:
            return self.full
        products: tuple[Product, ...] = ("float32",)
        if self.full.product == "bfloat16":
            products = ("float32", "bfloat16")
        widest = min(basis.shape[1], basis.shape[0] // LEAST_RATIO)
        if self.most_dims is not None:
            widest = min(widest, self.most_dims)
        dims = dict.fromkeys(min(m, widest) for m in DIMS)
        recipes = [
            replace(self.full, product=product, basis=np.ascontiguousarray(basis[:, :m]))
            for m in dims
            for product in products
        ]
        if self.most_dims is None:
            recipes.insert(0, self.full)
        threads = torch.get_num_threads()
        torch.set_num_threads(1)  # as in a pass
        try:
            times = [_trial_s(recipe, centres, trial) for recipe in recipes]
        finally:
            torch.set_num_threads(threads)
        return recipes[int(np.argmin(times))]


def _trial_s(recipe: Recipe, centres: Sequence[np.ndarray], trial: torch.Tensor) -> float:
    """Seconds that the trial rows take, once they are prepared."""
    stack = Stack.of(list(centres), recipe)
    rows = prepare(trial, replace(recipe, normalize="none"))  # the trial is normalised already
    taken = []
    for _ in range(_ROUNDS):
        started = time.thread_time()
        assign(rows, stack)
        taken.append(time.thread_time() - started)
    return min(taken)
