"""What a feature block says by itself: cosines to an anchor, nearest neighbours, a linear probe.

The block is a matrix of one row per heatmap; an anchor is what a heatmap of its grid should look
like. A zero vector has cosine 0 to everything. All arithmetic is float64; rows do not meet, so a
heatmap has the same value alone and among others.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bannercluster.errors import DataError, UsageError

Array = npt.NDArray[np.float64]
Block = npt.NDArray[np.float32] | Array
Ids = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


def mean_anchors(block: Block, grid_id: Ids, healthy: Mask) -> tuple[Ids, Array]:
    """Return the mean features of the known-healthy heatmaps of each grid.

    Parameters
    ----------
    block : ndarray of shape (n_samples, k)
    grid_id : ndarray of shape (n_samples,), int64
    healthy : ndarray of shape (n_samples,), bool
        Known-healthy references.

    Returns
    -------
    grids : ndarray of shape (n_grids,), int64
        Sorted; grids without a reference are not among them. A reference is part of its own
        anchor: its cosine to it says less than that of other heatmaps.
    anchors : ndarray of shape (n_grids, k), float64
    """
    grids = np.unique(grid_id[healthy])
    means = [_mean(block[healthy & (grid_id == grid)]) for grid in grids]
    return grids, np.stack(means) if means else np.empty((0, block.shape[1]))


def random_anchors(
    block: Block, grid_id: Ids, healthy: Mask, rng: np.random.Generator, n: int = 1
) -> tuple[Ids, Array]:
    """Return the mean of n known-healthy heatmaps of each grid, drawn at random.

    With ``n = 1`` it is a random pick, with ``n = 2`` the users' two references per grid. A grid
    with fewer gives all it has.

    Parameters, returns
        As `mean_anchors`.
    """
    if n < 1:
        raise UsageError(f"an anchor is the mean of {n} heatmaps; expected at least 1")
    kept = np.zeros(len(grid_id), bool)
    for grid in np.unique(grid_id[healthy]):
        own = np.flatnonzero(healthy & (grid_id == grid))
        kept[rng.permutation(own)[:n]] = True
    return mean_anchors(block, grid_id, kept)


def anchor_cosine(block: Block, grid_id: Ids, grids: Ids, anchors: Array) -> Array:
    """Return the cosine of each heatmap to the anchor of its grid; NaN where there is none.

    Parameters
    ----------
    block : ndarray of shape (n_samples, k)
    grid_id : ndarray of shape (n_samples,), int64
    grids, anchors
        As `mean_anchors` returns them.

    Returns
    -------
    ndarray of shape (n_samples,), float64
    """
    cosine = np.full(len(grid_id), np.nan)
    for grid, anchor in zip(grids, anchors, strict=True):
        for row in np.flatnonzero(grid_id == grid):
            cosine[row] = cosine_similarity(block[row], anchor)
    return cosine


def cosine_similarity(left: Block, right: Block) -> float:
    """Return the cosine of two vectors (k,), in float64; 0 if one of them is zero."""
    x, y = (_unit(np.asarray(vector, np.float64)) for vector in (left, right))
    return float(np.clip((x * y).sum(), -1, 1))


def knn_distance(block: Block, grid_id: Ids, healthy: Mask, n_neighbours: int) -> Array:
    """Return the mean cosine distance of each heatmap to its nearest healthy ones of its grid.

    A reference is no neighbour of itself. With fewer references all count; NaN without any.

    Parameters
    ----------
    block : ndarray of shape (n_samples, k)
    grid_id : ndarray of shape (n_samples,), int64
    healthy : ndarray of shape (n_samples,), bool
    n_neighbours : int

    Returns
    -------
    ndarray of shape (n_samples,), float64
        0 (the same direction) to 2.
    """
    if n_neighbours < 1:
        raise UsageError(f"{n_neighbours} neighbours; expected at least 1")
    distance = np.full(len(grid_id), np.nan)
    for grid in np.unique(grid_id[healthy]):
        references = np.flatnonzero(healthy & (grid_id == grid))
        units = np.stack([_unit(np.asarray(block[i], np.float64)) for i in references])
        for row in np.flatnonzero(grid_id == grid):
            cosine = units @ _unit(np.asarray(block[row], np.float64))
            away = np.sort(1 - cosine[references != row])
            if len(away):
                distance[row] = away[:n_neighbours].mean()
    return distance


def linear_probe(
    train: Block, label: Ids, test: Block, n_classes: int, ridge: float = 1.0
) -> Array:
    """Fit ridge regression on one-hot classes; return the score of each class for other rows.

    What a block knows of a label that its training was not told. Features are standardised by the
    training rows; a feature that is constant there is left out.

    Parameters
    ----------
    train : ndarray of shape (n_train, k)
    label : ndarray of shape (n_train,), int64
        0 to n_classes - 1.
    test : ndarray of shape (n_test, k)
    n_classes : int
    ridge : float
        Added to the diagonal of the Gram matrix, per row.

    Returns
    -------
    ndarray of shape (n_test, n_classes), float64

    Raises
    ------
    DataError
        If there are no training rows, or a label is not a class.
    """
    if len(train) == 0 or label.min() < 0 or label.max() >= n_classes:
        raise DataError(
            f"{len(train)} rows to train on with labels {sorted(set(label.tolist()))}; expected "
            f"some, with labels 0 to {n_classes - 1}"
        )
    x = np.asarray(train, np.float64)
    mean, sd = x.mean(axis=0), x.std(axis=0)
    varies = sd > 0
    x = (x[:, varies] - mean[varies]) / sd[varies]
    y = np.eye(n_classes)[label]
    # The dual: blocks have up to 151,296 features, and fewer rows.
    gram = x @ x.T + ridge * len(x) * np.eye(len(x))
    weight = x.T @ np.linalg.solve(gram, y - y.mean(axis=0))
    other = (np.asarray(test, np.float64)[:, varies] - mean[varies]) / sd[varies]
    scores = np.empty((len(other), n_classes))
    for i, row in enumerate(other):
        scores[i] = row @ weight + y.mean(axis=0)
    return scores


def _mean(rows: Block) -> Array:
    mean: Array = np.asarray(rows, np.float64).mean(axis=0)
    return mean


def _unit(vector: Array) -> Array:
    largest = np.abs(vector).max(initial=0.0)
    if largest == 0:
        return vector
    scaled = vector / largest
    unit: Array = scaled / np.sqrt((scaled * scaled).sum())
    return unit
