"""The likelihood ratio of somebody who knows the layout and all laws, but not what broke.

*Broken* is then the mixture of all faults, shares and places, and its likelihood an integral over
them and over what varies between domains. By J. Neyman and E. S. Pearson (1933) no score ranks
heatmaps of one grid better than its ratio to the likelihood of *healthy*. Three ways to take it:

- of few clicks by simulation: the mean of the likelihood over domains and faults drawn from their
  laws, of which many explain the clicks;
- of many clicks by Laplace's method over the domain, for each of some drawn faults. One that is
  like the true fault may be missing among them, so the true one is put beside them: the ratio of a
  broken heatmap comes out too large rather than too small, and what is said to be out of reach is;
- of many clicks by search: thousands of drawn faults are weighed on the heatmap's most probable
  healthy density, and the best of them by Laplace's method. Nothing is told, and what no drawn
  fault is like is missed: the ratio comes out too small rather than too large.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.special import logsumexp

from bannercluster.heatmap.binning import N_BINS, Counts
from bannercluster.heatmap.simulator.config import SimulatorConfig
from bannercluster.heatmap.simulator.density import Density
from bannercluster.heatmap.simulator.domains import draw_domain
from bannercluster.heatmap.simulator.faults import FAULTS, Broken, Fault, Setting, break_banner
from bannercluster.heatmap.simulator.layouts import Layout
from bannercluster.heatmap.simulator.oracle import Oracle

Array = npt.NDArray[np.float64]
Float32 = npt.NDArray[np.float32]

_LEAST = 1e-12
_TINY = 1e-9
_CERTAIN = 30.0  # nats
_N_SHARES = 8
"""Shares of the clicks that each searched fault is tried at."""


@dataclass(frozen=True, eq=False)
class MarginalOracle:
    """Who knows a layout and the laws of the simulator.

    Parameters
    ----------
    layout : Layout
    others : tuple of Density
        What a wrong layout shows.
    config : SimulatorConfig
    n_domains, n_faults : int
        Healthy domains, and broken ones of each fault, that a simulated mean is taken over.
    n_tried : int
        Drawn faults of each kind for Laplace's method.
    n_searched, n_refined : int
        Drawn faults of each kind for the search, each at some shares of the clicks, and how many
        of all these Laplace's method looks at.
    """

    layout: Layout
    others: tuple[Density, ...]
    config: SimulatorConfig
    n_domains: int = 12_000
    n_faults: int = 3_000
    n_tried: int = 5
    n_searched: int = 1_000
    n_refined: int = 80

    def by_simulation(self, rng: np.random.Generator, counts: Counts) -> tuple[Array, Array]:
        """Return the log likelihood ratios of heatmaps, and on how many drawn domains they rest.

        Parameters
        ----------
        rng : Generator
        counts : ndarray of shape (n, 64, 64), uint32

        Returns
        -------
        log_ratio : ndarray of shape (n,), float64
        effective : ndarray of shape (n,), float64
            Drawn domains that explain a heatmap as healthy: with few of them the mean is uncertain
            (L. Kish's effective sample size).
        """
        seen = [_Seen.of(one) for one in counts]
        n_clicks = counts.sum(axis=(1, 2), dtype=np.int64)
        table = _log_table(self._domains(rng, self.n_domains), self.n_domains)
        healthy = np.array([one.log_mean(table) for one in seen])
        effective = np.array([one.effective(table) for one in seen])
        broken = np.empty((len(seen), len(FAULTS)))
        for nth, fault in enumerate(FAULTS):
            # How many bursts there are depends on the clicks.
            sizes = np.unique(n_clicks) if fault == "burst" else n_clicks[:1]
            for size in sizes.tolist():
                drawn = self._broken(rng, fault, size, self.n_faults)
                table = _log_table((one.bin_probabilities() for one in drawn), self.n_faults)
                rows = n_clicks == size if fault == "burst" else np.ones(len(seen), bool)
                for row in np.flatnonzero(rows):
                    broken[row, nth] = seen[row].log_mean(table)
        return logsumexp(broken, axis=1) - np.log(len(FAULTS)) - healthy, effective

    def by_laplace(self, rng: np.random.Generator, counts: Counts, truth: Broken) -> float:
        """Return the log likelihood ratio of a heatmap.

        Parameters
        ----------
        rng : Generator
        counts : ndarray of shape (64, 64), uint32
        truth : Broken
            Its fault; for a healthy heatmap another drawn one.
        """
        n_clicks = int(counts.sum())
        tried = [truth]
        for fault in FAULTS:
            tried += self._broken(rng, fault, n_clicks, self.n_tried)
        oracle = Oracle(self.layout, self.config)
        first = oracle.log_likelihood_ratio(counts, truth)
        if first > _CERTAIN:
            # The others could only add to what is beyond all healthy ones.
            return first - float(np.log(len(tried)))
        ratios = oracle.log_likelihood_ratios(counts, tried[1:], precision=0.01)
        return float(logsumexp([first, *ratios]) - np.log(len(tried)))

    def by_search(self, rng: np.random.Generator, counts: Counts) -> Array:
        """Return the log likelihood ratios of heatmaps of the same number of clicks, (n,).

        Parameters
        ----------
        rng : Generator
        counts : ndarray of shape (n, 64, 64), uint32
        """
        oracle = Oracle(self.layout, self.config)
        setting = Setting(oracle.usual, self.others, int(counts[0].sum()))
        drawn = [
            break_banner(rng, fault, setting, self.config)
            for fault in FAULTS
            for _ in range(self.n_searched)
        ]
        searched = _Searched.of(drawn, self.config)
        found = np.empty(len(counts))
        for row, one in enumerate(counts):
            ratios = searched.log_ratios(_Seen.of(one), oracle.healthy_probabilities(one))
            best = np.argsort(-ratios)[: self.n_refined]
            faults = [searched.fault(nth) for nth in best.tolist()]
            ratios[best] = oracle.log_likelihood_ratios(one, faults, precision=0.01)
            found[row] = logsumexp(ratios) - np.log(len(ratios))
        return found

    def _domains(self, rng: np.random.Generator, n: int) -> Iterator[Array]:
        for _ in range(n):
            yield draw_domain(rng, self.layout, self.config).density.bin_probabilities()

    def _broken(
        self, rng: np.random.Generator, fault: Fault, n_clicks: int, n: int
    ) -> Iterator[Broken]:
        for _ in range(n):
            domain = draw_domain(rng, self.layout, self.config)
            setting = Setting(domain.density, self.others, n_clicks)
            yield break_banner(rng, fault, setting, self.config)


@dataclass(frozen=True, eq=False)
class _Seen:
    """The bins of a heatmap that have clicks, and how many."""

    cells: npt.NDArray[np.int64]
    clicks: Float32

    @classmethod
    def of(cls, counts: Counts) -> _Seen:
        cells = np.flatnonzero(counts)
        return cls(cells, counts.ravel()[cells].astype(np.float32))

    def log_mean(self, table: Float32) -> float:
        """Return the log of the mean likelihood under some densities."""
        return float(logsumexp(self._logs(table)) - np.log(table.shape[1]))

    def effective(self, table: Float32) -> float:
        """Return how many densities the mean rests on."""
        logs = self._logs(table)
        return float(np.exp(2 * logsumexp(logs) - logsumexp(2 * logs)))

    def _logs(self, table: Float32) -> Array:
        logs: Array = (self.clicks @ table[self.cells]).astype(np.float64)
        return logs


@dataclass(frozen=True, eq=False)
class _Searched:
    """Drawn faults, each at some shares of the clicks.

    Parameters
    ----------
    drawn : list of Broken
    touched : ndarray of shape (n, 4096), float32
        Bins of the clicks that a fault touches; of a dead zone, the share of each bin within it.
    is_dead : ndarray of shape (n,), bool
    share : ndarray of shape (n_shares,), float32
    """

    drawn: list[Broken]
    touched: Float32
    is_dead: npt.NDArray[np.bool_]
    share: Float32

    @classmethod
    def of(cls, drawn: list[Broken], config: SimulatorConfig) -> _Searched:
        low, high = config.share
        share = low + (high - low) * (np.arange(_N_SHARES) + 0.5) / _N_SHARES
        touched = np.empty((len(drawn), N_BINS * N_BINS), np.float32)
        for row, one in zip(touched, drawn, strict=True):
            if one.touched is not None:
                row[:] = one.touched.bin_probabilities().ravel()
            else:
                healthy = np.maximum(one.healthy.bin_probabilities(), _LEAST)
                row[:] = (one.healthy.bin_probabilities(one.dead) / healthy).ravel()
        is_dead = np.array([one.touched is None for one in drawn])
        return cls(drawn, touched, is_dead, share.astype(np.float32))

    def fault(self, nth: int) -> Broken:
        """Return one of them at one of the shares, as ``log_ratios`` counts them."""
        which, share = divmod(nth, len(self.share))
        return replace(self.drawn[which], share=float(self.share[share]))

    def log_ratios(self, seen: _Seen, healthy: Array) -> Array:
        """Return the log likelihood ratios against a healthy density, (n * n_shares,)."""
        density = np.maximum(healthy, _LEAST).astype(np.float32)
        here = self.touched[:, seen.cells]
        dead, others = here[self.is_dead], here[~self.is_dead] / density[seen.cells]
        mass = self.touched[self.is_dead] @ density
        found = np.empty((len(self.drawn), len(self.share)))
        for nth, share in enumerate(self.share):
            found[~self.is_dead, nth] = np.log(1 - share + share * others + _TINY) @ seen.clicks
            kept = np.log(1 - share * dead + _TINY) @ seen.clicks
            found[self.is_dead, nth] = kept - seen.clicks.sum() * np.log(1 - share * mass)
        return found.ravel()


def _log_table(densities: Iterator[Array], n: int) -> Float32:
    """Return the log probabilities of densities side by side, (4096, n)."""
    table = np.empty((n, N_BINS * N_BINS), np.float32)
    for row, density in zip(table, densities, strict=True):
        row[:] = np.log(np.maximum(density, _LEAST)).ravel()
    return np.ascontiguousarray(table.T)
