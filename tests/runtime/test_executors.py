"""One set of tests for every kind of worker."""

import functools
import gc
import itertools
import pickle
from pathlib import Path

import pytest

from bannercluster import errors
from bannercluster.config import RuntimeConfig
from bannercluster.errors import BannerclusterError, DataError, SchedulerError, WorkerLostError
from bannercluster.runtime import MemoryPart, MemoryPlan, ThreadExecutor, open_executor
from bannercluster.runtime.crew import Sight
from bannercluster.runtime.devices import n_cores

from . import tasks

KINDS = ("plain threads", "dask threads", "dask processes")


def _runtime(**values: object) -> RuntimeConfig:
    return RuntimeConfig(**({"workers": 2, "dashboard": "off"} | values))  # type: ignore[arg-type]


@pytest.fixture(scope="module", params=KINDS)
def executor(request):
    if request.param == "plain threads":
        with ThreadExecutor(2) as plain:
            yield plain
    else:
        pool = request.param.removeprefix("dask ")
        with open_executor(_runtime(pool=pool)) as opened:
            yield opened


@pytest.fixture(scope="module")
def processes():
    with open_executor(_runtime(), prefer="processes") as opened:
        yield opened


def test_every_item_once(executor):
    found = list(executor.map_unordered(tasks.double, range(50)))
    assert sorted(found) == [(item, 2 * item) for item in range(50)]


def test_no_items(executor):
    assert list(executor.map_unordered(tasks.double, [])) == []


def test_says_what_it_is(executor):
    assert executor.n_workers == 2
    assert executor.kind in ("threads", "processes")
    assert executor.dashboard_link is None


def test_closures(executor):
    offset = 5
    found = dict(executor.map_unordered(lambda item: item + offset, [1, 2]))
    assert found == {0: 6, 1: 7}


def test_shared_value_inside_a_function(executor):
    table = executor.share([10, 20, 30])
    found = dict(executor.map_unordered(functools.partial(tasks.lookup, table), [2, 0]))
    assert found == {0: 30, 1: 10}
    assert table.get() == [10, 20, 30]


def test_shared_values_inside_items(executor):
    first, second = executor.share([1, 2]), executor.share([3, 4])
    jobs = [tasks.Job(first, 0), tasks.Job(second, 1), tasks.Job(first, 1)]
    assert dict(executor.map_unordered(tasks.lookup_job, jobs)) == {0: 1, 1: 4, 2: 2}


def test_large_shared_value_raises_no_warning(executor):
    table = executor.share(list(range(3_000_000)))
    found = dict(executor.map_unordered(functools.partial(tasks.lookup, table), [2_999_999]))
    assert found == {0: 2_999_999}


def test_first_exception_is_raised_in_its_own_type(executor):
    with pytest.raises(DataError, match=r"^three has no labels"):
        list(executor.map_unordered(tasks.refuse_three, range(20)))
    assert dict(executor.map_unordered(tasks.double, [1])) == {0: 2}


def test_unexpected_exception_is_raised_in_its_own_type(executor):
    with pytest.raises(ZeroDivisionError):
        list(executor.map_unordered(tasks.divide_by_zero, [1]))


def test_rest_is_cancelled_after_an_exception(executor, tmp_path):
    fn = functools.partial(tasks.mark_and_refuse_first, str(tmp_path))
    with pytest.raises(DataError):
        list(executor.map_unordered(fn, range(200)))
    assert len(list(tmp_path.iterdir())) < 50


def test_results_do_not_pile_up(executor):
    taken: list[int] = []

    class Items(list[int]):
        def __getitem__(self, index):  # type: ignore[no-untyped-def]
            taken.append(index)
            return super().__getitem__(index)

        def __iter__(self):  # type: ignore[no-untyped-def]
            return (self[index] for index in range(len(self)))

    results = executor.map_unordered(tasks.double, Items(range(100)))
    seen = len(list(itertools.islice(results, 10)))
    results.close()  # type: ignore[attr-defined]
    assert seen == 10
    assert len(set(taken)) <= 10 + 2 * executor.n_workers


def test_affinity_must_name_every_item(executor):
    with pytest.raises(ValueError, match="expected 2 affinities"):
        list(executor.map_unordered(tasks.double, [1, 2], affinity=[0]))


def test_affinity_is_only_a_preference(executor):
    found = list(executor.map_unordered(tasks.double, range(20), affinity=[0] * 20))
    assert len(found) == 20


def test_affinity_leads_to_the_same_worker(processes):
    items = range(40)
    first = dict(processes.map_unordered(tasks.where, items, affinity=items))
    assert len(set(first.values())) == 2
    same = sum(first[item] == first[item % 2] for item in items)
    assert same >= 30  # stealing may move a few


