"""Assignment, one iteration of Lloyd, seeding, the sweep."""

from __future__ import annotations

import numpy as np
import torch

from bannercluster.config import ClusterConfig
from bannercluster.kernels.rows import Recipe
from bannercluster.kernels.seeding import SeedRun, entropy_of, kmeans_plusplus
from bannercluster.kernels.stack import Stack
from bannercluster.kmeans.products import product_of
from bannercluster.kmeans.sweep import Sweep, SweepResult
from bannercluster.traverse.reducers import Labels
from bannercluster.traverse.walk import Assignment, Pass
from benchmarks.asv.common import OnRows, nearest_float64, walker_over
from benchmarks.starts import KS, first_centres


class Assigning(OnRows):
    """One pass that assigns all rows to 30 runs of 5, 10 and 15 centres."""

    bounds = {"track_labels_that_differ_from_float64": (0.0, 0.0)}

    def setup(self, n_rows: int, n_features: int) -> None:
        super().setup(n_rows, n_features)
        self.first = first_centres(self.rows, 10)
        self._labels()  # compiles

    def _labels(self) -> np.ndarray:
        recipe = Recipe("none", product_of(ClusterConfig()))
        runs = [centres for k in KS for centres in self.first[k]]
        job = Pass("assign", recipe, (Labels(),), Assignment(Stack.of(runs, recipe)))
        with walker_over(self.rows) as walker:
            return np.concatenate(walker.run(job)[0].parts, axis=1)

    def time_assign(self, n_rows: int, n_features: int) -> None:
        self._labels()

    def peakmem_assign(self, n_rows: int, n_features: int) -> None:
        self._labels()

    def track_labels_that_differ_from_float64(self, n_rows: int, n_features: int) -> float:
        """Share, over three of the runs."""
        found = self._labels()
        wrong = [
            (found[10 * nth] != nearest_float64(self.rows, self.first[k][0])[0]).mean()
            for nth, k in enumerate(KS)
        ]
        return float(np.mean(wrong))


class _Fitting(OnRows):
    """A sweep from given centres, without normalisation."""

    n_restarts = 10
    max_iter = 1

    def setup(self, n_rows: int, n_features: int) -> None:
        super().setup(n_rows, n_features)
        self.first = first_centres(self.rows, self.n_restarts)
        self._fit()  # compiles

    def _fit(self) -> SweepResult:
        config = ClusterConfig(
            k=KS, n_init=self.n_restarts, max_iter=self.max_iter, tol=0.0, normalize="none"
        )
        with walker_over(self.rows) as walker:
            return Sweep(config, product_of(config), self.first).run(walker)

    def _ratio_to_float64(self) -> float:
        """Inertia of the first run over that of plain float64 iterations, minus one."""
        run, centres = self._fit().runs[0], self.first[KS[0]][0]
        for _ in range(run.n_iter):
            labels, _ = nearest_float64(self.rows, centres)
            counts = np.bincount(labels, minlength=len(centres))
            sums = np.zeros_like(centres)
            np.add.at(sums, labels, self.rows.astype(np.float64))
            centres = np.where(counts[:, None] > 0, sums / np.maximum(counts, 1)[:, None], centres)
        return run.inertia / float(nearest_float64(self.rows, centres)[1].sum()) - 1.0


class LloydIteration(_Fitting):
    """One iteration of 30 runs, with the statistics before it and the inertia behind it."""

    bounds = {"track_inertia_over_float64": (-1e-6, 1e-6)}

    def time_iteration(self, n_rows: int, n_features: int) -> None:
        self._fit()

    def peakmem_iteration(self, n_rows: int, n_features: int) -> None:
        self._fit()

    def track_inertia_over_float64(self, n_rows: int, n_features: int) -> float:
        return self._ratio_to_float64()


class WholeSweep(_Fitting):
    """Twenty iterations of 30 runs."""

    max_iter = 20
    bounds = {
        "track_inertia_a_row": (1e-3, 1e6),
        "track_traversals": (1, 100),
    }

    def time_sweep(self, n_rows: int, n_features: int) -> None:
        self._fit()

    def peakmem_sweep(self, n_rows: int, n_features: int) -> None:
        self._fit()

    def track_inertia_a_row(self, n_rows: int, n_features: int) -> float:
        """Of the best run of the largest k."""
        return self._fit().best(KS[-1]).inertia / n_rows

    def track_traversals(self, n_rows: int, n_features: int) -> int:
        return self._fit().n_passes


class Seeding(OnRows):
    """k-means++ of 30 runs on a sample of the size that a sweep takes."""

    params = ((4_096, 16_384), (1_792,))
    bounds = {"track_inertia_over_random_rows": (0.0, 1.0)}

    def setup(self, n_rows: int, n_features: int) -> None:
        super().setup(n_rows, n_features)
        self.runs = [SeedRun(k, entropy) for k in KS for entropy in entropy_of(0, k, 10)]
        self._seed()

    def _seed(self) -> list[np.ndarray]:
        return kmeans_plusplus(torch.from_numpy(self.rows), self.runs)

    def time_seed(self, n_rows: int, n_features: int) -> None:
        self._seed()

    def peakmem_seed(self, n_rows: int, n_features: int) -> None:
        self._seed()

    def track_inertia_over_random_rows(self, n_rows: int, n_features: int) -> float:
        """Mean inertia of the seeds of the largest k over that of rows drawn by chance."""
        seeds = self._seed()[-10:]
        chance = first_centres(self.rows, 10)[KS[-1]]
        own = [nearest_float64(self.rows, self.rows[s].astype(np.float64))[1].sum() for s in seeds]
        theirs = [nearest_float64(self.rows, centres)[1].sum() for centres in chance]
        return float(np.mean(own) / np.mean(theirs))
