"""Silhouettes in linear time are those of the definition, whatever the precision."""

import pickle

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bannercluster.kernels import silhouette
from bannercluster.kernels.silhouette import ClusterMeans, silhouette_scores

from .references import DEVICES, clustered, silhouettes, unit

PRECISIONS = ("float64", "float32", "split")


def _clusters(x, ks, labels, precision=None, *, cosine=True):
    """The means of the clusters, by their definition."""
    wide = x.astype(np.float64)
    counts, means, spread, unit_means = [], [], [], []
    for k, own in zip(ks, labels, strict=True):
        for cluster in range(k):
            rows = wide[own == cluster]
            mean = rows.mean(axis=0) if len(rows) else np.zeros(x.shape[1])
            counts.append(len(rows))
            means.append(mean)
            spread.append(np.square(rows - mean).sum() / max(len(rows), 1))
            unit_means.append(unit(rows).sum(axis=0) / max(len(rows), 1))
    return ClusterMeans(
        np.cumsum([0, *ks]),
        np.array(counts),
        np.array(means),
        np.array(spread),
        np.array(unit_means) if cosine else None,
        precision,
    )


def _scores(x, ks, labels, precision=None, *, cosine=True, device="cpu"):
    clusters = _clusters(x, ks, labels, precision, cosine=cosine)
    stacked = np.stack(labels).astype(np.uint8)
    return silhouette_scores(torch.from_numpy(x).to(device), stacked, clusters)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("precision", [None, *PRECISIONS])
@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(2, 60),
    ks=st.lists(st.integers(1, 8), min_size=1, max_size=3),
)
def test_scores_are_those_of_the_definition(device, precision, seed, n, ks):
    """Small n and large k: empty clusters, singletons and single clusters come by themselves."""
    rng = np.random.default_rng(seed)
    x = clustered(rng, n, 5, 4)[0].astype(np.float32)
    labels = [rng.integers(k, size=n) for k in ks]
    found = _scores(x, ks, labels, precision, device=device)
    atol = {None: 1e-6, "float64": 1e-6, "float32": 1e-5, "split": 1e-3}[precision]
    for run, own in enumerate(labels):
        euclidean, cosine = (silhouettes(x, own, metric) for metric in ("sqeuclidean", "cosine"))
        np.testing.assert_allclose(found.euclidean[run], euclidean, atol=atol)
        np.testing.assert_allclose(found.cosine[run], cosine, atol=atol)
        if precision in (None, "float64"):
            np.testing.assert_allclose(found.euclidean_sums[run], euclidean.sum(), atol=1e-9 * n)
            np.testing.assert_allclose(found.cosine_sums[run], cosine.sum(), atol=1e-9 * n)


def _similar_runs(n, f, ks, seed=0):
    """Runs whose clusters are alike, as restarts are: their means span few directions."""
    rng = np.random.default_rng(seed)
    latent = 3 * rng.normal(size=(n, 6))
    x = (latent @ rng.normal(size=(6, f)) + 0.3 * rng.normal(size=(n, f)) + 2).astype(np.float32)
    labels = [
        np.square(latent[:, None] - latent[None, rng.integers(n, size=k)]).sum(axis=2).argmin(1)
        for k in ks
    ]
    return x, labels


@pytest.mark.parametrize("cosine", [True, False])
@pytest.mark.parametrize("precision", ["float32", "split"])
def test_fast_products_keep_to_the_tolerance(precision, cosine):
    ks = (5,) * 6 + (10,) * 6 + (15,) * 6
    x, labels = _similar_runs(3000, 512, ks)
    clusters = _clusters(x, ks, labels, precision, cosine=cosine)
    if precision == "split":
        columns = clusters.plan[1]
        assert 0 < columns < 0.4 * len(clusters.shifted)
    stacked = np.stack(labels).astype(np.uint8)
    found = silhouette_scores(torch.from_numpy(x), stacked, clusters)
    exact = _scores(x, ks, labels, "float64", cosine=cosine)
    for metric in ("euclidean", "cosine"):
        gap = getattr(found, metric).astype(np.float64) - getattr(exact, metric)
        assert np.sqrt(np.square(gap).mean()) < silhouette.TOLERANCE
        sums = (getattr(one, f"{metric}_sums") for one in (found, exact))
        np.testing.assert_allclose(next(sums) / len(x), next(sums) / len(x), atol=5e-7)
    np.testing.assert_allclose(found.own_distance, exact.own_distance, rtol=1e-5)
    if precision == "split":
        # Without its columns the rest is all of the means, and bfloat16 is not enough for that.
        error = clusters._error(clusters._rest(0), silhouette._UNIT_BFLOAT16)
        assert error > 10 * silhouette.TOLERANCE


