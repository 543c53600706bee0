import base64
import io
import os
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from store.stores import committed

from bannercluster import report
from bannercluster.errors import IncompatibleStoreError, StoreError, UsageError
from bannercluster.report import plan
from bannercluster.runtime import SilentProgress, ThreadExecutor

from .fitted import Case, N, card, picture


@pytest.fixture
def case(tmp_path):
    return Case(tmp_path)


class Tags(HTMLParser):
    """Every tag with its attributes, and the text of the page."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.text, self._inside = [], "", None
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        self._inside = tag

    def handle_data(self, data):
        if self._inside not in ("script", "style"):
            self.text += " " + " ".join(data.split())


def mean_colours(html):
    """Of all pictures in the file, whatever element or style holds them."""
    found = []
    for kind, data in re.findall(r"data:image/(\w+);base64,([A-Za-z0-9+/=]+)", html):
        if kind in ("jpeg", "png", "webp"):
            image = Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB")
            found.append(np.asarray(image, float).mean(axis=(0, 1)))
    return np.array(found)


def test_report_is_written(case):
    case.make()
    case.evaluate()
    result, html = case.report()
    assert result.report.endswith("report.html")
    assert result.nbytes == Path(result.report).stat().st_size
    assert (result.n_points, result.n_pictures) == (N, N)
    assert result.chosen in ("m2", "m3")
    page = Tags(html)
    for word in ("acorn", "birch", "a_network", "m2", "m3"):
        assert word in page.text
    assert all(f"id-{row:02d}" in html for row in range(N))
    assert "no longer decode" not in page.text


def test_size_does_not_grow_with_the_number_of_banners(tmp_path):
    nbytes = []
    for n in (300, 1800):
        case = Case(tmp_path / str(n), n)
        case.rejected = [
            {"file": f"{row}.png", "stage": "decode", "reason": "empty", "detail": ""}
            for row in range(n)
        ]
        case.make()
        case.evaluate()
        result, _ = case.report(per_cluster=4, map_points=100)
        assert result.n_points == 100
        nbytes.append(result.nbytes)
    # Six times the banners; a little more, as fewer pictures of map and galleries are the same.
    assert nbytes[1] < 1.1 * nbytes[0]


def test_report_is_offline(case):
    case.make()
    case.evaluate()
    _, html = case.report()
    assert not re.search(r"""(?:src|href|action|data|poster)\s*=\s*["']?\s*(?:https?:)?//""", html)
    assert not re.search(r"url\(\s*[\"']?(?:https?:)?//", html)
    assert "@import" not in html
    for _, attributes in Tags(html).tags:
        for name in ("src", "href", "xlink:href", "srcset"):
            assert (attributes.get(name) or "#").startswith(("#", "data:"))


def test_pictures_are_those_of_the_banners(case):
    case.make()
    case.evaluate()
    _, html = case.report()
    colours = mean_colours(html)
    for nth in range(N):
        wanted = np.asarray(Image.open(io.BytesIO(picture(nth))), float).mean(axis=(0, 1))
        assert np.abs(colours - wanted).max(axis=1).min() < 4


def test_same_report_again_and_with_more_workers(case):
    case.make()
    case.evaluate()
    pages = [case.report(n_workers=n)[1] for n in (1, 1, 3)]
    without_time = {re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC", "", page) for page in pages}
    assert len(without_time) == 1


def test_settings(case):
    case.make()
    case.evaluate()
    result, html = case.report(title="Märchen & more", per_cluster=1, map_points=4)
    assert "Märchen &amp; more" in html
    assert result.n_points == 4
    # Two and three clusters, three kinds of one each, four points.
    assert result.n_pictures <= 5 * 3 + 4


HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</script><script>alert(1)</script>",
    "</style><svg/onload=alert(1)>",
)


@pytest.mark.parametrize("hostile", HOSTILE)
def test_text_of_others_is_escaped(case, hostile):
    name = hostile.replace("/", "\u2215")
    case.labels[:12] = [hostile] * 12
    case.ids[:6] = [f"{hostile}{row}" for row in range(6)]
    case.ids[6] = None
    case.files[6:12] = [f"{row}{name}.png" for row in range(6, 12)]
    case.rejected = [{"file": hostile, "stage": hostile, "reason": hostile, "detail": hostile}]
    case.make()
    case.evaluate()
    _, plain = case.report(title="plain")
    _, html = case.report(title=hostile)
    page = Tags(html)
    assert "alert(1)" in page.text
    assert len([tag for tag, _ in page.tags if tag == "script"]) == len(
        re.findall(r"<script", plain)
    )
    assert not [tag for tag, attributes in page.tags if {"onerror", "onload"} & set(attributes)]
    for raw in ("<script>alert", "<img src=x", "<svg/onload"):
        assert raw not in html


