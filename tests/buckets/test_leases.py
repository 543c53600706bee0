"""One writer at a time, in a bucket."""

import json
import threading
import time

import pytest

from bannercluster.errors import LeaseHeldError, LeaseLostError
from bannercluster.store import files, lease
from bannercluster.store.points import LEASE

from .proxy import Fault
from .world import copy_of


def store_in(bucket: str) -> str:
    return f"{bucket}/embeddings.zarr"


def file_of(url: str, number: int) -> str:
    return files.join(lease.lease_url(url), f"{number:06d}.json")


def as_if_elsewhere(url: str, **changes) -> dict:
    """Put a lease of a process on another machine there."""
    with lease.hold(url, "bc embed") as held:
        value = json.loads(files.read_bytes(file_of(url, held.number)))
    value |= {"machine": "another", "host": "another", "token": "theirs", **changes}
    files.write_bytes(file_of(url, 1), json.dumps(value).encode(), LEASE)
    return value


def test_second_writer_is_told_who_holds_it(bucket, typist, with_images, protocol):
    copy_of(with_images[protocol], bucket)
    with lease.hold(store_in(bucket), "bc embed") as held:
        ran = typist.type(bucket, "embed --json")
        assert ran.codes == [1]
        assert ran.said[0]["out"] == ""
        assert ran.said[0]["err"].count("\n") == 1
        for words in ("is held by `bc embed` of", f"process {held.holder.pid}", store_in(bucket)):
            assert words in ran.said[0]["err"]
        held.check()
    assert files.names(lease.lease_url(store_in(bucket))) == []


def test_lease_of_a_dead_process_is_taken_over(bucket, typist, with_images, protocol):
    copy_of(with_images[protocol], bucket)
    assert typist.type(bucket, "embed --json", die=["store.lease", "after"]).status == -9
    left = lease.held_by(store_in(bucket))
    assert left is not None
    with lease.hold(store_in(bucket), "a test") as held:
        assert held.number == left.number + 1
        assert files.names(lease.lease_url(store_in(bucket))) == [f"{held.number:06d}.json"]


def test_lease_of_another_machine_is_taken_over_after_watching(bucket):
    url = store_in(bucket)
    as_if_elsewhere(url, renewed=time.time() - 3600)
    with lease.hold(url, "a test", ttl_s=1.0, renew_s=0.1) as held:
        assert held.number == 2


def test_lease_that_another_machine_renews_is_left_to_it(bucket):
    url = store_in(bucket)
    value = as_if_elsewhere(url, renewed=time.time() - 3600)  # its clock is an hour behind
    ended = threading.Event()

    def renew():
        while not ended.wait(0.02):
            value["renewed"] += 1
            files.write_bytes(file_of(url, 1), json.dumps(value).encode(), LEASE)

    keeper = threading.Thread(target=renew)
    keeper.start()
    try:
        with (
            pytest.raises(LeaseHeldError, match="on another"),
            lease.hold(url, "a test", ttl_s=1.0, renew_s=1.0),
        ):
            pass
    finally:
        ended.set()
        keeper.join()


def test_lease_that_was_taken_over_is_lost(bucket):
    url = store_in(bucket)
    with lease.hold(url, "a test") as held:
        theirs = json.loads(files.read_bytes(file_of(url, 1))) | {"token": "theirs"}
        files.write_bytes(file_of(url, 2), json.dumps(theirs).encode(), LEASE)
        with pytest.raises(LeaseLostError, match="was taken over"):
            held.check()


def test_renewal_that_is_refused_is_tried_again(bucket, proxy):
    url = store_in(bucket)
    with lease.hold(url, "a test", ttl_s=60, renew_s=0.05) as held:
        first = files.read_bytes(file_of(url, 1))
        refusal = Fault(lambda r: r.is_put and ".lease/" in r.key, "refuse", times=3)
        proxy.faults.append(refusal)
        deadline = time.monotonic() + 60
        while files.read_bytes(file_of(url, 1)) == first:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        assert refusal.done == 3
        held.check()


def test_requests_of_a_lease(bucket, proxy):
    """Listed, made, listed again, read (is it mine alone?), and removed."""
    proxy.reset()
    with lease.hold(store_in(bucket), "a test"):
        pass
    counts = proxy.counts()
    assert counts["PUT"] == counts["DELETE"] == 1
    assert counts["LIST"] + counts["GET"] <= 6
    proxy.reset()
