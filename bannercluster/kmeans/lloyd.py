"""Lloyd's iterations of all runs of a sweep as one program.

Semantics are scikit-learn's (``algorithm="lloyd"``): a run stops when no label changes, or when
the squared shift of its centres, summed, is at most ``tol`` times the mean variance of the
features; else after ``max_iter`` updates; the inertia is that of the final centres. An empty
cluster takes the row that lies farthest from its own centre. Runs that have stopped leave the
stack.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from bannercluster.kernels.stack import Stack
from bannercluster.kernels.sums import ClusterSums
from bannercluster.kmeans.products import Products
from bannercluster.traverse.reducers import FarRows, Farthest, MovedSums
from bannercluster.traverse.walk import Assignment, Pass, Program


@dataclass
class Run:
    """One k-means run.

    Parameters
    ----------
    index : int
        Place in the sweep.
    k, restart : int
    centres : (k, n_features) float64 array
    n_iter : int
        Updates of the centres so far.
    stopped : bool
    converged : bool
        Stopped because no label changed, or the shift was within the tolerance.
    sums, counts : arrays or None
        Sums (k, n_features) and counts (k,) of the last labels; exact.
    settled : bool
        Whether ``sums`` and ``counts`` belong to the labels of ``centres``.
    """

    index: int
    k: int
    restart: int
    centres: np.ndarray
    n_iter: int = 0
    stopped: bool = False
    converged: bool = False
    sums: np.ndarray | None = None
    counts: np.ndarray | None = None
    settled: bool = False

    def inertia(self, sum_sq: float) -> float:
        """Sum of squared distances to the own centre, from the exact sums of a settled run.

        ``sum |x|^2 - 2 sum_c <c, S_c> + sum_c n_c |c|^2``, summed without rounding.
        """
        if self.sums is None or self.counts is None:
            return math.nan
        cross = -2.0 * self.centres * self.sums
        own = self.counts[:, None] * np.square(self.centres)
        return max(math.fsum([sum_sq, *cross.ravel().tolist(), *own.ravel().tolist()]), 0.0)


@dataclass
class Lloyd:
    """The program.

    Parameters
    ----------
    runs : sequence of Run
        With their first centres, or as a checkpoint left them. Changed in place.
    products : Products
        How the rows may be prepared; chooses for each pass.
    grid : float
        Grid of the exact sums.
    max_iter : int
    tolerance : float
        Largest squared shift, summed over centres and features, that counts as converged.
    spherical : bool
        Keep the centres on the unit sphere.
    on_iteration : callable, optional
        Called after each update with the runs: the place for a checkpoint.
    """

    runs: Sequence[Run]
    products: Products
    grid: float
    max_iter: int
    tolerance: float
    spherical: bool = False
    on_iteration: Callable[[Sequence[Run]], None] | None = None
    _before: dict[int, np.ndarray] = field(default_factory=dict, init=False)
    _step: int = field(default=0, init=False)

    def program(self) -> Program[None]:
        """Yield passes until every run has stopped and is settled.

        A run that has stopped stays for one more pass: its last centres get their labels.
        """
        while active := [run for run in self.runs if not run.settled]:
            before = yield from self._assign(active)
            moving = [run for run in active if not run.stopped]
            empty = [run for run in moving if run.counts is not None and (run.counts == 0).any()]
            moved = (yield from self._relocate(empty)) if empty else {}
            for run, old in zip(active, before, strict=True):
                if run.stopped:
                    run.settled = True
                else:
                    self._update(run, old, moved.get(run.index))
            if moving and self.on_iteration is not None:
                self.on_iteration(self.runs)

    def _assign(self, active: list[Run]) -> Program[list[tuple[np.ndarray, np.ndarray] | None]]:
        """Assign all rows to the centres of the active runs; bring their sums up to date."""
        ids = tuple(run.index for run in active)
        centres = [run.centres for run in active]
        recipe = self.products.choose(centres)
        stack = Stack.of(centres, recipe)
        basis = None
        if set(ids) <= self._before.keys():
            basis = Stack.of([self._before[index] for index in ids], recipe)
        self._step += 1
        change: ClusterSums
        (change,) = yield Pass(
            f"lloyd {self._step}",
            recipe,
            (MovedSums(stack, self.grid),),
            Assignment(stack, ids, self._step, basis, self._step - 1),
            keep_rows=self.products.settled,
        )
        before: list[tuple[np.ndarray, np.ndarray] | None] = []
        for position, run in enumerate(active):
            own = slice(stack.starts[position], stack.starts[position + 1])
            sums, counts = change.sums[own], change.counts[own]
            known = None if run.sums is None or run.counts is None else (run.sums, run.counts)
            before.append(known)
            # Without a basis (first pass, or resumed) the change is the whole.
            if basis is not None and known is not None:
                sums, counts = known[0] + sums, known[1] + counts
            run.sums, run.counts = sums, counts
        self._before = dict(zip(ids, centres, strict=True))
        return before

    def _relocate(self, empty: list[Run]) -> Program[dict[int, tuple[np.ndarray, np.ndarray]]]:
        """Give every empty cluster the farthest row; return sums and counts with it moved."""
        recipe = self.products.full
        stack = Stack.of([run.centres for run in empty], recipe)
        most = max(int((run.counts == 0).sum()) for run in empty if run.counts is not None)
        far: FarRows
        (far,) = yield Pass(
            "empty clusters",
            recipe,
            (Farthest(stack, most),),
            Assignment(stack),
            keep_rows=False,
        )
        moved = {}
        for run, rows in zip(empty, far.rows, strict=True):
            if run.sums is None or run.counts is None:
                continue
            sums, counts = run.sums.copy(), run.counts.copy()
            vacant = np.flatnonzero(run.counts == 0)
            for cluster, (_, _, label, values) in zip(vacant, rows, strict=False):
                on_grid = np.rint(values * self.grid) / self.grid
                sums[cluster], counts[cluster] = on_grid, 1
                sums[label] -= on_grid
                counts[label] -= 1
            moved[run.index] = (sums, counts)
        return moved

    def _update(
        self,
        run: Run,
        before: tuple[np.ndarray, np.ndarray] | None,
        moved: tuple[np.ndarray, np.ndarray] | None,
    ) -> None:
        if run.sums is None or run.counts is None:
            return
        sums, counts = moved if moved is not None else (run.sums, run.counts)
        centres = _means(sums, counts, run.centres, self.spherical)
        run.n_iter += 1
        unchanged = (
            before is not None
            and np.array_equal(before[1], run.counts)
            and np.array_equal(before[0], run.sums)
        )
        shift = float(np.square(centres - run.centres).sum())
        if unchanged:
            # The sums are those of the labels before, so the centres are where they were.
            run.stopped = run.converged = run.settled = True
            return
        run.centres = centres
        run.converged = shift <= self.tolerance
        run.stopped = run.converged or run.n_iter >= self.max_iter


def _means(sums: np.ndarray, counts: np.ndarray, old: np.ndarray, spherical: bool) -> np.ndarray:
    """Centres of the sums; a cluster without rows keeps its old centre."""
    size = np.sqrt(np.square(sums).sum(axis=1)) if spherical else counts.astype(np.float64)
    usable = (counts > 0) & (size > 0)
    return np.where(usable[:, None], sums / np.where(usable, size, 1.0)[:, None], old)
