"""Likelihood ratios of the fault templates: against the profile, and against it as fitted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import logsumexp

from bannercluster.heatmap.binning import Counts
from bannercluster.heatmap.statistics.native import Float32, table_products
from bannercluster.heatmap.statistics.templates import FAMILIES, SHARES, Templates
from bannercluster.heatmap.statistics.variation import Variation

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class RatioTables:
    """What a click in each bin says for each template, for one profile.

    Parameters
    ----------
    family : ndarray of shape (T,), int64
        Of each template, ascending.
    log_ratio : ndarray of shape (4096, T * n_shares), float32
        log((1 - share) + share * q / p), the shares of a template side by side.
    excess : ndarray of shape (4096, T), float32
        q / p - 1: the score of a small share.
    along : ndarray of shape (T, M), float64
        The templates in the directions of healthy variation.
    square : ndarray of shape (T,), float64
        Squared length of the whitened templates: Poisson's information in one click.
    """

    family: npt.NDArray[np.int64]
    log_ratio: Float32
    excess: Float32
    along: Array
    square: Array

    @classmethod
    def of(cls, density: Array, templates: Templates, variation: Variation) -> RatioTables:
        """Make the tables of a profile."""
        healthy = density.ravel()
        ratio = templates.density.reshape(len(templates.density), -1) / healthy
        mixed = (1 - SHARES[:, None]) + SHARES[:, None] * ratio[:, None].astype(np.float32)
        logs = np.log(mixed.astype(np.float32)).reshape(-1, len(healthy))
        whitened = (ratio - 1) * np.sqrt(healthy)
        return cls(
            family=templates.family,
            log_ratio=np.ascontiguousarray(logs.T),
            excess=np.ascontiguousarray((ratio - 1).T, np.float32),
            along=whitened @ variation.direction.T,
            square=(whitened**2).sum(axis=1),
        )


@dataclass(frozen=True, eq=False)
class Ratios:
    """Log likelihood ratios of every family.

    Parameters
    ----------
    averaged : ndarray of shape (n, n_families), float64
        Log of the mean ratio over templates and shares: Bayes' factor under a flat prior.
    best : ndarray of shape (n, n_families), float64
        Of the best template at its best share.
    share : ndarray of shape (n, n_families), float64
        That share.
    """

    averaged: Array
    best: Array
    share: Array


def likelihood_ratios(tables: RatioTables, counts: Counts) -> Ratios:
    """Compare every template with the profile: sum of log(((1 - s) p + s q) / p) over clicks."""
    found = table_products(counts, tables.log_ratio)
    found = found.reshape(len(counts), len(tables.family), len(SHARES))
    averaged, best, share = (np.empty((len(counts), len(FAMILIES))) for _ in range(3))
    for family in range(len(FAMILIES)):
        own = found[:, tables.family == family].reshape(len(counts), -1)
        averaged[:, family] = logsumexp(own, axis=1) - np.log(own.shape[1])
        best[:, family] = own.max(axis=1)
        share[:, family] = SHARES[own.argmax(axis=1) % len(SHARES)]
    return Ratios(averaged, best, share)


def fitted_signals(
    tables: RatioTables, counts: Counts, n_clicks: Array, shrunk: Array, shrinkage: Array
) -> Array:
    """Return the best matched filter of each family, healthy variation fitted beside it.

    A small share s of a template q moves the whitened density by s (q - p) / sqrt(p), in noise
    of covariance 1 / N + V diag(variance) V'. The filter is s's generalised least-squares
    estimate over its standard deviation.

    Parameters
    ----------
    shrunk, shrinkage : ndarray of shape (n, M), float64
        Coordinates of the heatmaps along the variation times the shrinkage, and the shrinkage.

    Returns
    -------
    signals : ndarray of shape (n, n_families), float64
    """
    score = table_products(counts, tables.excess) / n_clicks[:, None]
    score -= row_sums(shrunk, tables.along.T)
    information = tables.square - row_sums(shrinkage, tables.along.T**2)
    signal = np.sqrt(n_clicks)[:, None] * score / np.sqrt(np.maximum(information, 1e-9))
    starts = np.searchsorted(tables.family, np.arange(len(FAMILIES)))
    best: Array = np.maximum.reduceat(signal, starts, axis=1)
    return best


def row_sums(rows: Array, matrix: Array) -> Array:
    """Return ``rows @ matrix`` one row at a time: the same bits alone and in a batch."""
    return np.stack([row @ matrix for row in rows]) if len(rows) else np.empty((0, matrix.shape[1]))
