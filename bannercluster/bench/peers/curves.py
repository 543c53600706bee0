"""Anytime curves: how far the best centres so far are from the final best, against wall time.

The *excess* at a time is the mean over k of ``best_k / final_k - 1``: ``best_k`` is the lowest
inertia that any restart of k has reached by then, ``final_k`` the peer's lowest inertia of k after
all its restarts. Both have all restarts to do: ours does them together, the peer one after the
other, restart by restart and within a restart k by k, so that it has something for every k early.

The peer tells only how long a restart took. Its iterations are spread evenly over that time, with
one more at the end for the labels, and the centres that it passed are taken to be those that our
sweep passed from the same first centres; that the last ones have the same inertia is checked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bannercluster.bench.peers.timings import Spread

THRESHOLD = 1e-3
"""The excess up to which time is compared: 0.1 % above the peer's final best."""


@dataclass(frozen=True)
class Curve:
    """An anytime curve: at ``seconds[i]`` the excess falls to ``excess[i]``."""

    seconds: tuple[float, ...]
    excess: tuple[float, ...]

    def reaches(self, threshold: float) -> float | None:
        """Return when the excess is at most the threshold, or None if never."""
        for at, excess in zip(self.seconds, self.excess, strict=True):
            if excess <= threshold:
                return at
        return None


@dataclass(frozen=True)
class CurveResult:
    """The curves of ours and of a peer.

    Parameters
    ----------
    peer : str
    n_rows : int
    threshold : float
    ours, theirs : Curve
        Theirs with the restarts in the order 0, 1, 2 ...
    ours_s : float or None
        When ours is within the threshold.
    theirs_s : Spread or None
        When the peer is, over all rotations of the order of its restarts: which restart comes
        first is luck. None if one of them never is.
    ratio : Spread or None
        Of the two.
    final_inertia_differs : float
        Largest relative difference of a restart's last inertia between ours and the peer: the
        check that both went the same way.
    race, race_s, race_ratio
        As ours, for ``--search race`` from the same first centres.
    """

    peer: str
    n_rows: int
    threshold: float
    ours: Curve
    theirs: Curve
    ours_s: float | None
    theirs_s: Spread | None
    ratio: Spread | None
    final_inertia_differs: float
    race: Curve | None = None
    race_s: float | None = None
    race_ratio: Spread | None = None


@dataclass(frozen=True)
class Led:
    """Who led a race.

    Parameters
    ----------
    ks : tuple of int
    seconds : tuple of float
        Since the start of the sweep, after each update.
    inertia : (n_steps, n_ks) float64 array
        On all rows, of the centres that led on theirs.
    """

    ks: tuple[int, ...]
    seconds: tuple[float, ...]
    inertia: np.ndarray


@dataclass(frozen=True)
class Path:
    """What the runs passed.

    Parameters
    ----------
    runs : tuple of (k, restart)
    inertia : (n_steps + 1, n_runs) float64 array
        Of the first centres, and after each update.
    """

    runs: tuple[tuple[int, int], ...]
    inertia: np.ndarray

    @property
    def ks(self) -> tuple[int, ...]:
        """Every k, once."""
        return tuple(dict.fromkeys(k for k, _ in self.runs))


def compare(
    peer: str,
    n_rows: int,
    path: Path,
    ours_s: Sequence[float],
    theirs_s: Sequence[float],
    theirs_iterations: Sequence[int],
    theirs_inertia: Sequence[float],
    led: Led | None = None,
) -> CurveResult:
    """Build both curves.

    Parameters
    ----------
    peer : str
    n_rows : int
    path : Path
    ours_s : sequence of float
        Seconds since the start of our sweep, after each update of all runs.
    theirs_s, theirs_iterations, theirs_inertia : sequences, one value a run
        How long the peer took for it, in how many iterations, and where it ended.
    led : Led, optional
        Our race over the same runs.
    """
    final = {
        k: min(value for (own, _), value in zip(path.runs, theirs_inertia, strict=True) if own == k)
        for k in path.ks
    }
    ours = _together(path, final, ours_s)
    restarts = sorted({restart for _, restart in path.runs})
    rotations = [
        _one_after_another(
            path, final, theirs_s, theirs_iterations, restarts[first:] + restarts[:first]
        )
        for first in range(len(restarts))
    ]
    reached = [curve.reaches(THRESHOLD) for curve in rotations]
    whole = [at for at in reached if at is not None]
    own = ours.reaches(THRESHOLD)
    all_reach = len(whole) == len(reached)
    race = None if led is None else _race(led, final)
    raced = None if race is None else race.reaches(THRESHOLD)
    return CurveResult(
        peer,
        n_rows,
        THRESHOLD,
        ours,
        rotations[0],
        own,
        Spread.of(whole) if all_reach else None,
        Spread.of([at / own for at in whole]) if all_reach and own else None,
        float(np.max(np.abs(np.asarray(theirs_inertia) / path.inertia[-1] - 1.0))),
        race,
        raced,
        Spread.of([at / raced for at in whole]) if all_reach and raced else None,
    )


def _race(led: Led, final: dict[int, float]) -> Curve:
    """Return the curve of the centres that led: the lowest inertia of each k so far."""
    lowest = np.minimum.accumulate(led.inertia, axis=0)
    parts = lowest / np.array([final[k] for k in led.ks])
    return Curve(led.seconds, tuple((parts.mean(axis=1) - 1.0).tolist()))


def _together(path: Path, final: dict[int, float], seconds: Sequence[float]) -> Curve:
    """Return the curve of all runs making each update at the same time."""
    lowest = np.minimum.accumulate(path.inertia, axis=0)[1:]
    parts = [lowest[:, [run[0] == k for run in path.runs]].min(axis=1) / final[k] for k in path.ks]
    return Curve(tuple(seconds), tuple((np.mean(parts, axis=0) - 1.0).tolist()))


def _one_after_another(
    path: Path,
    final: dict[int, float],
    seconds: Sequence[float],
    iterations: Sequence[int],
    order: Sequence[int],
) -> Curve:
    """Return the curve of the runs done in the order of these restarts."""
    first = {run: path.inertia[0, place] for place, run in enumerate(path.runs)}
    best = {k: float(first[k, order[0]]) for k in path.ks}
    at, times, excess = 0.0, [], []
    for restart in order:
        for k in path.ks:
            place = path.runs.index((k, restart))
            n_iter, last = iterations[place], len(path.inertia) - 1
            for update in range(1, n_iter + 1):
                value = float(path.inertia[min(update, last), place])
                if value < best[k]:
                    best[k] = value
                    times.append(at + seconds[place] * update / (n_iter + 1))
                    excess.append(float(np.mean([best[own] / final[own] for own in path.ks])) - 1.0)
            at += seconds[place]
    return Curve(tuple(times), tuple(excess))
