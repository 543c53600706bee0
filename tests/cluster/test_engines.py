"""The stage with another engine: the same card, and clear words where an engine cannot be had."""

import importlib.util
import sys

import numpy as np
import pytest

from bannercluster.cluster import plan
from bannercluster.cluster.engines import loading
from bannercluster.cluster.engines.fitting import starts_of
from bannercluster.config import ClusterConfig
from bannercluster.errors import DataError, EngineError, UsageError

from .settings import day, fit, models_of, settings_for

CENTRES = 4 * np.eye(4, 6)
SIZES = (400, 300, 200, 100)
ENGINES = [
    "sklearn",
    pytest.param(
        "dask-ml",
        marks=pytest.mark.skipif(
            importlib.util.find_spec("dask_ml") is None, reason="dask-ml is not installed"
        ),
    ),
]


@pytest.mark.parametrize("engine", ENGINES)
def test_same_card_as_the_sweep(tmp_path, engine):
    values = day(CENTRES, SIZES, 0)
    settings = settings_for(tmp_path, values, k=(4, 3), n_init=10)
    own = models_of(settings, fit(settings))
    asked = settings.replace("cluster", engine=engine)
    found = fit(asked)
    assert [one.k for one in found.models] == [4, 3]
    assert found.n_passes == 3  # statistics, what the library holds, the last labels
    for k, model in models_of(asked, found).items():
        card, peer = model.card, own[k].card
        assert (card.engine, card.fit["engine"]) == (engine, engine)
        assert peer.engine == "sweep"
        assert card.name != peer.name
        assert len(card.restarts) == 10
        assert card.inertia == min(one.inertia for one in card.restarts)
        assert card.inertia == pytest.approx(peer.inertia, rel=1e-4)
        # Matched to the sweep's model, so number for number the same.
        assert card.predecessor.name == peer.name
        assert card.predecessor.n_same == k
        assert card.sizes == peer.sizes
        np.testing.assert_allclose(model.centres, own[k].centres, atol=1e-3)
        assigned = model.assign(values)
        assert card.sizes == tuple(np.bincount(assigned.cluster_id, minlength=k))
        sq_dist = np.square(assigned.distance.astype(np.float64)).sum()
        assert card.inertia == pytest.approx(sq_dist, rel=1e-6)
    assert fit(asked).n_passes == 0


@pytest.mark.parametrize("engine", ENGINES)
def test_plan(tmp_path, engine):
    settings = settings_for(tmp_path, day(CENTRES, SIZES, 0), engine=engine)
    found = plan(settings)
    assert dict(found.summary)["engine"].startswith(engine)
    assert dict(found.summary)["rows are"] == "float32 in memory"
    parts = {part.name: part.nbytes for part in found.memory.parts}
    assert parts["rows as float32"] == 4 * 1000 * 6
    for pool in ("threads", "processes"):
        assert plan(settings.replace("runtime", pool=pool)).memory.total(2) > 100 << 20


def test_what_does_not_fit_is_refused_before_it_is_read(tmp_path):
    settings = settings_for(tmp_path, day(CENTRES, SIZES, 0), engine="sklearn")
    small = plan(settings).memory
    wide = settings_for(tmp_path, np.ones((2000, 3000), np.float32), "wide", engine="sklearn")
    # The rows and scikit-learn's copy of them.
    grown = plan(wide).memory.per_process - small.per_process
    assert grown >= 2 * 4 * 2000 * 3000


@pytest.mark.parametrize(
    ("engine", "module", "package"),
    [
        ("sklearn", "sklearn.cluster", "scikit-learn"),
        ("dask-ml", "dask_ml.cluster", "dask-ml"),
        ("cuml", "cupy", "cuml-cu13"),
    ],
)
def test_library_that_is_not_installed(tmp_path, monkeypatch, engine, module, package):
    own = [name for name in sys.modules if name.startswith("bannercluster.cluster.engines.")]
    for name in own:
        if name.endswith("_engine"):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, module, None)  # importing it fails
    settings = settings_for(tmp_path, day(CENTRES, SIZES, 0), engine=engine)
    for call in (plan, fit):
        with pytest.raises(EngineError, match=rf"--engine {engine}.*install it.*{package}"):
            call(settings)
    assert not (tmp_path / "models" / "sweep.json").exists()


def test_an_engine_is_imported_only_when_it_is_named(tmp_path, monkeypatch):
    def refused(name):
        raise AssertionError(name)

    monkeypatch.setattr(loading.importlib, "import_module", refused)
    fit(settings_for(tmp_path, day(CENTRES, SIZES, 0)))


def test_spherical_is_the_sweeps_alone(tmp_path):
    values = day(CENTRES, SIZES, 0)
    asked = settings_for(tmp_path, values, engine="sklearn", spherical=True, normalize="l2")
    with pytest.raises(UsageError, match=r"no spherical k-means; use --engine sweep"):
        plan(asked)


@pytest.mark.parametrize("engine", ENGINES)
def test_fewer_distinct_rows_than_k(tmp_path, engine):
    values = np.resize(day(CENTRES, SIZES, 0)[:3], (400, 6))
    settings = settings_for(tmp_path, values, engine=engine)
    with pytest.raises(DataError, match=r"fewer distinct rows than k.*smaller k"):
        fit(settings)
    assert not (tmp_path / "models" / "sweep.json").exists()


@pytest.mark.parametrize("engine", ENGINES)
def test_rows_that_are_not_finite(tmp_path, engine):
    values = day(CENTRES, SIZES, 0)
    values[17, 2] = np.inf
    with pytest.raises(DataError, match=r"1 of 1000 rows.*row 17\)"):
        fit(settings_for(tmp_path, values, engine=engine))


def test_every_start_has_a_seed_of_its_own():
    asked = ClusterConfig(k=(3, 5), n_init=4, seed=1)
    seeds = {(one.k, one.restart): one.seed for one in starts_of(asked, None)}
    assert len(set(seeds.values())) == 8
    assert all(0 <= seed < 2**31 for seed in seeds.values())
    # Another k, or more restarts, leave the others as they were.
    more = {
        (one.k, one.restart): one.seed for one in starts_of(ClusterConfig(k=(5,), seed=1), None)
    }
    assert all(seeds[5, restart] == more[5, restart] for restart in range(4))
