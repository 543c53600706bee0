"""The most probable domain of a heatmap by Fisher's scoring, compiled.

The parameters and the law that they have are those of ``DomainModel``. Arrays are run through by
loops: expressions of whole arrays take several times as long to compile.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from bannercluster.heatmap.statistics.axes import FARTHEST

Array = npt.NDArray[np.float64]

_MOST_STEPS = 8
_CONVERGED = 0.05
"""A step that promises less, in nats, is not taken."""

_SHORTEST = 0.1
"""Shares of a step below this are not tried."""

_LEAST_PROBABILITY = 1e-9
_ROOT_HALF, _HEIGHT = math.sqrt(0.5), 1 / math.sqrt(2 * math.pi)
_ROWS = 4
"""Rows of bins whose slopes are made and used at once: they stay in the first cache."""


class Shape(NamedTuple):
    """What densities of domains are made of, see ``DomainModel``.

    Parameters
    ----------
    weight : ndarray of shape (K + 1,), float64
        Of the spots, then of the background.
    centre, sd : ndarray of shape (K, 2), float64
    widths : ndarray of shape (n_halves,), float64
        Of the parts of a spot, in its standard deviations.
    ratio, slot : ndarray of shape (n_bins, n_bins), float64
        Factor of each bin, and the background's probabilities.
    edges : ndarray of shape (n_bins + 1,), float64
        Of the bins of an axis.
    prior_sd : ndarray of shape (4 K + 3,), float64
    """

    weight: Array
    centre: Array
    sd: Array
    widths: Array
    ratio: Array
    slot: Array
    edges: Array
    prior_sd: Array


@njit(nogil=True, cache=True)
def write_modes(shape, counts, thetas, densities):  # type: ignore[no-untyped-def]
    """Write the posterior modes of the parameters of some heatmaps, and their densities.

    Parameters
    ----------
    shape : Shape
    counts : ndarray of shape (n, n_bins, n_bins), float64
    thetas : ndarray of shape (n, 4 K + 3), float64
    densities : ndarray of shape (n, n_bins, n_bins), float64
    """
    n_parameters = len(shape.prior_sd)
    step, tried = np.empty(n_parameters), np.empty(n_parameters)
    there = np.empty_like(shape.ratio)
    axes, reach = _axes_of(shape)
    for nth in range(len(counts)):
        seen, theta, density = counts[nth], thetas[nth], densities[nth]
        for own in range(n_parameters):
            theta[own] = 0.0
        total = write_density(shape, theta, axes, reach, density)
        value = _log_posterior(shape, theta, seen, density)
        for _ in range(_MOST_STEPS):
            information, gradient = _curvature(shape, theta, axes, reach, density, total, seen)
            _solve(information, gradient, step)
            promised = 0.0
            for own in range(n_parameters):
                promised += gradient[own] * step[own]
            if promised < 2 * _CONVERGED:
                break
            length, better = 1.0, False
            while length > _SHORTEST and not better:
                for own in range(n_parameters):
                    tried[own] = theta[own] + length * step[own]
                total = write_density(shape, tried, axes, reach, there)
                found = _log_posterior(shape, tried, seen, there)
                better = found > value
                length /= 2
            if not better:
                break
            value = found
            for own in range(n_parameters):
                theta[own] = tried[own]
            for row in range(len(there)):
                for column in range(len(there)):
                    density[row, column] = there[row, column]


@njit(nogil=True, cache=True)
def _solve(matrix, right, out):  # type: ignore[no-untyped-def]
    """Write the solution of a positive definite system, by Cholesky: the matrix is overwritten."""
    n = len(right)
    for row in range(n):
        for column in range(row + 1):
            left = matrix[row, column]
            for before in range(column):
                left -= matrix[row, before] * matrix[column, before]
            matrix[row, column] = (
                math.sqrt(left) if row == column else left / matrix[column, column]
            )
    for row in range(n):
        out[row] = right[row]
        for before in range(row):
            out[row] -= matrix[row, before] * out[before]
        out[row] /= matrix[row, row]
    for row in range(n - 1, -1, -1):
        for after in range(row + 1, n):
            out[row] -= matrix[after, row] * out[after]
        out[row] /= matrix[row, row]


@njit(nogil=True, cache=True)
def information_at(shape, theta, n_clicks):  # type: ignore[no-untyped-def]
    """Return Fisher's information of so many clicks and the prior, (4 K + 3, 4 K + 3)."""
    axes, reach = _axes_of(shape)
    density = np.empty_like(shape.ratio)
    total = write_density(shape, theta, axes, reach, density)
    return _curvature(shape, theta, axes, reach, density, total, n_clicks * density)[0]


