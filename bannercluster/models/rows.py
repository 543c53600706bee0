"""Clusters, distances and margins of all rows of a source under some models, in one reading."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from bannercluster.models.kmeans import Assigned, KMeansModel
from bannercluster.runtime.executor import Executor, Shared
from bannercluster.runtime.progress import Progress
from bannercluster.traverse.segments import Segment, cut
from bannercluster.traverse.sources import RowSource


@dataclass(frozen=True)
class _Job:
    source: RowSource
    models: tuple[KMeansModel, ...]


def assign_rows(
    source: RowSource, models: Sequence[KMeansModel], executor: Executor, progress: Progress
) -> list[Assigned]:
    """Assign every row under every model.

    Parameters
    ----------
    source : RowSource
    models : sequence of KMeansModel
    executor : Executor
    progress : Progress
        Told the rows as they are done; started and finished by the caller.

    Returns
    -------
    list of Assigned
        One a model, each for all rows in their order.
    """
    n = source.n_rows
    out = [
        Assigned(np.empty(n, np.int32), np.empty(n, np.float32), np.empty(n, np.float32))
        for _ in models
    ]
    segments = cut(n)
    shared = executor.share(_Job(source, tuple(models)))
    for index, parts in executor.map_unordered(partial(_assign_segment, shared), segments):
        own = slice(segments[index].start, segments[index].stop)
        for whole, part in zip(out, parts, strict=True):
            whole.cluster_id[own] = part.cluster_id
            whole.distance[own] = part.distance
            whole.margin[own] = part.margin
        progress.advance(own.stop - own.start)
    return out


def _assign_segment(shared: Shared[_Job], segment: Segment) -> list[Assigned]:
    job = shared.get()
    tiles = []
    for start, stop in segment.tiles():
        stored = job.source.read(start, stop)
        tiles.append([model.assign(stored) for model in job.models])
    return [
        Assigned(
            np.concatenate([part.cluster_id for part in parts]),
            np.concatenate([part.distance for part in parts]),
            np.concatenate([part.margin for part in parts]),
        )
        for parts in zip(*tiles, strict=True)
    ]
