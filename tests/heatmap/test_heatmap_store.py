"""The store of heatmaps: open to any reader, whole whatever happens, blocks beside the counts."""

import json

import numpy as np
import pyarrow.parquet as pq
import pytest
import xarray as xr
import zarr

from bannercluster.errors import DataError, FormatVersionError, StoreError, UsageError
from bannercluster.heatmap.dataset import heatmap_dataset, read_back
from bannercluster.heatmap.simulated import dataset_of
from bannercluster.heatmap.simulator.benchmark import BenchmarkConfig, draw_grids, simulate_grid
from bannercluster.heatmap.simulator.config import SimulatorConfig
from bannercluster.store import heatmaps
from bannercluster.store.lease import hold
from bannercluster.store.points import watched

from .making import clicks_table, make_features, settings_of

ROWS = 7


class Ended(BaseException):
    """Stands for the end of the process."""


def some_heatmaps(n=ROWS, seed=0):
    rng = np.random.default_rng(seed)
    return heatmap_dataset(
        rng.poisson(0.1, (n, 64, 64)).astype(np.uint32),
        [f"domaine-é{nth}" for nth in range(n)],
        ["g"] * n,
        {"visits": np.where(np.arange(n) % 2, 3.0, np.nan), "label": np.array([""] * n)},
    )


def write(url, dataset):
    with hold(str(url), "a test") as lease:
        return heatmaps.replace(str(url), dataset, 4, lease)


def write_block(url, name, features, **attributes):
    with hold(str(url), "a test") as lease:
        return heatmaps.write_block(str(url), name, features, attributes, lease)


def contents(folder):
    return {one: one.read_bytes() for one in sorted(folder.rglob("*")) if one.is_file()}


def test_xarray_and_zarr_read_what_was_written(tmp_path):
    url = tmp_path / "heatmaps.zarr"
    dataset = some_heatmaps()
    assert write(url, dataset)
    for found in (xr.open_zarr(url), xr.open_zarr(url, chunks=None, consolidated=False)):
        xr.testing.assert_identical(read_back(found.compute()), dataset)
    assert zarr.open_group(url)["counts"].chunks == (4, 64, 64)
    assert read_back(heatmaps.open_heatmaps(str(url))).domain.values[0] == "domaine-é0"
    near = dataset.counts.sel(x=0.5, y=0.0, method="nearest")
    assert near.x.item() == pytest.approx(0.5, abs=0.01)


def test_the_same_heatmaps_are_not_written_again(tmp_path):
    url = tmp_path / "heatmaps.zarr"
    write(url, some_heatmaps())
    write_block(url, "mine", np.ones((ROWS, 2), np.float32), weights="w")
    before = contents(url)
    assert not write(url, some_heatmaps())
    assert contents(url) == before


def test_others_take_the_place_of_all_that_is_there(tmp_path):
    url = tmp_path / "heatmaps.zarr"
    write(url, some_heatmaps(20))
    write_block(url, "mine", np.ones((20, 2), np.float32), weights="w")
    assert write(url, some_heatmaps(3, seed=1))
    alone = tmp_path / "alone.zarr"
    write(alone, some_heatmaps(3, seed=1))
    assert [one.relative_to(url) for one in contents(url)] == [
        one.relative_to(alone) for one in contents(alone)
    ]
    assert not heatmaps.open_blocks(str(url)).data_vars


def test_in_a_bucket(tmp_path):
    url = f"memory://heatmaps-{tmp_path.name}/heatmaps.zarr"
    for dataset in (some_heatmaps(), some_heatmaps(3, seed=1)):
        assert write(url, dataset)
        assert not write(url, dataset)
        n = dataset.sizes["sample"]
        assert write_block(url, "mine", np.ones((n, 2), np.float32))
        assert read_back(heatmaps.open_heatmaps(url).load()).identical(dataset)
        assert heatmaps.open_blocks(url).mine.shape == (n, 2)


