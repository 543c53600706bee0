"""Stability: near one where there are clusters to find again, low where there are none."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from models.fitted import make_card

from bannercluster.config import ClusterConfig, EvaluateConfig, semantic_fields
from bannercluster.errors import DataError
from bannercluster.evaluate import halves
from bannercluster.evaluate.halves import n_distinct_rows
from bannercluster.evaluate.splits import split
from bannercluster.evaluate.stability import (
    Stability,
    measure_stability,
    split_interval,
    stability_nbytes,
)
from bannercluster.models.kmeans import KMeansModel
from bannercluster.runtime import SilentProgress, ThreadExecutor
from bannercluster.traverse.samples import sample_rows
from bannercluster.traverse.sources import ArraySource

N_FEATURES = 6


def model(k, name=None, normalize="none", n_features=N_FEATURES, **fit):
    """A model of which only the card is looked at."""
    centres = np.zeros((k, n_features))
    card = make_card(name or f"k{k}", centres, normalize)
    whole = {**semantic_fields(ClusterConfig(n_init=3, normalize=normalize)), **fit}
    card = type(card)(**{**vars(card), "fit": {**whole, "k": k, "algorithm": "kmeans"}})
    return KMeansModel(centres, card)


def stability(values, ks, groups=None, models=None, n_workers=1, kind="threads", **config):
    models = [model(k) for k in ks] if models is None else models
    values = np.asarray(values, np.float32)
    settings = EvaluateConfig(**{"stability_splits": 3, **config})
    with ThreadExecutor(n_workers) as executor:
        executor.kind = kind
        return measure_stability(
            ArraySource(values), models, settings, groups, executor, SilentProgress()
        )


def planted(n=1200, k=4, noise=0.3, seed=0):
    """Rows around k corners, unequal in number, and their corner."""
    rng = np.random.default_rng(seed)
    corners = 4 * np.eye(k, N_FEATURES)
    label = rng.choice(k, n, p=np.arange(1, k + 1) / (k * (k + 1) / 2))
    return corners[label] + rng.normal(0, noise, (n, N_FEATURES)), label


@pytest.fixture(scope="module")
def found():
    values, _ = planted()
    return stability(values, (1, 2, 4, 8))


def test_planted_clusters_are_found_again(found):
    assert found["k4"].ari == (1.0, 1.0, 1.0)
    assert found["k4"].reason == ""
    assert found["k4"].intervals["stability_ari"] == (1.0, 1.0)


def test_more_clusters_than_there_are_do_not_come_again(found):
    assert len(found["k8"].ari) == 3
    assert max(found["k8"].ari) < 0.8


def test_no_clusters():
    values = np.random.default_rng(1).normal(size=(1200, N_FEATURES))
    found = stability(values, (3, 6))
    assert all(found[name].metrics["stability_ari"] < 0.5 for name in found)


def test_one_cluster_has_no_stability(found):
    one = found["k1"]
    assert one.ari == ()
    assert one.reason == "one cluster agrees with itself, whatever the data"
    assert "stability_ari" not in one.metrics
    assert "stability_ari" not in one.intervals
    assert len(one.inertia_per_row_heldout) == 3


def test_held_out_inertia(found):
    """At k = 1 the centre is the mean; at the planted k the distance is that of the noise."""
    values, _ = planted()
    variance = np.square(values - values.mean(axis=0)).sum(axis=1).mean()
    assert found["k1"].metrics["inertia_per_row_heldout"] == pytest.approx(variance, rel=0.05)
    noise = N_FEATURES * 0.3**2
    assert found["k4"].metrics["inertia_per_row_heldout"] == pytest.approx(noise, rel=0.1)
    for name in ("k4", "k8"):
        metrics = found[name].metrics
        assert metrics["inertia_per_row_heldout"] > metrics["inertia_per_row_train"]


def test_against_a_slow_reference():
    """One split by hand: k-means of scikit-learn on both halves, its index on the rest."""
    from sklearn.cluster import KMeans
    from sklearn.metrics import adjusted_rand_score

    values, _ = planted(300, noise=1.2, seed=3)
    values = values.astype(np.float32)
    found = stability(values, (4,), models=[model(4, n_init=40, tol=0)], stability_splits=1)["k4"]
    parts = split(300, None, (0, 0))
    fits = [
        KMeans(4, n_init=40, tol=0, random_state=0).fit(values[half].astype(float))
        for half in parts.halves
    ]
    rest = values[parts.heldout].astype(float)
    labels = [fit.predict(rest) for fit in fits]
    assert found.ari == (pytest.approx(adjusted_rand_score(*labels)),)
    assert 0.2 < found.ari[0] < 0.999
    heldout = np.mean([-fit.score(rest) / len(rest) for fit in fits])
    assert found.inertia_per_row_heldout == (pytest.approx(heldout, rel=1e-6),)
    train = np.mean([fit.inertia_ / 120 for fit in fits])
    assert found.inertia_per_row_train == (pytest.approx(train, rel=1e-6),)


def test_workers_and_their_kind_change_nothing(found):
    values, _ = planted()
    assert stability(values, (1, 2, 4, 8), n_workers=3) == found
    assert stability(values, (1, 2, 4, 8), kind="remote") == found


def test_seeds_change_splits_and_fits():
    values = np.random.default_rng(1).normal(size=(300, N_FEATURES))
    first = stability(values, (4,))["k4"]
    assert stability(values, (4,), seed=1)["k4"].ari != first.ari
    assert stability(values, (4,))["k4"] == first
    assert len(set(first.ari)) == 3


@pytest.fixture
def seeds(monkeypatch):
    """The seeds of all sweeps."""
    noted = []

    class Noted(halves.Sweep):
        def run(self, *given):
            noted.append(self.config.seed)
            return super().run(*given)

    monkeypatch.setattr(halves, "Sweep", Noted)
    return noted


def test_each_half_of_each_split_is_seeded_on_its_own(seeds):
    stability(planted(100)[0], (2,))
    assert len(set(seeds)) == len(seeds) == 6


def test_a_model_does_not_depend_on_those_beside_it(found):
    values, _ = planted()
    assert stability(values, (4,))["k4"] == found["k4"]


def test_a_fit_is_that_of_the_model():
    """By row of length one, the two clusters differ in direction; by position in length."""
    rng = np.random.default_rng(2)
    directions = np.eye(2, N_FEATURES)[np.arange(600) % 2]
    values = directions * np.where(np.arange(600) % 4 < 2, 1, 60)[:, None]
    values += rng.normal(0, 0.02, values.shape)
    models = [model(2, "l2", "l2"), model(2, "none"), model(2, "few", max_iter=1, n_init=1)]
    found = stability(values, (), models=models)
    assert found["l2"].ari == (1.0, 1.0, 1.0)
    assert found["l2"].metrics["inertia_per_row_train"] < 0.1
    assert found["l2"].metrics["inertia_per_row_heldout"] < 0.1
    assert found["none"].metrics["inertia_per_row_train"] > 100
    assert found["few"] != found["none"]


def test_models_of_one_procedure_share_their_fits(seeds):
    values, _ = planted()
    models = [model(4, "a"), model(4, "b", engine="sklearn", predecessor="none"), model(2, "c")]
    found = stability(values, (), models=models)
    assert len(seeds) == 6
    assert found["a"] == found["b"]
    assert found["a"].ari == (1.0, 1.0, 1.0)
    assert found["c"] != found["a"]


@pytest.mark.parametrize("normalize", ["l2", "none"])
def test_a_card_without_settings_is_fitted_with_the_default_ones(normalize):
    values, _ = planted()
    centres = np.zeros((4, N_FEATURES))
    bare = KMeansModel(centres, make_card("bare", centres, normalize))
    found = stability(values, (), models=[bare], stability_splits=1)
    full = model(4, "bare", normalize, n_init=ClusterConfig().n_init)
    assert found == stability(values, (), models=[full], stability_splits=1)


def test_off():
    assert stability(np.zeros((10, N_FEATURES)), (2,), stability_splits=0) == {}


# Rows that cannot be split


def test_too_few_rows_for_some_k():
    found = stability(planted(30)[0], (2, 12, 13))
    assert len(found["k2"].ari) == 3
    assert len(found["k12"].ari) == 3
    assert found["k13"] == Stability(
        (), (), (), "a half of 12 rows has 12 distinct ones, fewer than k = 13"
    )
    assert found["k13"].metrics == found["k13"].intervals == {}


@pytest.mark.parametrize("n", [1, 2])
def test_almost_no_rows(n):
    found = stability(np.eye(n, N_FEATURES), (1, 2))
    for one in found.values():
        assert one.ari == ()
        assert one.reason.startswith("a split has parts of 1, ")


def test_duplicate_rows():
    """Three distinct rows, many times each."""
    values = np.repeat(np.eye(3, N_FEATURES), 40, axis=0)
    found = stability(values, (3, 4))
    assert found["k3"].ari == (1.0, 1.0, 1.0)
    assert found["k3"].metrics["inertia_per_row_heldout"] == 0.0
    assert found["k4"].reason == "a half of 48 rows has 3 distinct ones, fewer than k = 4"


def test_held_out_rows_that_are_all_alike():
    values = np.zeros((5, N_FEATURES))
    values[:, 0] = 1, 2, 3, 4, 5
    found = stability(values, (2,))["k2"]
    assert found.ari == ()
    assert found.reason == "1 held-out rows do not tell two labellings apart"


def test_rows_too_near_for_the_seeding():
    """Distinct as they are, two once their mean is taken away: what can be fitted is."""
    values = np.zeros((40, N_FEATURES))
    values[:, 0] = np.where(np.arange(40) % 2, 1e6, 1e-12 * np.arange(40))
    found = stability(values, (2, 5))
    assert found["k2"].ari == (1.0, 1.0, 1.0)
    assert found["k5"].ari == ()
    assert found["k5"].reason.startswith("a half could not be fitted: k = 5 is larger")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_rows_that_are_not_finite_are_named(value):
    values, _ = planted(100)
    values[[41, 60], 2] = value
    with pytest.raises(DataError, match=r"2 of 100 sampled rows .* first is row 41\)"):
        stability(values, (2,))


# Labels


def test_labels_stay_together():
    """Each label is a cluster of its own: unseen ones cannot be told as those seen."""
    values, label = planted(1200, k=6)
    by_content = stability(values, (6,), label.astype(np.int32))["k6"]
    by_label = stability(values, (6,), label.astype(np.int32), split_by="label")["k6"]
    assert by_content.ari == (1.0, 1.0, 1.0)
    heldout = by_label.metrics["inertia_per_row_heldout"]
    assert heldout > 5 * by_content.metrics["inertia_per_row_heldout"]


def test_without_labels_a_split_by_label_is_one_by_content(found):
    values, _ = planted()
    none = np.full(len(values), -1, np.int32)
    assert stability(values, (1, 2, 4, 8), none, split_by="label") == found
    assert stability(values, (1, 2, 4, 8), split_by="label") == found


@pytest.mark.parametrize("n_labels", [1, 2])
def test_too_few_labels(n_labels):
    values, label = planted()
    groups = (label % n_labels).astype(np.int32)
    found = stability(values, (2,), groups, split_by="label")["k2"]
    assert found.ari == ()
    assert found.reason.startswith("a split has parts of ")
    assert found.reason.endswith(" and 0 rows")


def test_some_splits_may_be_missing():
    """Labels of unequal size: a half is now and then too small."""
    values, _ = planted(120)
    groups = np.repeat(np.arange(4, dtype=np.int32), (10, 20, 30, 60))
    found = stability(values, (12,), groups, split_by="label", stability_splits=12)["k12"]
    assert 0 < len(found.ari) < 12
    missing = 12 - len(found.ari)
    assert found.reason.startswith(f"{missing} of 12 splits: a ")


# Samples and splits


@given(st.integers(0, 3000), st.integers(1, 3000), st.integers(1, 3000), st.integers(0, 9))
@settings(max_examples=60, deadline=None)
def test_samples_are_nested(n_rows, size, more, seed):
    rows = sample_rows(n_rows, size, seed)
    assert len(rows) == min(n_rows, size)
    assert np.array_equal(rows, np.unique(rows))
    assert set(rows) <= set(range(n_rows))
    assert set(rows) <= set(sample_rows(n_rows, size + more, seed))
    # Of rows that were appended some come in; of the others none does.
    assert set(sample_rows(n_rows + more, size, seed)) & set(range(n_rows)) <= set(rows)


def test_a_sample_in_blocks_is_the_sample(monkeypatch):
    from bannercluster.traverse import samples

    whole = sample_rows(1000, 70, 5)
    monkeypatch.setattr(samples, "_KEYS_AT_A_TIME", 33)
    assert np.array_equal(sample_rows(1000, 70, 5), whole)
    assert not np.array_equal(sample_rows(1000, 70, 6), whole)


def test_a_sample_is_spread_over_the_rows():
    rows = sample_rows(100_000, 10_000, 0)
    counts = np.bincount(rows // 10_000, minlength=10)
    assert np.abs(counts - 1000).max() < 150


owners = st.lists(st.integers(-1, 12), min_size=1, max_size=200).map(np.array)


@given(owners, st.integers(0, 5), st.integers(0, 5))
@settings(deadline=None)
def test_parts_are_disjoint_and_owners_whole(owner, seed, index):
    parts = split(len(owner), owner, (seed, index))
    places = [*parts.halves, parts.heldout]
    assert np.array_equal(np.sort(np.concatenate(places)), np.arange(len(owner)))
    for place in places:
        assert np.array_equal(place, np.sort(place))
    for one in range(13):
        assert sum((owner[place] == one).any() for place in places) <= 1


@given(st.integers(0, 500), st.integers(0, 5))
@settings(deadline=None)
def test_shares_without_owners(n, seed):
    parts = split(n, None, (seed, 0))
    sizes = np.array([*map(len, parts.halves), len(parts.heldout)])
    assert np.abs(sizes - np.array([0.4, 0.4, 0.2]) * n).max() <= 1


def test_splits_differ():
    first, second = (split(100, None, (0, index)).heldout for index in (0, 1))
    assert not np.array_equal(first, second)


# Figures


def test_interval_of_splits():
    """By hand: mean 0.8, s = 0.1, t(2) = 4.302653."""
    low, high = split_interval([0.7, 0.8, 0.9])
    half = 4.30265273 * math.sqrt((1 / 3 + 1 / 2) * 0.01)
    assert (low, high) == (pytest.approx(0.8 - half), pytest.approx(0.8 + half))


def test_metrics_and_intervals():
    one = Stability((0.99, 0.95, 1.0), (2.0, 3.0, 4.0), (1.0,))
    assert one.metrics == {
        "stability_ari": pytest.approx(0.98),
        "inertia_per_row_heldout": 3.0,
        "inertia_per_row_train": 1.0,
    }
    assert one.intervals["stability_ari"][1] == 1.0
    assert one.intervals["inertia_per_row_heldout"] == split_interval([2.0, 3.0, 4.0])
    assert "inertia_per_row_train" not in one.intervals


@pytest.mark.parametrize("normalize", ["l2", "none"])
def test_distinct_rows(normalize):
    values = np.array([[1, 0], [1, 0], [-0.0, 2], [0.0, 2], [0, 0], [-0.0, 0], [4, 0]], np.float16)
    n = 3 if normalize == "l2" else 4
    everything = np.arange(7)
    assert n_distinct_rows(values, everything, normalize, 9) == n
    assert n_distinct_rows(values, everything, normalize, 2) == 2
    assert n_distinct_rows(values, everything[:2], normalize, 9) == 1
    assert n_distinct_rows(values, everything[:0], normalize, 9) == 0
    many = np.repeat(np.eye(2, 3), 3000, axis=0)
    assert n_distinct_rows(many, np.arange(6000), normalize, 9) == 2


def test_memory_grows_with_the_sample_only():
    config = EvaluateConfig(stability_rows=1000)
    assert stability_nbytes(10**7, 64, config) == stability_nbytes(1000, 64, config)
    assert stability_nbytes(500, 64, config) < stability_nbytes(1000, 64, config)
    assert stability_nbytes(500, 64, EvaluateConfig(stability_splits=0)) == 0
