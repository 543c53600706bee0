"""in = ok + duplicate + rejected, and every rejected file says why."""

import dataclasses
import hashlib
import os
import shutil

import numpy as np
import pytest

from bannercluster.embed import plan
from bannercluster.errors import DataError, StoreError, UsageError
from bannercluster.store.embeddings import EmbeddingStore

from .banners import banner, check_adds_up, put, put_banners


def put_mixture(folder):
    """Files of every kind; returns the expected reason of those that cannot be embedded."""
    put(folder, "good.png", banner(1, (300, 250)))
    put(folder, "wide.png", banner(2, (728, 90)))
    put(folder, "deep/down/photo.jpg", banner(3, (160, 600), "JPEG"))
    put(folder, "wrong_name.gif", banner(4))
    put(folder, "near.jpg", banner(1, (300, 250), "JPEG", quality=90))
    put(folder, "copy.png", banner(1, (300, 250)))
    put(folder, "deep/copy.png", banner(2, (728, 90)))
    put(folder, "empty.png", b"")
    put(folder, "empty2.png", b"")
    put(folder, "cut.jpg", banner(5, (300, 250), "JPEG")[:700])
    put(folder, "page.png", b"<!DOCTYPE html><title>404</title>")
    (folder / "dangling.png").symlink_to(folder / "nowhere.png")
    return {
        "empty.png": "empty",
        "empty2.png": "empty",
        "cut.jpg": "truncated",
        "page.png": "not_an_image",
        "dangling.png": "unreadable",
    }


def reasons_of(bench):
    return {row["file"]: row["reason"] for row in bench.rows("rejected")}


def test_folder_of_everything(bench):
    wanted = put_mixture(bench.images)
    put(bench.images, "notes.txt", b"not looked at")
    put(bench.images, ".hidden/x.png", banner(9))
    result = bench.run()
    assert (result.n_in, result.n_ok, result.n_duplicate, result.n_rejected) == (12, 5, 2, 5)
    assert (result.n_new, result.n_rows, result.n_other, result.generation) == (5, 5, 1, 1)
    check_adds_up(result, bench)
    assert reasons_of(bench) == wanted
    assert dict(result.reasons) == {
        "empty": 2, "truncated": 1, "not_an_image": 1, "unreadable": 1
    }  # fmt: skip
    rejected = {row["file"]: row for row in bench.rows("rejected")}
    assert all(row["stage"] == "embed" and row["detail"] for row in rejected.values())
    assert rejected["empty2.png"]["content_id"] == hashlib.sha256(b"").digest()
    assert rejected["dangling.png"]["content_id"] is None
    # Each content was decoded once, however many files hold it.
    assert bench.decoded[banner(1, (300, 250))] == 1
    assert bench.decoded[b""] == 1
    assert bench.staged() == []


def test_manifest_of_everything(bench):
    wanted = put_mixture(bench.images)
    put(bench.folder, "secret.png", banner(8))
    put(bench.images, "not_named.png", banner(7))
    wanted |= {
        "gone.png": "missing",
        "../secret.png": "outside_folder",
        "deep/../../secret.png": "outside_folder",
        str(bench.folder / "secret.png"): "outside_folder",
    }
    files = [*wanted, "good.png", "wide.png", "deep/down/photo.jpg", "wrong_name.gif"]
    files += ["near.jpg", "copy.png", "deep/copy.png"]
    bench.manifest(
        "banner_id,file", *(f"{nth:04d},{file}" for nth, file in enumerate(files)), "9999,good.png"
    )
    result = bench.run()
    assert (result.n_in, result.n_ok, result.n_duplicate, result.n_rejected) == (17, 5, 3, 9)
    check_adds_up(result, bench)
    assert reasons_of(bench) == wanted
    assert hashlib.sha256(banner(8)).digest() not in set(map(bytes, bench.store.content_ids()))
    aliases = {row["banner_id"]: row for row in bench.rows("aliases")}
    assert len(aliases) == 8
    # Seven good files and four bad ones, each read once though one is named twice.
    assert bench.n_hashed == 11
    assert aliases["9999"]["content_id"] == aliases["0009"]["content_id"]
    assert {row["banner_id"] for row in bench.rows("rejected")} == {f"{n:04d}" for n in range(9)}


