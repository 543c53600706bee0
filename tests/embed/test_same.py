"""The same store, whoever computed it; and another recipe is refused."""

import pytest

from bannercluster.config import RuntimeConfig
from bannercluster.embed import plan
from bannercluster.encoders import ResolvedEngine
from bannercluster.errors import IncompatibleStoreError
from bannercluster.runtime import ThreadExecutor, open_executor

from .banners import Bench, banner, contents_of, put, put_banners


def filled(bench: Bench) -> Bench:
    put_banners(bench.images, 13)
    put(bench.images, "a_copy.png", banner(5, (728, 90)))
    put(bench.images, "empty.png", b"")
    return bench


@pytest.mark.parametrize(
    ("executor", "n_workers", "embed"),
    [
        ("threads", 2, {}),
        ("threads", 4, {"part_rows": 3}),
        ("threads", 1, {"part_rows": 1}),
        ("threads", 1, {"chunk_rows": 4}),
        ("threads", 2, {"part_rows": 3, "chunk_rows": 5}),
        ("dask", 2, {"part_rows": 3}),
    ],
)
def test_same_store(tmp_path, monkeypatch, executor, n_workers, embed):
    (tmp_path / "one").mkdir()
    one = filled(Bench(tmp_path / "one", monkeypatch))
    one.run()
    assert one.store.manifest.chunk_rows == 8192
    expected = contents_of(one.store)
    (tmp_path / "two").mkdir()
    two = filled(Bench(tmp_path / "two", monkeypatch))
    two.set("embed", **embed)
    if executor == "threads":
        with ThreadExecutor(n_workers) as threads:
            two.run(threads)
    else:
        runtime = RuntimeConfig(workers=n_workers, dashboard="off")
        with open_executor(runtime, prefer="threads") as dask:
            two.run(dask)
    assert contents_of(two.store) == expected
    assert two.store.manifest.chunk_rows == embed.get("chunk_rows", 8192)


def test_same_rows_in_one_go_and_day_by_day(tmp_path, monkeypatch):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    one, two = Bench(tmp_path / "one", monkeypatch), None
    put_banners(one.images, 9)
    one.run()
    expected = contents_of(one.store)
    two = Bench(tmp_path / "two", monkeypatch)
    two.set("embed", chunk_rows=4)
    for first in (0, 3, 6):
        put_banners(two.images, 3, first=first)
        two.run()
    assert two.store.manifest.generation == 3
    assert contents_of(two.store) == expected


CHANGES = {
    "model": lambda bench: bench.set("embed", model="another_network"),
    "weights_sha256": lambda bench: setattr(bench, "weights", "cd" * 32),
    "resize": lambda bench: bench.set("embed", resize="squash"),
    "dtype": lambda bench: bench.set("embed", dtype="float32"),
    "precision": lambda bench: setattr(
        bench, "engine", ResolvedEngine("openvino", "bfloat16", "cpu", "")
    ),
    "engine": lambda bench: setattr(bench, "engine", ResolvedEngine("torch", "float32", "cpu", "")),
}


@pytest.mark.parametrize("name", CHANGES)
def test_other_recipe_is_refused(bench, name):
    put_banners(bench.images, 3)
    bench.run()
    put_banners(bench.images, 2, first=3)
    before = {path: path.read_bytes() for path in bench.folder.rglob("*") if path.is_file()}
    CHANGES[name](bench)
    for work in (bench.run, lambda: plan(bench.settings)):
        with pytest.raises(IncompatibleStoreError, match=f"{name} is .*asked for.*--embeddings"):
            work()
    assert bench.n_decoded == 0
    after = {path: path.read_bytes() for path in bench.folder.rglob("*") if path.is_file()}
    assert after == before


def test_weights_that_are_known_only_once_they_are_loaded(bench):
    """Weights from a hub: the recipe gets the hash of what was loaded."""
    put_banners(bench.images, 2)
    bench.weights = None
    bench.run()
    assert bench.store.manifest.recipe["weights_sha256"] == bench.encoder.info.weights_sha256
    bench.weights = bench.encoder.info.weights_sha256
    assert bench.run().generation == 1


def test_another_network_is_refused_before_its_weights_are_looked_for(bench, monkeypatch):
    from bannercluster.embed import stage

    put_banners(bench.images, 2)
    bench.run()
    bench.weights = None
    monkeypatch.setattr(stage, "load_encoder", lambda *args, **options: pytest.fail("loaded"))
    bench.set("embed", model="another_network")
    for work in (bench.run, lambda: plan(bench.settings)):
        with pytest.raises(IncompatibleStoreError, match="model is 'efficientnet_b4', asked for"):
            work()


def test_weights_that_turn_out_to_be_others(bench):
    put_banners(bench.images, 2)
    bench.weights = bench.encoder.weights = "cd" * 32
    bench.run()
    bench.weights, bench.encoder.weights = None, "ab" * 32
    with pytest.raises(IncompatibleStoreError, match="weights_sha256 is 'cdcd"):
        bench.run()
    assert bench.store.n_rows == 2


def test_plan_writes_nothing(bench):
    put_banners(bench.images, 3)
    summary = dict(plan(bench.settings).summary)
    assert summary["files"].startswith("3 in ")
    assert summary["store"].endswith("(new)")
    assert {path.name for path in bench.folder.iterdir()} == {"images"}
    bench.run()
    assert "(3 rows so far)" in dict(plan(bench.settings).summary)["store"]
