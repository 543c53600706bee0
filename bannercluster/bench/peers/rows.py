"""What ours and the peers get: the same rows and the same first centres, as files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bannercluster.bench.generators import embedding_rows
from bannercluster.errors import DataError
from bannercluster.store.embeddings import EmbeddingStore

_TILE = 8_192


@dataclass(frozen=True)
class SharedRows:
    """Rows and first centres that several processes load.

    Parameters
    ----------
    rows : Path
        ``(n_rows or more, n_features) float32``, npy.
    n_rows : int
        How many of them are used, from the first.
    init : mapping of int to Path
        For each k ``(restarts, k, n_features) float32``, npy: distinct rows drawn at random.
    """

    rows: Path
    n_rows: int
    init: Mapping[int, Path]

    def values(self) -> np.ndarray:
        """Return the rows that are used, mapped: (n_rows, n_features) float32."""
        rows: np.ndarray = np.load(self.rows, mmap_mode="r")
        return rows[: self.n_rows]


def write_rows(folder: Path, n_rows: int, n_features: int, seed: int, store: str | None) -> Path:
    """Write the rows to measure with, of a store or generated.

    Parameters
    ----------
    folder : Path
    n_rows, n_features, seed : int
        The features and the seed are those of generated rows.
    store : str or None
        Embeddings store whose first rows are taken.

    Raises
    ------
    DataError
        If the store has fewer rows.
    """
    path = folder / "rows.npy"
    if store is None:
        np.save(path, embedding_rows(n_rows, n_features, seed=seed))
        return path
    opened = EmbeddingStore.open(store)
    if opened.n_rows < n_rows:
        raise DataError(
            f"{n_rows} rows were asked for, and {store} has {opened.n_rows}; expected at most "
            f"that many: lower --rows"
        )
    out = np.lib.format.open_memmap(path, "w+", np.float32, (n_rows, opened.n_features))
    for start in range(0, n_rows, _TILE):
        stop = min(start + _TILE, n_rows)
        out[start:stop] = opened.read(start, stop)
    out.flush()
    return path


def share(
    folder: Path, rows: Path, n_rows: int, ks: tuple[int, ...], restarts: int, seed: int
) -> SharedRows:
    """Draw first centres among the first ``n_rows`` rows and write them beside the rows."""
    values = np.load(rows, mmap_mode="r")[:n_rows]
    if max(ks) > len(values):
        raise DataError(
            f"k = {max(ks)} is larger than the number of rows, {len(values)}; expected k <= "
            f"{len(values)}: raise --rows, or choose a smaller k"
        )
    generator = np.random.Generator(np.random.PCG64([seed, n_rows]))
    init = {}
    for k in ks:
        drawn = [np.sort(generator.choice(len(values), k, replace=False)) for _ in range(restarts)]
        init[k] = folder / f"init-{n_rows}-k{k:02d}.npy"
        np.save(init[k], np.stack([np.asarray(values[one], np.float32) for one in drawn]))
    return SharedRows(rows, n_rows, init)


def judge(rows: np.ndarray, centres: np.ndarray) -> tuple[np.ndarray, float]:
    """Return the nearest centre of each row and the inertia, in float64, whoever made the centres.

    Parameters
    ----------
    rows : (n_rows, n_features) float32 array
    centres : (k, n_features) float64 array

    Returns
    -------
    labels : (n_rows,) int64 array
    inertia : float
        Sum of the squared distances to the nearest centre.
    """
    # Distances do not change, and the products below lose less: most of a row is the mean.
    middle = centres.mean(axis=0)
    shifted = centres - middle
    own = np.square(shifted).sum(axis=1)
    labels = np.empty(len(rows), np.int64)
    inertia = 0.0
    for start in range(0, len(rows), _TILE):
        tile = rows[start : start + _TILE] - middle
        sq = own - 2.0 * (tile @ shifted.T)
        nearest = sq.argmin(axis=1)
        labels[start : start + len(tile)] = nearest
        inertia += float(np.square(tile - shifted[nearest]).sum())
    return labels, inertia


def inertia_of_all(rows: np.ndarray, centres: np.ndarray, sizes: Sequence[int]) -> np.ndarray:
    """Return the inertia of many runs, in float64, from one reading of the rows.

    Parameters
    ----------
    rows : (n_rows, n_features) float32 array
    centres : (sum of sizes, n_features) float64 array
        Of the runs, one below the other.
    sizes : sequence of int
        Centres of each run.

    Returns
    -------
    (n_runs,) float64 array
    """
    middle = centres.mean(axis=0)
    shifted = centres - middle
    own = np.square(shifted).sum(axis=1)
    starts = np.cumsum([0, *sizes[:-1]])
    total = np.zeros(len(sizes))
    for start in range(0, len(rows), _TILE):
        tile = rows[start : start + _TILE] - middle
        sq = own - 2.0 * (tile @ shifted.T)
        total += np.minimum.reduceat(sq, starts, axis=1).sum(axis=0) + np.square(tile).sum()
    return total
