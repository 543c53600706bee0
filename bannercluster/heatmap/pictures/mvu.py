"""Maximum variance unfolding: points pulled apart as far as the distances to neighbours allow.

Weinberger and Saul (2004, 2006). The distances to near neighbours stay as they are, the sum of all
squared distances becomes as large as it can be. A curved sheet so becomes a flat one, and its first
two coordinates a picture.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt
import scipy.linalg
from threadpoolctl import threadpool_limits

from bannercluster.errors import ConfigError, DataError
from bannercluster.heatmap.pictures.checks import FloatArray, checked_block, signed
from bannercluster.heatmap.pictures.factorised import solve_factorised
from bannercluster.heatmap.pictures.graph import NeighbourGraph, neighbour_graph
from bannercluster.heatmap.pictures.interior import solve_interior
from bannercluster.heatmap.pictures.problem import Solution, Unfolding
from bannercluster.heatmap.pictures.reference import solve_by_cvxpy

Method = Literal["auto", "interior", "factorised", "cvxpy"]

POINT_CAP: Final = 2_000
INTERIOR_EDGE_CAP: Final = 6_000
CVXPY_POINT_CAP: Final = 120
ACCEPTED: Final = 1e-3
"""Relative error of a squared length, and relative gap, up to which a picture is trusted."""


@dataclass(frozen=True)
class UnfoldingConfig:
    """How to unfold.

    Parameters
    ----------
    n_neighbors : int
        Nearest neighbours whose distances are kept. More keep more of the shape; with fewer, more
        can unfold.
    wide : bool
        Keep the distances between the neighbours of a point too.
    method : {"auto", "interior", "factorised", "cvxpy"}
        ``auto`` is the interior point method up to `INTERIOR_EDGE_CAP` edges, else the low-rank
        factor. ``cvxpy`` is the reference, up to `CVXPY_POINT_CAP` points.
    tolerance : float
        At which a method stops: of the relative error of every squared length, and of the gap.
    n_components : int
        Coordinates that are returned.
    max_iterations : int
        Of the interior point method; of rounds of the augmented Lagrangian.
    seed : int
        Of the start of the low-rank factor.
    """

    n_neighbors: int = 4
    wide: bool = False
    method: Method = "auto"
    tolerance: float = 1e-6
    n_components: int = 2
    max_iterations: int = 60
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what cannot be meant.

        Raises
        ------
        ConfigError
        """
        if self.method not in ("auto", "interior", "factorised", "cvxpy"):
            raise ConfigError(
                f"method is {self.method!r}, expected auto, interior, factorised or cvxpy"
            )
        for name in ("n_neighbors", "n_components", "max_iterations"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} is {getattr(self, name)}, expected at least 1")
        if not 0.0 < self.tolerance < 1.0:
            raise ConfigError(f"tolerance is {self.tolerance}, expected between 0 and 1")


@dataclass(frozen=True)
class Unfolded:
    """An unfolding, and how good it is.

    Parameters
    ----------
    coordinates : (n, n_components) float64 array
        Of each row, by falling variance; columns beyond the rank are zero.
    shares : (n_components,) float64 array
        Share of the variance of each coordinate; 0 where all rows are equal.
    objective : float
        Variance times rows: the sum of the squared distances to the mean.
    bound : float
        No unfolding has a larger objective (of the dual); infinite where none was found.
    gap : float
        ``(bound - objective) / bound``, negative by as much as the lengths are too long.
    relative_residual : float
        Norm of the errors of the squared lengths over the norm of the squared lengths.
    worst_residual : float
        Largest relative error of any squared length.
    least_eigenvalue : float
        Of the dual slack matrix, whose other eigenvalues are up to some thousands: 0 at the
        optimum, negative where the multipliers are not feasible (`bound` takes this into account).
    converged : bool
        Whether residual and gap are within `ACCEPTED`.
    method : str
        What solved it: ``interior``, ``factorised``, ``cvxpy``, or ``none`` for equal rows.
    n_iterations : int
        Of the method.
    duration_s : float
    n_points, n_edges, n_bridges, n_neighbors : int
        Distinct points; distances kept; edges among them that connect what the neighbours did not;
        neighbours of each point.
    """

    coordinates: FloatArray
    shares: FloatArray
    objective: float
    bound: float
    gap: float
    relative_residual: float
    worst_residual: float
    least_eigenvalue: float
    converged: bool
    method: str
    n_iterations: int
    duration_s: float
    n_points: int
    n_edges: int
    n_bridges: int
    n_neighbors: int


