"""Greedy k-means++ of many runs at once."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from bannercluster.errors import DataError
from bannercluster.kernels.seeding import SeedRun, entropy_of, kmeans_plusplus

from .references import clustered, seeded

RUNS = [SeedRun(k, entropy) for k in (5, 11) for entropy in entropy_of(7, k, 2)]


@pytest.fixture(scope="module")
def sample():
    return clustered(np.random.default_rng(0), 3000, 16, 12)[0].astype(np.float32)


def _seed(sample, runs=RUNS, map_tiles=None):
    return kmeans_plusplus(torch.from_numpy(sample), runs, map_tiles)


def _same(left, right):
    return all(np.array_equal(a, b) for a, b in zip(left, right, strict=True))


def test_choices_are_those_of_the_reference(sample):
    for run, rows in zip(RUNS, _seed(sample), strict=True):
        np.testing.assert_array_equal(rows, seeded(sample, run.k, run.entropy))


def test_choices_do_not_depend_on_who_runs_the_tiles(sample):
    first = _seed(sample)
    assert _same(first, _seed(sample))

    def backwards(one, tiles):
        for tile in reversed(tiles):
            one(tile)

    assert _same(first, _seed(sample, map_tiles=backwards))
    with ThreadPoolExecutor(4, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        threads = _seed(sample, map_tiles=lambda one, tiles: list(pool.map(one, tiles)).clear())
    assert _same(first, threads)


def test_a_run_stays_the_same_when_others_are_added(sample):
    alone = [_seed(sample, [run])[0] for run in RUNS]
    assert _same(alone, _seed(sample))
    assert [*entropy_of(7, 5, 2)] == [*entropy_of(7, 5, 9)][:2]
    assert len({*entropy_of(7, 5, 9), *entropy_of(7, 6, 9), *entropy_of(8, 5, 9)}) == 27


def test_seeds_matter(sample):
    chosen = _seed(sample, [SeedRun(5, (seed, 5, 0)) for seed in range(20)])
    assert len({tuple(rows) for rows in chosen}) == 20


def test_scale_and_offset_do_not_matter(sample):
    """Powers of two change no digit, also where the squares leave the range of float32."""
    for exponent in (-100, -20, 20, 120):
        assert _same(_seed(sample), _seed(np.ldexp(sample, exponent)))


def test_no_row_is_chosen_twice():
    x = np.repeat(np.random.default_rng(0).normal(size=(6, 3)), 50, axis=0).astype(np.float32)
    for rows in _seed(x, [SeedRun(6, (seed,)) for seed in range(10)]):
        assert len(np.unique(x[rows], axis=0)) == 6


@pytest.mark.parametrize("offset", [0.0, 1e3, 1e5])
def test_fewer_distinct_rows_than_k(offset):
    x = np.repeat(np.random.default_rng(0).normal(size=(6, 30)), 50, axis=0) + offset
    with pytest.raises(DataError, match=r"k = 7 .* only 6 distinct rows.* expected k <= 6"):
        _seed(x.astype(np.float32), [SeedRun(2, (0,)), SeedRun(7, (1,))])


@pytest.mark.parametrize("gap", [1e-3, 1e-5, 1e-7])
def test_rows_that_hardly_differ_are_distinct(gap):
    x = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, gap, 0]], np.float32)
    for rows in _seed(x, [SeedRun(4, (seed,)) for seed in range(10)]):
        assert sorted(rows) == [0, 1, 2, 3]


def test_one_row_and_one_cluster():
    assert _seed(np.ones((1, 4), np.float32), [SeedRun(1, (0,))])[0].tolist() == [0]