def test_worker_killed_during_a_map(processes, tmp_path):
    table = processes.share(list(range(0, 200, 2)))
    fn = functools.partial(tasks.kill_once, str(tmp_path), table)
    found = dict(processes.map_unordered(fn, range(60), affinity=range(60)))
    assert found == {item: 2 * item for item in range(60)}
    assert (tmp_path / "killed").exists()


def test_only_workers_that_would_take_something_are_spare():
    sight = Sight(
        threads={"a": 2, "b": 2, "c": 2, "d": 2},
        silent=frozenset("b"),
        paused=frozenset("c"),
        processing={"a": frozenset({"one"})},
        executing=dict.fromkeys("abcd", 0),
    )
    assert sight.n_spare == 3


def test_task_that_kills_every_worker(processes):
    with pytest.raises(WorkerLostError, match=r"task 1 of 1 \(kill\) took 8 workers with it"):
        list(processes.map_unordered(tasks.kill, [0]))
    assert dict(processes.map_unordered(tasks.double, [1])) == {0: 2}


def test_worker_processes_share_the_cores(processes):
    ((variable, _),) = dict(processes.map_unordered(tasks.thread_variables, [0])).values()
    assert variable == str(max(1, n_cores() // 2))


def test_shared_value_is_let_go():
    with open_executor(_runtime(pool="threads")) as executor:
        table = executor.share([1])
        assert dict(executor.map_unordered(functools.partial(tasks.lookup, table), [0])) == {0: 1}
        client = executor._client  # type: ignore[attr-defined]
        _wait_until(lambda: len(client.futures) == 1)
        del table
        gc.collect()
        _wait_until(lambda: len(client.futures) == 0)


def test_threads_need_at_least_one():
    with pytest.raises(ValueError, match="at least one worker"):
        ThreadExecutor(0)


@pytest.mark.parametrize(
    "kind",
    [kind for kind in BannerclusterError.__subclasses__() if kind.__module__ == errors.__name__],
)
def test_errors_cross_processes(kind):
    assert str(pickle.loads(pickle.dumps(kind("what to do")))) == "what to do"


# Opening


def test_pool_of_the_settings_wins_over_the_stage():
    with open_executor(_runtime(pool="threads"), prefer="processes") as executor:
        assert executor.kind == "threads"


def test_nothing_listens_beyond_this_machine():
    psutil = pytest.importorskip("psutil")
    for dashboard in ("off", "127.0.0.1:0"):
        before = {one.laddr for one in psutil.Process().net_connections() if one.status == "LISTEN"}
        with open_executor(_runtime(pool="threads", dashboard=dashboard)):
            now = {
                one.laddr for one in psutil.Process().net_connections() if one.status == "LISTEN"
            }
            assert {one.ip for one in now - before} == {"127.0.0.1"}


def test_dashboard_answers_and_exchanges_a_taken_port(caplog):
    import socket
    import urllib.request

    caplog.set_level("INFO", "bannercluster")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with open_executor(_runtime(pool="threads", dashboard=address)) as executor:
            link = executor.dashboard_link
            assert link is not None
            assert link.startswith("http://127.0.0.1:")
            assert address not in link
            with urllib.request.urlopen(link) as page:
                assert b"Dask" in page.read()
    assert "a free port is used" in caplog.text


def test_dashboard_address_is_checked():
    with (
        pytest.raises(BannerclusterError, match="expected host:port"),
        open_executor(_runtime(dashboard="everywhere")),
    ):
        pass


def test_performance_report(tmp_path):
    report = tmp_path / "performance.html"
    runtime = _runtime(pool="threads", performance_report=str(report))
    with open_executor(runtime) as executor:
        list(executor.map_unordered(tasks.double, range(5)))
    assert "<html" in report.read_text(encoding="utf-8")


def test_performance_report_needs_its_folder(tmp_path):
    runtime = _runtime(performance_report=str(tmp_path / "absent" / "p.html"))
    with pytest.raises(BannerclusterError, match="no such folder"), open_executor(runtime):
        pass


def test_worker_process_too_small_to_start():
    plan = MemoryPlan("embed", (MemoryPart("weights", 10, "worker"),), budget=2**28)
    with (
        pytest.raises(BannerclusterError, match=r"leave 128 MiB for each of 2 worker processes"),
        open_executor(_runtime(), prefer="processes", plan=plan),
    ):
        pass


def test_memory_limit_of_workers_follows_the_plan():
    plan = MemoryPlan("embed", (MemoryPart("rows", 2**20, "process"),), budget=2**30 + 2**20)
    with open_executor(_runtime(workers=1), prefer="processes", plan=plan) as executor:
        client = executor._client  # type: ignore[attr-defined]
        (worker,) = client.scheduler_info()["workers"].values()
    assert worker["memory_limit"] == int(2**30 / 0.95)


@pytest.mark.parametrize("prefer", ["threads", "processes"])
@pytest.mark.parametrize(
    ("error", "told_by"),
    [
        # As Dask's connections leave one behind, now and then.
        (TimeoutError("Timeout"), ("bannercluster.runtime.quiet", "DEBUG")),
        (ValueError("wrong"), ("asyncio", "ERROR")),
    ],
)
def test_only_what_connections_leave_behind_is_kept_from_people(prefer, error, told_by, caplog):
    caplog.set_level("DEBUG", "bannercluster")
    with open_executor(_runtime(workers=1), prefer=prefer) as executor:
        loop = executor._client.loop.asyncio_loop  # type: ignore[attr-defined]
    loop.create_future().set_exception(error)
    gc.collect()
    said = [r for r in caplog.records if "never retrieved" in r.getMessage()]
    assert [(r.name, r.levelname) for r in said] == [told_by]


# Somebody else's cluster


@pytest.fixture
def remote():
    """A cluster that bannercluster did not start."""
    from bannercluster.runtime.quiet import quiet_logs

    distributed = pytest.importorskip("distributed")
    with (
        quiet_logs(),
        distributed.LocalCluster(
            n_workers=0,
            processes=False,
            protocol="tcp",
            dashboard_address="127.0.0.1:0",
            silence_logs=50,
        ) as cluster,
    ):
        yield cluster


def test_unreachable_scheduler():
    runtime = _runtime(scheduler="tcp://127.0.0.1:1")
    with (
        pytest.raises(SchedulerError, match=r"no Dask scheduler answered at tcp://127.0.0.1:1 "),
        open_executor(runtime, timeout_s=0.3),
    ):
        pass


def test_scheduler_address_that_is_none():
    with (
        pytest.raises(SchedulerError, match="no Dask scheduler answered at nonsense"),
        open_executor(_runtime(scheduler="nonsense"), timeout_s=0.3),
    ):
        pass


def test_missing_scheduler_file():
    runtime = _runtime(scheduler_file="absent.json")
    with pytest.raises(SchedulerError, match=r"no scheduler file absent\.json"):
        open_executor(runtime).__enter__()


def test_scheduler_without_workers(remote):
    runtime = _runtime(scheduler=remote.scheduler_address)
    with (
        pytest.raises(SchedulerError, match=r"has no workers: start one with `dask worker tcp"),
        open_executor(runtime, timeout_s=0.3),
    ):
        pass


def test_runs_on_a_cluster_that_is_there(remote):
    remote.scale(1)
    with open_executor(_runtime(scheduler=remote.scheduler_address)) as executor:
        assert executor.kind == "remote"
        table = executor.share([7, 8])
        fn = functools.partial(tasks.lookup, table)
        assert dict(executor.map_unordered(fn, [1, 0])) == {0: 8, 1: 7}
    assert len(remote.scheduler.workers) == 1


def test_workers_of_another_version(remote, monkeypatch):
    from bannercluster.runtime import cluster

    remote.scale(1)
    # Workers of this test are threads: what they run is looked up once, at import.
    monkeypatch.setattr(cluster, "our_version", lambda: "99.0")
    with (
        pytest.raises(SchedulerError, match=r"has version .* and this is version 99\.0: install"),
        open_executor(_runtime(scheduler=remote.scheduler_address)),
    ):
        pass


def test_workers_elsewhere_are_held_against_the_plan(remote):
    remote.scale(1)
    plan = MemoryPlan("embed", (MemoryPart("network", 2**60, "worker"),), budget=2**61)
    with (
        pytest.raises(BannerclusterError, match=r"embed needs .* on the worker"),
        open_executor(_runtime(scheduler=remote.scheduler_address), plan=plan),
    ):
        pass


def test_scheduler_lost_while_tasks_run(tmp_path):
    import subprocess
    import sys

    file = tmp_path / "scheduler.json"
    never = str(Path(tmp_path) / "never")
    options = ["--scheduler-file", str(file), "--no-dashboard", "--host", "127.0.0.1"]
    # Scheduler and workers both read the tasks: both must be able to import them.
    with_tests = {"cwd": Path(__file__).parents[1]}
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    scheduler, worker = (
        subprocess.Popen([sys.executable, "-m", "dask", *words, *options], **quiet, **with_tests)
        for words in (["scheduler", "--port", "0"], ["worker", "--no-nanny", "--nthreads", "1"])
    )
    try:
        _wait_until(file.exists)
        with open_executor(_runtime(scheduler_file=str(file)), timeout_s=120) as executor:
            finished = executor.map_unordered(_Waiting(never), range(3))
            assert next(finished) == (0, 0)
            scheduler.kill()
            with pytest.raises(SchedulerError, match="connection to the Dask scheduler was lost"):
                list(finished)
    finally:
        for process in (scheduler, worker):
            process.kill()
            process.wait()


class _Waiting:
    """Answers item 0, and waits for ever with the others."""

    def __init__(self, never: str) -> None:
        self.never = never

    def __call__(self, item: int) -> int:
        return item if item == 0 else tasks.wait_for(self.never, item)


def _wait_until(condition):
    import time

    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)
