"""What a process keeps between the passes of a program: a cache, never state.

Losing any of it costs time and changes nothing: prepared rows are read again, earlier labels are
computed again from the centres they belonged to.
"""

from __future__ import annotations

import threading
from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np

from bannercluster.kernels.rows import Rows


class RowCache:
    """Prepared tiles of one source and recipe, up to a number of bytes.

    Tiles are never evicted: a walk is cyclic, and dropping the oldest tile would drop just the
    one needed next. What does not fit is read again in every pass.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._family: Hashable = None
        self._tiles: dict[int, Rows] = {}
        self._nbytes = 0

    def get(self, family: Hashable, start: int) -> Rows | None:
        """Return the tile that starts at row ``start``, if it is kept."""
        with self._lock:
            return self._tiles.get(start) if family == self._family else None

    def put(self, family: Hashable, start: int, rows: Rows, budget: int) -> None:
        """Keep a tile if it fits; another family's tiles make room first."""
        with self._lock:
            if family != self._family:
                self._family, self._tiles, self._nbytes = family, {}, 0
            if start not in self._tiles and self._nbytes + rows.nbytes <= budget:
                self._tiles[start] = rows
                self._nbytes += rows.nbytes

    def clear(self) -> None:
        """Drop everything."""
        with self._lock:
            self._family, self._tiles, self._nbytes = None, {}, 0


@dataclass(frozen=True)
class KeptLabels:
    """Labels (n_runs, n) of a tile under the centres of one step of a program."""

    step: int
    run_ids: tuple[int, ...]
    labels: np.ndarray

    def of_runs(self, run_ids: tuple[int, ...]) -> np.ndarray:
        """Return the rows of the asked runs."""
        if run_ids == self.run_ids:
            return self.labels
        position = {run: row for row, run in enumerate(self.run_ids)}
        return self.labels[[position[run] for run in run_ids]]


class LabelMemory:
    """The last labels of each tile of the programs that run in this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._program: str | None = None
        self._labels: dict[int, KeptLabels] = {}

    def get(self, program: str, start: int, step: int) -> KeptLabels | None:
        """Return a tile's labels of a step, if they are kept."""
        with self._lock:
            kept = self._labels.get(start) if program == self._program else None
        return kept if kept is not None and kept.step == step else None

    def put(self, program: str, start: int, labels: KeptLabels) -> None:
        """Keep a tile's labels, in place of its earlier ones."""
        with self._lock:
            if program != self._program:
                self._program, self._labels = program, {}
            self._labels[start] = labels

    def clear(self) -> None:
        """Drop everything."""
        with self._lock:
            self._program, self._labels = None, {}


ROWS = RowCache()
LABELS = LabelMemory()


def forget() -> None:
    """Let go of all that this process keeps."""
    ROWS.clear()
    LABELS.clear()
