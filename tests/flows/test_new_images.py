"""New images against models of images, texts and both: as if each stage had been run by hand."""

import csv
import shutil
from pathlib import Path

import pytest
from embed.banners import Bench, banner, put
from ocr.reading import FakeReader
from text import worlds

from bannercluster import cluster, embed, ocr, predict, text
from bannercluster.errors import IncompatibleStoreError, StoreError, UsageError
from bannercluster.flows import new_images
from bannercluster.ocr import parts as ocr_parts
from bannercluster.runtime import SilentProgress, ThreadExecutor
from bannercluster.store import assignments, points
from bannercluster.store import ocr as ocr_store
from bannercluster.store.embeddings import EmbeddingStore
from bannercluster.text import parts as text_parts
from bannercluster.text.recorded import MADE_WITH

SHAPES = ((300, 250), (728, 90), (160, 600), (320, 50))


class World(Bench):
    """A folder of images, its stores, quick networks, and more folders of images beside it."""

    def __init__(self, folder: Path, monkeypatch) -> None:
        super().__init__(folder, monkeypatch)
        self.reader = FakeReader()
        monkeypatch.setattr(ocr_parts, "load_reader", lambda spec, **options: self.reader)
        monkeypatch.setattr(text_parts, "load_sentences", text_parts.load_sentences)
        self.sentences = worlds.fake()
        names = ("ocr", "models", "assignments", "evaluation")
        self.set("paths", texts=str(folder / "texts.zarr"))
        self.set("paths", **{name: str(folder / name) for name in names})
        self.set("embed", model="efficientnet_lite0")
        self.set("ocr", precision="float32")
        self.set("cluster", k=(3,), n_init=2)

    def draw(self, name: str, numbers, **columns) -> Path:
        """Put banners into a folder, their ids and further columns into its manifest."""
        folder = self.folder / name
        rows = []
        for place, nth in enumerate(numbers):
            # The files of all folders have the same names.
            file = f"b{place:02d}.png"
            put(folder, file, banner(nth, SHAPES[nth % 4]))
            own = {column: value(nth) for column, value in columns.items()}
            rows.append({"file": file, "banner_id": f"id{nth}", **own})
        with (folder / "manifest.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            writer.writerows(rows)
        return folder

    def do(self, stage, settings=None, **more):
        with ThreadExecutor(2) as executor:
            return stage.run(
                settings or self.settings, executor=executor, progress=SilentProgress(), **more
            )

    def prepare(self, modality, **columns) -> None:
        """Everything up to a model of twelve banners."""
        self.draw("images", range(12), **columns)
        for stage in (embed, ocr, text):
            self.do(stage)
        self.fit(modality)

    def fit(self, modality) -> None:
        self.set("cluster", modality=modality)
        self.do(cluster)
        self.do(predict)

    def of(self, folder: Path):
        """Return the settings of a run that names a folder of images."""
        return self.settings.replace("paths", images=str(folder))

    def predict(self, folder: Path):
        self.reader.n_images, self.sentences.read = 0, []
        settings = self.of(folder)
        assert "predict" in dict(new_images.plan(settings).summary)["steps"]
        found = self.do(new_images, settings)
        assert found.n_rejected == sum(
            step.n_rejected for step in (found.embed, found.ocr, found.text) if step
        )
        return found

    def state(self):
        """All that the steps left, times taken out."""
        stores = []
        for name in ("embeddings", "texts"):
            url = str(self.folder / f"{name}.zarr")
            store = EmbeddingStore.open(url)
            tables = [store.table(one) for one in sorted(store.manifest.tables)]
            stores += [
                store.read(0, store.n_rows).tobytes(),
                store.content_ids().tobytes(),
                *(_without_times(table).to_pylist() for table in tables),
            ]
        (name,) = (path.stem for path in (self.folder / "assignments").glob("*.parquet"))
        table = assignments.read_if_any(self.settings.paths.assignments, name)
        return stores, self.texts_of_images(), table.drop_columns(["assigned_at"]).to_pylist()

    def texts_of_images(self):
        return ocr_store.read_rows(self.settings.paths.ocr).to_pylist()

    def clusters(self):
        return {row["banner_id"]: row["cluster_id"] for row in self.state()[2]}


def _without_times(table):
    return table.drop_columns(["modified"] if "modified" in table.column_names else [])


@pytest.fixture
def world(tmp_path, monkeypatch):
    return World(tmp_path, monkeypatch)


def by_hand(world, folder):
    """The stages one after the other, told which banners they are about."""
    settings = world.of(folder)
    world.do(embed, settings)
    world.do(ocr, settings)
    world.do(text)
    world.do(predict)


@pytest.mark.parametrize("modality", ["text", "both"])
def test_as_if_each_stage_had_been_run(world, tmp_path, modality):
    world.reader.fails = False
    world.prepare(modality)
    more = world.draw("more", range(10, 20))
    old = shutil.copytree(tmp_path, tmp_path.with_name("kept"))
    found = world.predict(more)
    assert (found.embed.n_in, found.embed.n_new) == (10, 8)
    # Two of the ten contents were there, and are not read again.
    assert (found.ocr.n_in, found.ocr.n_new, world.reader.n_images) == (10, 8, 8)
    assert found.text.n_banners == found.n_banners == 10
    assert found.n_without_text == found.text.n_without_text
    assert found.n_rejected == 0
    by_flow = world.state()
    shutil.rmtree(tmp_path)
    old.rename(tmp_path)
    by_hand(world, more)
    assert world.state() == by_flow
    assert {f"id{nth}" for nth in range(12, 20)} & set(world.clusters())


def test_images_that_texts_do_not_count_for(world):
    world.prepare("image")
    found = world.predict(world.draw("more", range(10, 20)))
    assert (found.ocr, found.text, found.n_without_text) == (None, None, 0)
    assert world.reader.n_images == 0
    assert len(world.clusters()) == 20


def test_again_changes_nothing(world):
    world.prepare("both")
    more = world.draw("more", range(10, 20))
    world.predict(more)
    before = world.state()
    texts = EmbeddingStore.open(world.settings.paths.texts).manifest
    found = world.predict(more)
    assert (found.embed.n_new, found.text.n_new, found.predict.n_new) == (0, 0, 0)
    # What could not be read is tried once more.
    assert found.ocr.n_new == world.reader.n_images == found.ocr.n_rejected
    assert world.state() == before
    assert EmbeddingStore.open(world.settings.paths.texts).manifest == texts


def test_older_images_that_were_not_read_are_left_alone(world):
    """Their names stand for other files in the new folder."""
    world.prepare("both")
    before = {row["content_id"]: row for row in world.texts_of_images()}
    assert [row["reason"] for row in before.values()].count("reading_failed")
    world.reader.fails = False
    found = world.predict(world.draw("more", range(20, 30)))
    assert found.ocr.n_rejected == 0
    after = {row["content_id"]: row for row in world.texts_of_images()}
    assert before.items() <= after.items()
    assert len(after) == len(before) + 10


def test_an_older_image_is_read_in_the_folder_where_it_is_now(world):
    world.prepare("both")
    failed = [
        n for n, row in enumerate(world.texts_of_images()) if row["reason"] == "reading_failed"
    ]
    world.reader.fails = False
    # At other places, and so under other names than in the first folder.
    found = world.predict(world.draw("more", [30, *failed]))
    assert (found.ocr.n_in, found.ocr.n_new, found.ocr.n_rejected) == (
        1 + len(failed), 1 + len(failed), 0,
    )  # fmt: skip
    assert all(row["reason"] is None for row in world.texts_of_images())


def unreadable(world):
    """Return the numbers of two banners whose text cannot be read, and of one without any."""
    import io

    import numpy as np
    from PIL import Image

    found = {2: [], 5: []}
    for nth in range(12, 200):
        mean = int(np.asarray(Image.open(io.BytesIO(banner(nth, SHAPES[nth % 4])))).mean())
        if mean % 10 in found:
            found[mean % 10].append(nth)
    return found[2][:2], found[5][:1]


@pytest.mark.parametrize(("modality", "n_new", "said"), [
    ("text", 1, "no cluster"), ("both", 4, "lets expect stands in"),
])  # fmt: skip
def test_banners_whose_text_is_missing(world, modality, n_new, said):
    world.reader.fails = False
    world.prepare(modality)
    world.reader.fails = True
    failing, silent = unreadable(world)
    more = world.draw("more", [*failing, *silent, 8, 300])
    put(more, "b03.png", b"no image")
    found = world.predict(more)
    assert dict(found.embed.reasons) == {"not_an_image": 1}
    assert dict(found.ocr.reasons) == {"reading_failed": 2}
    # The image that could not be read is counted once: its banner just says nothing.
    assert (found.text.n_rejected, found.n_rejected) == (0, 3)
    assert (found.n_banners, found.n_without_text) == (4, 3)
    assert found.predict.n_new == n_new
    shown = [table for table in found.tables() if "have no text" in table.title]
    assert [table.title for table in shown] == ["3 of these 4 banners have no text"]
    assert said in shown[0].rows[0][0]
    clustered = {f"id{nth}" for nth in (*failing, *silent)} & set(world.clusters())
    assert len(clustered) == (3 if modality == "both" else 0)


def test_texts_of_the_table_go_before_what_is_in_the_image(world):
    world.prepare("both", title=lambda nth: f"title {nth}" if nth % 3 else "")
    found = world.predict(
        world.draw("more", range(20, 30), title=lambda nth: "" if nth == 25 else f"new {nth}")
    )
    assert (found.ocr.n_in, found.ocr.n_left_out) == (1, 9)
    assert dict(found.text.sources)["title"] == 9
    assert "new 27" in world.sentences.read


def test_texts_without_ocr(world):
    """No step of OCR; images whose manifest has no titles have no text."""
    world.set("text", ocr="none")
    world.prepare("both", title=lambda nth: f"title {nth}")
    world.set("text", ocr="all")  # the store knows better
    before = ocr_store.read_rows(world.settings.paths.ocr)
    found = world.predict(world.draw("more", range(20, 24)))
    assert (found.ocr, found.text.n_without_text, found.n_without_text) == (None, 4, 4)
    assert ocr_store.read_rows(world.settings.paths.ocr).equals(before)
    found = world.predict(world.draw("named", range(30, 34), title=lambda nth: f"more {nth}"))
    assert (found.ocr, found.n_without_text) == (None, 0)


def test_stores_know_better_than_the_settings(world):
    world.set("ocr", min_confidence=0.25)
    world.set("text", columns=("headline",), max_characters=12, ocr="all")
    world.prepare("both", headline=lambda nth: f"headline {nth}")
    world.set("ocr", min_confidence=0.5, max_side=640)
    world.set("text", columns=("title",), max_characters=1000, ocr="none", dtype="float32")
    world.set("embed", resize="squash", dtype="float32")
    more = world.draw("more", range(20, 24), headline=lambda nth: f"new {nth}")
    found = world.predict(more)
    assert (found.ocr.n_new, found.text.n_with_text) == (4, 4)
    texts = EmbeddingStore.open(world.settings.paths.texts).table("rows")["text"].to_pylist()
    assert all(len(one) <= 12 for one in texts)
    assert any(one.startswith("new 20\nmean") for one in texts)


def test_landing_pages_of_new_images_lie_in_their_own_folder(world, tmp_path):
    def page(nth):
        return put(tmp_path / "pages", f"{nth}.html", b"<p>page %d</p>" % nth).name

    world.set("text", landing_column="page")
    world.set("paths", landing_pages=str(tmp_path / "pages"))
    world.prepare("both", page=page)
    more = world.draw("more", range(20, 24), page=lambda nth: f"{nth}.html")
    for nth in range(20, 24):
        put(tmp_path / "pages2", f"{nth}.html", b"<p>new page %d</p>" % nth)
    world.set("text", landing_column=None)
    world.set("paths", landing_pages=str(tmp_path / "pages2"))
    found = world.predict(more)
    assert (found.n_rejected, found.n_without_text) == (0, 0)
    assert sorted(world.sentences.read) == [f"new page {nth}" for nth in range(20, 24)]
    # The others keep what they said, though their pages are not in this folder.
    assert len(EmbeddingStore.open(world.settings.paths.texts).table("aliases")) == 16


def test_texts_of_a_table(world, tmp_path):
    """The table is read again; it may have grown. Images have no OCR beside it."""
    rows = [{"banner_id": f"id{nth}", "title": f"title {nth}"} for nth in range(12)]
    world.set("paths", text_table=worlds.write_table(tmp_path / "table.csv", rows))
    world.prepare("both")
    world.set("paths", text_table=None)
    more = world.draw("more", range(20, 24))
    found = world.predict(more)
    assert (found.ocr, found.text.n_banners) == (None, 0)
    assert (found.n_banners, found.n_without_text) == (4, 4)
    rows += [{"banner_id": f"id{nth}", "title": f"title {nth}"} for nth in range(20, 23)]
    worlds.write_table(tmp_path / "table.csv", rows)
    found = world.predict(more)
    assert (found.text.n_with_text, found.text.n_new, found.n_without_text) == (3, 3, 1)
    assert len(world.clusters()) == 16
    (tmp_path / "table.csv").unlink()
    with pytest.raises(UsageError, match=r"table\.csv"):
        world.predict(more)


# Refused before anything is embedded


def refused(world, error, match):
    more = world.draw("more", range(20, 24))
    generation = EmbeddingStore.open(world.settings.paths.embeddings).manifest.generation
    for work in (new_images.plan, lambda settings: world.do(new_images, settings)):
        with pytest.raises(error, match=match):
            work(world.of(more))
    assert EmbeddingStore.open(world.settings.paths.embeddings).manifest.generation == generation


def test_no_store_of_texts(world, tmp_path):
    world.prepare("both")
    world.set("paths", texts=str(tmp_path / "nowhere.zarr"))
    refused(world, UsageError, r"no texts at .*nowhere\.zarr.*run `bc text` first")


def test_no_table_of_texts_read_in_images(world, tmp_path):
    world.prepare("text")
    world.set("paths", ocr=str(tmp_path / "nowhere"))
    refused(world, UsageError, r"no texts of images at .*nowhere.*name it with --ocr")


def test_a_store_that_does_not_say_how_its_texts_were_made(world, tmp_path):
    import json

    world.prepare("both")
    root = tmp_path / "texts.zarr" / "zarr.json"
    document = json.loads(root.read_text())
    del document["attributes"]["bannercluster"]["info"][MADE_WITH]
    root.write_text(json.dumps(document))
    refused(world, IncompatibleStoreError, "run `bc text` once more")
    world.do(text)
    assert world.predict(world.draw("more", range(20, 24))).predict.n_new == 4


# The plan


def test_plan_names_every_step_and_takes_the_memory_of_the_largest(world, tmp_path):
    world.prepare("both")
    settings = world.of(world.draw("more", range(20, 24)))
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    found = new_images.plan(settings)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before
    names = [name for name, _ in found.summary]
    assert dict(found.summary)["steps"] == "embed, then ocr, then text, then predict"
    assert len(set(names)) == len(names)  # as JSON it is one object
    for step in ("embed: files", "ocr: images", "text: banners", "predict: model"):
        assert step in names
    alone = [
        embed.plan(settings), ocr.plan(settings), text.plan(settings), predict.plan(settings),
    ]  # fmt: skip
    assert found.memory.total(2) > max(one.memory.total(2) for one in alone)
    # What an earlier step has loaded stays, the decoders once.
    parts = [part.name for part in found.memory.parts]
    assert {"network (openvino) of embed", "networks of ocr"} <= set(parts)
    assert parts.count("decoders") == 1


def test_memory_grows_with_the_images_that_are_to_come(world):
    world.prepare("both")
    few, many = (predict.plan(world.settings, n).memory for n in (0, 1_000_000))
    for name, nbytes in (("clusters and distances", 12e6), ("row index", 72e6)):
        sizes = [next(part.nbytes for part in m.parts if part.name == name) for m in (few, many)]
        assert sizes[1] - sizes[0] == nbytes


def test_places_that_workers_must_see(world, tmp_path):
    world.set("text", landing_column="page")
    world.set("paths", landing_pages=str(tmp_path / "pages"))
    world.prepare("both", page=lambda nth: "")
    more = world.draw("more", range(20, 24))
    world.set("paths", landing_pages=None)
    paths = world.settings.paths
    assert new_images.places(world.of(more)) == (
        [str(more), str(tmp_path / "pages")], [paths.embeddings, paths.ocr, paths.texts],
    )  # fmt: skip
    world.fit("image")
    assert new_images.places(world.of(more)) == ([str(more)], [paths.embeddings])


# Ended anywhere


class Ended(BaseException):
    """Not an Exception: nothing may catch it."""


@pytest.mark.slow
def test_ended_at_any_commit_and_run_again(world, tmp_path):
    world.reader.fails = False
    world.prepare("both")
    more = world.draw("more", range(10, 20))
    old = shutil.copytree(tmp_path, tmp_path.with_name("kept"))
    seen = []
    with points.watched(lambda point, phase, where: seen.append((point, phase))):
        world.predict(more)
    wanted = world.state()
    steps = {point.name for point, _ in seen}
    assert {"embed.part", "ocr.record", "store.root", "predict.assignments"} <= steps
    # Behind each write, the first time and the last: often in different steps. The other phases,
    # and leases, which a process that lives holds, are struck in tests of each stage.
    strikes = [
        (key, nth)
        for key in dict.fromkeys(seen)
        if key[0] != points.LEASE and key[1] == "after"
        for nth in sorted({1, seen.count(key)})
    ]
    for key, nth in strikes:
        shutil.rmtree(tmp_path)
        shutil.copytree(old, tmp_path)
        reached = []

        def strike(point, phase, where, key=key, nth=nth, reached=reached):
            reached.append((point, phase))
            if reached.count(key) == nth and reached[-1] == key:
                raise Ended

        with points.watched(strike), pytest.raises(Ended):
            world.predict(more)
        world.predict(more)
        assert world.state() == wanted, (key, nth)
    shutil.rmtree(old)


def test_a_full_disk_in_the_middle(world, tmp_path):
    """The steps before it are kept, and the next run goes on."""
    world.reader.fails = False
    world.prepare("both")
    more = world.draw("more", range(20, 24))

    def full(point, phase, where):
        if point.name == "ocr.record":
            raise OSError(28, "No space left on device")

    with points.watched(full), pytest.raises((StoreError, OSError), match="No space left"):
        world.predict(more)
    found = world.predict(more)
    assert (found.embed.n_new, found.ocr.n_new, found.predict.n_new) == (0, 0, 4)
