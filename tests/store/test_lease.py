"""One writer at a time; who died holds nothing."""

import json
import logging
import subprocess
import sys
import threading
import time
import uuid
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from bannercluster.errors import LeaseHeldError, LeaseLostError, StoreError
from bannercluster.store import files
from bannercluster.store.lease import Holder, held_by, hold, lease_url
from bannercluster.store.points import LEASE

QUICK = {"ttl_s": 0.3, "renew_s": 0.05}
NEVER_RENEWED = {"ttl_s": 60.0, "renew_s": 1000.0}


@pytest.fixture(params=["local", "memory"])
def url(request, tmp_path):
    if request.param == "local":
        return str(tmp_path / "embeddings.zarr")
    return f"memory://lease-{uuid.uuid4().hex}/embeddings.zarr"


def put(url: str, number: int, holder: Holder | None) -> None:
    data = b"" if holder is None else json.dumps(asdict(holder)).encode()
    files.write_bytes(files.join(lease_url(url), f"{number:06d}.json"), data, LEASE)


def elsewhere(**changes) -> Holder:
    """A holder on another machine, whose process cannot be seen from here."""
    return replace(Holder.this_process("bc embed"), host="far", machine="far away", **changes)


def test_second_writer_is_told_who_holds_it(url):
    with hold(url, "bc embed"):
        with pytest.raises(LeaseHeldError) as told, hold(url, "bc import"):
            pass
        for word in ("bc embed", str(Holder.this_process("").pid), url, "wait"):
            assert word in str(told.value)
        held = held_by(url)
        assert held is not None
        assert held.holder is not None
        assert (held.holder.purpose, held.holder.ended) == ("bc embed", False)
    assert held_by(url) is None
    with hold(url, "bc import") as lease:
        lease.check()


def test_nothing_is_left_after_it(tmp_path):
    for name in ("embeddings.zarr", "models"):
        with hold(str(tmp_path / name), "a test"):
            assert Path(lease_url(str(tmp_path / name))).is_dir()
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "models").mkdir()
    with hold(str(tmp_path / "models"), "a test"):
        pass
    assert list(tmp_path.iterdir()) == [tmp_path / "models"]


def test_released_after_an_error(url):
    with pytest.raises(ZeroDivisionError), hold(url, "a test"):
        1 / 0  # noqa: B018
    with hold(url, "another"):
        pass


def test_stores_and_folders_have_leases_of_their_own(tmp_path):
    one, two = str(tmp_path / "a.zarr"), str(tmp_path / "b.zarr")
    with hold(one, "one"), hold(two, "two"), hold(str(tmp_path), "three"):
        pass


@contextmanager
def heard(caplog):
    """Catch what is logged, also where a command has set up the logs before."""
    logger = logging.getLogger("bannercluster.store.lease")
    logger.addHandler(caplog.handler)
    try:
        with caplog.at_level(logging.WARNING, logger.name):
            yield
    finally:
        logger.removeHandler(caplog.handler)


