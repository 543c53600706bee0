"""Data for comparisons with scikit-learn, and what both sides are asked."""

from typing import Any

import numpy as np
from sklearn.cluster import KMeans

from bannercluster.config import ClusterConfig
from bannercluster.kmeans.sweep import RunResult, Sweep, labels_of
from bannercluster.runtime.executor import ThreadExecutor
from bannercluster.traverse.sources import ArraySource
from bannercluster.traverse.walk import Walker

PRODUCTS = ("float32", "bfloat16")


def blobs(n: int, f: int, n_blobs: int, spread: float, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    means = spread * rng.normal(size=(n_blobs, f))
    return (means[rng.integers(n_blobs, size=n)] + rng.normal(size=(n, f))).astype(np.float32)


def ours(
    x: np.ndarray, first: np.ndarray, tol: float, product: Any, normalize: Any = "none"
) -> tuple[RunResult, np.ndarray]:
    """A run of the sweep from the given centres, and its labels."""
    k = len(first)
    asked = ClusterConfig(k=(k,), n_init=1, max_iter=300, tol=tol, normalize=normalize)
    with ThreadExecutor(2) as executor:
        walker = Walker(ArraySource(x), executor)
        best = Sweep(asked, product, {k: [first]}).run(walker).best(k)
        return best, labels_of(walker, [best.centres], normalize, product)[0]


def theirs(x: np.ndarray, first: np.ndarray, tol: float) -> KMeans:
    """Scikit-learn's in float64."""
    peer = KMeans(
        len(first), init=first, n_init=1, max_iter=300, tol=tol, algorithm="lloyd", copy_x=True
    )
    return peer.fit(x.astype(np.float64))
