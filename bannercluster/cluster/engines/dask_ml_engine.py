"""dask-ml's k-means: rows in the memory of the Dask workers, as blocks of the store's chunks."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import numpy as np
from dask_ml.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning

from bannercluster.cluster.engines.protocol import FITS, Fit, Job
from bannercluster.cluster.engines.rows import ReadRows
from bannercluster.cluster.size import Size
from bannercluster.runtime.collections import computing_on, row_blocks
from bannercluster.runtime.executor import Executor
from bannercluster.runtime.memory import MemoryPart, with_kept

_BLOCK_ROWS = 8_192


class DaskMLEngine:
    """``dask_ml.cluster.KMeans``; its seeding is k-means||."""

    def parts(self, size: Size) -> tuple[MemoryPart, ...]:
        """Return the rows, spread over the workers, and a block in work."""
        block = min(_BLOCK_ROWS, size.n_rows)
        # As stored and as float32; where values are tested for NaN and infinity a byte each; the
        # distances, and while they are taken rows and centres in float64.
        work = block * (size.n_features * (size.stored + 4 + 2 + 8) + 16 * size.most_k)
        in_work = MemoryPart("block in work", with_kept(work), "worker", FITS)
        if not size.processes:
            return (MemoryPart("rows as float32", size.rows_nbytes, "process", FITS), in_work)
        share = -(-size.rows_nbytes // size.n_workers) + 4 * block * size.n_features
        return (MemoryPart("rows as float32", share, "worker", FITS), in_work)

    def fits(self, job: Job, executor: Executor) -> Iterator[Fit]:
        """Yield a fit for each start."""
        read = ReadRows(job.source, job.normalize)
        with computing_on(executor):
            rows = row_blocks(read, job.source.n_rows, job.source.n_features, _BLOCK_ROWS)
            for start in job.starts:
                peer = KMeans(
                    start.k,
                    init="k-means||" if start.first is None else start.first,
                    max_iter=job.max_iter,
                    tol=job.sq_shift,
                    random_state=start.seed,
                )
                with warnings.catch_warnings():
                    # Few distinct candidates: the sizes of the final labels say so, as an error.
                    warnings.simplefilter("ignore", ConvergenceWarning)
                    peer.fit(rows)
                yield Fit(np.asarray(peer.cluster_centers_, np.float64), int(peer.n_iter_))


ENGINE = DaskMLEngine()