def test_pictures_that_are_gone(case):
    case.make()
    case.evaluate()
    (case.folder / "images" / "b03.png").unlink()
    (case.folder / "images" / "b04.png").write_bytes(b"no image any more")
    result, html = case.report()
    assert result.n_pictures == N - 2
    assert "2 banners are shown without a picture" in Tags(html).text


def test_pictures_that_may_no_longer_be_decoded(case):
    """The limit on pixels holds for the report too: the files are whole, and left out."""
    case.make()
    case.evaluate()
    with ThreadExecutor(1) as executor:
        result = report.run(
            case.settings.replace("embed", max_pixels=1000),
            executor=executor,
            progress=SilentProgress(),
        )
    assert result.n_pictures == 0
    text = Tags(Path(result.report).read_text()).text
    assert f"{N} banners are shown without a picture" in text


def test_picture_of_a_file_that_is_another_banner_now(case):
    """A row shows what was embedded, or nothing: never the picture of another content."""
    case.make()
    case.evaluate()
    other = Image.new("RGB", (60, 50), (255, 0, 255))
    other.save(case.folder / "images" / "b03.png")
    result, html = case.report()
    assert result.n_pictures == N - 1
    assert np.abs(mean_colours(html) - (255, 0, 255)).max(axis=1).min() > 30
    assert "1 banners are shown without a picture" in Tags(html).text


def test_rows_that_no_banner_points_to_any_more(case):
    """After a file has changed its old content stays a row of the store."""
    case.without_alias = {0, 5, 11}
    case.make()
    case.evaluate()
    result, html = case.report()
    assert result.n_points == N
    text = Tags(html).text
    assert re.search(rf"Distinct images {N} ", text)
    assert re.search(r"Duplicates 0 ", text)
    assert "b05.png" in html


def test_store_that_has_grown_since_the_evaluation(case):
    case.make()
    case.evaluate()
    from bannercluster.store.embeddings import EmbeddingStore

    store = EmbeddingStore.open(str(case.folder / "embeddings.zarr"))
    names = ("rows", "aliases", "rejected")
    committed(
        store.url, [], {name: store.table(name) for name in names}, recipe=store.manifest.recipe,
        n_features=6, dtype="float16", chunk_rows=16, info={},
    )  # fmt: skip
    assert "run `bc evaluate` again" in Tags(case.report()[1]).text


@pytest.mark.parametrize("missing", ["evaluation", "models", "store"])
def test_what_is_missing_is_named(case, missing):
    said = {
        "store": "run `bc embed` first",
        "evaluation": "no evaluation in .*`bc evaluate`.*--evaluation",
        "models": "no model 'm2'",
    }[missing]
    if missing != "store":
        case.make()
    if missing == "models":
        case.evaluate()
        (case.folder / "models" / "m2" / "card.json").unlink()
    for work in (case.report, lambda: plan(case.settings)):
        with pytest.raises(UsageError, match=said):
            work()
    assert not (case.folder / "out").exists()


def test_models_of_other_embeddings(case):
    from dataclasses import replace

    from bannercluster.models.folder import save_model
    from bannercluster.models.kmeans import KMeansModel

    case.make()
    case.evaluate()
    centres = case.centres["m2"]
    other = replace(card("m2", centres), embedding={"model": "another"})
    save_model(str(case.folder / "models"), KMeansModel(centres, other))
    with pytest.raises(IncompatibleStoreError, match="m2 takes embeddings made in another way"):
        case.report()


def test_disk_that_is_full(case, monkeypatch):
    case.make()
    case.evaluate()
    _, before = case.report()

    def full(*args):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(StoreError, match="No space left"):
            case.report(title="other")
    assert (case.folder / "out" / "report.html").read_text() == before
    assert [path.name for path in (case.folder / "out").iterdir()] == ["report.html"]
