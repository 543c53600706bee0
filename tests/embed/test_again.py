"""Running again: nothing twice, nothing lost."""

import os

import pytest

from .banners import banner, check_adds_up, put, put_banners


def aliases_of(bench):
    return {row["banner_id"] or row["file"]: row for row in bench.rows("aliases")}


def snapshot(bench):
    return {
        str(path): (path.stat().st_mtime_ns, path.read_bytes())
        for path in sorted(bench.folder.rglob("embeddings.*/**/*"))
        if path.is_file()
    }


@pytest.mark.parametrize("with_rejected", [False, True])
def test_nothing_new_is_a_no_op(bench, with_rejected):
    put_banners(bench.images, 5)
    put(bench.images, "copy.png", banner(0, (300, 250)))
    if with_rejected:
        put(bench.images, "empty.png", b"")
        put(bench.images, "page.png", b"text")
    first = bench.run()
    assert bench.n_hashed == first.n_in
    before = snapshot(bench)
    second = bench.run()
    assert (bench.n_decoded, bench.encoder.n_images) == (0, 0)
    assert bench.n_hashed == first.n_rejected
    assert snapshot(bench) == before
    assert (second.n_new, second.generation) == (0, 1)
    for name in ("n_in", "n_ok", "n_duplicate", "n_rejected", "n_rows", "reasons"):
        assert getattr(second, name) == getattr(first, name)


def test_new_file_alone_is_embedded(bench):
    put_banners(bench.images, 5)
    bench.run()
    values = bench.store.read(0, 5).tobytes()
    put(bench.images, "a_first_by_name.png", banner(50))
    result = bench.run()
    assert dict(bench.decoded) == {banner(50): 1}
    assert (bench.n_hashed, result.n_new, result.n_ok, result.generation) == (1, 1, 6, 2)
    assert bench.store.read(0, 5).tobytes() == values
    assert bench.rows("rows", "file")[5] == {"file": "a_first_by_name.png"}
    check_adds_up(result, bench)


def test_new_name_for_a_known_content(bench):
    put_banners(bench.images, 3)
    bench.run()
    put(bench.images, "z.png", banner(1, (728, 90)))
    result = bench.run()
    assert bench.n_decoded == 0
    assert (result.n_ok, result.n_duplicate, result.n_new, result.n_rows) == (3, 1, 0, 3)
    assert aliases_of(bench)["z.png"]["content_id"] == aliases_of(bench)["b01.png"]["content_id"]


def test_changed_file(bench):
    put_banners(bench.images, 3)
    bench.run()
    old = aliases_of(bench)["b01.png"]["content_id"]
    path = put(bench.images, "b01.png", banner(60))
    os.utime(path, (1, 1))
    result = bench.run()
    assert dict(bench.decoded) == {banner(60): 1}
    assert (bench.n_hashed, result.n_new, result.n_ok, result.n_rows) == (1, 1, 3, 4)
    assert aliases_of(bench)["b01.png"]["content_id"] != old
    assert old in set(map(bytes, bench.store.content_ids()))
    check_adds_up(result, bench)


def test_touched_file_is_read_but_not_decoded(bench):
    put_banners(bench.images, 3)
    bench.run()
    os.utime(bench.images / "b01.png", (1, 1))
    result = bench.run()
    assert (bench.n_hashed, bench.n_decoded, result.n_new) == (1, 0, 0)
    assert bench.run().generation == result.generation
    assert bench.n_hashed == 0


def test_removed_file_stays(bench):
    put_banners(bench.images, 3)
    bench.run()
    (bench.images / "b01.png").unlink()
    result = bench.run()
    assert (result.n_in, result.n_ok, result.n_rows, result.generation) == (2, 2, 3, 1)
    assert set(aliases_of(bench)) == {"b00.png", "b01.png", "b02.png"}


