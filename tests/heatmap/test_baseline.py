"""The users' recipe."""

from __future__ import annotations

import numpy as np
import pytest

from bannercluster.heatmap.baseline import bootstrapped, users_cosine

from .statistics.healthy import profile, sample


def test_bootstrapped_heatmaps_have_as_many_clicks_whatever_they_had() -> None:
    counts = sample()[2:5]
    made = bootstrapped(counts)
    np.testing.assert_allclose(made.sum(axis=(1, 2)), 50_000, rtol=1e-3)
    np.testing.assert_array_equal(made[1], bootstrapped(counts[1:2])[0])


def test_cosine_is_low_for_the_anchor_and_blames_few_clicks() -> None:
    counts = sample()
    found = users_cosine(profile(), counts)
    mirrored = users_cosine(profile(), np.ascontiguousarray(counts[:, ::-1]))
    assert found[4] < 0.3 * mirrored[4]
    assert found[2] > 2 * found[4]  # 20 healthy clicks look worse than 5,000
    assert found[0] == pytest.approx(users_cosine(profile(), counts[:1])[0], abs=0)
