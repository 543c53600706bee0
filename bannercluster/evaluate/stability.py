"""Whether a fit finds the same clusters again: models of disjoint halves, on common other rows.

A sample of the rows is split into two halves to fit on and a part that is held out (40, 40 and 20
of 100 rows). Each half is fitted as the models were: the same settings, the same number of
restarts, seeding of its own. The adjusted Rand index (Hubert and Arabie, 1985) of the two
labellings of the held-out rows is the stability of one split (Lange, Roth, Braun and Buhmann,
*Stability-based validation of clustering solutions*, 2004, with the ARI as the agreement). The
distances of the held-out rows to the centres of both halves give the held-out inertia.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
from scipy.special import stdtrit

from bannercluster.config import ClusterConfig, EvaluateConfig
from bannercluster.errors import DataError
from bannercluster.evaluate.halves import Halves, SplitValues
from bannercluster.evaluate.splits import split
from bannercluster.models.card import ModelCard
from bannercluster.models.kmeans import KMeansModel
from bannercluster.runtime.devices import n_cores
from bannercluster.runtime.executor import Executor, ThreadExecutor
from bannercluster.runtime.progress import Progress
from bannercluster.traverse.samples import sample_rows
from bannercluster.traverse.segments import TILE_ROWS
from bannercluster.traverse.sources import RowSource

_HELD_OUT_TO_FIT = 0.5  # rows held out for each row that one half fits on


@dataclass(frozen=True)
class Stability:
    """What the splits say about one model.

    Parameters
    ----------
    ari : tuple of float
        Adjusted Rand index on the held-out rows, one for each split in which it is defined.
    inertia_per_row_heldout : tuple of float
        Mean squared distance of held-out rows to their centres, mean of both halves; one for each
        split in which both halves could be fitted.
    inertia_per_row_train : tuple of float
        The same of the rows that the halves were fitted on.
    reason : str
        Why a split is missing from ``ari``, in one sentence; empty where none is.
    """

    ari: tuple[float, ...]
    inertia_per_row_heldout: tuple[float, ...]
    inertia_per_row_train: tuple[float, ...] = ()
    reason: str = ""

    @classmethod
    def of(cls, found: SplitValues) -> Stability:
        """Take over the values of a k."""
        reason = found.reasons[0] if found.reasons else ""
        if found.reasons and found.ari:
            n = len(found.reasons) + len(found.ari)
            reason = f"{len(found.reasons)} of {n} splits: {reason}"
        return cls(tuple(found.ari), tuple(found.heldout), tuple(found.train), reason)

    @property
    def metrics(self) -> dict[str, float]:
        """Return the means over the splits by the names of metrics; undefined ones are left out."""
        return {name: math.fsum(own) / len(own) for name, own in self._values() if own}

    @property
    def intervals(self) -> dict[str, tuple[float, float]]:
        """Return 95 % intervals of the means that come from at least two splits."""
        found = {name: split_interval(own) for name, own in self._values() if len(own) > 1}
        if "stability_ari" in found:
            low, high = found["stability_ari"]
            found["stability_ari"] = (max(low, -1.0), min(high, 1.0))
        return found

    def _values(self) -> tuple[tuple[str, tuple[float, ...]], ...]:
        return (
            ("stability_ari", self.ari),
            ("inertia_per_row_heldout", self.inertia_per_row_heldout),
            ("inertia_per_row_train", self.inertia_per_row_train),
        )


def split_interval(values: Sequence[float]) -> tuple[float, float]:
    """Return the 95 % interval of the mean over splits of one sample.

    The splits share rows, so their spread alone is too small a measure: the variance of the mean is
    taken as ``(1 / J + n_heldout / n_fit) s^2`` with J - 1 degrees of freedom (Nadeau and Bengio,
    *Inference for the generalization error*, 2003).

    Parameters
    ----------
    values : sequence of float
        One for each of at least two splits.
    """
    n = len(values)
    mean, spread = math.fsum(values) / n, float(np.var(values, ddof=1))
    half = float(stdtrit(n - 1, 0.975)) * math.sqrt((1 / n + _HELD_OUT_TO_FIT) * spread)
    return mean - half, mean + half


def stability_nbytes(
    n_rows: int, n_features: int, config: EvaluateConfig, n_centres: int = 0, itemsize: int = 2
) -> int:
    """Return the bytes that :func:`measure_stability` takes at its peak, in one process.

    Parameters
    ----------
    n_rows, n_features : int
        Of the source.
    config : EvaluateConfig
    n_centres : int
        Centres of a sweep of all restarts of all k.
    itemsize : int
        Bytes of a stored value.
    """
    if not config.stability_splits:
        return 0
    sample = min(n_rows, config.stability_rows)
    fitted = -(-2 * sample // 5)
    # The half as stored, twice while its seeds are drawn; they are drawn from float32 rows, with a
    # float64 copy beside them. Later it is kept prepared, which is less.
    half = fitted * n_features * (2 * itemsize + 4 + 8)
    # A tile of rows prepared, and in float64 for its sums, in a few threads.
    tiles = 3 * 16 * min(TILE_ROWS, fitted) * n_features
    # Centres, sums and what a pass derives from them; distances to the seeds of all runs.
    state = 16 * 8 * n_centres * n_features + 8 * n_centres * fitted
    return sample * (n_features * itemsize + 24) + half + tiles + state


def most_centres(cards: Sequence[ModelCard]) -> int:
    """Return the centres of the largest sweep that :func:`measure_stability` makes for models."""
    ks: dict[ClusterConfig, set[int]] = defaultdict(set)
    for card in cards:
        ks[_procedure_of(card)].add(card.k)
    return max((procedure.n_init * sum(own) for procedure, own in ks.items()), default=0)


def measure_stability(
    source: RowSource,
    models: Sequence[KMeansModel],
    config: EvaluateConfig,
    groups: np.ndarray | None,
    executor: Executor,
    progress: Progress,
) -> dict[str, Stability]:
    """Measure the stability of the procedure that made each model.

    All is a function of the rows, the settings and the seeds: the sample is the rows of lowest
    random number, the splits and the seedings draw from generators of their own. The sample is
    small, so it is fitted on threads of this process whatever runs the rest: a Dask worker would
    have to be sent its rows in every pass.

    Parameters
    ----------
    source : RowSource
    models : sequence of KMeansModel
        Models of the same settings and k share their values.
    config : EvaluateConfig
    groups : (n_rows,) int32 array or None
        Label or text of each row, -1 without one; with ``split_by`` other than ``content`` all rows
        of one go to the same part of a split, and a row without one is on its own.
    executor : Executor
        Says how many threads are wanted, where its workers are threads of this process.
    progress : Progress

    Returns
    -------
    dict of str to Stability
        By name of the model; empty where ``stability_splits`` is 0.

    Raises
    ------
    DataError
        If a row of the sample holds NaN or infinity.
    """
    if not config.stability_splits:
        return {}
    rows = sample_rows(source.n_rows, config.stability_rows, config.seed)
    values = source.gather(rows)
    _check_finite(values, rows)
    owner = groups[rows] if groups is not None and config.split_by != "content" else None
    alike: dict[ClusterConfig, list[ModelCard]] = defaultdict(list)
    for model in models:
        alike[_procedure_of(model.card)].append(model.card)
    found: dict[str, Stability] = {}
    progress.start("evaluate", config.stability_splits * len(alike), "splits")
    try:
        n_threads = executor.n_workers if executor.kind == "threads" else n_cores()
        with ThreadExecutor(n_threads) as threads:
            for procedure, cards in alike.items():
                ks = tuple(sorted({card.k for card in cards}))
                of_k = {k: SplitValues(k) for k in ks}
                for index in range(config.stability_splits):
                    parts = split(len(rows), owner, (config.seed, index))
                    halves = Halves(values, parts, replace(procedure, k=ks), index, threads)
                    halves.measure(of_k)
                    progress.advance(1)
                found |= {card.name: Stability.of(of_k[card.k]) for card in cards}
    finally:
        progress.finish()
    return found


def _check_finite(values: np.ndarray, rows: np.ndarray) -> None:
    finite = np.fromiter((np.isfinite(row).all() for row in values), bool, len(values))
    if not finite.all():
        raise DataError(
            f"{int((~finite).sum())} of {len(rows)} sampled rows hold NaN or infinity (the first "
            f"is row {rows[np.argmin(finite)]}); expected finite features: embed or import these "
            f"banners again"
        )


def _procedure_of(card: ModelCard) -> ClusterConfig:
    """Return the settings that made a model, but for its k and what numbers the clusters.

    A model of another engine is fitted by the sweep: all engines run the same algorithm.
    """
    known = {one.name for one in fields(ClusterConfig)} - {"k", "engine", "predecessor"}
    settings = {name: value for name, value in card.fit.items() if name in known}
    own = {"normalize": card.normalize, "spherical": card.spherical, "seed": card.seed}
    return ClusterConfig(**{**settings, **own})
