"""A pass gives the same bits whoever walks, in whatever order, and whatever is kept between."""

import numpy as np
import pytest

from bannercluster.kernels.assign import assign
from bannercluster.kernels.rows import Recipe, prepare
from bannercluster.runtime.executor import ThreadExecutor
from bannercluster.traverse import memory, walk
from bannercluster.traverse.memory import KeptLabels, LabelMemory, RowCache
from bannercluster.traverse.reducers import Labels, MovedSums
from bannercluster.traverse.sources import ArraySource, StoreSource
from bannercluster.traverse.walk import Assignment, Pass, Walker

from .helpers import (
    CountingSource,
    ShufflingExecutor,
    assert_same,
    clear_memory,
    reducers_of,
    stack_of,
    store_of,
    table,
    walk_all,
)

pytestmark = pytest.mark.usefixtures("small_tiles")
N = 5000


@pytest.fixture(scope="module")
def values():
    return table(N, 9)


@pytest.fixture
def expected(values):
    with ThreadExecutor(1) as executor:
        return walk_all(Walker(ArraySource(values), executor), stack_of(values, Recipe("none")))


@pytest.mark.parametrize("n_workers", [2, 4])
def test_number_of_threads_does_not_matter(values, expected, n_workers):
    with ThreadExecutor(n_workers) as executor:
        walker = Walker(ArraySource(values), executor)
        assert_same(walk_all(walker, stack_of(values, Recipe("none"))), expected)


@pytest.mark.parametrize("seed", range(5))
def test_order_of_completion_does_not_matter(values, expected, seed):
    walker = Walker(ArraySource(values), ShufflingExecutor(seed))
    assert_same(walk_all(walker, stack_of(values, Recipe("none"))), expected)


@pytest.mark.parametrize("chunk_rows", [100, 1000, 4096])
def test_chunks_of_the_store_do_not_matter(tmp_path, values, expected, chunk_rows):
    source = StoreSource(store_of(tmp_path, values, chunk_rows))
    walker = Walker(source, ShufflingExecutor(0))
    assert_same(walk_all(walker, stack_of(values, Recipe("none"))), expected)


def test_every_row_is_read_once_in_a_pass(values):
    source = CountingSource(values)
    stack = stack_of(values, Recipe("none"))
    with ThreadExecutor(3) as executor:
        walker = Walker(source, executor)
        reducers = reducers_of(Walker(ArraySource(values), executor), stack)
        walker.run(Pass("all", stack.recipe, reducers, Assignment(stack)))
    assert (source.n_reads == 1).all()
    assert walker.n_passes == 1


def test_no_rows():
    stack = stack_of(table(300, 2), Recipe("none"))
    walker = Walker(ArraySource(np.empty((0, 2), np.float32)), ShufflingExecutor(0))
    (sums,) = walker.run(Pass("sums", stack.recipe, (MovedSums(stack, 1.0),), Assignment(stack)))
    assert not sums.counts.any()


# What is kept between passes


def _moving(values, product="float32"):
    """Centres that move a little at each step, and lose a run at the last one."""
    recipe = Recipe("none", product)
    rng = np.random.default_rng(0)
    for step in range(5):
        shifted = values + (0.2 * step * rng.normal(size=values.shape[1])).astype(np.float32)
        ks, ids = ((4, 7, 1), (0, 1, 2)) if step < 4 else ((4,), (0,))
        yield step, ids, stack_of(shifted, recipe, ks)


def _program(values, grid=2.0**30):
    """Follow the sums by their changes, as Lloyd's iterations do."""
    sums = np.zeros((12, values.shape[1]))
    basis = None
    for step, ids, stack in _moving(values):
        if basis is not None and len(ids) == 1:
            basis = type(basis)(basis.centres[:4], basis.starts[:2], basis.recipe)
            sums = sums[:4]
        (change, labels) = yield Pass(
            f"step {step}",
            stack.recipe,
            (MovedSums(stack, grid), Labels()),
            Assignment(stack, ids, step, basis, step - 1),
        )
        sums = sums + change.sums
        basis = stack
    return sums, labels.joined()


@pytest.fixture
def followed(values):
    """Sums and labels after the last step, computed at once."""
    *_, (_, _, stack) = _moving(values)
    walker = Walker(ArraySource(values), ShufflingExecutor(0))
    sums, labels = walker.run(
        Pass("once", stack.recipe, (MovedSums(stack, 2.0**30), Labels()), Assignment(stack))
    )
    return sums.sums, labels.joined()


@pytest.mark.parametrize("cache_nbytes", [0, 30_000, 1 << 30])
@pytest.mark.parametrize("forgets", ["nothing", "rows", "labels", "both", "at random"])
def test_what_is_kept_is_a_cache(values, followed, cache_nbytes, forgets):
    rng = np.random.default_rng(0)

    def forget():
        if forgets in ("rows", "both") or (forgets == "at random" and rng.random() < 0.3):
            memory.ROWS.clear()
        if forgets in ("labels", "both") or (forgets == "at random" and rng.random() < 0.3):
            memory.LABELS.clear()

    executor = ShufflingExecutor(1, before_task=forget)
    walker = Walker(ArraySource(values), executor, cache_nbytes)
    assert_same(walker.drive(_program(values)), followed)
    assert walker.n_passes == 5


