"""References that look broken when they are left out: said to be healthy, and perhaps not.

Broken ones among the references widen what counts as healthy until nothing is an alert. The taught
regression tells them as it tells any heatmap, once the scale of the scores is not theirs: so those
that it is sure of go first, and the rest is looked at again.
"""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import numpy.typing as npt

from bannercluster.heatmap.calibration import calibrate
from bannercluster.heatmap.combination import Combination
from bannercluster.heatmap.nulls import LADDER, NullScores

Array = npt.NDArray[np.float64]

_LOG_ODDS = 1.5
"""Mean log odds of a reference, in nats, beyond which it is not believed to be healthy; before its
clicks are seen they are -0.7, see ``train_combination``."""

_LEAST_CLICKS = 300
_MOST_ROUNDS = 5
_MOST_SHARE = 0.5
"""Of the references of a grid, what is left out at most."""


def believed(
    null: NullScores, n_grids: int, combination: Combination
) -> tuple[NullScores, frozenset[tuple[int, int]]]:
    """Return the scores of references that look healthy, and which do not.

    Parameters
    ----------
    null : NullScores
    n_grids : int
    combination : Combination

    Returns
    -------
    null : NullScores
        Without the suspects.
    suspects : frozenset of (int, int)
        Grid and number of the references whose mean log odds of *broken*, left out and thinned to
        300 clicks or more, exceed 1.5 nats; of each grid at most half.
    """
    names, which = np.unique(np.stack([null.grid, null.reference]), axis=1, return_inverse=True)
    which = which.ravel()
    number = np.bincount(names[0], minlength=n_grids)
    kept = np.ones(names.shape[1], bool)
    for _ in range(_MOST_ROUNDS):
        found = _log_odds(_rows(null, kept[which]), n_grids, combination, names)
        suspect = kept & (found > _LOG_ODDS)
        for grid in np.unique(names[0][suspect]).tolist():
            own = np.flatnonzero(names[0] == grid)
            n_left = int(_MOST_SHARE * number[grid]) - int((~kept[own]).sum())
            surest = own[np.argsort(-np.where(suspect[own], found[own], -np.inf), kind="stable")]
            suspect[surest[max(n_left, 0) :]] = False
        if not suspect.any():
            break
        kept &= ~suspect
    return _rows(null, kept[which]), frozenset(map(tuple, names.T[~kept].tolist()))


def _log_odds(
    null: NullScores, n_grids: int, combination: Combination, names: npt.NDArray[np.int64]
) -> Array:
    """Return the mean log odds of each reference, minus infinity where there is none."""
    _, z = calibrate(null, n_grids)
    n_clicks = np.array(LADDER, float)[null.level]
    many = n_clicks >= _LEAST_CLICKS
    log_odds = combination.log_odds(z[many], n_clicks[many])
    place = {(grid, one): nth for nth, (grid, one) in enumerate(names.T.tolist())}
    pairs = zip(null.grid[many].tolist(), null.reference[many].tolist(), strict=True)
    rows = np.array([place[pair] for pair in pairs], np.int64)
    total = np.bincount(rows, log_odds, minlength=names.shape[1])
    n = np.bincount(rows, minlength=names.shape[1])
    return np.where(n > 0, total / np.maximum(n, 1), -np.inf)


def _rows(null: NullScores, chosen: npt.NDArray[np.bool_]) -> NullScores:
    return NullScores(*(getattr(null, one.name)[chosen] for one in fields(null)))