def test_rejected_file_that_is_removed_stays_in_the_table(bench):
    put_banners(bench.images, 2)
    put(bench.images, "x.png", b"")
    bench.run()
    (bench.images / "x.png").unlink()
    put(bench.images, "new.png", banner(9))
    result = bench.run()
    assert (result.n_in, result.n_rejected, result.reasons) == (3, 0, ())
    assert [row["file"] for row in bench.rows("rejected")] == ["x.png"]


def test_file_that_becomes_readable_and_one_that_no_longer_is(bench):
    put_banners(bench.images, 2)
    put(bench.images, "x.png", b"")
    bench.run()
    put(bench.images, "x.png", banner(9))
    put(bench.images, "b00.png", b"")
    result = bench.run()
    assert (result.n_ok, result.n_new, result.n_rejected) == (2, 1, 1)
    assert set(aliases_of(bench)) == {"b01.png", "x.png"}
    assert [row["file"] for row in bench.rows("rejected")] == ["b00.png"]


def test_rejected_content_is_rejected_under_other_names_without_a_look(bench):
    put_banners(bench.images, 2)
    put(bench.images, "x.png", b"text")
    bench.run()
    put(bench.images, "y.png", b"text")
    result = bench.run()
    assert (bench.n_decoded, result.n_rejected, dict(result.reasons)) == (0, 2, {"not_an_image": 2})
    assert {row["file"] for row in bench.rows("rejected")} == {"x.png", "y.png"}


# Days and other columns


def test_first_and_last_day(bench):
    put_banners(bench.images, 4)
    bench.manifest(
        "banner_id,file,day",
        "0007,b00.png,2026-01-07",
        "8,b01.png,2026-01-05",
        "9,b02.png,",
    )
    bench.run()
    bench.manifest(
        "banner_id,file,day",
        "0007,b00.png,2026-01-06T10:00",
        "8,b01.png,2026-01-09",
        "10,b03.png,2026-01-09",
    )
    bench.set("embed", day="2026-02-01")
    result = bench.run()
    assert (result.n_in, result.n_new, result.n_rows) == (3, 1, 4)
    days = {key: (row["first_day"], row["last_day"]) for key, row in aliases_of(bench).items()}
    assert days == {
        "0007": ("2026-01-06", "2026-01-07"),
        "8": ("2026-01-05", "2026-01-09"),
        "9": (None, None),
        "10": ("2026-01-09", "2026-01-09"),
    }
    bench.manifest("banner_id,file", "9,b02.png", "8,b01.png")
    bench.run()
    days = {key: (row["first_day"], row["last_day"]) for key, row in aliases_of(bench).items()}
    assert days["9"] == ("2026-02-01", "2026-02-01")
    assert days["8"] == ("2026-01-05", "2026-02-01")


def test_day_of_a_folder(bench):
    put_banners(bench.images, 2)
    bench.set("embed", day="2026-01-05")
    bench.run()
    put_banners(bench.images, 1, first=2)
    bench.set("embed", day="2026-01-06")
    bench.run()
    days = {key: (row["first_day"], row["last_day"]) for key, row in aliases_of(bench).items()}
    assert days["b00.png"] == ("2026-01-05", "2026-01-06")
    assert days["b02.png"] == ("2026-01-06", "2026-01-06")


def test_id_that_points_to_another_content_begins_anew(bench):
    put_banners(bench.images, 2)
    bench.manifest("banner_id,file,day", "1,b00.png,2026-01-05")
    bench.run()
    bench.manifest("banner_id,file,day", "1,b01.png,2026-01-08")
    bench.run()
    (row,) = bench.rows("aliases")
    assert (row["first_day"], row["last_day"]) == ("2026-01-08", "2026-01-08")
    assert row["file"] == "b01.png"


