"""The unfolding as its paper writes it, given to cvxpy: slow, and made by others."""

from __future__ import annotations

import importlib
import warnings
from typing import Any

import numpy as np
import scipy.linalg

from bannercluster.errors import EngineError
from bannercluster.heatmap.pictures.checks import FloatArray
from bannercluster.heatmap.pictures.problem import Solution, Unfolding


def solve_by_cvxpy(problem: Unfolding) -> Solution:
    """Solve by cvxpy and Clarabel.

    Parameters
    ----------
    problem : Unfolding
        Of up to about 80 points: the cone has ``n_points^2 / 2`` variables, and the time of a step
        grows with its third power.

    Raises
    ------
    EngineError
        If cvxpy is not installed, or finds no solution.
    """
    try:
        cp: Any = importlib.import_module("cvxpy")
    except ModuleNotFoundError as error:
        raise EngineError(
            "the method 'cvxpy' needs the package cvxpy, which is not installed: install it "
            "(pip install 'bannercluster[heatmap]'), or use the method 'interior', which needs "
            "nothing and is as exact"
        ) from error
    g = problem.graph
    unit = float(g.sq_dist.mean())
    K = cp.Variable((g.n_points, g.n_points), PSD=True)
    level = cp.diag(K)
    edges = level[g.first] + level[g.second] - 2 * K[g.first, g.second] == g.sq_dist / unit
    centred = cp.sum(cp.multiply(np.outer(g.weights, g.weights), K)) == 0
    task = cp.Problem(cp.Maximize(g.weights @ level), [edges, centred])
    try:
        # It solves the statement of the paper, whose K has no interior: cvxpy then warns of an
        # inaccurate solution, and residual and gap are measured here anyway.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            task.solve(solver=cp.CLARABEL)
    except cp.SolverError as error:
        raise EngineError(
            f"cvxpy found no unfolding of {g.n_points} points and {g.n_edges} edges ({error}): "
            "use the method 'interior'"
        ) from error
    if K.value is None or edges.dual_value is None:
        raise EngineError(
            f"cvxpy found no unfolding of {g.n_points} points and {g.n_edges} edges (status "
            f"{task.status}): use the method 'interior'"
        )
    gram = np.asarray(K.value) * unit
    values, axes = scipy.linalg.eigh((gram + gram.T) / 2.0)
    factor = axes[:, ::-1] * np.sqrt(np.maximum(values[::-1], 0.0))
    factor -= g.weights @ factor / g.weights.sum()
    rows = problem.basis_rows(factor)
    axes, sizes, _ = scipy.linalg.svd(rows, full_matrices=False)
    multipliers = np.asarray(edges.dual_value, dtype=np.float64) * g.sq_dist
    n_iterations = int(task.solver_stats.num_iters)
    return Solution(axes * sizes, _towards_bound(multipliers), n_iterations)


def _towards_bound(multipliers: FloatArray) -> FloatArray:
    """Multipliers with the sign of this package: their sum is the bound, above 0."""
    return multipliers if multipliers.sum() > 0.0 else -multipliers
