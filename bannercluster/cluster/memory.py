"""What a sweep takes in memory, term by term, and how many prepared rows it may keep.

``tests/memory`` holds it against the measured peak.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from bannercluster.config import ClusterConfig, RuntimeConfig
from bannercluster.kernels.rows import Product
from bannercluster.kmeans.products import DIMS, LEAST_RATIO
from bannercluster.kmeans.race import levels
from bannercluster.runtime.memory import (
    MemoryPart,
    MemoryPlan,
    library_parts,
    memory_budget,
    with_kept,
    worker_count,
    worker_kind,
)
from bannercluster.store.embeddings import EmbeddingStore
from bannercluster.traverse.segments import TILE_ROWS
from bannercluster.traverse.walk import Keep

_ITERATIONS = "iterations"
_SEEDING_TILE = 2_048
_MOST_DIMS = 256  # of a projection
_PYTHON_FLOAT = 56  # bytes: the object, and its place in two lists


@dataclass(frozen=True)
class SweepMemory:
    """The plan of a sweep.

    Parameters
    ----------
    plan : MemoryPlan
    needed : int
        Bytes of all rows when they are prepared.
    cache : int
        Bytes of prepared rows that may be kept between the passes, in all processes together.
    keep : {"values", "projections"}
        What is kept of a row.
    most_dims : int
        Of the projections.
    """

    plan: MemoryPlan
    needed: int
    cache: int
    keep: Keep
    most_dims: int


def plan_memory(
    store: EmbeddingStore, config: ClusterConfig, product: Product, runtime: RuntimeConfig
) -> SweepMemory:
    """Plan the memory of a sweep; prepared rows take what the rest leaves."""
    n_workers = worker_count(runtime)
    size = _Size.of(store, config, product, n_workers)
    processes = worker_kind(runtime, "threads") == "processes"
    libraries = library_parts(runtime, "threads")
    budget = memory_budget(runtime)
    fixed = (*libraries, *_iterations(size, processes))
    room = budget - MemoryPlan("cluster", fixed, budget).total(n_workers)
    keep, most_dims, needed = size.kept(room)
    cache = max(min(needed, room), 0)
    kept = MemoryPart("prepared rows", cache, "process", _ITERATIONS)
    if processes:
        kept = MemoryPart("prepared rows", cache // n_workers, "worker", _ITERATIONS)
    seeding = MemoryPart("distances and candidates", size.seeding, "process", "seeding")
    parts = (*fixed, kept, seeding)
    return SweepMemory(MemoryPlan("cluster", parts, budget), needed, cache, keep, most_dims)


@dataclass(frozen=True)
class _Size:
    """The numbers that all terms are made of."""

    n_rows: int
    n_features: int
    stored: int  # bytes of a stored value
    operand: int  # bytes of a value of the operand beside the float32 row
    scores: int  # bytes of a score while a product is taken
    n_runs: int
    n_centres: int
    n_pairs: int
    most_k: int
    n_sample: int
    n_candidates: int
    n_workers: int
    n_race: int  # rows of the largest sample of a race

    @classmethod
    def of(
        cls, store: EmbeddingStore, config: ClusterConfig, product: Product, n_workers: int
    ) -> _Size:
        ks, n_init = sorted(set(config.k)), config.n_init
        bfloat16 = product == "bfloat16"
        race = levels(store.n_rows, config) if config.search == "race" else ()
        return cls(
            n_rows=store.n_rows,
            n_features=store.n_features,
            stored=np.dtype(store.manifest.dtype).itemsize,
            operand=2 if bfloat16 else 0,
            scores=6 if bfloat16 else 4,
            n_runs=len(ks) * n_init,
            n_centres=sum(ks) * n_init,
            n_pairs=sum(k * k for k in ks) * n_init,
            most_k=ks[-1],
            n_sample=min(store.n_rows, config.seeding_rows),
            n_candidates=sum(2 + int(math.log(k)) for k in ks) * n_init,
            n_workers=n_workers,
            n_race=race[-1].n_rows if race else 0,
        )

    def kept(self, room: int) -> tuple[Keep, int, int]:
        """Return what is kept of a row, dimensions of its projection, and bytes of all rows.

        The row as float32, beside it the operand and three bounds; or where that does not fit, the
        widest projection that does, as float32 and as operand.
        """
        whole = self.n_rows * (self.n_features * (4 + self.operand) + 12)
        if whole > room:
            for most in reversed(DIMS):
                dims = min(most, self.n_features // LEAST_RATIO)
                nbytes = self.n_rows * (dims * (4 + self.operand) + 12)
                if dims and nbytes <= room:
                    return "projections", dims, nbytes
        return "values", 0, whole

    @property
    def centres_nbytes(self) -> int:
        """All centres, or all sums, once: float64."""
        return 8 * self.n_centres * self.n_features

    @property
    def sample(self) -> int:
        """The rows that seed the centres, float32."""
        return 4 * self.n_sample * self.n_features

    @property
    def seeding(self) -> int:
        """What seeding takes beside its sample: setting up, or drawing, whichever is larger."""
        # The mean and the norms are taken of float64 values.
        setting_up = 2 * self.sample
        # Centred rows; which of them equal the winner, one byte a value; distances of each run
        # and each candidate; the candidates; a tile of scores and of offsets in every thread.
        drawing = (
            self.sample
            + self.sample // 4
            + self.n_sample * (8 * self.n_runs + 4 * self.n_candidates)
            + 4 * self.n_candidates * self.n_features
            + 8 * self.n_workers * _SEEDING_TILE * self.n_candidates
        )
        return max(setting_up, drawing)

    @property
    def tile(self) -> int:
        """A tile in work: as stored, twice more read ahead; rows, operands; scores and labels."""
        values = self.n_features * (3 * self.stored + 4 + 2 * self.operand) + 8 * _MOST_DIMS
        return TILE_ROWS * (values + self.scores * self.n_centres + 7 * self.n_runs)

    @property
    def stack(self) -> int:
        """The centres of a pass: float64, shifted, rounded, what rounding lost, those before."""
        return 6 * self.centres_nbytes + 84 * self.n_pairs

    @property
    def labels(self) -> int:
        """The last labels of all runs: one byte each, or two above 256 clusters."""
        return self.n_runs * self.n_rows * (1 if self.most_k <= 256 else 2)


def _iterations(size: _Size, processes: bool) -> tuple[MemoryPart, ...]:
    sums = size.centres_nbytes
    # Centres and sums of this step and of the last; the merged change; a checkpoint, whole and in
    # parts; the message that carries the pass. The exact inertia adds Python's floats, run by run.
    state = 12 * sums + 2 * _PYTHON_FLOAT * size.most_k * size.n_features
    parts = [
        # To the end: the trial of the products is a view of it.
        MemoryPart("seeding sample", 2 * size.sample, "process"),
        MemoryPart("sample of the race", size.n_race * size.n_features * size.stored, "process"),
        MemoryPart("centres and sums of all runs", state, "process", _ITERATIONS),
        MemoryPart("tile in work", with_kept(size.tile), "worker", _ITERATIONS),
        # In work, finished, and waiting for an earlier segment.
        MemoryPart("sums of segments", 3 * sums, "worker", _ITERATIONS),
    ]
    labels = size.labels
    per: Literal["process", "worker"] = "process"
    if processes:
        # A segment may move to another worker and leave its labels behind.
        labels, per = min(2 * labels // size.n_workers, labels), "worker"
    parts.append(MemoryPart("labels of all runs", labels, per, _ITERATIONS))
    parts.append(MemoryPart("centres of a pass", size.stack, per, _ITERATIONS))
    return tuple(parts)
