"""Calibrated scores as one: a ridge logistic that was taught faults, and a sum that was not."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import logsumexp
from sklearn.linear_model import LogisticRegression

from bannercluster.errors import DataError, IncompatibleStoreError
from bannercluster.heatmap.nulls import LADDER, NullScores
from bannercluster.heatmap.quality import auroc, recall_at

Array = npt.NDArray[np.float64]

_VERSION = 3  # raise it when scores of the same names say something else
PENALTIES = (0.02, 0.08, 0.3)
_HEALTHY_SHARE = 2 / 3
"""Of the lessons, by their weight."""

_N_FOLDS = 5
_LOW, _HIGH, _TAIL = -6.0, 1e3, 2.0
_NEAR = 4.0
_MIDDLE, _SPAN = 6.0, 3.0
"""Log N is centred at 400 clicks and scaled."""

_HEALTHY, _UNNAMED = "", "?"


@dataclass(frozen=True, eq=False)
class Combination:
    """A multinomial regression of *healthy* and each fault on calibrated scores.

    How probable *broken* is, is the sum over the faults: a heatmap that looks like one of them is
    not less suspect because it looks like no other, as in a single weighted sum of scores.

    Parameters
    ----------
    names : tuple of str
        Scores that it expects, in this order.
    mean, scale : ndarray of shape (n_features,), float64
        Of the features, see ``expanded``.
    faults : tuple of str
        Kinds of faults that it was taught; "?" stands for broken ones whose fault was not named.
    weight : ndarray of shape (n_faults, n_features)
    intercept : ndarray of shape (n_faults,)
        Of the log odds of each fault against *healthy*.
    penalty : float
        Chosen by folds of grids: the inverse strength of the ridge.
    auroc : float or None
        Out of fold; None where the ridge was given and not chosen.
    """

    names: tuple[str, ...]
    mean: Array
    scale: Array
    faults: tuple[str, ...]
    weight: Array
    intercept: Array
    penalty: float
    auroc: float | None

    def log_odds(self, z: Array, n_clicks: Array) -> Array:
        """Return the log odds that heatmaps are broken, up to a constant, shape (n,).

        Parameters
        ----------
        z : ndarray of shape (n, n_scores)
        n_clicks : ndarray of shape (n,)
        """
        odds: Array = logsumexp(self._odds(z, n_clicks), axis=1)
        return odds

    def likely_fault(self, z: Array, n_clicks: Array) -> npt.NDArray[np.object_]:
        """Return the fault that each heatmap has most probably, were it broken, (n,)."""
        names: npt.NDArray[np.object_] = np.array(self.faults, object)
        found: npt.NDArray[np.object_] = names[self._odds(z, n_clicks).argmax(axis=1)]
        return found

    @property
    def names_faults(self) -> bool:
        """Whether it can tell faults apart."""
        return _UNNAMED not in self.faults

    def _odds(self, z: Array, n_clicks: Array) -> Array:
        """Return the log odds of each fault, (n, n_faults)."""
        features = (expanded(z, n_clicks) - self.mean) / self.scale
        # Row by row: the same bits alone and in a batch.
        odds = np.array([self.weight @ row for row in features])
        return odds.reshape(len(z), len(self.faults)) + self.intercept

    def to_json(self) -> str:
        """Return it as JSON; ``from_json`` gives the same bits."""
        return json.dumps(
            {
                "version": _VERSION,
                "names": self.names,
                "mean": self.mean.tolist(),
                "scale": self.scale.tolist(),
                "faults": self.faults,
                "weight": self.weight.tolist(),
                "intercept": self.intercept.tolist(),
                "penalty": self.penalty,
                "auroc": self.auroc,
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
            faults=tuple(read["faults"]),
            weight=np.array(read["weight"]),
            intercept=np.array(read["intercept"]),
            penalty=read["penalty"],
            auroc=read["auroc"],
        )


def expanded(z: Array, n_clicks: Array) -> Array:
    """Return the features of the regression, shape (n, 5 n_scores + 2).

    Each z as it is and squared where it is small, its tail beyond two on a log scale, and z and
    tail on a log scale times log N.
    """
    clipped = np.clip(z, _LOW, _HIGH)
    near = np.clip(z, -_NEAR, _NEAR)
    log_z = np.sign(clipped) * np.log1p(np.abs(clipped))
    tail = np.log1p(np.maximum(clipped - _TAIL, 0))
    size = ((np.log(np.maximum(n_clicks, 1.0)) - _MIDDLE) / _SPAN)[:, None]
    return np.concatenate([near, near**2, tail, size * log_z, size * tail, size, size**2], axis=1)


@dataclass(frozen=True, eq=False)
class LabelledScores:
    """Calibrated scores of heatmaps of which it is known whether they are broken.

    Parameters
    ----------
    names : tuple of str
        Of the scores.
    z : ndarray of shape (n, n_scores), float64
    n_clicks : ndarray of shape (n,), float64
    broken : ndarray of shape (n,), bool
    grid : ndarray of shape (n,), int64
    fault : ndarray of shape (n,), object, optional
        Name of the fault of each broken heatmap, "" where it is not known.
    references : LabelledScores, optional
        Left-out references, all healthy: they teach too, where others have as many clicks, and
        nothing is measured on them.
    """

    names: tuple[str, ...]
    z: Array
    n_clicks: Array
    broken: npt.NDArray[np.bool_]
    grid: npt.NDArray[np.int64]
    fault: npt.NDArray[np.object_] | None = None
    references: LabelledScores | None = None

    @classmethod
    def of_references(cls, names: tuple[str, ...], null: NullScores, z: Array) -> LabelledScores:
        """Return one heatmap of each left-out reference and number of clicks.

        Parameters
        ----------
        names : tuple of str
        null : NullScores
        z : ndarray of shape (n, n_scores)
            Its values, calibrated.
        """
        each = np.stack([null.grid, null.reference, null.level])
        _, first = np.unique(each, axis=1, return_index=True)
        n_clicks = np.array(LADDER, np.float64)[null.level[first]]
        return cls(names, z[first], n_clicks, np.zeros(len(first), bool), null.grid[first])

    def where(self, chosen: npt.NDArray[np.bool_]) -> LabelledScores:
        """Return the scores of some heatmaps, with the same references."""
        return replace(
            self,
            z=self.z[chosen],
            n_clicks=self.n_clicks[chosen],
            broken=self.broken[chosen],
            grid=self.grid[chosen],
            fault=None if self.fault is None else self.fault[chosen],
        )

    def columns(self, names: tuple[str, ...]) -> LabelledScores:
        """Return some of the scores of the same heatmaps."""
        references = None if self.references is None else self.references.columns(names)
        which = [self.names.index(name) for name in names]
        return replace(self, names=names, z=self.z[:, which], references=references)


def train_combination(
    scores: LabelledScores, penalties: tuple[float, ...] = PENALTIES
) -> Combination:
    """Teach a combination which heatmaps are broken, and what their faults look like.

    As ``cross_taught``, but a single penalty is taken as it is.
    """
    if len(penalties) > 1:
        return cross_taught(scores, penalties).combination
    return _Lessons.of(scores).combination(penalties[0], None)


class CrossTaught(NamedTuple):
    """A combination, and what its like say of heatmaps that they were not taught.

    Parameters
    ----------
    combination : Combination
    left_out : ndarray of shape (n,), float64
        Log odds of each heatmap by a combination with the same ridge, taught on other grids.
    """

    combination: Combination
    left_out: Array


def cross_taught(scores: LabelledScores, penalties: tuple[float, ...] = PENALTIES) -> CrossTaught:
    """Teach a combination, and others on all but a fifth of the grids each.

    The ridge is chosen by heatmaps of grids that were left out: by their AUROC and by the recall
    where 1 % of the healthy ones alert, in equal parts. Lessons count as if two of three were
    healthy, however many are: recall at so few false alerts depends on where their tail ends. As
    many healthy ones count at each number of clicks, with references and without.

    Parameters
    ----------
    scores : LabelledScores
    penalties : tuple of float
        Inverse strengths of the ridge to choose from.

    Raises
    ------
    DataError
        If the heatmaps are all broken or all healthy, or of one grid.
    """
    lessons = _Lessons.of(scores)
    found = [lessons.left_out(one) for one in penalties]
    broken = scores.broken
    best = int(np.argmax([auroc(odds, broken) + recall_at(odds, broken) for odds in found]))
    reached = auroc(found[best], broken)
    return CrossTaught(lessons.combination(penalties[best], reached), found[best])


@dataclass(frozen=True, eq=False)
class _Lessons:
    """Standardised features of labelled heatmaps, and the weight and fold of each.

    The first ``n_asked`` are those that something is measured on, and references come after them.
    """

    names: tuple[str, ...]
    features: Array
    mean: Array
    scale: Array
    label: npt.NDArray[np.str_]
    weight: Array
    fold: npt.NDArray[np.int64]
    n_asked: int

    @classmethod
    def of(cls, scores: LabelledScores) -> _Lessons:
        broken, fault = scores.broken, scores.fault
        n_grids = len(np.unique(scores.grid))
        if broken.all() or not broken.any() or n_grids < 2:
            raise DataError(
                f"{int(broken.sum())} of {len(broken)} heatmaps on {n_grids} grids are "
                "broken: training takes broken and healthy ones of two grids or more"
            )
        label = np.full(len(broken), _UNNAMED) if fault is None else fault.astype(str)
        label = np.where(broken, np.where(label == "", _UNNAMED, label), _HEALTHY)
        features, grid = expanded(scores.z, scores.n_clicks), scores.grid
        weight = np.ones(len(broken))
        if (also := scores.references) is not None:
            also = also.where(np.isin(also.n_clicks, scores.n_clicks[~broken]))
            features = np.concatenate([features, expanded(also.z, also.n_clicks)])
            grid = np.concatenate([grid, also.grid])
            label = np.concatenate([label, np.full(len(also.z), _HEALTHY)])
            weight = np.concatenate([weight, np.ones(len(also.z))])
            n_clicks = np.concatenate([scores.n_clicks, also.n_clicks])
            for one in np.unique(also.n_clicks):
                healthy = (n_clicks == one) & (label == _HEALTHY)
                weight[healthy] = healthy[: len(broken)].sum() / healthy.sum()
        _, number = np.unique(grid, return_inverse=True)
        fold = number % min(_N_FOLDS, n_grids)
        mean, scale = features.mean(axis=0), np.maximum(features.std(axis=0), 1e-9)
        features = (features - mean) / scale
        return cls(scores.names, features, mean, scale, label, weight, fold, len(broken))

    def combination(self, penalty: float, reached: float | None) -> Combination:
        faults, weight, intercept = _regression(self.features, self.label, self.weight, penalty)
        return Combination(
            self.names, self.mean, self.scale, faults, weight, intercept, penalty, reached
        )

    def left_out(self, penalty: float) -> Array:
        """Return the log odds of each heatmap, taught on the other folds, shape (n_asked,)."""
        found = np.zeros(self.n_asked)
        for fold in range(int(self.fold.max()) + 1):
            own = self.fold == fold
            lessons = self.features[~own], self.label[~own], self.weight[~own]
            _, weight, intercept = _regression(*lessons, penalty)
            out = np.flatnonzero(own[: self.n_asked])
            found[out] = logsumexp(self.features[out] @ weight.T + intercept, axis=1)
        return found


def _regression(
    features: Array, label: npt.NDArray[np.str_], weight: Array, penalty: float
) -> tuple[tuple[str, ...], Array, Array]:
    """Return the faults, and weights and intercepts of their log odds against *healthy*."""
    is_healthy = label == _HEALTHY
    share = weight[is_healthy].sum() / weight.sum()
    counted = weight * np.where(
        is_healthy, _HEALTHY_SHARE / share, (1 - _HEALTHY_SHARE) / (1 - share)
    )
    model = LogisticRegression(C=penalty, max_iter=3000, tol=1e-4)
    model.fit(features, label, sample_weight=counted)
    classes = model.classes_.tolist()
    slope, intercept = model.coef_, model.intercept_
    if len(classes) > 2:
        healthy = classes.index(_HEALTHY)
        slope, intercept = slope - slope[healthy], intercept - intercept[healthy]
        slope, intercept = np.delete(slope, healthy, 0), np.delete(intercept, healthy)
    faults = tuple(one for one in classes if one != _HEALTHY)
    return faults, np.ascontiguousarray(slope, np.float64), np.asarray(intercept, np.float64)


def tail_sum(z: Array) -> Array:
    """Return what untaught eyes see: the sum of the tails of all scores, shape (n,).

    A score far beyond healthy ones counts by the log of how far; no fault was shown to it, so it
    sees those that the regression was never taught.
    """
    clipped = np.clip(z, 0, _HIGH)
    summed: Array = np.log1p(clipped**2 / 4).sum(axis=1)
    return summed