def test_the_root_goes_first_and_comes_last(tmp_path):
    url = tmp_path / "heatmaps.zarr"
    write(url, some_heatmaps())
    places = []

    def note(point, phase, where):
        if point.name.startswith("heatmap.") and phase == "after":
            places.append(where.removeprefix(f"{tmp_path}/"))

    with watched(note):
        write(url, some_heatmaps(seed=1))
    assert places[0] == places[-1] == "heatmaps.zarr/zarr.json"
    assert places.count("heatmaps.zarr/zarr.json") == 2


def strikes(old, new, folder):
    """Where to strike: of each point and phase the first time and the last."""
    steps = []

    def note(point, phase, where):
        if point.name.startswith("heatmap."):
            steps.append((point.name, phase))

    write(folder / "count.zarr", old)
    with watched(note):
        write(folder / "count.zarr", new)
    assert {name for name, _ in steps} == {"heatmap.gone", "heatmap.array", "heatmap.root"}
    for step in sorted(set(steps)):
        yield from ((*step, nth) for nth in sorted({1, steps.count(step)}))


def test_whatever_point_a_run_ends_at_a_reader_sees_a_whole_store_or_none(tmp_path):
    old, new = some_heatmaps(5), some_heatmaps(9, seed=1)
    for name, phase, nth in strikes(old, new, tmp_path):
        url = tmp_path / f"{name}-{phase}-{nth}.zarr"
        write(url, old)
        left = [nth]

        def stop(point, at, where, wanted=(name, phase), left=left):
            left[0] -= (point.name, at) == wanted
            if not left[0]:
                left[0] = -1
                raise Ended

        with pytest.raises(Ended), watched(stop):
            write(url, new)
        try:
            seen = read_back(heatmaps.open_heatmaps(str(url)).load())
        except UsageError:
            pass
        else:
            assert any(seen.identical(one) for one in (old, new))
        write(url, new)
        assert read_back(heatmaps.open_heatmaps(str(url)).load()).identical(new)


# Blocks of features


def test_blocks_lie_beside_the_counts(tmp_path):
    url = tmp_path / "heatmaps.zarr"
    write(url, some_heatmaps())
    before = contents(url)
    one, two = (np.random.default_rng(k).random((ROWS, k)).astype(np.float32) for k in (3, 5))
    assert write_block(url, "resnet50", one, weights_sha256="a", config_sha256="b")
    assert write_block(url, "vit", two, weights_sha256="c", config_sha256="d")
    assert all(data == before[file] for file, data in contents(url).items()
               if file in before and file.parent != url)  # fmt: skip
    found = heatmaps.open_blocks(str(url))
    assert np.array_equal(found.resnet50, one)
    assert found.vit.dims == ("sample", "k_vit")
    assert found.vit.attrs["config_sha256"] == "d"
    assert set(xr.open_zarr(url, group="feat", chunks=None).data_vars) == {"resnet50", "vit"}
    assert np.array_equal(zarr.open_group(url)["feat/vit"][:], two)
    assert read_back(xr.open_zarr(url).compute()).identical(some_heatmaps())


def test_a_block_is_written_again_only_where_it_was_made_in_another_way(tmp_path):
    url = tmp_path / "heatmaps.zarr"
    write(url, some_heatmaps())
    write_block(url, "kept", np.zeros((ROWS, 1), np.float32), weights="w")
    ones, twos = (np.full((ROWS, 2), value, np.float32) for value in (1, 2))
    assert write_block(url, "mine", ones, weights="w")
    assert not write_block(url, "mine", twos, weights="w")
    assert write_block(url, "mine", twos, weights="other")
    found = heatmaps.open_blocks(str(url))
    assert np.array_equal(found.mine, twos)
    assert set(found.data_vars) == {"kept", "mine"}


def test_a_block_that_is_not_finished_is_not_seen(tmp_path):
    url = tmp_path / "heatmaps.zarr"
    write(url, some_heatmaps())
    for stopping in ("heatmap.array", "heatmap.root"):

        def stop(point, phase, where, stopping=stopping):
            if point.name == stopping and phase == "before":
                raise Ended

        with pytest.raises(Ended), watched(stop):
            write_block(url, stopping[8:], np.ones((ROWS, 2), np.float32))
        assert not heatmaps.open_blocks(str(url)).data_vars
    write_block(url, "root", np.ones((ROWS, 2), np.float32))
    assert set(heatmaps.open_blocks(str(url)).data_vars) == {"root"}


