"""Reads and writes of single objects, in whole and refused."""

import pytest

from bannercluster.errors import StoreError, UsageError
from bannercluster.store import files, remote
from bannercluster.store.points import REPORT

from .proxy import Fault

SLOW_DOWN = b"<Error><Code>SlowDown</Code><Message>Reduce your request rate</Message></Error>"
DENIED = b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"


def test_objects_come_back(bucket):
    url = files.join(bucket, "a", "b.bin")
    assert not files.exists(url)
    assert files.names(files.join(bucket, "a")) == []
    assert files.read_json_if_any(url) is None
    files.write_bytes(url, b"0123456789", REPORT)
    files.write_bytes(files.join(bucket, "a", "deep", "c.bin"), b"", REPORT)
    assert files.exists(url)
    assert files.read_bytes(url) == b"0123456789"
    assert files.read_bytes(url, 2, 5) == b"234"
    assert files.read_bytes(files.join(bucket, "a", "deep", "c.bin")) == b""
    assert files.names(files.join(bucket, "a")) == ["b.bin", "deep"]
    assert list(files.objects(bucket)) == ["a/b.bin", "a/deep/c.bin"]
    assert files.objects(files.join(bucket, "a"))["b.bin"][0] == 10
    files.discard(url, REPORT)
    files.discard(url, REPORT)
    assert files.names(files.join(bucket, "a")) == ["deep"]
    files.remove(files.join(bucket, "a"), REPORT)
    files.remove(files.join(bucket, "a"), REPORT)
    assert files.objects(bucket) == {}


def test_missing_is_told_from_refused(bucket, proxy):
    url = files.join(bucket, "x.json")
    with pytest.raises(FileNotFoundError):
        files.read_bytes(url)
    with pytest.raises(StoreError, match="is missing"):
        files.read_json(url)
    files.write_json(url, {"a": 1}, REPORT)
    proxy.faults.append(Fault(lambda r: r.kind == "GET", "refuse", status=403, body=DENIED))
    with pytest.raises(PermissionError):
        files.read_bytes(url)
    with pytest.raises(StoreError, match=r"cannot read .*x\.json"):
        files.read_json(url)


def test_only_one_can_make_an_object(bucket):
    url = files.join(bucket, "lease", "000001.json")
    assert files.create(url, b"first", REPORT)
    assert not files.create(url, b"second", REPORT)
    assert files.read_bytes(url) == b"first"


def test_maker_whose_answer_was_lost_knows_that_it_made_it(bucket, proxy):
    """The client tries again and finds an object: it is the one of the first try."""
    url = files.join(bucket, "lease", "000001.json")
    lost = Fault(lambda r: r.is_put, "lose_answer", times=1)
    proxy.faults.append(lost)
    assert files.create(url, b"first", REPORT)
    assert lost.done == 1
    assert sum(request.is_put for request in proxy.seen) == 2


@pytest.mark.parametrize("code", ["PreconditionFailed", "ConditionalRequestConflict"])
def test_other_words_for_taken(s3, surroundings, code):
    """Servers without <Condition>, and two puts at one moment (409)."""
    from .conftest import new_bucket

    url = files.join(new_bucket("s3"), "1.json")
    body = f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode()
    s3.faults.append(Fault(lambda r: r.is_put, "refuse", status=412, body=body))
    assert not files.create(url, b"mine", REPORT)


def test_write_that_is_refused(bucket, proxy):
    url = files.join(bucket, "x.json")
    files.write_bytes(url, b"before", REPORT)
    proxy.faults.append(Fault(lambda r: r.is_put, "refuse", status=403, body=DENIED))
    with pytest.raises(StoreError, match=r"cannot write .*x\.json: .*; the last good state stays"):
        files.write_bytes(url, b"after", REPORT)
    with pytest.raises(StoreError):
        raise_store_error(lambda: files.create(files.join(bucket, "1"), b"x", REPORT))
    assert files.read_bytes(url) == b"before"


def raise_store_error(call):
    from bannercluster.store.refusals import refused

    with refused("cannot", "nothing"):
        call()


def test_slow_down_is_obeyed(bucket, proxy):
    url = files.join(bucket, "x.json")
    slow = Fault(lambda r: r.is_put, "refuse", times=2, status=503, body=SLOW_DOWN)
    proxy.faults.append(slow)
    files.write_bytes(url, b"whole", REPORT)
    assert slow.done == 2
    assert files.read_bytes(url) == b"whole"


