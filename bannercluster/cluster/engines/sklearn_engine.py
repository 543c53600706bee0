"""scikit-learn's k-means: one run after the other on an array in memory."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import numpy as np
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

from bannercluster.cluster.engines.protocol import FITS, Fit, Job
from bannercluster.cluster.engines.rows import all_rows
from bannercluster.cluster.size import Size
from bannercluster.runtime.executor import Executor
from bannercluster.runtime.memory import MemoryPart


class SklearnEngine:
    """``sklearn.cluster.KMeans`` with ``algorithm="lloyd"``, on as many threads as workers."""

    def parts(self, size: Size) -> tuple[MemoryPart, ...]:
        """Return the rows, the centred copy that it makes of them, and a few values a row."""
        # Norms, weights, labels old and new; in seeding the distances to all candidates of a step.
        each = 4 * (6 + 3 * (2 + int(np.log(size.most_k))))
        return (
            MemoryPart("rows as float32", size.rows_nbytes, "process", FITS),
            MemoryPart("scikit-learn's centred copy", size.rows_nbytes, "process", FITS),
            MemoryPart("labels and distances", each * size.n_rows, "process", FITS),
        )

    def fits(self, job: Job, executor: Executor) -> Iterator[Fit]:
        """Yield a fit for each start."""
        rows = all_rows(job.source, job.normalize)
        for start in job.starts:
            peer = KMeans(
                start.k,
                init="k-means++" if start.first is None else start.first,
                n_init=1,
                max_iter=job.max_iter,
                tol=job.tol,
                random_state=start.seed,
                algorithm="lloyd",
            )
            with threadpool_limits(executor.n_workers), warnings.catch_warnings():
                # Fewer distinct rows than k: the sizes of the final labels say so, as an error.
                warnings.simplefilter("ignore", ConvergenceWarning)
                peer.fit(rows)
            yield Fit(peer.cluster_centers_.astype(np.float64), int(peer.n_iter_))


ENGINE = SklearnEngine()
