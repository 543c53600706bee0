"""A race of restarts on nested samples, and rows of which only projections are kept."""

import numpy as np
import pytest

from bannercluster.config import ClusterConfig
from bannercluster.kmeans import products
from bannercluster.kmeans.race import Level, levels, nested_sample
from bannercluster.kmeans.sweep import Sweep, SweepResult
from bannercluster.runtime.executor import ThreadExecutor
from bannercluster.traverse.sources import ArraySource, RowSource, StoreSource
from bannercluster.traverse.walk import Keep, Walker

from .helpers import assert_same_runs, store_of

N_ROWS, N_FEATURES = 20_000, 64


@pytest.fixture(scope="module")
def rows() -> np.ndarray:
    """Clusters that run into each other: restarts end in different places."""
    generator = np.random.Generator(np.random.PCG64(3))
    styles = generator.standard_normal((12, 8)) * 1.5
    latent = styles[generator.integers(12, size=N_ROWS)] + generator.standard_normal((N_ROWS, 8))
    values = latent @ generator.standard_normal((8, N_FEATURES))
    return (values + 0.3 * generator.standard_normal(values.shape)).astype(np.float16)


def run(
    source: RowSource,
    *,
    keep: Keep = "values",
    cache_nbytes: int = 1 << 30,
    n_threads: int = 2,
    **settings: object,
) -> tuple[SweepResult, list[str]]:
    config = ClusterConfig(**{"k": (4, 7), "n_init": 8, "normalize": "none", **settings})
    notes: list[str] = []
    with ThreadExecutor(n_threads) as executor:
        walker = Walker(source, executor, cache_nbytes, keep, products.DIMS[-1])
        return Sweep(config, "float32").run(walker, notes.append), notes


@pytest.fixture
def projecting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(products, "_LEAST_ROWS", 0)
    monkeypatch.setattr(products, "DIMS", (8,))


@pytest.mark.parametrize(
    ("n_rows", "n_init", "expected"),
    [
        (1_000, 10, ()),
        (2_000, 10, (Level(1_000, 10),)),
        (8_000, 10, (Level(1_000, 10), Level(4_000, 3))),
        (10**6, 10, (Level(1_000, 10), Level(4_000, 3))),
        (10**6, 40, (Level(1_000, 40), Level(4_000, 10), Level(16_000, 3))),
        (10**6, 1, ()),
    ],
)
def test_levels(n_rows: int, n_init: int, expected: tuple[Level, ...]) -> None:
    assert levels(n_rows, ClusterConfig(race_rows=1_000, n_init=n_init)) == expected


def test_samples_contain_one_another_and_hold_each_row_once() -> None:
    values = np.arange(5_000, dtype=np.float32)[:, None]
    sample = nested_sample(ArraySource(values), [100, 400, 1_600], seed=1)[:, 0]
    assert len(np.unique(sample)) == 1_600
    for size in (100, 400, 1_600):
        # A random sample of 0 .. 4999: its mean is near theirs.
        assert abs(sample[:size].mean() - 2_499.5) < 5 * 1_443 / np.sqrt(size)
    again = nested_sample(ArraySource(values), [100, 400, 1_600], seed=1)[:, 0]
    np.testing.assert_array_equal(sample, again)
    assert not np.array_equal(sample, nested_sample(ArraySource(values), [1_600], seed=2)[:, 0])


def test_a_race_finishes_one_run_of_each_k_near_the_best(rows: np.ndarray) -> None:
    raced, notes = run(ArraySource(rows), search="race", race_rows=1_024)
    full, _ = run(ArraySource(rows))
    assert [run.k for run in raced.runs] == [4, 7]
    assert all(run.converged for run in raced.runs)
    assert [note for note in notes if note.startswith("race")] == [
        "race: 16 runs on 1,024 rows",
        "race: 4 runs on 4,096 rows",
    ]
    for k in (4, 7):
        others = [run.inertia for run in full.runs if run.k == k]
        assert raced.best(k).inertia <= full.best(k).inertia * 1.01
        assert raced.best(k).inertia <= np.median(others)
    assert raced.race_s > 0.0 == full.race_s


def test_a_race_over_few_rows_is_the_full_search(rows: np.ndarray) -> None:
    few = ArraySource(rows[:1_500])
    assert_same_runs(
        run(few, search="race", race_rows=1_024, n_init=1)[0].runs,
        run(few, search="full", n_init=1)[0].runs,
    )


@pytest.mark.usefixtures("projecting")
@pytest.mark.parametrize("search", ["full", "race"])
@pytest.mark.parametrize("n_threads", [1, 3])
def test_kept_projections_change_no_bit(
    rows: np.ndarray, tmp_path: object, search: str, n_threads: int
) -> None:
    settings = {"search": search, "race_rows": 2_048}
    whole, _ = run(ArraySource(rows), **settings)
    source = StoreSource(store_of(tmp_path, rows, 1_500))
    found, _ = run(source, keep="projections", n_threads=n_threads, **settings)
    assert_same_runs(found.runs, whole.runs)
    # Statistics and the first assignment read everything, the others what is left undecided.
    assert 2.0 <= found.n_reads < 0.5 * found.n_passes
    streamed, _ = run(source, cache_nbytes=0, **settings)
    assert_same_runs(streamed.runs, whole.runs)
    assert streamed.n_reads >= streamed.n_passes - 1


@pytest.mark.usefixtures("projecting")
def test_a_run_that_stops_early_gets_its_last_labels_by_their_changes(rows: np.ndarray) -> None:
    found, _ = run(ArraySource(rows), max_iter=6)
    wide = rows.astype(np.float64)
    for one in found.runs:
        sq_dist = np.square(wide[:, None, :] - one.centres[None]).sum(axis=2)
        assert one.inertia == pytest.approx(sq_dist.min(axis=1).sum(), rel=1e-7)
        np.testing.assert_array_equal(
            one.sizes, np.bincount(sq_dist.argmin(axis=1), minlength=one.k)
        )
