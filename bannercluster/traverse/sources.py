"""Where rows come from."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from bannercluster.errors import UsageError
from bannercluster.store.embeddings import EmbeddingStore


class RowSource(Protocol):
    """Rows by global number, readable from any process that the executor uses."""

    @property
    def key(self) -> str:
        """Identity of the rows."""

    @property
    def n_rows(self) -> int:
        """Number of rows."""

    @property
    def n_features(self) -> int:
        """Features of a row."""

    @property
    def nbytes(self) -> int:
        """Bytes of all rows as stored."""

    @property
    def in_memory(self) -> bool:
        """Whether reading costs nothing."""

    def read(self, start: int, stop: int) -> np.ndarray:
        """Return rows ``start:stop`` as stored."""

    def gather(self, rows: np.ndarray) -> np.ndarray:
        """Return single rows by their sorted global numbers, (n,) int64, as stored."""


@dataclass(frozen=True, eq=False)
class ArraySource:
    """Rows of an array in memory, for threads of this process.

    Parameters
    ----------
    values : (n_rows, n_features) float16, float32 or float64 array
    """

    values: np.ndarray
    # Not the address of the array: a later array may have it too, and would be taken for this one.
    _name: str = field(default_factory=lambda: uuid.uuid4().hex, init=False, repr=False)

    def __post_init__(self) -> None:
        if self.values.ndim != 2 or self.values.dtype.kind != "f":
            raise UsageError(
                f"rows have shape {self.values.shape} and dtype {self.values.dtype}; expected a "
                f"float array of "
                f"shape (n_rows, n_features)"
            )

    @property
    def key(self) -> str:
        """Identity of the source."""
        return f"array:{self._name}"

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(self.values)

    @property
    def n_features(self) -> int:
        """Features of a row."""
        return int(self.values.shape[1])

    @property
    def nbytes(self) -> int:
        """Bytes of the array."""
        return int(self.values.nbytes)

    @property
    def in_memory(self) -> bool:
        """True."""
        return True

    def read(self, start: int, stop: int) -> np.ndarray:
        """Return a view of rows ``start:stop``."""
        return self.values[start:stop]

    def gather(self, rows: np.ndarray) -> np.ndarray:
        """Return single rows."""
        found: np.ndarray = self.values[rows]
        return found


@dataclass(frozen=True, eq=False)
class StoreSource:
    """Rows of an embeddings store, read in whatever process asks.

    Parameters
    ----------
    store : EmbeddingStore
    """

    store: EmbeddingStore

    @property
    def key(self) -> str:
        """Identity of the generation of the store."""
        return self.store.key

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return self.store.n_rows

    @property
    def n_features(self) -> int:
        """Features of a row."""
        return self.store.n_features

    @property
    def nbytes(self) -> int:
        """Bytes of all rows as stored."""
        return self.n_rows * self.n_features * np.dtype(self.store.manifest.dtype).itemsize

    @property
    def in_memory(self) -> bool:
        """False, also where the system happens to hold the files."""
        return False

    def read(self, start: int, stop: int) -> np.ndarray:
        """Read rows ``start:stop``."""
        return self.store.read(start, stop)

    def gather(self, rows: np.ndarray) -> np.ndarray:
        """Read single rows."""
        return self.store.gather(rows)
