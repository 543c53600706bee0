"""Workers that stop, hang, die or run out of memory neither fail nor change a job."""

import functools
import logging
import os
import signal
import threading

import pytest

from bannercluster.config import RuntimeConfig
from bannercluster.errors import WorkerLostError
from bannercluster.runtime import MemoryPart, MemoryPlan, open_executor
from bannercluster.runtime import crew as crews
from bannercluster.runtime import flight as flights

from . import tasks
from .clusters import Cluster, wait_until


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    """What takes minutes to be noticed in life takes seconds here."""
    monkeypatch.setattr(flights, "LATE_S", 2.0)
    monkeypatch.setattr(flights, "FIRST_LATE_S", 4.0)
    monkeypatch.setattr(crews, "SILENT_AFTER_S", 2.0)


@pytest.fixture
def cluster(tmp_path):
    with Cluster(tmp_path / "cluster") as started:
        yield started


def _opened(cluster, n_workers):
    for _ in range(n_workers):
        cluster.worker()
    return open_executor(RuntimeConfig(scheduler_file=str(cluster.file)), timeout_s=60)


def _joined(executor, n_workers):
    return wait_until(
        lambda: len(found := executor._crew.answers(os.getpid)) == n_workers and found,
        f"{n_workers} workers",
    )


def test_stopped_worker(cluster):
    """Its connections stay open and it answers nothing: only its silence tells."""
    with _opened(cluster, 2) as executor:
        pids = _joined(executor, 2)
        table = executor.share(list(range(0, 80, 2)))
        lookup = functools.partial(tasks.lookup, table)
        results = executor.map_unordered(lookup, range(40), affinity=range(40))
        found = [next(results) for _ in range(6)]
        os.kill(pids[sorted(pids)[0]], signal.SIGSTOP)
        found += results
        assert sorted(found) == [(item, 2 * item) for item in range(40)]
        assert len(executor._crew.threads()) == 2  # not because the scheduler gave it up
        # The next map begins without it.
        places = dict(executor.map_unordered(tasks.place, range(6), affinity=range(6)))
        assert set(places.values()) == {sorted(pids)[1]}


def test_only_copy_of_a_shared_value_on_a_stopped_worker(cluster):
    with _opened(cluster, 2) as executor:
        pids = _joined(executor, 2)
        table = executor.share(list(range(0, 80, 2)))
        client = executor._client
        ((holder,),) = wait_until(
            lambda: (
                all(client.who_has([table.future]).values())
                and list(client.who_has([table.future]).values())
            ),
            "a holder",
        )
        os.kill(pids[holder], signal.SIGSTOP)
        lookup = functools.partial(tasks.lookup, table)
        found = dict(executor.map_unordered(lookup, range(12), affinity=range(12)))
        assert found == {item: 2 * item for item in range(12)}
        assert len(executor._crew.threads()) == 2


def test_hanging_task_is_tried_elsewhere(cluster, tmp_path):
    with _opened(cluster, 2) as executor:
        _joined(executor, 2)
        hangs = functools.partial(tasks.first_waits, str(tmp_path))
        try:
            found = dict(executor.map_unordered(hangs, range(10)))
        finally:
            (tmp_path / "over").touch()
        assert found == {item: item for item in range(10)}
        assert (tmp_path / "hangs").exists()


def test_slow_task_that_is_not_late_runs_once(cluster, tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(flights, "LATE_S", 60.0)
    caplog.set_level(logging.DEBUG, "bannercluster")
    with _opened(cluster, 1) as executor:
        results = executor.map_unordered(tasks.place, range(60))
        assert len(list(results)) == 60
    assert "second try" not in caplog.text


def test_no_second_try_where_it_would_wait_behind_the_first(tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(flights, "LATE_S", 0.2)
    monkeypatch.setattr(flights, "FIRST_LATE_S", 0.2)
    caplog.set_level(logging.DEBUG, "bannercluster")
    runtime = RuntimeConfig(workers=1, pool="processes", dashboard="off")
    with open_executor(runtime) as executor:
        hangs = functools.partial(tasks.wait_for, str(tmp_path / "go"))
        results = executor.map_unordered(hangs, range(2))
        threading.Timer(4, (tmp_path / "go").touch).start()
        assert sorted(results) == [(0, 0), (1, 1)]
    assert "second try" not in caplog.text


def test_task_that_dask_gave_up_is_tried_alone(tmp_path):
    """It may only have waited on the workers that died: here it did no harm the sixth time."""
    runtime = RuntimeConfig(workers=2, pool="processes", dashboard="off")
    with open_executor(runtime) as executor:
        kill = functools.partial(tasks.kill_first_times, str(tmp_path), 5)
        assert dict(executor.map_unordered(kill, range(8))) == {item: item for item in range(8)}
    assert len(list(tmp_path.iterdir())) == 5


def test_workers_that_are_not_started_again_are_replaced():
    """As Dask does with one that died when it had hardly begun: its nanny closes."""
    runtime = RuntimeConfig(workers=2, pool="processes", dashboard="off")
    with open_executor(runtime) as executor:
        for nanny in list(executor._client.cluster.workers.values()):
            executor._client.sync(nanny.close)
        assert not executor._crew.threads()
        assert len(dict(executor.map_unordered(tasks.place, range(4)))) == 4
        assert wait_until(lambda: executor.n_workers == 2, "two workers")


def test_tasks_that_prefer_workers_which_all_died_at_once(tmp_path):
    """Dask keeps them for those, and a shared value too: their nannies start others."""
    runtime = RuntimeConfig(workers=2, pool="processes", dashboard="off")
    with open_executor(runtime) as executor:
        pids = _joined(executor, 2)
        executor._crew.pass_over(sorted(pids)[:1])
        table = executor.share(list(range(0, 16, 2)))
        waits = functools.partial(tasks.lookup_later, table, str(tmp_path / "go"))
        results = executor.map_unordered(waits, range(8), affinity=range(8))
        thread = threading.Timer(1, _kill_all, (pids.values(), tmp_path / "go"))
        thread.start()
        assert sorted(results) == [(item, 2 * item) for item in range(8)]
        thread.join()


def _kill_all(pids, go):
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    go.touch()


def test_out_of_memory_names_the_task_and_the_limit():
    plan = MemoryPlan("embed", (MemoryPart("rows", 0, "process"),), budget=2 * 400 * 2**20)
    runtime = RuntimeConfig(workers=2, dashboard="off")
    with (
        open_executor(runtime, prefer="processes", plan=plan) as executor,
        pytest.raises(WorkerLostError) as lost,
    ):
        list(executor.map_unordered(tasks.fill_memory, [0]))
    said = str(lost.value)
    assert "task 1 of 1 (fill_memory) took 8 workers with it" in said
    assert "memory: 421 MiB" in said
    assert "allow more with --memory" in said
