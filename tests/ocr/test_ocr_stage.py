"""The stage: who is read, that nothing is read twice, and that the counts add up."""

import json
from pathlib import Path

import pytest
from embed.banners import Bench, banner, put, put_banners

from bannercluster import ocr as stage
from bannercluster.errors import IncompatibleStoreError, StoreError, UsageError
from bannercluster.ocr import parts
from bannercluster.runtime import SilentProgress, ThreadExecutor
from bannercluster.store import ocr

from .reading import FakeReader


class Texts(Bench):
    """A folder of images with their store, and a fake reader."""

    def __init__(self, folder: Path, monkeypatch) -> None:
        super().__init__(folder, monkeypatch)
        self.reader = FakeReader()
        self.url = str(folder / "ocr")
        self.set("paths", ocr=self.url)
        self.set("ocr", precision="float32", part_rows=4)
        monkeypatch.setattr(parts, "load_reader", lambda spec, **options: self.reader)

    def read(self, n_workers: int = 1):
        self.reader.n_images = 0
        with ThreadExecutor(n_workers) as executor:
            result = stage.run(self.settings, executor=executor, progress=SilentProgress())
        assert result.n_in == result.n_ok + result.n_rejected
        assert sum(n for _, n in result.reasons) == result.n_rejected
        return result

    def texts(self) -> list[dict]:
        return ocr.read_rows(self.url).to_pylist()


@pytest.fixture
def bench(tmp_path, monkeypatch):
    return Texts(tmp_path, monkeypatch)


def files_of(bench):
    return {path.name: path.read_bytes() for path in Path(bench.url).rglob("*") if path.is_file()}


def test_every_content_gets_a_row(bench):
    put_banners(bench.images, 9)
    put(bench.images, "copy.png", banner(0, (300, 250)))
    bench.run()
    result = bench.read()
    rows = bench.texts()
    assert result.n_in == result.n_new == len(rows) == 9
    assert [row["content_id"] for row in rows] == [row["content_id"] for row in bench.rows("rows")]
    for row in rows:
        if row["reason"] is None:
            assert row["text"] == "\n".join(line["text"] for line in row["lines"])
            assert (row["width"], row["height"]) in {(300, 250), (728, 90), (160, 600), (320, 50)}
        else:
            assert (row["reason"], row["text"], row["lines"]) == ("reading_failed", None, None)
    counts = json.loads((Path(bench.url) / "ocr.json").read_text())["counts"]
    assert counts["contents"] == 9
    assert counts["with_text"] == result.n_with_text
    assert counts["rejected"] == result.n_rejected


def test_texts_without_lines_are_empty_and_have_no_confidence(bench):
    put_banners(bench.images, 12)
    bench.run()
    bench.read()
    table = ocr.read_texts(bench.url).to_pylist()
    assert {row["text"] == "" for row in table} == {True, False}
    for row in table:
        if not row["text"]:
            assert row["confidence"] is None
            continue
        first = len(row["text"].split("\n")[0])
        wanted = (0.75 * first + 1.0 * 3) / (first + 3)
        assert row["confidence"] == pytest.approx(wanted)


def test_only_what_is_new_is_read(bench):
    bench.reader.fails = False
    put_banners(bench.images, 6)
    bench.run()
    bench.read()
    before = bench.texts()
    put_banners(bench.images, 5, first=6)
    bench.run()
    result = bench.read()
    assert (result.n_new, bench.reader.n_images, result.n_in) == (5, 5, 11)
    assert bench.texts()[:6] == before


def test_nothing_new_is_a_no_op(bench):
    put_banners(bench.images, 9)
    bench.run()
    first = bench.read()
    before = files_of(bench)
    second = bench.read()
    # What could not be read is tried again, and says nothing new.
    assert second.n_new == bench.reader.n_images == first.n_rejected > 0
    assert files_of(bench) == before
    assert (second.n_ok, second.n_rejected) == (first.n_ok, first.n_rejected)


def test_what_was_rejected_may_pass_later(bench):
    put_banners(bench.images, 9)
    bench.run()
    first = bench.read()
    bench.reader.fails = False
    second = bench.read()
    assert (second.n_new, second.n_rejected, second.n_ok) == (first.n_rejected, 0, 9)
    assert len(bench.texts()) == 9
    assert bench.read().n_new == 0