def test_two_programs_at_once_do_not_meet(values, followed):
    """Passes of two walkers in turn, over different rows."""
    others = table(N, 9, seed=1)
    programs = []
    for rows in (values, others):
        walker = Walker(ArraySource(rows), ShufflingExecutor(0), 1 << 30)
        program = _program(values)
        programs.append([walker, program, next(program)])
    results = []
    while programs:
        for entry in list(programs):
            walker, program, job = entry
            try:
                entry[2] = program.send(walker.run(job))
            except StopIteration as stop:
                results.append(stop.value)
                programs.remove(entry)
    assert_same(results[0], followed)


def test_large_cache_reads_rows_once_in_a_program(values):
    for cache_nbytes, n_reads in ((0, 5), (1 << 30, 1)):
        source = CountingSource(values)
        with ThreadExecutor(2) as executor:
            Walker(source, executor, cache_nbytes).drive(_program(values))
        assert (source.n_reads == n_reads).all()
    assert memory.ROWS.get((source.key, Recipe("none").key), 0) is None


def test_small_cache_keeps_what_fits(values):
    source = CountingSource(values)
    tile = prepare(values[:256], Recipe("none")).nbytes
    with ThreadExecutor(1) as executor:
        Walker(source, executor, 3 * tile + 1).drive(_program(values))
    assert (source.n_reads == 1).sum() == 3 * 256
    assert (source.n_reads == 5).sum() == N - 3 * 256


def test_memory_is_emptied_after_an_error(values):
    def fails():
        yield from _program(values)
        raise RuntimeError

    with ThreadExecutor(1) as executor, pytest.raises(RuntimeError):
        Walker(ArraySource(values), executor, 1 << 30).drive(fails())
    assert not memory.ROWS._tiles
    assert not memory.LABELS._labels


def _twice(stack):
    """Two passes of one step."""
    assignment = Assignment(stack, tuple(range(stack.n_runs)), step=0)
    (first,) = yield Pass("first", stack.recipe, (Labels(),), assignment)
    (second,) = yield Pass("second", stack.recipe, (Labels(),), assignment)
    return first.joined(), second.joined()


def test_rows_are_assigned_once_in_a_step(values, monkeypatch):
    n_assigned = 0

    def counted(rows, stack):
        nonlocal n_assigned
        n_assigned += len(rows.x)
        return assign(rows, stack)

    monkeypatch.setattr(walk, "assign", counted)
    with ThreadExecutor(1) as executor:
        first, second = Walker(ArraySource(values), executor).drive(
            _twice(stack_of(values, Recipe("none")))
        )
    assert_same(first, second)
    assert n_assigned == N


def test_labels_of_a_program_that_is_not_forgotten_are_not_taken_for_others(values, monkeypatch):
    """As in a worker that did not answer when it was told to forget."""
    monkeypatch.setattr(memory, "forget", lambda: None)
    one, other = (stack_of(values, Recipe("none"), ks) for ks in ((4,), (7,)))
    walker = Walker(ArraySource(values), ShufflingExecutor(0))
    walker.drive(_twice(one))
    found, _ = walker.drive(_twice(other))
    clear_memory()
    expected, _ = Walker(ArraySource(values), ShufflingExecutor(0)).drive(_twice(other))
    assert_same(found, expected)


def test_rows_of_another_recipe_make_room():
    rows = prepare(np.ones((4, 2), np.float32), Recipe("none"))
    cache = RowCache()
    cache.put("a", 0, rows, rows.nbytes)
    cache.put("a", 4, rows, rows.nbytes)
    assert cache.get("a", 0) is rows
    assert cache.get("a", 4) is None
    assert cache.get("b", 0) is None
    cache.put("b", 4, rows, rows.nbytes)
    assert cache.get("a", 0) is None
    assert cache.get("b", 4) is rows


def test_labels_of_another_step_or_program_are_not_given():
    kept = LabelMemory()
    labels = np.arange(6).reshape(3, 2)
    kept.put("p", 0, KeptLabels(4, (7, 8, 9), labels))
    assert kept.get("p", 0, 3) is kept.get("q", 0, 4) is kept.get("p", 256, 4) is None
    found = kept.get("p", 0, 4)
    assert found is not None
    assert found.of_runs((9, 7)).tolist() == [[4, 5], [0, 1]]
    kept.put("q", 0, KeptLabels(4, (7,), labels[:1]))
    assert kept.get("p", 0, 4) is None


def test_first_exception_of_a_task_is_raised(values):
    class Broken(CountingSource):
        def read(self, start, stop):
            if start >= 2048:
                raise OSError("disk is gone")
            return super().read(start, stop)

    clear_memory()
    with ThreadExecutor(2) as executor, pytest.raises(OSError, match="disk is gone"):
        Walker(Broken(values), executor).drive(_program(values))