def test_further_columns_are_carried_along(bench):
    put_banners(bench.images, 3)
    bench.manifest("file,advertiser,code", "b00.png,acorn,007", 'b01.png,"birch, ltd",')
    bench.run()
    seen = aliases_of(bench)
    assert (seen["b00.png"]["advertiser"], seen["b00.png"]["code"]) == ("acorn", "007")
    assert (seen["b01.png"]["advertiser"], seen["b01.png"]["code"]) == ("birch, ltd", None)
    assert seen["b00.png"]["banner_id"] is None
    bench.manifest("file,network", "b02.png,east")
    bench.run()
    seen = aliases_of(bench)
    assert (seen["b00.png"]["code"], seen["b00.png"]["network"]) == ("007", None)
    assert (seen["b02.png"]["code"], seen["b02.png"]["network"]) == (None, "east")
    # A label that was corrected in the manifest is corrected in the store.
    bench.manifest("file,network", "b02.png,west")
    bench.run()
    assert aliases_of(bench)["b02.png"]["network"] == "west"
    assert bench.n_decoded == 0


def test_manifest_in_parquet_elsewhere(bench):
    import pyarrow as pa
    import pyarrow.parquet as pq

    put_banners(bench.images, 2)
    table = pa.table({"file": ["b00.png", "b01.png"], "banner_id": pa.array([7, 8], pa.int64())})
    pq.write_table(table, bench.folder / "m.parquet")
    bench.set("paths", manifest=str(bench.folder / "m.parquet"))
    bench.run()
    assert set(aliases_of(bench)) == {"7", "8"}


# Interrupted


@pytest.mark.parametrize("error", [RuntimeError("broken"), KeyboardInterrupt()])
def test_interrupted_run_goes_on_where_it_ended(bench, tmp_path, monkeypatch, error):
    from .banners import Bench, contents_of

    put_banners(bench.images, 11)
    put(bench.images, "empty.png", b"")
    bench.set("embed", part_rows=3)
    bench.encoder.fails_at, bench.encoder.error = 7, error
    with pytest.raises(type(error)):
        bench.run()
    assert len(bench.staged()) == 2
    assert not (bench.folder / "embeddings.zarr").exists()
    bench.encoder.fails_at = None
    result = bench.run()
    # Two parts of three are there; twelve contents in all.
    assert bench.n_decoded == 12 - 6
    assert (result.n_ok, result.n_new, result.n_rejected) == (11, 11, 1)
    assert bench.staged() == []
    check_adds_up(result, bench)
    interrupted = contents_of(bench.store)
    other = tmp_path / "other"
    other.mkdir()
    fresh = Bench(other, monkeypatch)
    put_banners(fresh.images, 11)
    put(fresh.images, "empty.png", b"")
    fresh.set("embed", part_rows=3)
    fresh.run()
    assert contents_of(fresh.store) == interrupted


def test_interrupted_commit_keeps_the_parts(bench, monkeypatch):
    from bannercluster.embed import stage

    put_banners(bench.images, 5)
    bench.set("embed", part_rows=2)

    def killed(*args, **options):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(stage.commit, "commit", killed)
        with pytest.raises(KeyboardInterrupt):
            bench.run()
    assert len(bench.staged()) == 3
    result = bench.run()
    assert (bench.n_decoded, result.n_new, result.n_rows) == (0, 5, 5)
    check_adds_up(result, bench)


def test_half_written_part_is_not_taken(bench):
    put_banners(bench.images, 5)
    bench.set("embed", part_rows=2)
    bench.encoder.fails_at = 4
    with pytest.raises(RuntimeError):
        bench.run()
    (bench.folder / "embeddings.staging" / ".tmp-abc").write_bytes(b"half")
    bench.encoder.fails_at = None
    check_adds_up(bench.run(), bench)


def test_parts_of_other_settings_are_not_taken(bench):
    put_banners(bench.images, 4)
    bench.set("embed", part_rows=2)
    bench.encoder.fails_at = 2
    with pytest.raises(RuntimeError):
        bench.run()
    assert len(bench.staged()) == 1
    bench.encoder.fails_at = None
    bench.set("embed", resize="squash")
    assert bench.run().n_new == 4
    assert bench.n_decoded == 4
    assert bench.store.manifest.recipe["preprocessing"]["resize"] == "squash"