def test_files_that_changed_or_went_are_rejected(bench):
    bench.reader.fails = False
    put_banners(bench.images, 5)
    bench.run()
    put(bench.images, "b01.png", banner(99))
    (bench.images / "b02.png").unlink()
    result = bench.read()
    assert dict(result.reasons) == {"changed": 1, "unreadable": 1}
    assert result.n_ok == 3
    put(bench.images, "b02.png", banner(2, (160, 600)))
    assert dict(bench.read().reasons) == {"changed": 1}


def test_a_content_that_went_after_it_was_read_keeps_its_text(bench):
    bench.reader.fails = False
    put_banners(bench.images, 4)
    bench.run()
    bench.read()
    (bench.images / "b02.png").unlink()
    bench.run()
    result = bench.read()
    assert (result.n_new, result.n_ok, result.n_rejected) == (0, 4, 0)


def test_banners_with_text_in_the_table_are_left_out(bench):
    put_banners(bench.images, 4)
    put(bench.images, "copy.png", banner(3, (320, 50)))
    bench.manifest(
        "file,title,description,note",
        "b00.png,Shoes,,",
        "b01.png,,  ,a",
        "b02.png,,Cheap shoes,",
        "b03.png,,,",
        "copy.png,Boots,,",
    )
    bench.run()
    result = bench.read()
    # One banner shows the fourth image with a title and one without: the latter needs its words.
    assert (result.n_in, result.n_left_out) == (2, 2)
    bench.set("ocr", text_columns=("note",))
    assert (bench.read().n_in, bench.reader.n_images) == (3, 2)
    bench.set("ocr", which="all")
    assert bench.read().n_in == 4


def test_what_cleaning_does_not_leave_is_no_text(bench):
    """As for `bc text --use-ocr missing`: else a banner would get neither text."""
    nothing = ("\u200b", "\u00ad\ufeff \u202e", "\x00\x7f", " " * 501 + "behind")
    put_banners(bench.images, len(nothing) + 1)
    rows = [f"b{number:02d}.png,{said}" for number, said in enumerate((*nothing, "\U0001f600"))]
    bench.manifest("file,title", *rows)
    bench.set("text", max_characters=100)
    bench.run()
    result = bench.read()
    assert (result.n_in, result.n_left_out) == (len(nothing), 1)


def test_workers_and_parts_change_no_row(bench):
    put_banners(bench.images, 20)
    bench.run()
    bench.read()
    one = bench.texts()
    bench.set("paths", ocr=bench.url + "-2")
    bench.url += "-2"
    bench.set("ocr", part_rows=7)
    bench.read(n_workers=3)
    assert bench.texts() == one


def test_finished_parts_of_an_ended_run_are_kept_though_there_are_new_contents(bench):
    bench.reader.fails = False
    bench.set("ocr", part_rows=2)
    put_banners(bench.images, 6)
    bench.run()
    n_read, whole = 0, bench.reader.read

    def read(images):
        nonlocal n_read
        n_read += len(images)
        if n_read > 4:
            raise KeyboardInterrupt
        return whole(images)

    bench.reader.read = read
    with pytest.raises(KeyboardInterrupt):
        bench.read()
    bench.reader.read = whole
    put_banners(bench.images, 3, first=6)
    bench.run()
    result = bench.read()
    assert bench.reader.n_images == 5
    assert result.n_ok == len(bench.texts()) == 9


def test_other_settings_belong_into_another_folder(bench):
    put_banners(bench.images, 2)
    bench.run()
    bench.read()
    bench.set("ocr", max_side=640)
    with pytest.raises(IncompatibleStoreError, match=r"max_side 960 \(now 640\).*--ocr"):
        stage.plan(bench.settings)


def test_what_is_missing_is_said(bench):
    with pytest.raises(UsageError, match="run `bc embed`"):
        stage.plan(bench.settings)
    with pytest.raises(StoreError, match="run `bc ocr` first"):
        ocr.read_texts(bench.url)
    put_banners(bench.images, 2)
    bench.run()
    bench.set("paths", images=str(bench.folder / "elsewhere"))
    with pytest.raises(UsageError, match="there is no folder"):
        stage.plan(bench.settings)
