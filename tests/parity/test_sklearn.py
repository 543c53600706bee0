"""Parity with scikit-learn on the same rows: k-means, k-means++, silhouettes."""

import numpy as np
import pytest
import torch
from sklearn.cluster import KMeans, kmeans_plusplus
from sklearn.metrics import silhouette_samples

from bannercluster import BannerKMeans
from bannercluster.kernels import seeding
from bannercluster.kernels.rows import Recipe
from bannercluster.kernels.stack import Stack
from bannercluster.runtime.executor import ThreadExecutor
from bannercluster.traverse.silhouettes import ClusterMoments, Silhouettes
from bannercluster.traverse.sources import ArraySource
from bannercluster.traverse.walk import Assignment, Pass, Walker

from .helpers import PRODUCTS, blobs, ours, theirs


def _compare(x, first, tol, product):
    peer = theirs(x, first, tol)
    found, labels = ours(x, first, tol, product)
    assert found.n_iter == peer.n_iter_
    np.testing.assert_array_equal(labels, peer.labels_)
    np.testing.assert_allclose(found.inertia, peer.inertia_, rtol=1e-6)
    np.testing.assert_allclose(found.centres, peer.cluster_centers_, atol=1e-6)
    return peer


@pytest.mark.parametrize("product", PRODUCTS)
@pytest.mark.parametrize("tol", [0.0, 1e-4])
@pytest.mark.parametrize("k", range(3, 16))
def test_kmeans(k, tol, product):
    x = blobs(1500, 10, 7, spread=0.8)
    first = x[np.random.default_rng(k).choice(len(x), k, replace=False)].astype(np.float64)
    assert _compare(x, first, tol, product).n_iter_ > 3


@pytest.mark.parametrize("product", PRODUCTS)
def test_kmeans_of_many_features_across_tiles(product):
    x = blobs(9000, 300, 8, spread=0.2)
    _compare(x, x[::1000].astype(np.float64), 1e-4, product)


@pytest.mark.parametrize("product", PRODUCTS)
@pytest.mark.parametrize("k", [3, 5, 9, 12])
def test_kmeans_with_an_empty_cluster(k, product):
    """One empty cluster at a time: which row of several is whose, both leave open."""
    for seed in range(5):
        x = blobs(400, 3, 4, spread=2.0, seed=seed)
        rng = np.random.default_rng(seed)
        first = x[rng.choice(len(x), k, replace=False)].astype(np.float64)
        first[seed % k] += 200.0
        _compare(x, first, 0.0, product)


@pytest.mark.parametrize("offset", [100.0, 5000.0])
def test_kmeans_far_from_the_origin(offset):
    x = blobs(1500, 6, 7, spread=2.0) + np.float32(offset)
    _compare(x, x[:7].astype(np.float64), 1e-4, "bfloat16")


@pytest.mark.parametrize("product", PRODUCTS)
def test_kmeans_of_unit_rows(product):
    x = blobs(1500, 10, 7, spread=1.0)
    norms = np.sqrt(np.square(x.astype(np.float64)).sum(axis=1, keepdims=True))
    unit = (x / norms).astype(np.float32)
    first = unit[:6].astype(np.float64)
    peer = theirs(unit, first, 1e-4)
    found, labels = ours(x, first, 1e-4, product, "l2")
    assert found.n_iter == peer.n_iter_
    np.testing.assert_array_equal(labels, peer.labels_)
    np.testing.assert_allclose(found.inertia, peer.inertia_, rtol=1e-6)


def test_estimator_reaches_an_inertia_as_low():
    """Other random numbers, the same quality: mean over seeds, with 1 % of slack."""
    x = blobs(1500, 8, 10, spread=0.9)
    own = [BannerKMeans(10, n_init=3, random_state=s).fit(x).inertia_ for s in range(5)]
    peers = [KMeans(10, n_init=3, random_state=s).fit(x).inertia_ for s in range(5)]
    assert np.mean(own) <= 1.01 * np.mean(peers)


def test_kmeans_plusplus():
    """Mean potential of the first centres over ten seeds: within 3 % of scikit-learn's."""
    x = blobs(2000, 8, 12, spread=1.5)
    wide = x.astype(np.float64)

    def potential(centres):
        return np.square(wide[:, None] - centres[None]).sum(axis=2).min(axis=1).sum()

    for k in (5, 12):
        runs = [seeding.SeedRun(k, (seed, k, 0)) for seed in range(10)]
        rows = seeding.kmeans_plusplus(torch.from_numpy(x), runs)
        own = [potential(wide[one]) for one in rows]
        peers = [potential(kmeans_plusplus(wide, k, random_state=seed)[0]) for seed in range(10)]
        at_random = [
            potential(wide[np.random.default_rng(seed).choice(2000, k)]) for seed in range(10)
        ]
        assert np.mean(own) <= 1.03 * np.mean(peers)
        assert np.mean(own) < 0.9 * np.mean(at_random)


@pytest.mark.parametrize("normalize", ["none", "l2"])
def test_silhouettes(normalize):
    x = blobs(2500, 6, 5, spread=1.5)
    recipe = Recipe(normalize)
    norms = np.sqrt(np.square(x.astype(np.float64)).sum(axis=1, keepdims=True))
    seen = x / norms if normalize == "l2" else x.astype(np.float64)
    centres = [seen[:4], seen[10:17].copy(), seen[:1]]
    centres[1][2] = 100.0  # stays empty
    stack = Stack.of(centres, recipe)
    with ThreadExecutor(2) as executor:
        walker = Walker(ArraySource(x), executor)
        (moments,) = walker.run(Pass("m", recipe, (ClusterMoments(stack),), Assignment(stack)))
        (sums,) = walker.run(Pass("s", recipe, (Silhouettes(stack, moments),), Assignment(stack)))
    for run in range(2):
        labels = np.square(seen[:, None] - centres[run][None]).sum(axis=2).argmin(axis=1)
        for metric, found in (("sqeuclidean", sums.euclidean), ("cosine", sums.cosine)):
            # of unit rows both are the cosine silhouette
            used = "cosine" if normalize == "l2" else metric
            expected = silhouette_samples(seen, labels, metric=used).mean()
            np.testing.assert_allclose(found[run] / len(x), expected, atol=1e-6)
    assert np.isnan(sums.euclidean[2])
