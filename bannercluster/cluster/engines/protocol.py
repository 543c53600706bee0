"""What an engine is asked, and what it answers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from bannercluster.cluster.size import Size
from bannercluster.kernels.rows import Normalize
from bannercluster.runtime.executor import Executor
from bannercluster.runtime.memory import MemoryPart
from bannercluster.traverse.sources import RowSource


@dataclass(frozen=True)
class Start:
    """Where a run begins.

    Parameters
    ----------
    k, restart : int
    seed : int
        Of the library's own seeding; below 2^31.
    first : (k, n_features) float32 array or None
        First centres; None for the library's own seeding.
    """

    k: int
    restart: int
    seed: int
    first: np.ndarray | None


@dataclass(frozen=True)
class Job:
    """What an engine is asked.

    Parameters
    ----------
    source : RowSource
    normalize : {"l2", "none"}
    starts : sequence of Start
    max_iter : int
    tol : float
        As in scikit-learn: relative to the mean variance of the features.
    mean_variance : float
        Of the normalised rows; for libraries whose tolerance is absolute.
    """

    source: RowSource
    normalize: Normalize
    starts: Sequence[Start]
    max_iter: int
    tol: float
    mean_variance: float

    @property
    def sq_shift(self) -> float:
        """The squared shift of the centres, summed, below which a run ends; never zero."""
        smallest: float = np.finfo(np.float64).tiny
        return max(self.tol * self.mean_variance, smallest)


@dataclass(frozen=True)
class Fit:
    """What a library answers for one start.

    Parameters
    ----------
    centres : (k, n_features) float64 array
    n_iter : int
    """

    centres: np.ndarray
    n_iter: int


class Engine(Protocol):
    """The k-means of a library."""

    def parts(self, size: Size) -> tuple[MemoryPart, ...]:
        """Return what the fits take in memory, all in the phase ``FITS``."""

    def fits(self, job: Job, executor: Executor) -> Iterator[Fit]:
        """Yield a fit for each start, in their order.

        Raises
        ------
        EngineError
            If the device that it needs is missing.
        """


FITS = "fits"
