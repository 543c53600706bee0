"""Likelihood ratios of the fault templates: against the profile, and each own healthy density."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from bannercluster.heatmap.binning import Counts
from bannercluster.heatmap.statistics.native import Float32, table_products
from bannercluster.heatmap.statistics.templates import FAMILIES, SHARES, Templates

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
    touched : ndarray of shape (T, 4096), float32
        The templates.
    """

    family: npt.NDArray[np.int64]
    log_ratio: Float32
    touched: Float32

    @classmethod
    def of(cls, density: Array, templates: Templates) -> RatioTables:
        """Make the tables of a profile."""
        touched = templates.density.reshape(len(templates.density), -1)
        ratio = (touched / density.ravel()).astype(np.float32)
        mixed = (1 - SHARES[:, None]) + SHARES[:, None] * ratio[:, None]
        logs = np.log(mixed.astype(np.float32)).reshape(-1, touched.shape[1])
        return cls(templates.family, np.ascontiguousarray(logs.T), touched.astype(np.float32))


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
        averaged[:, family] = log_mean(own)
        best[:, family] = own.max(axis=1)
        share[:, family] = SHARES[own.argmax(axis=1) % len(SHARES)]
    return Ratios(averaged, best, share)


def own_ratios(tables: RatioTables, counts: Counts, densities: Array) -> Array:
    """Compare every template with each heatmap's own healthy density.

    Parameters
    ----------
    tables : RatioTables
    counts : ndarray of shape (n, 64, 64), uint32
    densities : ndarray of shape (n, 64, 64), float64
        Positive.

    Returns
    -------
    averaged : ndarray of shape (n, n_families), float64
        Log of the mean ratio over templates and shares.
    """
    averaged = np.empty((len(counts), len(FAMILIES)))
    starts = np.searchsorted(tables.family, np.arange(len(FAMILIES) + 1))
    for row, (one, density) in enumerate(zip(counts, densities, strict=True)):
        cells = np.flatnonzero(one)
        clicks = one.ravel()[cells].astype(np.float32)
        ratio = tables.touched[:, cells] / density.ravel()[cells].astype(np.float32)
        found = np.stack([np.log((1 - s) + s * ratio) @ clicks for s in _SHARES], axis=1)
        for family, (low, high) in enumerate(pairwise(starts.tolist())):
            own = found[low:high].astype(np.float64)
            averaged[row, family] = log_mean(own.ravel())
    return averaged


def log_mean(logs: Array) -> Array:
    """Return the log of the mean of positive numbers given by their logs, over the last axis."""
    most = logs.max(axis=-1)
    found: Array = most + np.log(np.exp(logs - most[..., None]).mean(axis=-1))
    return found


_SHARES = SHARES.astype(np.float32)
