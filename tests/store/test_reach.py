"""Files that tell one folder from another of the same name."""

import pytest

from bannercluster.store.reach import witnesses


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "images" / "a").mkdir(parents=True)
    (tmp_path / "images" / "a" / "one.png").write_bytes(b"one")
    return tmp_path


def test_what_is_there_is_seen(folder):
    with witnesses(["images", str(folder / "images"), "memory://bucket/x"], ["new/e.zarr"]) as seen:
        assert len(seen) == 3  # what is on a bucket is the same everywhere
        assert [one.refusal() for one in seen] == [None] * 3
        assert len(list(folder.glob(".tmp-*"))) == 1
    assert not list(folder.glob(".tmp-*"))


def test_another_folder_of_the_same_name(folder):
    with witnesses(["images"], []) as (seen,):
        (folder / "images" / "a" / "one.png").write_bytes(b"two")
        assert "does not see images (images/a/one.png is another file there" in str(seen.refusal())
        (folder / "images" / "a" / "one.png").unlink()
        assert f"No such file or directory, looked up in {folder}" in str(seen.refusal())


def test_an_empty_folder_proves_nothing(tmp_path):
    with witnesses([str(tmp_path)], []) as seen:
        assert seen == ()
