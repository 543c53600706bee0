"""How many elements a layout has, and where: found in its healthy density by splitting and merging.

EM alone stays where it began: two bands that touch stay one spot, and a wide spot keeps the
fragments that it was begun with. So spots are split and added as long as the divergence falls by
more than a spot is worth, then merged and left out as long as it rises by less (N. Ueda,
R. Nakano, Z. Ghahramani and G. E. Hinton, "SMEM algorithm for mixture models", 2000). What is
found is as simple as the density allows: a fragment too many could be re-weighted by a domain as
no part of its layout can be, and would explain faults away.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter, maximum_filter

from bannercluster.heatmap.binning import CENTRES, EDGES
from bannercluster.heatmap.statistics.elements import Elements

Array = npt.NDArray[np.float64]

_MOST = 24
_WORTH = 7e-4
"""Divergence, in nats of a click, that a spot has to take away."""

_FIRST_STEPS, _TRIAL_STEPS, _STEPS = 40, 8, 20
_FIRST_SD = 2.0
_NEW_SDS = (0.7, 2.0)
"""Standard deviations of spots begun with and added, in bins."""

_NEW_WEIGHT, _FIRST_WEIGHT = 0.015, 0.85
_N_SPLIT, _N_ADDED, _N_MERGED, _N_DROPPED = 3, 3, 3, 4
"""Spots, or pairs of them, that are tried in a round."""

_APART, _NARROWER = 0.8, 0.6
"""Where the halves of a split spot begin, and how wide they are, in its standard deviations."""

_LEAST_PEAK = 0.02
_BIN = float(EDGES[1] - EDGES[0])


def elements_of(density: Array) -> Elements:
    """Return the elements of a healthy density.

    Parameters
    ----------
    density : ndarray of shape (64, 64), float64
        Positive, sums to one.
    """
    cells = _peaks(gaussian_filter(density, 1.0, mode="nearest"))
    own = Elements(
        np.full(len(cells), _FIRST_WEIGHT / len(cells)),
        _places(cells),
        np.full((len(cells), 2), _FIRST_SD * _BIN),
    ).refined(density, _FIRST_STEPS)
    own = _searched(density, own, richer=True)
    return _searched(density, own, richer=False).refined(density, _STEPS)


def _searched(density: Array, own: Elements, *, richer: bool) -> Elements:
    """Change one spot after the other as long as it is worth it."""
    reached = own.divergence(density)
    while True:
        tried = _richer(density, own) if richer else _simpler(own)
        best = _best(density, tried)
        if best is None:
            return own
        best = best.refined(density, _STEPS)
        found = best.divergence(density)
        worth_it = reached - found > _WORTH if richer else found - reached < _WORTH
        if not worth_it:
            return own
        own, reached = best, found


def _best(density: Array, tried: Iterable[Elements]) -> Elements | None:
    refined = [one.refined(density, _TRIAL_STEPS) for one in tried]
    return min(refined, key=lambda one: one.divergence(density), default=None)


def _richer(density: Array, own: Elements) -> Iterator[Elements]:
    """Split the spots that fit worst along either axis, and add some where clicks are left over."""
    if len(own) >= _MOST:
        return
    left = density - own.density()
    shares = own.responsibilities()[:-1]
    misfit = (shares * np.abs(gaussian_filter(left, _NEW_SDS[0]))).sum(axis=(1, 2))
    for nth in np.argsort(-misfit, kind="stable")[:_N_SPLIT].tolist():
        for axis in (0, 1):
            away, sd = np.zeros(2), own.sd[nth].copy()
            away[axis] = _APART * sd[axis]
            sd[axis] *= _NARROWER
            halves = Elements(
                np.full(2, own.weight[nth] / 2),
                np.stack([own.centre[nth] - away, own.centre[nth] + away]),
                np.stack([sd, sd]),
            )
            yield _joined(_without(own, [nth]), halves)
    rest = Elements(own.weight * (1 - _NEW_WEIGHT), own.centre, own.sd)
    for wide in _NEW_SDS:
        cells = _peaks(gaussian_filter(left, wide))[:_N_ADDED]
        for place in _places(cells):
            sd = np.full((1, 2), 1.5 * wide * _BIN)
            yield _joined(rest, Elements(np.array([_NEW_WEIGHT]), place[None], sd))


def _simpler(own: Elements) -> Iterator[Elements]:
    """Merge the pairs that resemble each other most, and leave out the weakest spots."""
    if len(own) < 2:
        return
    for nth in np.argsort(own.weight, kind="stable")[:_N_DROPPED].tolist():
        yield _without(own, [nth])
    first, second = np.triu_indices(len(own), 1)
    pairs = [
        _merged(own, one, other) for one, other in zip(first.tolist(), second.tolist(), strict=True)
    ]
    cost = np.array([loss for loss, _ in pairs])
    for nth in np.argsort(cost, kind="stable")[:_N_MERGED].tolist():
        yield _joined(_without(own, [int(first[nth]), int(second[nth])]), pairs[nth][1])


def _merged(own: Elements, one: int, other: int) -> tuple[float, Elements]:
    """Return a spot with the moments of two, and a bound of the divergence that it costs.

    A. R. Runnalls, "Kullback-Leibler approach to Gaussian mixture reduction" (2007).
    """
    both = [one, other]
    weight = own.weight[both]
    share = (weight / weight.sum())[:, None]
    centre = (share * own.centre[both]).sum(axis=0)
    variance = (share * (own.sd[both] ** 2 + (own.centre[both] - centre) ** 2)).sum(axis=0)
    wider = np.log(variance) - 2 * np.log(own.sd[both])
    cost = 0.5 * float(weight @ wider.sum(axis=1))
    return cost, Elements(weight.sum(keepdims=True), centre[None], np.sqrt(variance)[None])


def _without(own: Elements, left_out: list[int]) -> Elements:
    kept = np.delete(np.arange(len(own)), left_out)
    return Elements(own.weight[kept], own.centre[kept], own.sd[kept])


def _joined(own: Elements, more: Elements) -> Elements:
    return Elements(
        np.concatenate([own.weight, more.weight]),
        np.concatenate([own.centre, more.centre]),
        np.concatenate([own.sd, more.sd]),
    )


def _places(cells: npt.NDArray[np.int64]) -> Array:
    """Return the centres of bins (row, column), x before y."""
    return np.stack([CENTRES[cells[:, 1]], CENTRES[cells[:, 0]]], axis=1)


def _peaks(density: Array) -> npt.NDArray[np.int64]:
    """Return the bins (row, column) that exceed their neighbours, the highest first."""
    top = (density == maximum_filter(density, 5)) & (density > density.max() * _LEAST_PEAK)
    cells = np.argwhere(top)
    order = np.argsort(-density[cells[:, 0], cells[:, 1]], kind="stable")
    chosen: npt.NDArray[np.int64] = cells[order][:_MOST]
    return chosen
