"""A low-rank factor under an augmented Lagrangian (Burer and Monteiro 2003), for many edges.

``K = Y Y'`` is positive semidefinite by construction, and by Barvinok and Pataki an optimal K has a
rank r with ``r (r + 1) / 2 <= n_edges``, so Y need not have more columns. Each minimisation is
L-BFGS, preconditioned by a Laplacian; along a line the function is a polynomial of degree four,
whose minimum is found exactly. What is found is no proof: that is the bound of its multipliers
(`Unfolding.bound`).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace

import numpy as np
import scipy.linalg
from scipy.sparse import csr_array, csr_matrix, diags_array, eye_array
from scipy.sparse.linalg import SuperLU, splu

from bannercluster.heatmap.pictures.checks import FloatArray
from bannercluster.heatmap.pictures.problem import Solution, Unfolding

_MEMORY = 20
_INNER_ITERATIONS = 1000
_LARGEST_PENALTY = 1024.0  # of the first one: above it the inner problems are too ill-conditioned


@dataclass(frozen=True)
class _Edges:
    """Differences along the edges, each divided by the length that it must have.

    Parameters
    ----------
    difference : (n_edges, n_points) sparse array
    back : (n_points, n_edges) sparse array
        Its transpose.
    weights : (n_points, 1) float64 array
    """

    difference: csr_array
    back: csr_array
    weights: FloatArray

    @classmethod
    def of(cls, problem: Unfolding) -> _Edges:
        g = problem.graph
        scale = 1.0 / np.sqrt(g.sq_dist)
        edges = np.arange(g.n_edges)
        difference = csr_array(
            (
                np.concatenate((scale, -scale)),
                (np.concatenate((edges, edges)), np.concatenate((g.first, g.second))),
            ),
            shape=(g.n_edges, g.n_points),
        )
        return cls(difference, csr_array(difference.T), g.weights[:, None])

    def centred(self, Y: FloatArray) -> FloatArray:
        """Take the weighted mean off each column."""
        centre: FloatArray = (self.weights * Y).sum(axis=0) / self.weights.sum()
        return Y - centre


@dataclass(frozen=True)
class _Lagrangian:
    """``- sum_i w_i |y_i|^2 + z' c + penalty / 2 |c|^2``, c the relative errors of the lengths."""

    edges: _Edges
    z: FloatArray
    penalty: float

    def gradient(self, Y: FloatArray, along: FloatArray, c: FloatArray) -> FloatArray:
        pull = (self.z + self.penalty * c)[:, None] * along
        gradient: FloatArray = 2.0 * (self.edges.back @ pull - self.edges.weights * Y)
        return gradient

    def preconditioner(self) -> SuperLU:
        pull = diags_array(np.maximum(self.z, 0.0) + 0.5 * self.penalty)
        weights = diags_array(self.edges.weights[:, 0])
        # The small multiple of the weights makes it regular; a shift of all points costs nothing.
        matrix = self.edges.back @ pull @ self.edges.difference + 1e-3 * weights
        return splu(csr_matrix(matrix + 0.0 * eye_array(matrix.shape[0])).tocsc())

    def best_step(
        self, Y: FloatArray, D: FloatArray, c: FloatArray, c1: FloatArray, c2: FloatArray
    ) -> float:
        """Step t > 0 that minimises the function at ``Y + t D``; 0 where none goes down."""
        z, p, w = self.z, self.penalty, self.edges.weights
        quartic = np.array([
            p / 2 * (c2 @ c2),
            p * (c1 @ c2),
            z @ c2 + p * (c @ c2) + p / 2 * (c1 @ c1) - float((w * D * D).sum()),
            z @ c1 + p * (c @ c1) - 2.0 * float((w * Y * D).sum()),
            0.0,
        ])  # fmt: skip
        roots = np.roots(np.polyder(quartic))
        steps = roots[np.abs(roots.imag) <= 1e-9 * np.abs(roots) + 1e-14].real
        steps = steps[steps > 0.0]
        if not len(steps):
            return 0.0
        values = np.polyval(quartic, steps)
        return float(steps[values.argmin()]) if values.min() < 0.0 else 0.0


