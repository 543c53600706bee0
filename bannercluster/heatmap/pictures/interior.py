"""A primal-dual interior point method that knows that the constraints have rank one.

The direction is that of Helmberg, Rendl, Vanderbei and Wolkowicz (1996), with the predictor and
corrector of Mehrotra. Its linear system has the entries ``tr(A_e X A_f S^-1)``. As the constraint
of an edge is ``A_e = a_e a_e'``, an entry is ``(a_e' X a_f) (a_e' S^-1 a_f)``: the elementwise
product of two Gram matrices. A solver that does not know this works on a cone of n^2 / 2 variables.

Where the dual has no optimum (rigid pieces, as on a swiss roll) the multipliers grow without end,
and rounding stops the method at a gap of up to some thousandths.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.linalg

from bannercluster.errors import DataError
from bannercluster.heatmap.pictures.checks import FloatArray
from bannercluster.heatmap.pictures.problem import Solution, Unfolding

_JITTERS = (0.0, *(10.0**power for power in range(-15, -7)))
_REFINEMENTS = 4
_SHORT_STEP = 0.05  # where both are shorter, what is left is rounding


@dataclass(frozen=True)
class _Point:
    """An iterate: X and S are positive definite, S belongs to z."""

    X: FloatArray
    z: FloatArray
    S: FloatArray

    def merit(self, problem: Unfolding) -> float:
        """Largest of the relative gap and the relative error of any squared length."""
        bound = float(self.z.sum())
        gap = abs(bound - float(np.trace(self.X))) / bound
        return max(gap, float(np.abs(problem.lengths(self.X) - 1.0).max()))


def solve_interior(problem: Unfolding, *, tolerance: float, max_iterations: int) -> Solution:
    """Solve to the optimum.

    Parameters
    ----------
    problem : Unfolding
    tolerance : float
        Of the relative gap and of the relative error of every squared length.
    max_iterations : int
        Each costs some ``n_edges^3 / 3 + 2 n_edges^2 n_points + 50 n_points^3`` operations; 10 to
        20 are usual.

    Returns
    -------
    Solution
        The best iterate: where rounding ends the progress earlier, the caller sees it in the
        residual and the gap.

    Raises
    ------
    DataError
        If the distances differ by too many digits.
    """
    at = _start(problem)
    best, least = at, at.merit(problem)
    n_iterations = 0
    while least > tolerance and n_iterations < max_iterations:
        moved = _moved(problem, at)
        if moved is None:
            break
        at, n_iterations = moved, n_iterations + 1
        merit = at.merit(problem)
        if merit < least:
            best, least = at, merit
    values, axes = scipy.linalg.eigh(best.X)
    rows = axes[:, ::-1] * np.sqrt(np.maximum(values[::-1], 0.0))
    return Solution(rows, best.z, n_iterations)


def _start(problem: Unfolding) -> _Point:
    """Equal multipliers inside the dual, and X in proportion to the inverse of their slack."""
    ones = np.ones(problem.graph.n_edges)
    least = float(scipy.linalg.eigvalsh(problem.laplacian(ones), subset_by_index=[0, 0])[0])
    if not least > 0.0:
        raise _too_far(problem)
    z = ones * (2.0 / least)
    S = problem.slack(z)
    try:
        X = _inverse(scipy.linalg.cho_factor(S, lower=True))
    except np.linalg.LinAlgError as error:
        raise _too_far(problem) from error
    return _Point(X / problem.lengths(X).mean(), z, S)


def _too_far(problem: Unfolding) -> DataError:
    lengths = np.sqrt(problem.graph.sq_dist)
    return DataError(
        f"the distances to keep run from {lengths.min():.3g} to {lengths.max():.3g}, too far apart "
        "for float64: unfold the groups of points that lie far apart one by one"
    )


def _moved(problem: Unfolding, at: _Point) -> _Point | None:
    """Take one step; None where rounding leaves no step to take."""
    try:
        root_S = scipy.linalg.cholesky(at.S, lower=True)
        root_X = scipy.linalg.cholesky(at.X, lower=True)
    except np.linalg.LinAlgError:
        return None
    inverse = _inverse((root_S, True))
    system = problem.products(root_X)
    unit = np.eye(problem.n_basis)
    system *= problem.products(scipy.linalg.solve_triangular(root_S, unit, lower=True).T)
    solver = _Solver.of(system)
    if solver is None:
        return None
    mu = float(np.vdot(at.X, at.S)) / problem.n_basis
    kept = problem.lengths(at.X)

    def direction(target: float, correction: FloatArray) -> tuple[FloatArray, FloatArray]:
        dX = target * inverse - at.X - correction
        dz = np.zeros_like(at.z)
        for _ in range(_REFINEMENTS + 1):
            # What is left of the lengths is measured on dX as it was computed: multipliers may
            # become large and cancel, and their rounding would else stay in X.
            more = solver.solve(kept + problem.lengths(dX) - 1.0)
            dz += more
            update = at.X @ problem.laplacian(more) @ inverse
            dX -= (update + update.T) / 2.0
        return dz, dX

    def step(dz: FloatArray, dX: FloatArray, share: float) -> tuple[float, float]:
        dS = problem.laplacian(dz)
        return min(1.0, share * _reach(root_X, dX)), min(1.0, share * _reach(root_S, dS))

    dz, dX = direction(0.0, np.zeros_like(at.X))
    dS = problem.laplacian(dz)
    to_X, to_S = step(dz, dX, 1.0)
    left = float(np.vdot(at.X + to_X * dX, at.S + to_S * dS)) / problem.n_basis
    centring = float(np.clip(left / mu, 1e-3, 1.0)) ** 2
    second = dX @ dS @ inverse
    dz, dX = direction(centring * mu, (second + second.T) / 2.0)
    to_X, to_S = step(dz, dX, 0.95)
    if min(to_X, to_S) < _SHORT_STEP:  # too near the edge: towards the middle first
        dz, dX = direction(0.5 * mu, np.zeros_like(at.X))
        to_X, to_S = step(dz, dX, 0.95)
    if max(to_X, to_S) < _SHORT_STEP:
        return None
    z = at.z + to_S * dz
    return _Point(at.X + to_X * dX, z, problem.slack(z))


def _inverse(root: tuple[FloatArray, bool]) -> FloatArray:
    inverse: FloatArray = scipy.linalg.cho_solve(root, np.eye(len(root[0])))
    return (inverse + inverse.T) / 2.0


def _reach(root: FloatArray, direction: FloatArray) -> float:
    """Largest t with ``root root' + t direction`` positive semidefinite."""
    half = scipy.linalg.solve_triangular(root, direction, lower=True)
    whole = scipy.linalg.solve_triangular(root, half.T, lower=True)
    least = float(scipy.linalg.eigvalsh((whole + whole.T) / 2.0, subset_by_index=[0, 0])[0])
    return -1.0 / least if least < 0.0 else float("inf")


@dataclass(frozen=True)
class _Solver:
    """A positive definite system, scaled to a diagonal of ones."""

    root: FloatArray
    scale: FloatArray

    @classmethod
    def of(cls, system: FloatArray) -> _Solver | None:
        """Factor it, with the least addition to the diagonal that lets it; None without any."""
        scale = 1.0 / np.sqrt(system.diagonal())
        system *= scale
        system *= scale[:, None]
        for jitter in _JITTERS:
            system[np.diag_indices_from(system)] = 1.0 + jitter
            try:
                return cls(scipy.linalg.cholesky(system, lower=True), scale)
            except np.linalg.LinAlgError:
                continue
        return None

    def solve(self, right: FloatArray) -> FloatArray:
        solved: FloatArray = scipy.linalg.cho_solve((self.root, True), right * self.scale)
        return solved * self.scale