def test_put_that_is_cut_is_put_again(surroundings, s3):
    from .conftest import new_bucket

    url = files.join(new_bucket("s3"), "x.bin")
    cut = Fault(lambda r: r.is_put, "cut", times=2)
    s3.faults.append(cut)
    files.write_bytes(url, bytes(100_000), REPORT)
    assert cut.done == 2
    assert files.read_bytes(url) == bytes(100_000)


def test_put_that_is_cut_for_good_leaves_no_half(surroundings, s3):
    from .conftest import new_bucket

    url = files.join(new_bucket("s3"), "x.bin")
    files.write_bytes(url, b"before", REPORT)
    s3.faults.append(Fault(lambda r: r.is_put, "cut"))
    with pytest.raises(StoreError, match=r"cannot write s3://.*x\.bin"):
        files.write_bytes(url, bytes(100_000), REPORT)
    assert files.read_bytes(url) == b"before"


def test_get_that_is_cut_is_read_again(bucket, proxy):
    url = files.join(bucket, "x.bin")
    files.write_bytes(url, bytes(range(250)) * 400, REPORT)
    cut = Fault(lambda r: r.kind == "GET", "cut_answer", times=1)
    proxy.faults.append(cut)
    assert files.read_bytes(url) == bytes(range(250)) * 400
    cut.done = 0
    assert files.read_bytes(url, 1000, 3000) == (bytes(range(250)) * 400)[1000:3000]


def test_slow_server(bucket, proxy):
    url = files.join(bucket, "x.bin")
    proxy.faults.append(Fault(lambda r: True, "wait"))
    files.write_bytes(url, b"x", REPORT)
    assert files.read_bytes(url) == b"x"


def test_bucket_that_does_not_exist(surroundings, protocol):
    url = f"{protocol}://there-is-no-such-bucket/x"
    assert files.names(url) == []
    assert files.objects(url) == {}
    with pytest.raises(StoreError, match=r"cannot write .*there-is-no-such-bucket"):
        files.write_bytes(url, b"x", REPORT)


def test_no_listing_is_kept(bucket):
    """What another process writes is seen at once."""
    import fsspec

    folder = files.join(bucket, "a")
    files.write_bytes(files.join(folder, "1"), b"1", REPORT)
    assert files.names(folder) == ["1"]
    assert files.exists(files.join(folder, "1"))
    other = fsspec.filesystem(bucket.split(":")[0], skip_instance_cache=True)
    other.pipe_file(files.join(folder, "2"), b"2")
    other.rm_file(files.join(folder, "1"))
    assert files.names(folder) == ["2"]
    assert files.exists(files.join(folder, "2"))
    assert not files.exists(files.join(folder, "1"))
    assert list(files.objects(folder)) == ["2"]


def test_requests_of_single_reads_and_writes(bucket, proxy):
    """One request each; s3fs by itself would ask for the size before it reads."""
    url = files.join(bucket, "a", "x.bin")
    for call, expected in [
        (lambda: files.write_bytes(url, b"123", REPORT), {"PUT": 1}),
        (lambda: files.read_bytes(url), {"GET": 1}),
        (lambda: files.read_bytes(url, 0, 2), {"GET": 1}),
        (lambda: files.names(files.join(bucket, "a")), {"LIST": 1}),
        (lambda: files.objects(bucket), {"LIST": 1}),
        (lambda: files.create(files.join(bucket, "1"), b"1", REPORT), {"PUT": 1}),
        (lambda: files.discard(url, REPORT), {"DELETE": 1}),
    ]:
        proxy.seen.clear()
        call()
        assert proxy.counts() == expected


def test_protocols_that_cannot_be_used(monkeypatch):
    with pytest.raises(UsageError, match="expected a path, or a URL such as s3://"):
        files.exists("nonsense://bucket/x")
    for protocol, extra in (("s3", "s3"), ("gs", "gcs")):

        def absent(url, **options):
            raise ImportError(f"Install the client of {url}")

        with monkeypatch.context() as patch:
            patch.setattr(remote.fsspec.core, "url_to_fs", absent)
            with pytest.raises(UsageError, match=rf"pip install bannercluster\[{extra}\]"):
                files.exists(f"{protocol}://bucket/x")
