"""The sampled Euclidean silhouette is scikit-learn's, and its interval covers what it should."""

from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.metrics import silhouette_score

from bannercluster.evaluate import sampled
from bannercluster.evaluate.sampled import sampled_silhouette, silhouette_interval
from bannercluster.runtime.executor import ThreadExecutor
from bannercluster.traverse.sources import ArraySource


def _blobs(n, f, k, spread, seed):
    rng = np.random.default_rng(seed)
    centres = spread * rng.normal(size=(k, f))
    labels = rng.integers(k, size=n)
    return (centres[labels] + rng.normal(size=(n, f))).astype(np.float32), centres


def _labels(x, centres):
    return np.square(x[:, None].astype(np.float64) - centres[None]).sum(axis=2).argmin(axis=1)


def _model(name, centres):
    return SimpleNamespace(card=SimpleNamespace(name=name), centres=centres)


def _sampled(x, models, n_sample, normalize="none", seed=0):
    with ThreadExecutor(2) as executor:
        return sampled_silhouette(ArraySource(x), models, normalize, n_sample, seed, executor)


def _unit(x):
    wide = x.astype(np.float64)
    return (wide / np.sqrt(np.square(wide).sum(axis=1, keepdims=True))).astype(np.float32)


@pytest.mark.parametrize("normalize", ["none", "l2"])
def test_a_sample_of_everything_is_exact(normalize):
    x, centres = _blobs(700, 5, 4, 1.0, seed=3)
    seen = x if normalize == "none" else _unit(x)
    centres = centres if normalize == "none" else _unit(centres).astype(np.float64)
    found = _sampled(x, [_model("a", centres), _model("one", centres[:1])], 10_000, normalize)
    assert set(found) == {"a"}
    value, low, high = found["a"]
    expected = silhouette_score(seen.astype(np.float64), _labels(seen, centres))
    assert value == pytest.approx(expected, abs=1e-9)
    assert low == value == high


def test_far_from_the_origin():
    x, centres = _blobs(400, 5, 3, 1.0, seed=4)
    x, centres = x + np.float32(1e4), centres + 1e4
    expected = silhouette_score((x - np.float32(1e4)).astype(np.float64), _labels(x, centres))
    assert _sampled(x, [_model("a", centres)], 400)["a"][0] == pytest.approx(expected, abs=1e-9)


def test_samples_are_seeded_and_shared_by_the_models():
    x, centres = _blobs(2000, 4, 4, 1.0, seed=5)
    models = [_model("a", centres), _model("b", centres[::-1])]
    one, again = _sampled(x, models, 150, seed=1), _sampled(x, models, 150, seed=1)
    assert one == again
    assert one["a"] == pytest.approx(one["b"])
    assert one["a"] != _sampled(x, models, 150, seed=2)["a"]


def _slow_leave_one_out(distance, labels):
    def mean(rows):
        own, seen = distance[np.ix_(rows, rows)], labels[rows]
        if len(np.unique(seen)) < 2:
            return np.nan
        scores = []
        for i, label in enumerate(seen):
            same = np.flatnonzero(seen == label)
            if len(same) == 1:
                scores.append(0.0)
                continue
            a = own[i, same[same != i]].mean()
            b = min(own[i, seen == c].mean() for c in np.unique(seen) if c != label)
            scores.append((b - a) / max(a, b) if max(a, b) > 0 else 0.0)
        return float(np.mean(scores))

    everything = np.arange(len(labels))
    return mean(everything), [mean(np.delete(everything, j)) for j in everything]


@pytest.mark.parametrize("sizes", [(9, 7, 5), (1, 6), (2, 2), (1, 2, 8), (1, 1, 1, 4), (12, 3)])
def test_leaving_one_out_is_leaving_one_out(sizes):
    rng = np.random.default_rng(len(sizes))
    labels = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    x = rng.normal(size=(len(labels), 2)) + labels[:, None]
    x[-1] = x[0]
    distance = np.sqrt(np.square(x[:, None] - x[None]).sum(axis=2))
    value, without = sampled._leave_one_out(distance, labels)
    expected, each = _slow_leave_one_out(distance, labels)
    assert value == pytest.approx(expected, abs=1e-12)
    np.testing.assert_allclose(without, each, atol=1e-12)


def test_the_interval_knows_nothing_where_one_row_is_a_cluster_of_two():
    distance = np.abs(np.arange(6.0)[:, None] - np.arange(6.0)[None])
    value, low, high = silhouette_interval(distance, np.array([0, 0, 0, 0, 0, 1]))
    assert (low, high) == (-1.0, 1.0)
    assert 0.0 < value < 1.0
    assert silhouette_interval(distance, np.zeros(6, int)) is None


def test_equal_rows_score_zero():
    x = np.full((50, 3), 7.7, np.float32)
    x[:20] = 1.1
    labels = np.arange(50) % 2
    assert silhouette_interval(sampled._distances(x[20:]), labels[20:]) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize(("n", "spread", "k"), [(120, 0.7, 3), (150, 2.0, 5), (200, 0.3, 4)])
def test_coverage(n, spread, k):
    """Of 300 samples, 95 % intervals cover the silhouette of all rows in 91 to 99 %."""
    population, centres = _blobs(1200, 3, k, spread, seed=n)
    labels = _labels(population, centres)
    truth = silhouette_score(population, labels)
    distance = sampled._distances(population)
    rng = np.random.default_rng(9)
    covered, values, widths = [], [], []
    for _ in range(300):
        rows = rng.choice(1200, n, replace=False)
        own = distance[np.ix_(rows, rows)]
        value, low, high = silhouette_interval(own, labels[rows], 1 - n / 1200)
        covered.append(low <= truth <= high)
        values.append(value)
        widths.append(high - low)
    assert 0.91 <= np.mean(covered) <= 0.99
    # As wide as the estimates scatter, and no bias beyond what 300 samples could show.
    assert np.mean(widths) / (2 * 1.96) == pytest.approx(np.std(values), rel=0.2)
    assert abs(np.mean(values) - truth) < 4 * np.std(values) / 300**0.5 + 1e-3