def test_rows_describe_what_was_decoded(bench):
    put(bench.images, "a.png", banner(1, (300, 250)))
    put(bench.images, "b.jpg", banner(2, (728, 90), "JPEG"))
    bench.run()
    seen = {row["file"]: row for row in bench.rows("rows")}
    a, b = seen["a.png"], seen["b.jpg"]
    assert (a["width"], a["height"], a["format"], a["n_frames"], a["frame"]) == (
        300, 250, "PNG", 1, 0,
    )  # fmt: skip
    assert (b["width"], b["height"], b["format"]) == (728, 90, "JPEG")
    assert b["nbytes"] == len(banner(2, (728, 90), "JPEG"))


def test_values_are_those_of_the_network(bench):
    """Plain colours: the mean colour of every quarter is the colour."""
    from PIL import Image

    for name, colour in (("red", (250, 0, 0)), ("grey", (77, 77, 77))):
        Image.new("RGB", (300, 250), colour).save(bench.images / f"{name}.png")
    bench.run()
    store = bench.store
    for row, values in zip(bench.rows("rows"), store.read(0, 2), strict=True):
        colour = (250, 0, 0) if row["file"] == "red.png" else (77, 77, 77)
        np.testing.assert_array_equal(values, np.tile(colour, 4))


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_features_that_overflow_float16(bench, dtype):
    from PIL import Image

    bench.set("embed", dtype=dtype)
    Image.new("RGB", (300, 250), (1, 0, 0)).save(bench.images / "dark.png")
    Image.new("RGB", (300, 250), (255, 255, 255)).save(bench.images / "light.png")
    bench.encoder.scale = 300.0
    result = bench.run()
    if dtype == "float32":
        assert (result.n_ok, result.n_rejected) == (2, 0)
        return
    assert (result.n_ok, result.n_rejected) == (1, 1)
    (row,) = bench.rows("rejected")
    assert (row["file"], row["reason"]) == ("light.png", "not_finite")
    assert row["detail"] == "features overflow float16"
    check_adds_up(result, bench)
    assert bench.run().generation == 1
    assert bench.n_decoded == 0


def test_features_that_are_no_numbers(bench):
    put_banners(bench.images, 3)
    bench.encoder.scale = float("nan")
    with pytest.raises(DataError, match="3 not_finite"):
        bench.run()


def test_file_that_changes_while_it_is_embedded(bench, monkeypatch):
    from bannercluster.embed import stage

    put_banners(bench.images, 3)
    take = stage.take_inventory

    def take_and_change(*args):
        found = take(*args)
        put(bench.images, "b01.png", banner(77))
        return found

    with monkeypatch.context() as patch:
        patch.setattr(stage, "take_inventory", take_and_change)
        result = bench.run()
    assert (result.n_ok, result.n_rejected) == (2, 1)
    assert reasons_of(bench) == {"b01.png": "changed"}
    again = bench.run()
    assert (again.n_ok, again.n_new, again.n_rejected) == (3, 1, 0)
    check_adds_up(again, bench)


def test_image_of_too_many_pixels_may_pass_later(bench):
    put_banners(bench.images, 2)
    put(bench.images, "large.png", banner(9, (500, 400)))
    bench.set("embed", max_pixels=100_000)
    assert dict(bench.run().reasons) == {"too_many_pixels": 1}
    bench.set("embed", max_pixels=1_000_000)
    result = bench.run()
    assert (result.n_ok, result.n_new, result.n_rejected) == (3, 1, 0)
    assert bench.rows("rejected") == []


# Nothing to embed