_HOLDER = """
import sys, time
from bannercluster.store.lease import hold
with hold(sys.argv[1], "bc embed"):
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.mark.parametrize("reaped", [True, False], ids=["gone", "zombie"])
def test_lease_of_a_killed_process_is_taken_over_at_once(tmp_path, caplog, reaped):
    url = str(tmp_path / "embeddings.zarr")
    child = subprocess.Popen(
        [sys.executable, "-c", _HOLDER, url], stdout=subprocess.PIPE, text=True
    )
    try:
        assert child.stdout is not None
        assert child.stdout.readline() == "held\n"
        with pytest.raises(LeaseHeldError, match=f"process {child.pid}"), hold(url, "bc embed"):
            pass
        child.kill()
        if reaped:
            child.wait()
        else:
            deadline = time.monotonic() + 30
            while "State:\tZ" not in Path(f"/proc/{child.pid}/status").read_text():
                assert time.monotonic() < deadline
        started = time.monotonic()
        with heard(caplog), hold(url, "bc import") as lease:
            lease.check()
        assert time.monotonic() - started < 10  # it was not watched
        assert f"process {child.pid}" in caplog.text
    finally:
        child.kill()
        child.wait()
        if child.stdout is not None:
            child.stdout.close()
    assert held_by(url) is None


def test_process_number_that_came_again(url):
    """A living process of the same number is another one if it started at another time."""
    ended = replace(Holder.this_process("bc embed"), process_started=1.0)
    put(url, 3, ended)
    with hold(url, "bc embed") as lease:
        assert lease.number == 4


def test_other_machine_that_is_alive_by_its_clock(url):
    put(url, 1, elsewhere())
    with pytest.raises(LeaseHeldError, match="on far"), hold(url, "x"):
        pass


def test_other_machine_whose_clock_is_behind(url):
    """It looks out of date, but it is written again while it is watched."""
    stop = threading.Event()

    def renew():
        nth = 0
        while not stop.wait(0.02):
            nth += 1
            put(url, 1, elsewhere(renewed=float(nth)))

    put(url, 1, elsewhere(renewed=0.0))
    keeper = threading.Thread(target=renew)
    keeper.start()
    try:
        # Watched for 2.5 s: the thread that renews it may have to wait for a processor.
        with pytest.raises(LeaseHeldError, match="on far"), hold(url, "x", renew_s=1.0):
            pass
    finally:
        stop.set()
        keeper.join()


@pytest.mark.parametrize("holder", [elsewhere(renewed=0.0), None], ids=["silent", "empty file"])
def test_lease_that_nobody_renews_is_taken_over(url, holder):
    put(url, 7, holder)
    with hold(url, "x", **QUICK) as lease:
        assert lease.number == 8
    assert held_by(url) is None


def test_holder_renews(url):
    with hold(url, "x", **QUICK):
        first = held_by(url)
        deadline = time.monotonic() + 30
        while held_by(url) == first:
            assert time.monotonic() < deadline
            time.sleep(0.01)


def test_holder_that_was_taken_over_writes_nothing_more(url):
    with hold(url, "bc embed", **NEVER_RENEWED) as lease:
        lease.check()
        put(url, lease.number + 1, elsewhere())
        with pytest.raises(LeaseLostError, match=r"taken over by `bc embed` of .* on far"):
            lease.check()
    # It lets go of its own, not of the other's.
    held = held_by(url)
    assert held is not None
    assert held.number == 2


def test_holder_that_is_taken_over_stops_to_renew(url):
    with hold(url, "bc embed", **QUICK) as lease:
        put(url, lease.number + 1, elsewhere())
        lease._keeper.join(timeout=30)
        assert not lease._keeper.is_alive()
        files.remove(files.join(lease_url(url), "000002.json"), LEASE)
        with pytest.raises(LeaseLostError):  # the other one may have written meanwhile
            lease.check()


def test_lease_that_could_not_be_renewed_for_long(url, monkeypatch):
    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    with hold(url, "x", **QUICK) as lease, monkeypatch.context() as patch:
        patch.setattr(files, "write_bytes", refuse)
        time.sleep(0.5)
        with pytest.raises(LeaseLostError, match="could not be renewed"):
            lease.check()


def test_place_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("in the way")
    url = str(tmp_path / "file" / "embeddings.zarr")
    with pytest.raises(StoreError, match="cannot take the lease"), hold(url, "x"):
        pass


_CONTENDER = """
import os, sys, time
from bannercluster.errors import LeaseHeldError
from bannercluster.store.lease import hold
url, inside = sys.argv[1:]
n_held = 0
while n_held < 3:
    try:
        with hold(url, "a contender") as lease:
            os.close(os.open(inside, os.O_CREAT | os.O_EXCL))
            lease.check()
            time.sleep(0.02)
            os.unlink(inside)
        n_held += 1
    except LeaseHeldError:
        time.sleep(0.005)
print("done")
"""


@pytest.mark.slow
def test_never_two_at_once(tmp_path):
    """Six processes want it, again and again, where a dead one left it."""
    url = str(tmp_path / "embeddings.zarr")
    put(url, 41, replace(Holder.this_process("bc embed"), process_started=1.0))
    arguments = [sys.executable, "-c", _CONTENDER, url, str(tmp_path / "inside")]
    children = [
        subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(6)
    ]
    for child in children:
        out, err = child.communicate(timeout=120)
        assert (out, child.returncode) == ("done\n", 0), err
    assert held_by(url) is None