def unfold(block: npt.ArrayLike, config: UnfoldingConfig | None = None) -> Unfolded:
    """Unfold the rows of a feature block.

    Rows that are equal, or nearly, are one point whose weight is their number, and get the same
    coordinates. Neighbours, and the edges that connect separate groups of points, are those of
    `bannercluster.heatmap.pictures.graph.neighbour_graph`.

    Parameters
    ----------
    block : (n, n_features) array of numbers
        Up to `POINT_CAP` rows.
    config : UnfoldingConfig, optional

    Raises
    ------
    DataError
        If a value is not finite, there are too many rows for the method or no row at all, or the
        distances differ by too many digits.
    EngineError
        If cvxpy is asked for and not installed, or finds nothing.
    """
    config = config or UnfoldingConfig()
    rows = checked_block(block)
    if len(rows) > POINT_CAP:
        raise DataError(
            f"{len(rows):,} rows cannot be unfolded, up to {POINT_CAP:,} can: take a sample"
        )
    started = time.perf_counter()
    # One thread: the bits do not depend on how many there are, and a busy machine does not stall.
    with threadpool_limits(1, "blas"):
        graph = neighbour_graph(rows, config.n_neighbors, wide=config.wide)
        if graph.n_points == 1:
            return _equal_rows(len(rows), graph, config, time.perf_counter() - started)
        problem = Unfolding(graph)
        method, solution = _solved(problem, rows[graph.representatives], config)
        return _judged(problem, solution, method, config, started)


def _solved(
    problem: Unfolding, points: FloatArray, config: UnfoldingConfig
) -> tuple[str, Solution]:
    graph, method = problem.graph, config.method
    if method == "auto":
        method = "interior" if graph.n_edges <= INTERIOR_EDGE_CAP else "factorised"
    if method == "cvxpy":
        if graph.n_points > CVXPY_POINT_CAP:
            raise DataError(
                f"cvxpy unfolds up to {CVXPY_POINT_CAP} points, got {graph.n_points}: take a "
                "sample, or use the method 'auto'"
            )
        return method, solve_by_cvxpy(problem)
    if method == "interior":
        if graph.n_edges > INTERIOR_EDGE_CAP:
            raise DataError(
                f"the interior point method takes up to {INTERIOR_EDGE_CAP:,} edges, got "
                f"{graph.n_edges:,}: use fewer neighbours, or the method 'factorised'"
            )
        return method, solve_interior(
            problem, tolerance=config.tolerance, max_iterations=config.max_iterations
        )
    return method, solve_factorised(
        problem,
        points,
        tolerance=config.tolerance,
        max_iterations=config.max_iterations,
        seed=config.seed,
    )


def _judged(
    problem: Unfolding, solution: Solution, method: str, config: UnfoldingConfig, started: float
) -> Unfolded:
    """Measure a solution by its arrays alone, whatever its solver believes of it."""
    graph, Z = problem.graph, solution.basis_rows
    errors = problem.lengths(Z @ Z.T) - 1.0
    bound, least = problem.bound(solution.multipliers)
    variances = np.square(Z).sum(axis=0)
    objective = float(variances.sum())
    gap = (bound - objective) / bound if np.isfinite(bound) else float("inf")
    worst = float(np.abs(errors).max())
    n_shown = min(config.n_components, Z.shape[1])
    coordinates = np.zeros((graph.n_points, config.n_components))
    coordinates[:, :n_shown] = problem.factor(Z)[:, :n_shown]
    coordinates = coordinates[graph.place]
    shares = np.zeros(config.n_components)
    shares[:n_shown] = variances[:n_shown] / objective
    return Unfolded(
        coordinates=coordinates * signed(coordinates),
        shares=shares,
        objective=objective,
        bound=bound,
        gap=gap,
        relative_residual=float(
            scipy.linalg.norm(errors * graph.sq_dist) / scipy.linalg.norm(graph.sq_dist)
        ),
        worst_residual=worst,
        least_eigenvalue=least,
        converged=worst <= ACCEPTED and abs(gap) <= ACCEPTED,
        method=method,
        n_iterations=solution.n_iterations,
        duration_s=time.perf_counter() - started,
        n_points=graph.n_points,
        n_edges=graph.n_edges,
        n_bridges=graph.n_bridges,
        n_neighbors=graph.n_neighbors,
    )


def _equal_rows(
    n_rows: int, graph: NeighbourGraph, config: UnfoldingConfig, duration_s: float
) -> Unfolded:
    """All rows in one place: nothing to unfold."""
    return Unfolded(
        coordinates=np.zeros((n_rows, config.n_components)),
        shares=np.zeros(config.n_components),
        objective=0.0,
        bound=0.0,
        gap=0.0,
        relative_residual=0.0,
        worst_residual=0.0,
        least_eigenvalue=0.0,
        converged=True,
        method="none",
        n_iterations=0,
        duration_s=duration_s,
        n_points=1,
        n_edges=0,
        n_bridges=0,
        n_neighbors=graph.n_neighbors,
    )
