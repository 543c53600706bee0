"""Calibrated scores as one: a ridge logistic that was taught faults, and a sum that was not."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression

from bannercluster.errors import DataError, IncompatibleStoreError

Array = npt.NDArray[np.float64]

_VERSION = 1
PENALTIES = (0.003, 0.01, 0.03, 0.1, 0.3)
_N_FOLDS = 5
_LOW, _HIGH, _TAIL = -6.0, 1e3, 2.0
_MIDDLE, _SPAN = 6.0, 3.0
"""Log N is centred at 400 clicks and scaled."""


@dataclass(frozen=True, eq=False)
class Combination:
    """A logistic regression on calibrated scores and their products with log N.

    Parameters
    ----------
    names : tuple of str
        Scores that it expects, in this order.
    mean, scale, weight : ndarray of shape (n_features,), float64
        Of the features, see ``expanded``.
    intercept : float
    penalty : float
        Chosen by folds of grids: the inverse strength of the ridge.
    auroc : float
        Out of fold.
    faults : tuple of str
        Kinds of faults that it was taught to tell apart; may be empty.
    fault_weight : ndarray of shape (n_faults, n_features)
    fault_intercept : ndarray of shape (n_faults,)
        Of the multinomial regression that names the fault of a broken heatmap.
    """

    names: tuple[str, ...]
    mean: Array
    scale: Array
    weight: Array
    intercept: float
    penalty: float
    auroc: float
    faults: tuple[str, ...]
    fault_weight: Array
    fault_intercept: Array

    def log_odds(self, z: Array, n_clicks: Array) -> Array:
        """Return the log odds that heatmaps are broken, up to a constant, shape (n,).

        Parameters
        ----------
        z : ndarray of shape (n, n_scores)
        n_clicks : ndarray of shape (n,)
        """
        features = (expanded(z, n_clicks) - self.mean) / self.scale
        # Row by row: the same bits alone and in a batch.
        return np.array([float(row @ self.weight) for row in features]) + self.intercept

    def likely_fault(self, z: Array, n_clicks: Array) -> npt.NDArray[np.int64]:
        """Return which of ``faults`` each heatmap has most probably, were it broken, (n,)."""
        features = (expanded(z, n_clicks) - self.mean) / self.scale
        found = [int(np.argmax(self.fault_weight @ row + self.fault_intercept)) for row in features]
        return np.array(found, np.int64)

    def to_json(self) -> str:
        """Return it as JSON; ``from_json`` gives the same bits."""
        return json.dumps(
            {
                "version": _VERSION,
                "names": self.names,
                "mean": self.mean.tolist(),
                "scale": self.scale.tolist(),
                "weight": self.weight.tolist(),
                "intercept": self.intercept,
                "penalty": self.penalty,
                "auroc": self.auroc,
                "faults": self.faults,
                "fault_weight": self.fault_weight.tolist(),
                "fault_intercept": self.fault_intercept.tolist(),
            },
            indent=1,
        )

    @classmethod
    def from_json(cls, text: str) -> Combination:
        """Read what ``to_json`` wrote.

        Raises
        ------
        IncompatibleStoreError
            If it is of another version.
        """
        read = json.loads(text)
        if read.get("version") != _VERSION:
            raise IncompatibleStoreError(
                f"a combination of version {read.get('version')!r}, this program reads "
                f"{_VERSION}: train it again"
            )
        return cls(
            names=tuple(read["names"]),
            mean=np.array(read["mean"]),
            scale=np.array(read["scale"]),
            weight=np.array(read["weight"]),
            intercept=read["intercept"],
            penalty=read["penalty"],
            auroc=read["auroc"],
            faults=tuple(read["faults"]),
            fault_weight=np.array(read["fault_weight"]),
            fault_intercept=np.array(read["fault_intercept"]),
        )


def expanded(z: Array, n_clicks: Array) -> Array:
    """Return the features of the regression, shape (n, 4 n_scores + 2).

    Each z on a log scale, its tail beyond two, and both times log N.
    """
    clipped = np.clip(z, _LOW, _HIGH)
    log_z = np.sign(clipped) * np.log1p(np.abs(clipped))
    tail = np.log1p(np.maximum(clipped - _TAIL, 0))
    size = ((np.log(np.maximum(n_clicks, 1.0)) - _MIDDLE) / _SPAN)[:, None]
    return np.concatenate([log_z, tail, size * log_z, size * tail, size, size**2], axis=1)


def train_combination(
    names: tuple[str, ...],
    z: Array,
    n_clicks: Array,
    broken: npt.NDArray[np.bool_],
    grid: npt.NDArray[np.int64],
    fault: npt.NDArray[np.object_] | None = None,
    penalties: tuple[float, ...] = PENALTIES,
) -> Combination:
    """Teach a combination which heatmaps are broken, and what their faults look like.

    The ridge is chosen by the AUROC of heatmaps of grids that were left out.

    Parameters
    ----------
    names : tuple of str
    z : ndarray of shape (n, n_scores)
    n_clicks : ndarray of shape (n,)
    broken : ndarray of shape (n,), bool
    grid : ndarray of shape (n,), int64
    fault : ndarray of shape (n,), object, optional
        Name of the fault of each broken heatmap.
    penalties : tuple of float
        Inverse strengths of the ridge to choose from.

    Raises
    ------
    DataError
        If the heatmaps are all broken or all healthy, or of one grid.
    """
    if broken.all() or not broken.any() or len(np.unique(grid)) < 2:
        raise DataError(
            f"{int(broken.sum())} of {len(broken)} heatmaps on {len(np.unique(grid))} grids are "
            "broken: training takes broken and healthy ones of two grids or more"
        )
    features = expanded(z, n_clicks)
    mean, scale = features.mean(axis=0), np.maximum(features.std(axis=0), 1e-9)
    features = (features - mean) / scale
    _, number = np.unique(grid, return_inverse=True)
    folds = number % min(_N_FOLDS, number.max() + 1)
    aurocs = [_left_out(features, broken, folds, penalty) for penalty in penalties]
    penalty = penalties[int(np.argmax(aurocs))]
    model = _logistic(penalty).fit(features, broken)
    faults, fault_weight, fault_intercept = _taught_faults(features, broken, fault, penalty)
    return Combination(
        names=names,
        mean=mean,
        scale=scale,
        weight=model.coef_[0].astype(np.float64),
        intercept=float(model.intercept_[0]),
        penalty=penalty,
        auroc=max(aurocs),
        faults=faults,
        fault_weight=fault_weight,
        fault_intercept=fault_intercept,
    )


def _taught_faults(
    features: Array,
    broken: npt.NDArray[np.bool_],
    fault: npt.NDArray[np.object_] | None,
    penalty: float,
) -> tuple[tuple[str, ...], Array, Array]:
    """Teach the names of faults; there are none to teach where fewer than three are known."""
    known = np.zeros(len(broken), bool) if fault is None else broken & (fault != "")
    if fault is None or len(np.unique(fault[known].astype(str))) < 3:
        return (), np.zeros((0, features.shape[1])), np.zeros(0)
    model = _logistic(penalty).fit(features[known], fault[known].astype(str))
    return tuple(model.classes_.tolist()), model.coef_, model.intercept_


def auroc(scores: Array, broken: npt.NDArray[np.bool_]) -> float:
    """Return the probability that a broken heatmap scores above a healthy one, ties by half."""
    healthy = np.sort(scores[~broken])
    below = np.searchsorted(healthy, scores[broken], side="left")
    upto = np.searchsorted(healthy, scores[broken], side="right")
    return float((below + upto).mean() / (2 * len(healthy)))


def _left_out(
    features: Array, broken: npt.NDArray[np.bool_], folds: npt.NDArray[np.int64], penalty: float
) -> float:
    found = np.zeros(len(features))
    for fold in range(int(folds.max()) + 1):
        out = folds == fold
        model = _logistic(penalty).fit(features[~out], broken[~out])
        found[out] = features[out] @ model.coef_[0] + model.intercept_[0]
    return auroc(found, broken)


def _logistic(penalty: float) -> LogisticRegression:
    return LogisticRegression(C=penalty, max_iter=3000, tol=1e-5)


def tail_sum(z: Array) -> Array:
    """Return what untaught eyes see: the sum of the tails of all scores, shape (n,).

    A score far beyond healthy ones counts by the log of how far; no fault was shown to it, so it
    sees those that the regression was never taught.
    """
    clipped = np.clip(z, 0, _HIGH)
    summed: Array = np.log1p(clipped**2 / 4).sum(axis=1)
    return summed
