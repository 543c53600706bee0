"""Silhouettes of all runs, and metrics from a contingency table."""

from __future__ import annotations

import numpy as np
from sklearn.metrics import adjusted_mutual_info_score, silhouette_score

from bannercluster.evaluate.contingency import agreement
from bannercluster.kernels.rows import Recipe
from bannercluster.kernels.stack import Stack
from bannercluster.traverse.silhouettes import ClusterMoments, Silhouettes
from bannercluster.traverse.walk import Assignment, Pass
from benchmarks.asv.common import OnRows, nearest_float64, walker_over
from benchmarks.starts import KS, first_centres

_SAMPLE = 2_000


class SilhouettesOfAllRuns(OnRows):
    """Squared Euclidean and cosine silhouettes of 30 runs: two passes."""

    bounds = {"track_difference_from_scikit_learn": (0.0, 1e-6)}

    def setup(self, n_rows: int, n_features: int) -> None:
        super().setup(n_rows, n_features)
        self._scores(self.rows)

    def _scores(self, rows: np.ndarray) -> np.ndarray:
        recipe = Recipe("none")
        self.runs = [centres for own in first_centres(rows, 10).values() for centres in own]
        stack = Stack.of(self.runs, recipe)
        with walker_over(rows) as walker:
            (moments,) = walker.run(
                Pass("sums", recipe, (ClusterMoments(stack),), Assignment(stack))
            )
            reducers = (Silhouettes(stack, moments),)
            (sums,) = walker.run(Pass("silhouettes", recipe, reducers, Assignment(stack)))
        return sums.euclidean / len(rows)

    def time_silhouettes(self, n_rows: int, n_features: int) -> None:
        self._scores(self.rows)

    def peakmem_silhouettes(self, n_rows: int, n_features: int) -> None:
        self._scores(self.rows)

    def track_difference_from_scikit_learn(self, n_rows: int, n_features: int) -> float:
        """Largest of three runs, on the first rows: scikit-learn takes all pairs."""
        rows = self.rows[:_SAMPLE].astype(np.float64)
        found = self._scores(self.rows[:_SAMPLE])
        return max(
            abs(found[nth] - silhouette_score(rows, labels, metric="sqeuclidean"))
            for nth in range(0, 10 * len(KS), 10)
            for labels in (nearest_float64(rows, self.runs[nth])[0],)
        )


class ContingencyMetrics:
    """AMI, ARI, V-measure and purity of labels against 15 clusters."""

    params = ((100_000, 10_000_000), (50, 2_000))
    param_names = ("n_rows", "n_labels")
    toy = (3_000, 20)
    bounds = {"track_ami_over_scikit_learn": (-1e-9, 1e-9)}

    def setup(self, n_rows: int, n_labels: int) -> None:
        own = np.random.Generator(np.random.PCG64(0))
        self.labels = own.integers(n_labels, size=n_rows)
        chance = own.integers(15, size=n_rows)
        self.clusters = np.where(own.random(n_rows) < 0.5, self.labels % 15, chance)
        cells = self.labels * 15 + self.clusters
        self.table = np.bincount(cells, minlength=15 * n_labels).reshape(n_labels, 15)
        agreement(self.table)

    def time_agreement(self, n_rows: int, n_labels: int) -> None:
        agreement(self.table)

    def peakmem_agreement(self, n_rows: int, n_labels: int) -> None:
        agreement(self.table)

    def track_ami_over_scikit_learn(self, n_rows: int, n_labels: int) -> float:
        theirs = adjusted_mutual_info_score(self.labels, self.clusters)
        return float(agreement(self.table)["ami"] - theirs)
