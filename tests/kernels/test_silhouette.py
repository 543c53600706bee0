"""Silhouettes in linear time are those of the definition."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bannercluster.kernels.silhouette import silhouette_scores

from .references import clustered, silhouettes, unit


def _scores(x, ks, labels):
    starts = np.cumsum([0, *ks])
    counts, sums, sum_sq = [], [], []
    for k, own in zip(ks, labels, strict=True):
        for cluster in range(k):
            rows = x[own == cluster].astype(np.float64)
            counts.append(len(rows))
            sums.append(rows.sum(axis=0))
            sum_sq.append(np.square(rows).sum())
    return silhouette_scores(
        torch.from_numpy(x),
        np.stack(labels).astype(np.uint8),
        starts,
        np.array(counts),
        np.array(sums),
        np.array(sum_sq),
    )


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(2, 60),
    ks=st.lists(st.integers(1, 8), min_size=1, max_size=3),
)
def test_scores_are_those_of_the_definition(seed, n, ks):
    """Small n and large k: empty clusters, singletons and single clusters come by themselves."""
    rng = np.random.default_rng(seed)
    x = clustered(rng, n, 5, 4)[0].astype(np.float32)
    labels = [rng.integers(k, size=n) for k in ks]
    found = _scores(x, ks, labels)
    cosine = _scores(unit(x).astype(np.float32), ks, labels)
    for run, own in enumerate(labels):
        np.testing.assert_allclose(found[run], silhouettes(x, own, "sqeuclidean"), atol=1e-6)
        np.testing.assert_allclose(cosine[run], silhouettes(x, own, "cosine"), atol=1e-6)


def test_singletons_score_zero_and_one_cluster_nothing():
    x = np.array([[0.0], [1.0], [9.0]], np.float32)
    found = _scores(x, (2, 1, 3), [np.array([0, 0, 1]), np.zeros(3, int), np.array([2, 2, 2])])
    np.testing.assert_allclose(found[0], [80 / 81, 63 / 64, 0.0])
    assert np.isnan(found[1:]).all()


def test_equal_rows_in_two_clusters_score_zero():
    x = np.ones((4, 2), np.float32)
    assert not _scores(x, (2,), [np.array([0, 0, 1, 1])]).any()


@pytest.mark.parametrize("offset", [0.0, 100.0])
def test_a_common_offset_changes_little(offset):
    rng = np.random.default_rng(0)
    x = np.round(clustered(rng, 200, 4, 3)[0] * 64) / 64
    labels = rng.integers(3, size=200)
    found = _scores((x + offset).astype(np.float32), (3,), [labels])
    np.testing.assert_allclose(found[0], silhouettes(x, labels, "sqeuclidean"), atol=1e-6)
