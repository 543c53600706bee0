"""Rows that a clustering stumbles over: each is refused in plain words, or has a defined result."""

import numpy as np
import pytest

from bannercluster.errors import DataError

from .settings import day, fit, models_of, settings_for

CENTRES = 4 * np.eye(3, 6)


@pytest.fixture
def values():
    return day(CENTRES, (300, 200, 100), 0)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("normalize", ["l2", "none"])
def test_not_finite(tmp_path, values, bad, normalize):
    values[[41, 590], [0, 5]] = bad
    with pytest.raises(DataError, match=r"2 of 600 rows hold NaN or infinity.*row 41\)") as error:
        fit(settings_for(tmp_path, values, k=(3,), normalize=normalize))
    assert error.value.exit_code == 2
    assert not (tmp_path / "models").exists()


@pytest.mark.parametrize("normalize", ["l2", "none"])
def test_constant_features(tmp_path, values, normalize):
    """They add nothing: without normalising the clusters are those without them."""
    values[:, 3:] = 2.5
    whole = settings_for(tmp_path, values, k=(3,), normalize=normalize)
    model = models_of(whole, fit(whole))[3]
    assert model.card.sizes == (300, 200, 100)
    assert model.card.converged
    if normalize == "none":
        np.testing.assert_allclose(model.centres[:, 3:], 2.5, atol=1e-6)
        short = settings_for(tmp_path, values[:, :3].copy(), "short", k=(3,), predecessor="none")
        alone = models_of(short, fit(short))[3]
        np.testing.assert_allclose(model.centres[:, :3], alone.centres, atol=1e-6)
        assert model.card.inertia == pytest.approx(alone.card.inertia, rel=1e-6)


def test_rows_that_are_all_equal(tmp_path):
    values = np.full((500, 6), 0.75, np.float32)
    one = settings_for(tmp_path, values, k=(1,))
    model = models_of(one, fit(one))[1]
    assert (model.card.sizes, model.card.inertia) == ((500,), 0.0)
    np.testing.assert_array_equal(model.centres, values[:1])
    with pytest.raises(DataError, match=r"k = 2 is larger .*distinct"):
        fit(one.replace("cluster", k=(1, 2)))


def test_duplicate_rows_count_as_often_as_they_are_there(tmp_path, values):
    once = settings_for(tmp_path, values, k=(3,))
    thrice = settings_for(tmp_path, np.repeat(values, 3, axis=0), "thrice", k=(3,))
    one = models_of(once, fit(once))[3]
    three = models_of(thrice, fit(thrice))[3]
    np.testing.assert_allclose(three.centres, one.centres, atol=1e-6)
    assert three.card.sizes == tuple(3 * size for size in one.card.sizes)
    assert three.card.inertia == pytest.approx(3 * one.card.inertia, rel=1e-6)


def test_as_many_distinct_rows_as_clusters(tmp_path, values):
    asked = settings_for(tmp_path, np.resize(values[:5], (400, 6)), k=(5, 2))
    models = models_of(asked, fit(asked))
    assert models[5].card.inertia == pytest.approx(0, abs=1e-6)
    assert models[5].card.sizes == (80,) * 5
    # Of equal sizes the numbers go by the values of the centres.
    np.testing.assert_allclose(
        models[5].centres, np.array(sorted(values[:5].tolist())), rtol=0, atol=1e-6
    )


def test_fewer_distinct_rows_than_clusters(tmp_path, values):
    asked = settings_for(tmp_path, np.resize(values[:5], (400, 6)), k=(2, 6))
    with pytest.raises(DataError, match=r"k = 6 is larger .* 5.*distinct") as error:
        fit(asked)
    assert error.value.exit_code == 2


def test_one_cluster(tmp_path, values):
    asked = settings_for(tmp_path, values, k=(1,))
    model = models_of(asked, fit(asked))[1]
    wide = values.astype(np.float64)
    np.testing.assert_allclose(model.centres[0], wide.mean(axis=0), atol=1e-6)
    assert model.card.inertia == pytest.approx(np.square(wide - wide.mean(axis=0)).sum(), rel=1e-6)
    assert model.card.sizes == (600,)
    refit = fit(asked.replace("cluster", seed=1)).models[0].predecessor
    assert (refit.same, refit.moved) == ((True,), (None,))
    assigned = model.assign(values)
    assert set(assigned.cluster_id.tolist()) == {0}
    assert np.isnan(assigned.margin).all()


def test_zero_rows(tmp_path, values):
    """A zero row has no direction: normalised it stays zero, and is a row like any other."""
    values[:50] = 0
    asked = settings_for(tmp_path, values, k=(4,), normalize="l2", n_init=5)
    model = models_of(asked, fit(asked))[4]
    assert sum(model.card.sizes) == 600
    assert np.isfinite(model.centres).all()
    assert len(set(model.assign(values[:50]).cluster_id.tolist())) == 1
