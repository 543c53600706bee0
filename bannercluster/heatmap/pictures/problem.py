"""The semidefinite program of an unfolding as arrays.

With weights w (rows at each distinct point) and K the Gram matrix of the distinct points::

    maximise   sum_i w_i K_ii
    subject to K positive semidefinite, w' K w = 0,
               (K_ii - 2 K_ij + K_jj) / d_ij^2 = 1   for every edge (i, j)

The constraint ``w' K w = 0`` leaves K no interior. It is taken out by writing
``K = D V X V' D`` with ``D = diag(w)^-1/2`` and the columns of V an orthonormal basis of what is
orthogonal to ``w^1/2``. Then X is any positive semidefinite matrix of ``n - 1`` rows, the objective
is its trace, and the dual is: minimise ``sum_e z_e`` such that ``S = sum_e z_e a_e a_e' - I`` is
positive semidefinite, where ``a_e = V' D (e_i - e_j) / d_ij``. A sum of ``z_e a_e a_e'`` is a
Laplacian with the weights ``z_e / d_ij^2`` (Sun, Boyd, Xiao and Diaconis 2006).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.linalg

from bannercluster.heatmap.pictures.checks import FloatArray
from bannercluster.heatmap.pictures.graph import NeighbourGraph


@dataclass(frozen=True)
class Unfolding:
    """The program of a graph with at least two points.

    Parameters
    ----------
    graph : NeighbourGraph
    """

    graph: NeighbourGraph

    @property
    def n_basis(self) -> int:
        """Rows of X: one less than there are points."""
        return self.graph.n_points - 1

    @cached_property
    def _shrink(self) -> FloatArray:
        return 1.0 / np.sqrt(self.graph.weights)

    @cached_property
    def _inverse_sq(self) -> FloatArray:
        return 1.0 / self.graph.sq_dist

    @cached_property
    def _mirror(self) -> FloatArray:
        """Normal of the reflection that takes ``w^1/2`` to the last axis; V is what is left."""
        normal: FloatArray = np.sqrt(self.graph.weights / self.graph.weights.sum())
        normal[-1] += 1.0
        normal /= np.linalg.norm(normal)
        return normal

    def gram(self, X: FloatArray) -> FloatArray:
        """Return K, (n_points, n_points), of X, (n_basis, n_basis)."""
        u = self._mirror
        K = np.zeros((len(u), len(u)))
        K[:-1, :-1] = X
        K -= 2.0 * np.outer(u, u @ K)
        K -= 2.0 * np.outer(K @ u, u)
        K *= self._shrink
        K *= self._shrink[:, None]
        return K

    def factor(self, basis_rows: FloatArray) -> FloatArray:
        """Return Y with ``K = Y Y'``, (n_points, r), of Z with ``X = Z Z'``, (n_basis, r)."""
        u = self._mirror
        padded = np.vstack((basis_rows, np.zeros((1, basis_rows.shape[1]))))
        return (padded - 2.0 * np.outer(u, u @ padded)) * self._shrink[:, None]

    def basis_rows(self, factor: FloatArray) -> FloatArray:
        """Return Z of Y whose weighted mean is zero: the inverse of `factor`."""
        u = self._mirror
        grown = factor / self._shrink[:, None]
        return (grown - 2.0 * np.outer(u, u @ grown))[:-1]

    def slack(self, multipliers: FloatArray) -> FloatArray:
        """Return S, (n_basis, n_basis), of the multipliers z, (n_edges,)."""
        S = self.laplacian(multipliers)
        S[np.diag_indices_from(S)] -= 1.0
        return S

    def laplacian(self, multipliers: FloatArray) -> FloatArray:
        """Return ``sum_e z_e a_e a_e'``, (n_basis, n_basis)."""
        g, u = self.graph, self._mirror
        edge = multipliers * self._inverse_sq
        L = np.zeros((g.n_points, g.n_points))
        L[g.first, g.second] = L[g.second, g.first] = -edge
        L[np.diag_indices_from(L)] = -L.sum(axis=1)
        L *= self._shrink
        L *= self._shrink[:, None]
        L -= 2.0 * np.outer(u, u @ L)
        L -= 2.0 * np.outer(L @ u, u)
        reduced = L[:-1, :-1]
        return (reduced + reduced.T) / 2.0

    def lengths(self, X: FloatArray) -> FloatArray:
        """Return ``a_e' X a_e``, (n_edges,): the squared length kept, as a share of d^2."""
        g, K = self.graph, self.gram(X)
        level = K.diagonal()
        kept = level[g.first] + level[g.second] - K[g.first, g.second] - K[g.second, g.first]
        return kept * self._inverse_sq

    def products(self, basis_rows: FloatArray) -> FloatArray:
        """Return ``a_e' X a_f``, (n_edges, n_edges), of Z with ``X = Z Z'``.

        Of the factor, because differences of X lose its small eigenvalues to rounding, and the
        result its definiteness.
        """
        g, Y = self.graph, self.factor(basis_rows)
        along = (Y[g.first] - Y[g.second]) * np.sqrt(self._inverse_sq)[:, None]
        products: FloatArray = along @ along.T
        return products

    def bound(self, multipliers: FloatArray) -> tuple[float, float]:
        """Upper bound of the objective that any multipliers give, and how they fail as a dual.

        If ``sum_e z_e a_e a_e'`` has the least eigenvalue ``t > 0`` then ``z / t`` is feasible in
        the dual, so that no unfolding has a larger objective than ``sum_e z_e / t``.

        Returns
        -------
        bound : float
            Infinite where the least eigenvalue is not positive.
        least_eigenvalue : float
            ``t - 1``, that of the slack matrix S: 0 at the optimum, negative where z is outside.
        """
        least = float(scipy.linalg.eigvalsh(self.laplacian(multipliers), subset_by_index=[0, 0])[0])
        bound = float(multipliers.sum()) / least if least > 0.0 else float("inf")
        return bound, least - 1.0


@dataclass(frozen=True)
class Solution:
    """What a solver returns.

    Parameters
    ----------
    basis_rows : (n_basis, r) float64 array
        Z with ``X = Z Z'``.
    multipliers : (n_edges,) float64 array
        z.
    n_iterations : int
    """

    basis_rows: FloatArray
    multipliers: FloatArray
    n_iterations: int
