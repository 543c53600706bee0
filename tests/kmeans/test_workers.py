"""The same bits whoever does the work, in whatever chunks, with whatever product."""

import numpy as np
import pytest

from bannercluster.config import RuntimeConfig
from bannercluster.kmeans.sweep import labels_of
from bannercluster.runtime import open_executor
from bannercluster.runtime.executor import ThreadExecutor
from bannercluster.traverse.segments import cut
from bannercluster.traverse.sources import StoreSource
from bannercluster.traverse.walk import Walker

from .helpers import KillingExecutor, assert_same_runs, blobs, config, kept_here, store_of, sweep

ASKED = config(k=(3, 6), n_init=2, normalize="l2", max_iter=40, seeding_rows=4000)
KINDS = ("1 thread", "2 threads", "4 threads", "dask threads", "dask processes")


@pytest.fixture(scope="module")
def values():
    found = blobs(36_000, 8, dtype=np.float16, spread=0.7)
    assert len(cut(len(found))) == 9
    return found


@pytest.fixture(scope="module")
def stores(values, tmp_path_factory):
    folder = tmp_path_factory.mktemp("stores")
    return {rows: store_of(folder / f"{rows}.zarr", values, rows) for rows in (1000, 4096)}


@pytest.fixture(scope="module")
def expected(values):
    with ThreadExecutor(1) as executor:
        found = sweep(values, ASKED, executor=executor)
        return found, _labels(values, found, executor)


def _labels(rows, found, executor):
    from bannercluster.traverse.sources import ArraySource

    source = ArraySource(rows) if isinstance(rows, np.ndarray) else rows
    centres = [run.centres for run in found.runs]
    return labels_of(Walker(source, executor), centres, "l2", "float32")


@pytest.fixture(scope="module", params=KINDS)
def executor(request):
    first, second = request.param.split()
    if first == "dask":
        runtime = RuntimeConfig(workers=2, pool=second, dashboard="off")
        with open_executor(runtime) as opened:
            yield opened
    else:
        with ThreadExecutor(int(first)) as opened:
            yield opened


@pytest.mark.parametrize(
    ("chunk_rows", "product", "cache_nbytes"),
    [(1000, "float32", 0), (4096, "bfloat16", 1 << 30), (1000, "bfloat16", 200_000)],
)
def test_same_bits(executor, stores, expected, chunk_rows, product, cache_nbytes):
    runs, labels = expected
    source = StoreSource(stores[chunk_rows])
    found = sweep(source, ASKED, product=product, executor=executor, cache_nbytes=cache_nbytes)
    assert_same_runs(found.runs, runs.runs)
    assert found.n_passes == runs.n_passes
    np.testing.assert_array_equal(_labels(source, found, executor), labels)


def test_workers_keep_nothing_afterwards(executor, stores):
    """They may belong to others, and live on."""
    during = set()

    def note(said):
        if not said.startswith("seeding"):
            during.update(dict(executor.map_unordered(kept_here, range(6))).values())

    sweep(StoreSource(stores[1000]), ASKED, executor=executor, cache_nbytes=1 << 30, note=note)
    assert during != {0}
    assert set(dict(executor.map_unordered(kept_here, range(6))).values()) == {0}


def test_runs_moved_and_stopped_apart(expected):
    """The case is no trivial one."""
    runs, labels = expected
    assert len({run.n_iter for run in runs.runs}) > 1
    assert min(run.n_iter for run in runs.runs) > 3
    assert all(len(np.unique(own)) == run.k for own, run in zip(labels, runs.runs, strict=True))


# Killed at random

MANY = config(k=(3, 6), n_init=2, normalize="l2", max_iter=5, seeding_rows=4000)


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    values = blobs(200_000, 8, dtype=np.float16, spread=0.7)
    return store_of(tmp_path_factory.mktemp("many") / "many.zarr", values, 50_000)


@pytest.fixture(scope="module")
def undisturbed(many):
    with ThreadExecutor(2) as executor:
        found = sweep(StoreSource(many), MANY, executor=executor)
        return found, _labels(StoreSource(many), found, executor)


@pytest.mark.slow
@pytest.mark.parametrize(
    "seed", [0, *(pytest.param(seed, marks=pytest.mark.thorough) for seed in (8, 10))]
)
def test_workers_killed_at_random(many, undisturbed, tmp_path, seed):
    """One segment in twenty takes its worker with it: labels, centres and inertia are the same."""
    runs, labels = undisturbed
    runtime = RuntimeConfig(workers=2, pool="processes", dashboard="off")
    source = StoreSource(many)
    with open_executor(runtime) as opened:
        executor = KillingExecutor(opened, tmp_path, seed, share=0.05)
        found = sweep(source, MANY, executor=executor, cache_nbytes=1 << 20)
        found_labels = _labels(source, found, executor)
    assert executor.n_segments >= 90
    assert executor.n_killed >= 3
    assert_same_runs(found.runs, runs.runs)
    assert found.n_passes == runs.n_passes
    np.testing.assert_array_equal(found_labels, labels)
