"""cuML's k-means: rows in the memory of one GPU."""

from __future__ import annotations

from collections.abc import Iterator

import cupy
import numpy as np
from cuml.cluster import KMeans

from bannercluster.cluster.engines.protocol import FITS, Fit, Job
from bannercluster.cluster.engines.rows import all_rows
from bannercluster.cluster.size import Size
from bannercluster.errors import EngineError, MemoryPlanError
from bannercluster.runtime.executor import Executor
from bannercluster.runtime.memory import MemoryPart, format_size


class CumlEngine:
    """``cuml.cluster.KMeans`` on the current GPU; its seeding is k-means||."""

    def parts(self, size: Size) -> tuple[MemoryPart, ...]:
        """Return the rows on their way to the GPU; what lies there is checked when it is known."""
        return (MemoryPart("rows as float32", size.rows_nbytes, "process", FITS),)

    def fits(self, job: Job, executor: Executor) -> Iterator[Fit]:  # noqa: ARG002 - a GPU works
        """Yield a fit for each start.

        Raises
        ------
        EngineError
            If there is no GPU.
        MemoryPlanError
            If the rows do not fit into its memory.
        """
        _check_device(4 * job.source.n_rows * job.source.n_features)
        rows = cupy.asarray(all_rows(job.source, job.normalize))
        for start in job.starts:
            peer = KMeans(
                n_clusters=start.k,
                init="k-means||" if start.first is None else start.first,
                n_init=1,
                max_iter=job.max_iter,
                tol=job.sq_shift,
                random_state=start.seed,
                output_type="numpy",
            )
            peer.fit(rows)
            yield Fit(np.asarray(peer.cluster_centers_, np.float64), int(peer.n_iter_))


def _check_device(nbytes: int) -> None:
    try:
        n_devices = cupy.cuda.runtime.getDeviceCount()
    except cupy.cuda.runtime.CUDARuntimeError as error:
        raise EngineError(
            f"--engine cuml was asked for and CUDA finds no GPU here ({error}); run it where there "
            f"is one, or use --engine sweep"
        ) from error
    if not n_devices:
        raise EngineError(
            "--engine cuml was asked for and there is no GPU here; run it where there is one, or "
            "use --engine sweep"
        )
    free, _ = cupy.cuda.runtime.memGetInfo()
    if nbytes > free:
        raise MemoryPlanError(
            f"--engine cuml keeps all rows on the GPU, {format_size(nbytes)}, and "
            f"{format_size(free)} are free there; use --engine sweep, which streams them"
        )


ENGINE = CumlEngine()