@njit(nogil=True, cache=True)
def density_at(shape, theta):  # type: ignore[no-untyped-def]
    """Return the probabilities of the bins at parameters, shape (n_bins, n_bins)."""
    axes, reach = _axes_of(shape)
    density = np.empty_like(shape.ratio)
    write_density(shape, theta, axes, reach, density)
    return density


@njit(nogil=True, cache=True)
def _axes_of(shape):  # type: ignore[no-untyped-def]
    """Return room for the axes: (K, 2, n_halves, 3, n_bins), and the bins they reach, (2, K, 2)."""
    k, n_bins = len(shape.centre), len(shape.slot)
    axes = np.empty((k, 2, len(shape.widths), 3, n_bins))
    return axes, np.empty((2, k, 2), np.int64)


@njit(nogil=True, cache=True)
def write_density(shape, theta, axes, reach, density):  # type: ignore[no-untyped-def]
    """Write the axes and the density at parameters; return the sum that it was divided by."""
    k, n_halves, n_bins = len(shape.centre), len(shape.widths), len(shape.slot)
    _write_axes(shape, theta, axes, reach)
    background = shape.weight[k] * _weighting(theta[k])
    for row in range(n_bins):
        for column in range(n_bins):
            density[row, column] = background * shape.slot[row, column]
    for nth in range(k):
        share = shape.weight[nth] * _weighting(theta[nth]) / n_halves
        left, right = reach[0, nth]
        for half in range(n_halves):
            across, along = axes[nth, 0, half, 0, left:right], axes[nth, 1, half, 0]
            for row in range(reach[1, nth, 0], reach[1, nth, 1]):
                _add(share * along[row], across, density[row, left:right])
    total = 0.0
    for row in range(n_bins):
        for column in range(n_bins):
            density[row, column] *= shape.ratio[row, column]
            density[row, column] += _LEAST_PROBABILITY
            total += density[row, column]
    for row in range(n_bins):
        for column in range(n_bins):
            density[row, column] /= total
    return total


@njit(nogil=True, cache=True, fastmath={"contract"})
def _add(factor, row, out):  # type: ignore[no-untyped-def]
    for column in range(len(row)):
        out[column] += factor * row[column]


@njit(nogil=True, cache=True)
def _weighting(theta):  # type: ignore[no-untyped-def]
    return math.exp(min(max(theta, -9.0), 9.0))


@njit(nogil=True, cache=True)
def _write_axes(shape, theta, axes, reach):  # type: ignore[no-untyped-def]
    k, n_halves, n_bins = len(shape.centre), len(shape.widths), len(shape.slot)
    for nth in range(k):
        widening = math.exp(min(max(theta[3 * k + 3 + nth], -3.0), 3.0))
        for axis in range(2):
            mean = shape.centre[nth, axis] + theta[k + 1 + axis] + theta[k + 3 + axis * k + nth]
            reach[axis, nth, 0], reach[axis, nth, 1] = n_bins, 0
            for half in range(n_halves):
                sd = shape.widths[half] * shape.sd[nth, axis] * widening
                low, high = _write_normal(mean, sd, shape.edges, axes[nth, axis, half])
                reach[axis, nth, 0] = min(reach[axis, nth, 0], low)
                reach[axis, nth, 1] = max(reach[axis, nth, 1], high)