def test_no_image_can_be_decoded(bench):
    put(bench.images, "a.png", b"")
    put(bench.images, "b.png", b"text")
    with pytest.raises(DataError, match=r"none of the 2 files in .*1 empty.*at least one"):
        bench.run()
    assert EmbeddingStore.open_if_any(bench.settings.paths.embeddings) is None


@pytest.mark.parametrize("work", ["plan", "run"])
def test_folder_that_is_missing_or_empty(bench, work):
    do = bench.run if work == "run" else lambda: plan(bench.settings)
    with pytest.raises(UsageError, match=r"no image in .*0 other files.*\.png.*manifest"):
        do()
    put(bench.images, "notes.txt", b"x")
    with pytest.raises(UsageError, match="1 other files"):
        do()
    shutil.rmtree(bench.images)
    with pytest.raises(UsageError, match=r"no folder of images at .*--images"):
        do()
    assert list(bench.folder.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("banner_id,path\n1,a.png\n", r"has the columns banner_id, path; expected a column 'file'"),
        ("file,x\na.png,1\n,2\n", "a row without a file"),
        ("", "not a readable CSV"),
    ],
)
def test_manifest_that_cannot_be_used(bench, text, said):
    put_banners(bench.images, 1)
    (bench.images / "manifest.csv").write_text(text)
    with pytest.raises(UsageError, match=said):
        bench.run()


def test_manifest_that_is_named_and_missing(bench):
    put_banners(bench.images, 1)
    bench.set("paths", manifest=str(bench.folder / "absent.parquet"))
    with pytest.raises(UsageError, match=r"absent\.parquet does not exist"):
        bench.run()


def test_manifest_without_rows(bench):
    put_banners(bench.images, 1)
    bench.manifest("file,banner_id")
    with pytest.raises(UsageError, match=r"manifest\.csv has no rows"):
        bench.run()


def test_disk_that_is_full(bench, monkeypatch):
    put_banners(bench.images, 3)
    bench.run()
    put_banners(bench.images, 2, first=3)

    def full(*args):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(StoreError, match="No space left on device"):
            bench.run()
    assert bench.store.n_rows == 3
    assert bench.run().n_rows == 5


def test_a_banner_id_stands_for_one_content(bench):
    put(bench.images, "a.png", banner(1))
    put(bench.images, "b.png", banner(2))
    put(bench.images, "a_copy.png", banner(1))
    bench.manifest("file,banner_id", "a.png,x", "b.png,x", "a_copy.png,x")
    for generation in (1, 1):  # the second run finds nothing new to say
        result = bench.run()
        assert (result.n_in, result.n_ok, result.n_duplicate, result.n_rejected) == (3, 1, 1, 1)
        assert result.generation == generation
        assert reasons_of(bench) == {"b.png": "repeated_id"}
        (alias,) = bench.rows("aliases")
        assert alias["banner_id"] == "x"
        assert alias["content_id"] == hashlib.sha256(banner(1)).digest()


def test_a_file_that_gets_an_id_stays_one_banner(bench):
    put_banners(bench.images, 2)
    bench.run()
    names = [row["file"] for row in bench.rows("aliases")]
    bench.manifest("file,banner_id,day", *(f"{name},id-{name},2026-01-05" for name in names))
    result = bench.run()
    assert (result.n_in, result.n_ok, result.n_new) == (2, 2, 0)
    assert [row["banner_id"] for row in bench.rows("aliases")] == [f"id-{name}" for name in names]


def test_a_network_of_one_input_size_needs_another_resize(bench, monkeypatch):
    from bannercluster.embed import choice

    known = choice.describe_model
    monkeypatch.setattr(
        choice,
        "describe_model",
        lambda *asked: dataclasses.replace(known(*asked), fixed_input_size=True),
    )
    put_banners(bench.images, 1)
    with pytest.raises(UsageError, match="--resize letterbox"):
        plan(bench.settings)
