"""The compiled loops of a step of EM: numpy would make several (n, k) temporaries of each."""

from __future__ import annotations

import numpy as np
from numba import njit

_NEGLIGIBLE = 40.0  # below the largest term by e^-40, a term is lost in float64's rounding
_REACH = 5.0  # standard deviations beyond the edge that still hold clicks (3e-7 lie farther)


@njit(nogil=True, cache=True)
def add_points(  # type: ignore[no-untyped-def]
    xy, weights, constants, means, precisions, noise, sums
):
    """Add what each component has of the points to its sums; return the log likelihood.

    Parameters
    ----------
    xy : (n, 2) float64
    weights : (n,) float64
    constants : (k,) float64
        Log of the share and of the normalisation of each component.
    means : (k, 2) float64
    precisions : (k, 2, 2) float64
        Inverse covariances.
    noise : float64
        Log density of the noise; -inf where there is none.
    sums : (k, 6) float64, out
        Weight, x, y, xx, xy, yy about the mean.
    """
    k = len(constants)
    terms = np.empty(k)
    total = 0.0
    for i in range(len(weights)):
        top = noise
        for j in range(k):
            dx, dy = xy[i, 0] - means[j, 0], xy[i, 1] - means[j, 1]
            square = (
                precisions[j, 0, 0] * dx * dx
                + 2 * precisions[j, 0, 1] * dx * dy
                + precisions[j, 1, 1] * dy * dy
            )
            terms[j] = constants[j] - 0.5 * square
            top = max(top, terms[j])
        density = np.exp(noise - top)
        for j in range(k):
            terms[j] -= top
            if terms[j] > -_NEGLIGIBLE:
                terms[j] = np.exp(terms[j])
                density += terms[j]
            else:
                terms[j] = 0.0
        total += weights[i] * (top + np.log(density))
        scale = weights[i] / density
        for j in range(k):
            if terms[j] > 0.0:
                part = terms[j] * scale
                dx, dy = xy[i, 0] - means[j, 0], xy[i, 1] - means[j, 1]
                sums[j, 0] += part
                sums[j, 1] += part * dx
                sums[j, 2] += part * dy
                sums[j, 3] += part * dx * dx
                sums[j, 4] += part * dx * dy
                sums[j, 5] += part * dy * dy
    return total


@njit(nogil=True, cache=True)
def moments_beyond(means, covariances, precisions, side, sums):  # type: ignore[no-untyped-def]
    """Set the moments of each component's density off the canvas, summed over pixels of 1 px.

    Parameters
    ----------
    means, covariances, precisions
        As above.
    side : float64
        The canvas is 0 ... side on both axes.
    sums : (k, 6) float64, out
        Mass, x, y, xx, xy, yy about the mean, of the part off the canvas.
    """
    for j in range(len(means)):
        reach_x = _REACH * np.sqrt(covariances[j, 0, 0])
        reach_y = _REACH * np.sqrt(covariances[j, 1, 1])
        left, right = np.floor(means[j, 0] - reach_x), np.ceil(means[j, 0] + reach_x)
        low, high = np.floor(means[j, 1] - reach_y), np.ceil(means[j, 1] + reach_y)
        if left >= 0 and right <= side and low >= 0 and high <= side:
            continue
        a, b, c = precisions[j, 0, 0], precisions[j, 0, 1], precisions[j, 1, 1]
        scale = np.sqrt(a * c - b * b) / (2 * np.pi)
        y = low + 0.5
        while y < high:
            x = left + 0.5
            is_row_beyond = y < 0 or y > side
            while x < right:
                if not is_row_beyond and 0 <= x <= side:
                    x = side + 0.5  # on to the first pixel behind the canvas
                    continue
                dx, dy = x - means[j, 0], y - means[j, 1]
                part = scale * np.exp(-0.5 * (a * dx * dx + 2 * b * dx * dy + c * dy * dy))
                sums[j, 0] += part
                sums[j, 1] += part * dx
                sums[j, 2] += part * dy
                sums[j, 3] += part * dx * dx
                sums[j, 4] += part * dx * dy
                sums[j, 5] += part * dy * dy
                x += 1.0
            y += 1.0