@njit(nogil=True, cache=True)
def _write_normal(mean, sd, edges, out):  # type: ignore[no-untyped-def]
    """Write the masses of a normal law in the bins, their slopes in mean and in log sd.

    Returns
    -------
    low, high : int
        The bins that it reaches; the rest are zero.
    """
    n_bins = len(edges) - 1
    low, high = n_bins, 0
    for one in range(n_bins):
        out[0, one] = out[1, one] = out[2, one] = 0.0
    before, height_before, tilt_before = 0.0, 0.0, 0.0
    for one in range(n_bins):
        z = (edges[one + 1] - mean) / sd
        if one == n_bins - 1 or z > FARTHEST:
            below, height, tilt = 1.0, 0.0, 0.0
        elif z < -FARTHEST:
            continue
        else:
            below = 0.5 * math.erfc(-z * _ROOT_HALF)
            height = _HEIGHT * math.exp(-0.5 * z * z)
            tilt = height * z
        out[0, one] = below - before
        out[1, one] = (height_before - height) / sd
        out[2, one] = tilt_before - tilt
        low, high = min(low, one), one + 1
        if below == 1.0:
            break
        before, height_before, tilt_before = below, height, tilt
    return low, high


@njit(nogil=True, cache=True)
def _log_posterior(shape, theta, seen, density):  # type: ignore[no-untyped-def]
    """Return the log posterior density of parameters but for a constant."""
    value = 0.0
    for parameter in range(len(theta)):
        value -= 0.5 * (theta[parameter] / shape.prior_sd[parameter]) ** 2
    for row in range(seen.shape[0]):
        for column in range(seen.shape[1]):
            if seen[row, column]:
                value += seen[row, column] * math.log(density[row, column])
    return value


@njit(nogil=True, cache=True)
def _curvature(shape, theta, axes, reach, density, total, seen):  # type: ignore[no-untyped-def]
    """Return Fisher's information and the gradient of the log posterior density.

    The slopes are made for a few rows of bins at once, divided by the root of the probabilities
    and multiplied with one another while they are at hand. That probabilities sum to one is taken
    off afterwards.
    """
    k, n_bins = len(shape.centre), len(shape.slot)
    n_clicks = seen.sum()
    narrow = axes.astype(np.float32)
    # Slopes of four parameters a spot, and the background's with zeros beside it.
    slopes = np.zeros((k + 1, 4, _ROWS * n_bins), np.float32)
    scale, clicks, root = np.empty((3, _ROWS * n_bins), np.float32)
    active = np.empty(k + 1, np.int64)
    products = np.zeros((k + 1, k + 1, 4, 4))
    along, mass = np.zeros((2, k + 1, 4))
    background = shape.weight[k] * _weighting(theta[k])
    for top in range(0, n_bins, _ROWS):
        for row in range(_ROWS):
            for column in range(n_bins):
                here, cell = math.sqrt(density[top + row, column]), row * n_bins + column
                root[cell] = here
                scale[cell] = shape.ratio[top + row, column] / (total * here)
                clicks[cell] = seen[top + row, column] / here
                slopes[k, 0, cell] = background * shape.slot[top + row, column] * scale[cell]
        n_active = 0
        for nth in range(k):
            if reach[1, nth, 0] < top + _ROWS and reach[1, nth, 1] > top:
                share = shape.weight[nth] * _weighting(theta[nth])
                _write_slopes(narrow[nth], share, top, scale, slopes[nth])
                active[n_active] = nth
                n_active += 1
        active[n_active] = k
        for first in range(n_active + 1):
            i = active[first]
            for own in range(4):
                along[i, own] += _dot(slopes[i, own], clicks)
                mass[i, own] += _dot(slopes[i, own], root)
            for second in range(first + 1):
                j = active[second]
                _add_products(slopes[i], slopes[j], products[i, j])
    return _in_order(shape, theta, products, along, mass, n_clicks)


