import stat
import uuid
from pathlib import Path

import pyarrow as pa
import pytest

from bannercluster.errors import FormatVersionError, StoreError
from bannercluster.models.sweeps import SweepFile
from bannercluster.store import files, tables
from bannercluster.store.embeddings import EmbeddingStore, staging_url, tables_url
from bannercluster.store.fingerprint import content_id, fingerprint, of_contents
from bannercluster.store.points import REPORT

from .stores import append, check_whole


@pytest.fixture
def bucket():
    return f"memory://bucket-{uuid.uuid4().hex}"


@pytest.fixture(params=["local", "memory"])
def root(request, tmp_path, bucket):
    return str(tmp_path) if request.param == "local" else bucket


def test_bytes_come_back(root):
    url = files.join(root, "a", "b.bin")
    assert not files.exists(url)
    files.write_bytes(url, b"0123456789", REPORT)
    files.write_bytes(url, memoryview(b"abcdefghij"), REPORT)
    assert files.exists(url)
    assert files.read_bytes(url) == b"abcdefghij"
    assert files.read_bytes(url, 2, 5) == b"cde"
    assert files.names(files.join(root, "a")) == ["b.bin"]
    assert files.names(files.join(root, "nowhere")) == []
    files.remove(files.join(root, "a"), REPORT)
    files.remove(files.join(root, "a"), REPORT)
    assert not files.exists(url)


def test_file_can_be_read_by_others(tmp_path):
    files.write_bytes(str(tmp_path / "a"), b"x", REPORT)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o644
    assert list(tmp_path.iterdir()) == [tmp_path / "a"]


def test_urls():
    assert files.join("gs://bucket/", "a", "b") == "gs://bucket/a/b"
    assert tables_url("data/embeddings.zarr") == "data/embeddings.tables"
    assert staging_url("gs://b/embeddings.zarr/") == "gs://b/embeddings.staging"
    assert tables_url("data/store") == "data/store.tables"
    assert files.local_path("memory://x/y") is None
    assert files.local_path("~/x") == Path("~/x").expanduser()


def test_json(root):
    url = files.join(root, "x.json")
    files.write_json(url, {"b": 1, "a": "ä"}, REPORT)
    assert files.read_json(url) == {"b": 1, "a": "ä"}
    assert files.read_bytes(url).decode().index('"b"') < files.read_bytes(url).decode().index('"a"')
    with pytest.raises(StoreError, match="missing"):
        files.read_json(files.join(root, "absent.json"))
    for text, said in ((b"{", "not valid JSON"), (b"[]", "holds a list")):
        files.write_bytes(url, text, REPORT)
        with pytest.raises(StoreError, match=said):
            files.read_json(url)


@pytest.mark.parametrize("found", [0, 3, -1, None, "2", 1.0])
def test_versions_that_are_refused(found):
    with pytest.raises(FormatVersionError, match="it has format version"):
        files.check_version(found, 2, "it")


def test_versions_that_are_read():
    files.check_version(1, 2, "it")
    files.check_version(2, 2, "it")


def test_whole_files_only(root):
    """A writer that fails in the middle leaves what was there before, and nothing else."""
    url = files.join(root, "t.parquet")
    tables.write(url, pa.table({"a": [1, 2]}), REPORT)
    schema = pa.schema([("a", pa.int64())])

    def fail(url, n_tables):
        with tables.writing(url, schema, REPORT) as writer:
            for _ in range(n_tables):
                writer.write_table(pa.table({"a": [3]}))
            raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError, match="in the middle"):
        fail(url, 1)
    assert tables.read(url)["a"].to_pylist() == [1, 2]
    assert files.names(root) == ["t.parquet"]
    other = files.join(root, "u.parquet")
    with pytest.raises(RuntimeError, match="in the middle"):
        fail(other, 0)
    assert not files.exists(other)


def test_bucket_that_refuses(bucket, monkeypatch):
    from fsspec.implementations.memory import MemoryFileSystem

    url = f"{bucket}/embeddings.zarr"
    append(url, 0, 6)

    def refuse(self, path, *args, **options):
        raise PermissionError(13, "Forbidden", path)

    with monkeypatch.context() as patch:
        for name in ("pipe_file", "_open", "open"):
            patch.setattr(MemoryFileSystem, name, refuse)
        with pytest.raises(StoreError, match="Forbidden"):
            append(url, 6, 9)
        with pytest.raises(StoreError, match="Forbidden"):
            tables.write(f"{bucket}/t.parquet", pa.table({"a": [1]}), REPORT)
    check_whole(EmbeddingStore.open(url), 6)


# The same under memory://


def test_store_in_a_bucket(bucket):
    url = f"{bucket}/embeddings.zarr"
    assert EmbeddingStore.open_if_any(url) is None
    first = append(url, 0, 6, blocks=(2, 5))
    append(url, 6, 11)
    append(url, 11, 12)
    check_whole(EmbeddingStore.open(url), 12)
    assert first.read(3, 6).shape == (3, 6)
    assert EmbeddingStore.open(url).read(4, 4).shape == (0, 6)
    chunk = f"{url}/embedding/c/0/0"
    files.write_bytes(chunk, files.read_bytes(chunk)[:10], REPORT)
    with pytest.raises(StoreError, match="has 10 bytes, expected 48"):
        EmbeddingStore.open(url).read(0, 4)
    files.remove(chunk, REPORT)
    with pytest.raises(StoreError, match="c/0/0"):
        EmbeddingStore.open(url).read(0, 4)


def test_tables_and_sweeps_in_a_bucket(bucket):
    table = pa.table({"a": pa.array([1, None], pa.int32()), "b": ["x", "y"]})
    tables.write(f"{bucket}/t.parquet", table, REPORT)
    assert tables.read(f"{bucket}/t.parquet").equals(table)
    assert tables.read(f"{bucket}/t.parquet", ["b"]).column_names == ["b"]
    sweep = SweepFile(("m1", "m2"), "e.zarr", {"n_rows": 3, "fingerprint": "x"})
    sweep.save(f"{bucket}/models")
    assert SweepFile.load(f"{bucket}/models") == sweep


# Names by content


def test_fingerprint_is_the_one_of_old_stores():
    """Golden: another value here makes every model and staged part of every user a stranger."""
    value = {"b": [1, 2.5, None, True], "a": {"ä": "ß", "k": 3}}
    golden = "a71f1bf2c344a8e7a2dbd4d38657a4982c1226d59ee9909d27a00a3837cf9a1a"
    assert fingerprint(value) == golden
    assert fingerprint({"a": {"k": 3, "ä": "ß"}, "b": [1, 2.5, None, True]}) == golden
    assert fingerprint({"b": [2.5, 1, None, True], "a": value["a"]}) != golden


def test_names_of_contents():
    assert content_id(b"abc").hex() == (
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )
    assert of_contents([b"a", b"bc"], "r") == (
        "aaea87b44c5d9a64d8a01797cb734a7aaf3c893029b6baf3c1e609a8de45acef"
    )
    assert of_contents([b"a"], "r") != of_contents([b"a"], "s")
    assert of_contents([b"a", b"b"], "r") != of_contents([b"b", b"a"], "r")