def solve_factorised(
    problem: Unfolding, points: FloatArray, *, tolerance: float, max_iterations: int, seed: int
) -> Solution:
    """Solve by a factor that starts at the points themselves.

    Parameters
    ----------
    problem : Unfolding
    points : (n_points, n_features) float64 array
        The distinct points.
    tolerance : float
        Of the relative gap and of the relative error of every squared length.
    max_iterations : int
        Rounds of the augmented Lagrangian; a round takes up to 1,000 steps of L-BFGS, and a step
        costs about ``4 n_edges r + n_points r`` operations twenty times over.
    seed : int
        Of the small noise that takes the start off the symmetries of the points.

    Returns
    -------
    Solution
        The last iterate, of which residual and gap say how good it is.
    """
    edges = _Edges.of(problem)
    ones = np.ones(problem.graph.n_edges)
    least = float(scipy.linalg.eigvalsh(problem.laplacian(ones), subset_by_index=[0, 0])[0])
    state = _Lagrangian(edges, np.zeros_like(ones), 1.0 / least)
    Y = _start(problem, points, edges, seed)
    worst = 1.0
    n_rounds = 0
    while n_rounds < max_iterations:
        n_rounds += 1
        Y, n_steps = _minimised(state, Y, 1e-3 * min(0.1, worst))
        along = edges.difference @ Y
        c = (along * along).sum(axis=1) - 1.0
        state = replace(state, z=state.z + state.penalty * c)
        before, worst = worst, float(np.abs(c).max())
        if worst <= tolerance:
            bound, _ = problem.bound(state.z)
            if abs(bound - float((edges.weights * Y * Y).sum())) <= tolerance * bound:
                break
        if (
            worst > 0.3 * before
            and n_steps < _INNER_ITERATIONS
            and state.penalty * least < _LARGEST_PENALTY
        ):
            state = replace(state, penalty=2.0 * state.penalty)
    rows = problem.basis_rows(Y)
    axes, sizes, _ = scipy.linalg.svd(rows, full_matrices=False)
    return Solution(axes * sizes, state.z, n_rounds)


def _start(problem: Unfolding, points: FloatArray, edges: _Edges, seed: int) -> FloatArray:
    m, n = problem.graph.n_edges, problem.graph.n_points
    rank = min(n - 1, int((np.sqrt(8.0 * m + 1.0) - 1.0) / 2.0) + 1)
    axes, sizes, _ = scipy.linalg.svd(points - points.mean(axis=0), full_matrices=False)
    Y = np.zeros((n, rank))
    n_kept = min(rank, len(sizes))
    Y[:, :n_kept] = axes[:, :n_kept] * sizes[:n_kept]
    noise = np.random.Generator(np.random.PCG64(seed)).standard_normal(Y.shape)
    return edges.centred(Y + 1e-2 * np.sqrt(np.median(problem.graph.sq_dist)) * noise)


def _minimised(state: _Lagrangian, Y: FloatArray, tolerance: float) -> tuple[FloatArray, int]:
    """Return where L-BFGS ends, and after how many steps.

    It ends where the gradient, in the norm of the preconditioner, is below `tolerance` of Y.
    """
    edges, inverse = state.edges, state.preconditioner()
    along = edges.difference @ Y
    c = (along * along).sum(axis=1) - 1.0
    gradient = state.gradient(Y, along, c)
    size = float(np.sqrt((edges.weights * Y * Y).sum()))
    pairs: deque[tuple[FloatArray, FloatArray, float]] = deque(maxlen=_MEMORY)
    scale = 0.5
    for step in range(_INNER_ITERATIONS):
        if float(np.sqrt(np.vdot(gradient, inverse.solve(gradient)))) <= tolerance * size:
            return Y, step
        D = edges.centred(_two_loops(gradient, pairs, inverse, scale))
        turned = edges.difference @ D
        c1, c2 = 2.0 * (along * turned).sum(axis=1), (turned * turned).sum(axis=1)
        t = state.best_step(Y, D, c, c1, c2)
        if t == 0.0:
            return Y, step  # rounding leaves nothing to gain
        Y, along = Y + t * D, along + t * turned
        c = c + t * c1 + t * t * c2
        after = state.gradient(Y, along, c)
        s, y = t * D, after - gradient
        curvature = float(np.vdot(s, y))
        if curvature > 1e-12 * float(np.linalg.norm(s) * np.linalg.norm(y)):
            pairs.append((s, y, 1.0 / curvature))
            scale = curvature / float(np.vdot(y, inverse.solve(y)))
        gradient = after
    return Y, _INNER_ITERATIONS


def _two_loops(
    gradient: FloatArray,
    pairs: deque[tuple[FloatArray, FloatArray, float]],
    inverse: SuperLU,
    scale: float,
) -> FloatArray:
    """Direction of L-BFGS (Nocedal and Wright 2006, algorithm 7.4)."""
    direction: FloatArray = -gradient
    shares = []
    for s, y, rho in reversed(pairs):
        share = rho * float(np.vdot(s, direction))
        shares.append(share)
        direction = direction - share * y
    direction = scale * inverse.solve(direction)
    for (s, y, rho), share in zip(pairs, reversed(shares), strict=True):
        direction = direction + (share - rho * float(np.vdot(y, direction))) * s
    return direction