@njit(nogil=True, cache=True, fastmath={"contract", "reassoc"})
def _dot(one, other):  # type: ignore[no-untyped-def]
    total = np.float32(0.0)
    for cell in range(len(one)):
        total += one[cell] * other[cell]
    return np.float64(total)


@njit(nogil=True, cache=True, fastmath={"contract", "reassoc"})
def _add_products(one, other, out):  # type: ignore[no-untyped-def]
    """Add the products of four rows with four others: each is read once for four of them."""
    for i in range(0, 4, 2):
        first, second = one[i], one[i + 1]
        a, b, c, d = other[0], other[1], other[2], other[3]
        ia = ib = ic = id_ = ja = jb = jc = jd = np.float32(0.0)
        for cell in range(len(first)):
            x, y = first[cell], second[cell]
            ia += x * a[cell]
            ib += x * b[cell]
            ic += x * c[cell]
            id_ += x * d[cell]
            ja += y * a[cell]
            jb += y * b[cell]
            jc += y * c[cell]
            jd += y * d[cell]
        out[i, 0] += ia
        out[i, 1] += ib
        out[i, 2] += ic
        out[i, 3] += id_
        out[i + 1, 0] += ja
        out[i + 1, 1] += jb
        out[i + 1, 2] += jc
        out[i + 1, 3] += jd


@njit(nogil=True, cache=True, fastmath={"contract", "reassoc"})
def _write_slopes(axes, share, top, scale, out):  # type: ignore[no-untyped-def]
    """Write the slopes of a spot in its log weight, its centre (x, y) and its log width."""
    _, n_halves, _, n_bins = axes.shape
    half_share = np.float32(share / n_halves)
    for own in range(4):
        for cell in range(out.shape[1]):
            out[own, cell] = 0.0
    for half in range(n_halves):
        x, y = axes[0, half], axes[1, half]
        for row in range(_ROWS):
            here, low, high = top + row, row * n_bins, (row + 1) * n_bins
            _add(y[0, here], x[0], out[0, low:high])
            _add(y[0, here], x[1], out[1, low:high])
            _add(y[1, here], x[0], out[2, low:high])
            _add(y[0, here], x[2], out[3, low:high])
            _add(y[2, here], x[0], out[3, low:high])
    for own in range(4):
        _scale(half_share, scale, out[own])


@njit(nogil=True, cache=True)
def _scale(factor, row, out):  # type: ignore[no-untyped-def]
    for cell in range(len(row)):
        out[cell] *= factor * row[cell]


@njit(nogil=True, cache=True)
def _in_order(shape, theta, products, along, mass, n_clicks):  # type: ignore[no-untyped-def]
    """Return information and gradient in the order of the parameters, prior included.

    Spot by spot they were the weight, the place and the width, with the background last; a common
    shift moves all spots.
    """
    k = len(shape.centre)
    into = np.full((k + 1, 4, 2), -1)
    into[k, 0, 0] = k
    for nth in range(k):
        into[nth, 0, 0] = nth
        into[nth, 1, 0], into[nth, 1, 1] = k + 1, k + 3 + nth
        into[nth, 2, 0], into[nth, 2, 1] = k + 2, 2 * k + 3 + nth
        into[nth, 3, 0] = 3 * k + 3 + nth
    information = np.zeros((4 * k + 3, 4 * k + 3))
    gradient = np.zeros(4 * k + 3)
    for i in range(k + 1):
        for own in range(4):
            for to in into[i, own]:
                if to < 0:
                    continue
                gradient[to] += along[i, own] - n_clicks * mass[i, own]
                for j in range(k + 1):
                    for other in range(4):
                        product = (
                            products[i, j, own, other] if j <= i else products[j, i, other, own]
                        )
                        value = n_clicks * (product - mass[i, own] * mass[j, other])
                        for beside in into[j, other]:
                            if beside >= 0:
                                information[to, beside] += value
    for parameter in range(4 * k + 3):
        precision = shape.prior_sd[parameter] ** -2.0
        information[parameter, parameter] += precision
        gradient[parameter] -= precision * theta[parameter]
    return information, gradient
