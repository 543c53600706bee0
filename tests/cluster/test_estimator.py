"""``BannerKMeans`` behaves as scikit-learn's estimators do."""

import numpy as np
import pytest
from kmeans.helpers import assert_same_runs, blobs, config, first_rows, sweep, unit
from sklearn.base import clone
from sklearn.metrics import pairwise_distances
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

from bannercluster import BannerKMeans
from bannercluster.errors import DataError, UsageError


@pytest.fixture(scope="module")
def x():
    return blobs(1200, 5)


def _fit(x, **values):
    return BannerKMeans(4, **{"n_init": 2, "random_state": 3, "n_jobs": 2, **values}).fit(x)


def test_scikit_learn_checks():
    # No check is expected to fail. The one skipped needs SCIPY_ARRAY_API in the environment.
    found = check_estimator(
        BannerKMeans(n_clusters=3, n_init=2, n_jobs=1, max_iter=50),
        expected_failed_checks={},
        on_skip=None,
    )
    skipped = {one["check_name"] for one in found if one["status"] == "skipped"}
    assert skipped <= {"check_array_api_input"}
    assert len(found) > 40


def test_fit_is_a_sweep_of_one_k(x):
    model = _fit(x, tol=1e-3)
    asked = config(k=(4,), n_init=2, seed=3, tol=1e-3, max_iter=300)
    best = sweep(x, asked).best(4)
    np.testing.assert_array_equal(model.cluster_centers_, best.centres)
    assert (model.inertia_, model.n_iter_) == (best.inertia, best.n_iter)
    assert model.n_features_in_ == 5
    assert_same_runs([best], [min(sweep(x, asked).runs, key=lambda run: run.inertia)])


@pytest.mark.parametrize("normalize", ["none", "l2"])
def test_methods_agree(x, normalize):
    model = _fit(x, normalize=normalize)
    seen = unit(x).astype(np.float32) if normalize == "l2" else x
    distances = model.transform(x)
    np.testing.assert_allclose(
        distances, pairwise_distances(seen.astype(float), model.cluster_centers_), atol=1e-6
    )
    np.testing.assert_array_equal(model.labels_, distances.argmin(axis=1))
    np.testing.assert_array_equal(model.predict(x), model.labels_)
    np.testing.assert_array_equal(_fit(x, normalize=normalize).fit_predict(x), model.labels_)
    np.testing.assert_array_equal(_fit(x, normalize=normalize).fit_transform(x), distances)
    np.testing.assert_allclose(model.score(x), -model.inertia_, rtol=1e-6)
    np.testing.assert_allclose(-model.score(x), np.square(distances.min(axis=1)).sum(), rtol=1e-6)
    assert model.labels_.dtype == np.int32


def test_new_rows(x):
    model = _fit(x[:600])
    np.testing.assert_array_equal(model.predict(x[600:]), model.transform(x[600:]).argmin(axis=1))
    assert model.score(x[600:]) < 0


def test_parameters_and_clones(x):
    given = {
        "n_clusters": 4,
        "init": "k-means++",
        "n_init": 2,
        "max_iter": 9,
        "tol": 0.01,
        "random_state": 7,
        "normalize": "l2",
        "spherical": True,
        "n_jobs": 1,
    }
    model = BannerKMeans(**given)
    assert model.get_params() == given
    copied = clone(model.fit(x))
    assert copied.get_params() == given
    assert not hasattr(copied, "cluster_centers_")
    np.testing.assert_array_equal(copied.fit(x).cluster_centers_, model.cluster_centers_)
    np.testing.assert_allclose(np.square(model.cluster_centers_).sum(axis=1), 1.0)


@pytest.mark.parametrize("n_jobs", [1, 3, None])
def test_threads_do_not_matter(x, n_jobs):
    model, other = _fit(x), _fit(x, n_jobs=n_jobs)
    np.testing.assert_array_equal(model.cluster_centers_, other.cluster_centers_)
    np.testing.assert_array_equal(model.labels_, other.labels_)


def test_given_centres(x):
    first = first_rows(x, 4)
    model = _fit(x, init=first, n_init=10)
    best = sweep(x, config(k=(4,), max_iter=300), init={4: [first]}).best(4)
    np.testing.assert_array_equal(model.cluster_centers_, best.centres)
    assert model.n_iter_ == best.n_iter


def test_in_a_pipeline(x):
    pipeline = make_pipeline(StandardScaler(), BannerKMeans(3, n_init=1)).fit(x)
    assert set(pipeline.predict(x)) == {0, 1, 2}


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("order", ["C", "F"])
def test_input_is_not_changed_and_may_be_read_only(x, dtype, order):
    given = np.asarray(x.astype(np.float16), dtype, order=order)
    given.setflags(write=False)
    before = given.copy()
    for normalize in ("none", "l2"):
        model = _fit(given, normalize=normalize)
        model.predict(given)
        model.transform(given)
        np.testing.assert_array_equal(given, before)
        expected = _fit(x.astype(np.float16), normalize=normalize)
        np.testing.assert_array_equal(model.labels_, expected.labels_)


def test_what_cannot_be_fitted(x):
    with pytest.raises(UsageError, match="init is 'random'; expected 'k-means\\+\\+'"):
        _fit(x, init="random")
    with pytest.raises(UsageError, match=r"init has shape \(3, 5\); expected \(4, 5\)"):
        _fit(x, init=x[:3])
    with pytest.raises(DataError, match="only 1 distinct rows"):
        _fit(np.ones((20, 2)))
