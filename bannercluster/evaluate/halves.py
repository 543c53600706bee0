"""The fits of one split: both halves, all k in one sweep, and their labels of the held-out rows."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
from sklearn.metrics import adjusted_rand_score

from bannercluster.config import ClusterConfig
from bannercluster.errors import DataError
from bannercluster.evaluate.splits import Split
from bannercluster.kernels.rows import Normalize, normalized, to_float32
from bannercluster.kmeans.products import product_of
from bannercluster.kmeans.sweep import RunResult, Sweep
from bannercluster.models.kmeans import nearest
from bannercluster.runtime.executor import ThreadExecutor
from bannercluster.traverse.sources import ArraySource
from bannercluster.traverse.walk import Walker

_DISTINCT_ROWS = 1_024  # rows looked at together when distinct ones are counted


@dataclass
class SplitValues:
    """The values of one k, split by split.

    Parameters
    ----------
    k : int
    ari, heldout, train : list of float
        As in :class:`~bannercluster.evaluate.stability.Stability`.
    reasons : list of str
        Why ``ari`` has no value, for each split where it has none.
    """

    k: int
    ari: list[float] = field(default_factory=list)
    heldout: list[float] = field(default_factory=list)
    train: list[float] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Halves:
    """The two fits of a split, and what the held-out rows say about them.

    Parameters
    ----------
    values : (n, n_features) float array
        The sample as it is stored.
    parts : Split
        Of the sample.
    config : ClusterConfig
        How to fit, with all k.
    index : int
        Number of the split; each half of each split is seeded on its own.
    threads : ThreadExecutor
    """

    values: np.ndarray
    parts: Split
    config: ClusterConfig
    index: int
    threads: ThreadExecutor

    def measure(self, of_k: dict[int, SplitValues]) -> None:
        """Fit both halves and add what the held-out rows say to the values of each k."""
        ks = self._fittable(of_k)
        if ks:
            self._measure(ks, of_k)

    def _measure(self, ks: tuple[int, ...], of_k: dict[int, SplitValues]) -> None:
        try:
            halves = [self._runs(half, ks) for half in (0, 1)]
        except DataError as error:
            # Rows that differ may be too near to one another for the seeding to tell them apart.
            if len(ks) > 1:
                for k in ks:
                    self._measure((k,), of_k)
            else:
                of_k[ks[0]].reasons.append(f"a half could not be fitted: {error}")
            return
        runs = [half[k] for k in ks for half in halves]
        rows = self.values[self.parts.heldout]
        place = partial(_placed, rows, self._normalize)
        placed = dict(self.threads.map_unordered(place, [run.centres for run in runs]))
        for position, k in enumerate(ks):
            first, second = placed[2 * position], placed[2 * position + 1]
            own = of_k[k]
            own.heldout.append((first.sq_dist + second.sq_dist) / 2)
            per_row = [
                half[k].inertia / len(part)
                for half, part in zip(halves, self.parts.halves, strict=True)
            ]
            own.train.append(sum(per_row) / 2)
            if reason := _undefined(k, first.labels, second.labels):
                own.reasons.append(reason)
            else:
                own.ari.append(float(adjusted_rand_score(first.labels, second.labels)))

    @property
    def _normalize(self) -> Normalize:
        return "l2" if self.config.normalize == "l2" else "none"

    def _fittable(self, of_k: dict[int, SplitValues]) -> tuple[int, ...]:
        """Return the k that both halves have distinct rows for; note a reason for the others."""
        sizes = [len(part) for part in (*self.parts.halves, self.parts.heldout)]
        if min(sizes) == 0:
            reason = f"a split has parts of {sizes[0]}, {sizes[1]} and {sizes[2]} rows"
            for own in of_k.values():
                own.reasons.append(reason)
            return ()
        most = max(of_k)
        n_distinct = min(
            n_distinct_rows(self.values, part, self._normalize, most) for part in self.parts.halves
        )
        for k, own in of_k.items():
            if k > n_distinct:
                own.reasons.append(
                    f"a half of {min(sizes[:2])} rows has {n_distinct} distinct ones, fewer than "
                    f"k = {k}"
                )
        return tuple(k for k in of_k if k <= n_distinct)

    def _runs(self, half: int, ks: tuple[int, ...]) -> dict[int, RunResult]:
        """Fit one half; the best restart of each k."""
        source = ArraySource(self.values[self.parts.halves[half]])
        entropy = np.random.SeedSequence([self.config.seed, self.index, half])
        config = replace(self.config, k=ks, seed=int(entropy.generate_state(1)[0]))
        # All of it fits: float32 rows, their bfloat16 operand, three bounds of each row.
        cache = source.n_rows * (8 * source.n_features + 64)
        swept = Sweep(config, product_of(config)).run(Walker(source, self.threads, cache))
        return {k: swept.best(k) for k in ks}


@dataclass(frozen=True)
class _Placed:
    """Held-out rows under one model: labels (n,) int32, and the mean squared distance."""

    labels: np.ndarray
    sq_dist: float


def _placed(rows: np.ndarray, normalize: Normalize, centres: np.ndarray) -> _Placed:
    found = nearest(rows, centres, normalize)
    return _Placed(found.cluster_id, float(np.square(found.distance, dtype=np.float64).mean()))


def _undefined(k: int, first: np.ndarray, second: np.ndarray) -> str:
    """Return why two labellings have no ARI: it is 0 / 0 where neither can be told from chance."""
    if k == 1:
        return "one cluster agrees with itself, whatever the data"
    found = [len(np.unique(labels)) for labels in (first, second)]
    if max(found) == 1 or min(found) == len(first):
        return f"{len(first)} held-out rows do not tell two labellings apart"
    return ""


def n_distinct_rows(values: np.ndarray, rows: np.ndarray, normalize: Normalize, limit: int) -> int:
    """Count distinct rows, as they are after normalisation, up to a limit.

    Parameters
    ----------
    values : (n, n_features) float array
    rows : (m,) int64 array
        Which rows.
    normalize : {"l2", "none"}
    limit : int
        Where counting ends.
    """
    seen: set[bytes] = set()
    for low in range(0, len(rows), _DISTINCT_ROWS):
        own = np.array(values[rows[low : low + _DISTINCT_ROWS]], np.float32)
        # Adding zero makes a negative zero a positive one.
        x = normalized(to_float32(own), normalize).numpy() + np.float32(0)
        for row in x:
            seen.add(row.tobytes())
            if len(seen) >= limit:
                return limit
    return len(seen)