def test_the_precision_is_chosen_by_rows_and_by_how_tight_the_clusters_are(monkeypatch):
    monkeypatch.setattr(silhouette, "_multiplies_bfloat16", lambda: True)
    ks = (5,) * 6 + (10,) * 6 + (15,) * 6
    x, labels = _similar_runs(1000, 64, ks)
    assert _clusters(x, ks, labels).plan == ("float64", 0)
    monkeypatch.setattr(silhouette, "_FLOAT64_ROWS", 100)
    precision, columns = _clusters(x, ks, labels).plan
    assert precision == "split"
    assert columns > 0
    monkeypatch.setattr(silhouette, "_multiplies_bfloat16", lambda: False)
    assert _clusters(x, ks, labels).plan == ("float32", 0)
    tight = np.repeat(x[:10], 100, axis=0)
    tight += 3e-4 * np.random.default_rng(0).normal(size=tight.shape).astype(np.float32)
    own = [np.arange(1000) // 50]  # two clusters to each place
    assert _clusters(tight, (20,), own).plan == ("float64", 0)
    np.testing.assert_allclose(
        _scores(tight, (20,), own).euclidean[0],
        silhouettes(tight, own[0], "sqeuclidean"),
        atol=1e-5,
    )


def test_what_is_chosen_travels(monkeypatch):
    """A worker that could multiply bfloat16 computes what was chosen for all."""
    monkeypatch.setattr(silhouette, "_FLOAT64_ROWS", 100)
    x, labels = _similar_runs(1000, 64, (5, 10, 15) * 6)
    monkeypatch.setattr(silhouette, "_multiplies_bfloat16", lambda: False)
    message = pickle.dumps(_clusters(x, (5, 10, 15) * 6, labels))
    monkeypatch.setattr(silhouette, "_multiplies_bfloat16", lambda: True)
    assert pickle.loads(message).plan == ("float32", 0)


def test_unit_rows_need_one_product():
    rng = np.random.default_rng(0)
    x = unit(clustered(rng, 300, 5, 4)[0]).astype(np.float32)
    labels = [rng.integers(4, size=300)]
    found = _scores(x, (4,), labels, cosine=False)
    assert found.cosine is found.euclidean
    np.testing.assert_allclose(found.cosine[0], silhouettes(x, labels[0], "cosine"), atol=1e-6)


def test_singletons_score_zero_and_one_cluster_nothing():
    x = np.array([[0.0], [1.0], [9.0]], np.float32)
    labels = [np.array([0, 0, 1]), np.zeros(3, int), np.array([2, 2, 2])]
    found = _scores(x, (2, 1, 3), labels, cosine=False).euclidean
    np.testing.assert_allclose(found[0], [80 / 81, 63 / 64, 0.0], rtol=1e-6)
    assert np.isnan(found[1:]).all()


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("value", [1.0, 0.1, 1234.567])
def test_equal_rows_in_two_clusters_score_zero(value, precision):
    x = np.full((7, 3), value, np.float32)
    x[4:] *= 3
    found = _scores(x, (3,), [np.array([0, 0, 1, 1, 2, 2, 2])], precision)
    np.testing.assert_allclose(found.euclidean[0], [0, 0, 0, 0, 1, 1, 1], atol=1e-5)
    same_direction = _scores(x, (2,), [np.array([0, 0, 1, 1, 0, 1, 1])], precision)
    assert not same_direction.cosine.any()


@pytest.mark.parametrize("offset", [0.0, 1e3])
@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_common_offset_changes_nothing(offset, precision):
    """Mean 1,000 and spread 1: products of the rows as they are would lose all figures."""
    rng = np.random.default_rng(0)
    x = np.round(clustered(rng, 200, 4, 3)[0] * 64) / 64
    x[:, 3] = 5.0  # a constant feature
    labels = rng.integers(3, size=200)
    found = _scores((x + offset).astype(np.float32), (3,), [labels], precision)
    atol = {"float64": 1e-7, "float32": 1e-6, "split": 1e-4}[precision]
    np.testing.assert_allclose(found.euclidean[0], silhouettes(x, labels, "sqeuclidean"), atol=atol)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_own_distances(precision):
    rng = np.random.default_rng(2)
    x = clustered(rng, 900, 8, 4)[0].astype(np.float32)
    labels = [rng.integers(4, size=900), rng.integers(7, size=900)]
    found = _scores(x, (4, 7), labels, precision).own_distance
    expected = []
    for k, own in zip((4, 7), labels, strict=True):
        for cluster in range(k):
            rows = x[own == cluster].astype(np.float64)
            expected.append(np.sqrt(np.square(rows - rows.mean(axis=0)).sum(axis=1)).sum())
    rtol = {"float64": 1e-12, "float32": 1e-6, "split": 1e-3}[precision]
    np.testing.assert_allclose(found, expected, rtol=rtol)
