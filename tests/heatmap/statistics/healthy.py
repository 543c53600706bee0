"""Small grids whose healthy density is known."""

from __future__ import annotations

from functools import cache

import numpy as np
from scipy.sparse.linalg import LinearOperator, cg

from bannercluster.heatmap.simulator.config import SimulatorConfig
from bannercluster.heatmap.simulator.domains import draw_domain
from bannercluster.heatmap.simulator.layouts import Layout, draw_layout
from bannercluster.heatmap.statistics.profile import GridProfile
from bannercluster.heatmap.statistics.variation import Variation

CONFIG = SimulatorConfig()


def generator(*path: int) -> np.random.Generator:
    return np.random.default_rng(np.random.SeedSequence([11, *path]))


@cache
def layout(number: int = 0) -> Layout:
    return draw_layout(generator(number), f"g{number}", "matrix", CONFIG)


def density_of(number: int, domain: int) -> np.ndarray:
    rng = generator(number, 1, domain)
    return draw_domain(rng, layout(number), CONFIG).density.bin_probabilities()


def heatmap(density: np.ndarray, n_clicks: int, *seed: int) -> np.ndarray:
    drawn = generator(*seed, 7).multinomial(n_clicks, density.ravel() / density.sum())
    return drawn.reshape(64, 64).astype(np.uint32)


@cache
def references(n: int = 12, number: int = 0, n_clicks: int = 8_000) -> np.ndarray:
    return np.stack([heatmap(density_of(number, nth), n_clicks, number, nth) for nth in range(n)])


@cache
def profile(n: int = 12, number: int = 0) -> GridProfile:
    return GridProfile.of(references(n, number), others=(density_of(5, 0),))


@cache
def sample() -> np.ndarray:
    """Healthy heatmaps of domains that are no references, of one click to many."""
    sizes = (1, 2, 20, 300, 5_000, 60_000)
    return np.stack([heatmap(density_of(0, 50 + nth), n, 3, nth) for nth, n in enumerate(sizes)])


def solved_by_covariance(variation: Variation, n_clicks: float, columns: np.ndarray) -> np.ndarray:
    """Divide by Poisson's and the variation's covariance, by conjugate gradients: no Woodbury."""
    V, variance = variation.direction, variation.variance
    covariance = LinearOperator(
        (4096, 4096),
        matvec=lambda x: V.T @ (variance * (V @ x.ravel())) + x.ravel() / n_clicks,
        dtype=np.float64,
    )
    flat = columns.reshape(4096, -1).T
    solved = [cg(covariance, column, rtol=1e-10, atol=0.0)[0] for column in flat]
    return np.stack(solved, axis=1).reshape(columns.shape)
