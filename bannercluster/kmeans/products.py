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
from bannercluster.kernels.rows import Product, Recipe, prepare
from bannercluster.kernels.stack import Stack
from bannercluster.runtime.devices import cpu_info

TRIAL_ROWS = 2_048
_DIMS = (64, 128, 256)
_LEAST_ROWS = 32_768  # below, a whole pass costs less than the trial
_LEAST_RATIO = 4  # features for each dimension
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
    """

    full: Recipe
    trial: torch.Tensor | None = None
    _calls: int = field(default=0, init=False)
    _settled: Recipe | None = field(default=None, init=False)

    @classmethod
    def of(cls, full: Recipe, sample: torch.Tensor, n_rows: int) -> Products:
        """Take rows for the trial; none where there are too few rows or features to gain.

        Parameters
        ----------
        full : Recipe
        sample : (n, n_features) float32 tensor
        n_rows : int
            Of the source.
        """
        small = n_rows < _LEAST_ROWS or sample.shape[1] < _LEAST_RATIO * _DIMS[0]
        return cls(full, None if small else sample[:TRIAL_ROWS])

    @property
    def settled(self) -> bool:
        """Whether the next pass will take the recipe of this one."""
        return self.trial is None or self._settled is not None

    def choose(self, centres: Sequence[np.ndarray]) -> Recipe:
        """Return the recipe of the next pass, given the centres of its runs.

        The first pass takes the full product: first centres are single rows, most of which lies
        outside any few directions.
        """
        self._calls += 1
        if self.trial is None or self._calls == 1:
            return self.full
        if self._settled is None:
            self._settled = self._fastest(centres, self.trial)
        return self._settled

    def _fastest(self, centres: Sequence[np.ndarray], trial: torch.Tensor) -> Recipe:
        basis = separating_directions(centres, _DIMS[-1])
        if basis is None:
            return self.full
        products: tuple[Product, ...] = ("float32",)
        if self.full.product == "bfloat16":
            products = ("float32", "bfloat16")
        dims = [m for m in _DIMS if m <= basis.shape[1] and _LEAST_RATIO * m <= basis.shape[0]]
        recipes = [self.full] + [
            replace(self.full, product=product, basis=np.ascontiguousarray(basis[:, :m]))
            for m in dims
            for product in products
        ]
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