def test_blocks_of_another_shape_are_refused(tmp_path):
    url = tmp_path / "heatmaps.zarr"
    with pytest.raises(UsageError, match="no heatmaps at"):
        write_block(url, "mine", np.ones((ROWS, 2), np.float32))
    write(url, some_heatmaps())
    with pytest.raises(UsageError, match=r"has the shape \(6, 2\); expected \(7, k\)"):
        write_block(url, "mine", np.ones((6, 2), np.float32))


# What is refused


def test_a_newer_version_is_refused(tmp_path):
    url = tmp_path / "heatmaps.zarr"
    write(url, some_heatmaps())
    root = json.loads((url / "zarr.json").read_text())
    root["attributes"]["version"] = 2
    (url / "zarr.json").write_text(json.dumps(root))
    with pytest.raises(FormatVersionError, match="format version 2"):
        heatmaps.open_heatmaps(str(url))
    with pytest.raises(FormatVersionError):
        write(url, some_heatmaps())


def test_damage_is_named(tmp_path):
    url = tmp_path / "heatmaps.zarr"
    write(url, some_heatmaps())
    root = json.loads((url / "zarr.json").read_text())
    root["consolidated_metadata"]["metadata"]["counts"]["data_type"] = "nonsense"
    (url / "zarr.json").write_text(json.dumps(root))
    with pytest.raises(StoreError, match="damaged"):
        heatmaps.open_heatmaps(str(url))


@pytest.mark.parametrize(
    ("counts", "domain", "message"),
    [
        (np.zeros((2, 64, 64), np.int64), ["a", "b"], r"the type int64; expected .* of uint32"),
        (np.zeros((2, 64, 32), np.uint32), ["a", "b"], r"the shape \(2, 64, 32\)"),
        (np.zeros((2, 64, 64), np.uint32), ["a"], r"domain of the heatmaps: expected one value"),
    ],
)
def test_counts_of_another_kind(counts, domain, message):
    with pytest.raises(DataError, match=message):
        heatmap_dataset(counts, domain, ["g", "g"])


def test_everything_is_in_the_fingerprint():
    found = [some_heatmaps(), some_heatmaps(seed=1)]
    found.append(heatmap_dataset(found[0].counts.values, ["d"] * ROWS, ["g"] * ROWS))
    found.append(heatmap_dataset(found[0].counts.values, ["d"] * ROWS, ["h"] * ROWS))
    assert len({one.attrs["fingerprint"] for one in found}) == 4


def test_no_heatmaps_at_all(tmp_path):
    write(tmp_path / "none.zarr", some_heatmaps(0))
    assert xr.open_zarr(tmp_path / "none.zarr").sizes["sample"] == 0


# The benchmark's heatmaps as a Dataset


def test_simulated_heatmaps_as_a_dataset(tmp_path):
    config = BenchmarkConfig((1, 0, 1), 1, clicks=(50,), simulator=SimulatorConfig(references=2))
    grids = draw_grids(config)
    simulated = simulate_grid(config, grids, 1)
    dataset = dataset_of(simulated, grids, config.seed)
    write(tmp_path / "heatmaps.zarr", dataset)
    found = read_back(heatmaps.open_heatmaps(str(tmp_path / "heatmaps.zarr")).load())
    assert found.identical(dataset)
    assert np.array_equal(found.counts, simulated.counts)
    assert set(found.grid_id.values) == {grids[1].layout.grid_id}
    assert np.array_equal(found.label == "broken", simulated.broken)
    assert set(found.split.values) == {"test"}


def test_a_second_writer_is_told(tmp_path):
    pq.write_table(clicks_table(), tmp_path / "clicks.parquet")
    settings = settings_of(tmp_path)
    with (
        hold(settings.paths.heatmaps, "someone else"),
        pytest.raises(Exception, match="is held by `someone else`"),
    ):
        make_features(settings)
