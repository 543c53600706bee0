"""How large a clustering is: the numbers that every term of its memory is made of."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from bannercluster.config import ClusterConfig, RuntimeConfig
from bannercluster.kernels.rows import Product
from bannercluster.kmeans.products import DIMS, LEAST_RATIO
from bannercluster.kmeans.race import levels
from bannercluster.runtime.memory import worker_count, worker_kind
from bannercluster.store.embeddings import EmbeddingStore
from bannercluster.traverse.segments import TILE_ROWS
from bannercluster.traverse.walk import Keep

_SEEDING_TILE = 2_048
_MOST_DIMS = 256  # of a projection


@dataclass(frozen=True)
class Size:
    """The size of a clustering.

    Parameters
    ----------
    n_rows, n_features : int
    n_runs, n_centres, n_pairs : int
        Of all k together; pairs are those of centres of the same run.
    most_k : int
    n_sample, n_candidates : int
        Rows that seed the centres; candidates of a step of the seeding, of all runs together.
    n_race : int
        Rows of the largest sample of a race.
    n_workers : int
    processes : bool
        Whether workers are processes.
    stored, operand, scores : int
        Bytes of a stored value, of a value of the operand beside the float32 row, and of a score
        while a product is taken.
    """

    n_rows: int
    n_features: int
    n_runs: int
    n_centres: int
    n_pairs: int
    most_k: int
    n_sample: int
    n_candidates: int
    n_race: int
    n_workers: int
    processes: bool
    stored: int
    operand: int
    scores: int

    @classmethod
    def of(
        cls, store: EmbeddingStore, config: ClusterConfig, product: Product, runtime: RuntimeConfig
    ) -> Size:
        """Count what is to be fitted on a store."""
        ks, n_init = sorted(set(config.k)), config.n_init
        bfloat16 = product == "bfloat16"
        race = levels(store.n_rows, config) if config.search == "race" else ()
        return cls(
            n_rows=store.n_rows,
            n_features=store.n_features,
            n_runs=len(ks) * n_init,
            n_centres=sum(ks) * n_init,
            n_pairs=sum(k * k for k in ks) * n_init,
            most_k=ks[-1],
            n_sample=min(store.n_rows, config.seeding_rows),
            n_candidates=sum(2 + int(math.log(k)) for k in ks) * n_init,
            n_race=race[-1].n_rows if race else 0,
            n_workers=worker_count(runtime),
            processes=worker_kind(runtime, "threads") == "processes",
            stored=np.dtype(store.manifest.dtype).itemsize,
            operand=2 if bfloat16 else 0,
            scores=6 if bfloat16 else 4,
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
    def rows_nbytes(self) -> int:
        """All rows as float32."""
        return 4 * self.n_rows * self.n_features

    @property
    def centres_nbytes(self) -> int:
        """All centres, or all sums, once: float64."""
        return 8 * self.n_centres * self.n_features

    @property
    def sample_nbytes(self) -> int:
        """The rows that seed the centres, float32."""
        return 4 * self.n_sample * self.n_features

    @property
    def seeding_nbytes(self) -> int:
        """What seeding takes beside its sample: setting up, or drawing, whichever is larger."""
        # The mean and the norms are taken of float64 values.
        setting_up = 2 * self.sample_nbytes
        # Centred rows; which of them equal the winner, one byte a value; distances of each run
        # and each candidate; the candidates; a tile of scores and of offsets in every thread.
        drawing = (
            self.sample_nbytes
            + self.sample_nbytes // 4
            + self.n_sample * (8 * self.n_runs + 4 * self.n_candidates)
            + 4 * self.n_candidates * self.n_features
            + 8 * self.n_workers * _SEEDING_TILE * self.n_candidates
        )
        return max(setting_up, drawing)

    @property
    def tile_nbytes(self) -> int:
        """A tile in work: as stored, twice more read ahead; rows, operands; scores and labels."""
        values = self.n_features * (3 * self.stored + 4 + 2 * self.operand) + 8 * _MOST_DIMS
        return TILE_ROWS * (values + self.scores * self.n_centres + 7 * self.n_runs)

    @property
    def stack_nbytes(self) -> int:
        """The centres of a pass: float64, shifted, rounded, what rounding lost, those before."""
        return 6 * self.centres_nbytes + 84 * self.n_pairs

    @property
    def labels_nbytes(self) -> int:
        """The last labels of all runs: one byte each, or two above 256 clusters."""
        return self.n_runs * self.n_rows * (1 if self.most_k <= 256 else 2)
