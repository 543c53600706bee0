"""The real reader: what it reads, and that neighbours and threads do not matter."""

import csv
import difflib
import statistics
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bannercluster.encoders.ocr import ReaderSpec, ReadingFailed, load_reader, models
from bannercluster.errors import EngineError
from bannercluster.media import decode
from bannercluster.synth import SynthBannersConfig, synth_banners

from .reading import character_errors, page

SPEC = ReaderSpec("float32", 960, 0.5)


@pytest.fixture(scope="module")
def reader():
    return load_reader(SPEC, threads=2)


def texts(lines):
    return [line.text for line in lines]


def test_reads_lines_in_order_with_their_boxes(reader):
    (lines,) = reader.read([page("Summer sale", "50% off today")])
    assert [text.casefold() for text in texts(lines)] == ["summer sale", "50% off today"]
    assert all(0.5 <= line.confidence <= 1 for line in lines)
    for nth, line in enumerate(lines):
        x, y = np.array(line.box).reshape(4, 2).T
        assert 0 <= x.min() < 20 < x.max() < 300
        assert nth * 48 < y.min() < y.max() < nth * 48 + 48
        # Clockwise from top left.
        assert x[0] < x[1]
        assert y[1] < y[2]
        assert x[3] < x[2]


def test_boxes_are_in_pixels_of_the_image_given(reader):
    small = page("Summer sale")
    large = np.array(Image.fromarray(small).resize((2400, 2000), Image.Resampling.LANCZOS))
    (one,), (other,) = reader.read([small, large])
    np.testing.assert_allclose(np.array(other.box) / 8, one.box, atol=4)


def test_wide_banners_are_padded_and_their_boxes_are_not(reader):
    ((line,),) = reader.read([page("Flights from 19", size=(728, 60))])
    assert max(line.box[1::2]) <= 60


def test_neighbours_and_threads_change_nothing(reader):
    drawn = [
        page(f"Offer {nth}", "x" * (1 + 3 * nth), size=(300 + 40 * (nth % 3), 120 + 60 * (nth % 2)))
        for nth in range(9)
    ]
    together = reader.read(drawn)
    assert [reader.read([one])[0] for one in drawn] == together
    assert list(reversed(reader.read(drawn[::-1]))) == together
    assert load_reader(SPEC, threads=1).read(drawn) == together


def test_no_text_is_no_failure(reader):
    blank = np.full((250, 300, 3), 200, np.uint8)
    assert reader.read([blank]) == [()]
    assert reader.read([]) == []


@pytest.mark.parametrize("shape", [(1, 1), (7, 4000), (8, 8), (4000, 9), (1, 5000), (20, 3000)])
def test_shapes_that_no_banner_has(reader, shape):
    rng = np.random.default_rng(0)
    (lines,) = reader.read([rng.integers(0, 256, (*shape, 3), dtype=np.uint8)])
    assert isinstance(lines, tuple)


def test_what_fails_costs_its_image(reader):
    good = page("Summer sale")
    bad = np.zeros((30, 30), np.uint8)
    found = reader.read([good, bad, good])
    assert isinstance(found[1], ReadingFailed)
    assert "expected (height, width, 3) uint8" in found[1].detail
    assert found[0] == found[2] == reader.read([good])[0]


def test_low_confidence_is_left_out():
    assert load_reader(ReaderSpec("float32", 960, 1.0), threads=1).read([page("Sale")]) == [()]


def test_a_network_that_is_missing_is_said_and_not_fetched(monkeypatch):
    monkeypatch.setattr(models, "_RECOGNITION", "absent.onnx")
    with pytest.raises(EngineError, match=r"the network absent\.onnx is not in .*nothing is down"):
        models.find_models()


def test_reading_says_nothing(reader, capfd):
    reader.read([page("Summer sale"), np.zeros((30, 30), np.uint8)])
    assert capfd.readouterr() == ("", "")


@pytest.mark.slow
def test_headlines_of_synthetic_banners(tmp_path):
    synth_banners(SynthBannersConfig(images=str(tmp_path), n_banners=60))
    with (tmp_path / "manifest.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if not row["fault"]]
    images = [decode((tmp_path / row["file"]).read_bytes()).rgb for row in rows]
    read = load_reader(SPEC, threads=2).read(images)
    errors = [
        character_errors(row["title"].split(" | ")[0], " ".join(texts(lines)))
        for row, lines in zip(rows, read, strict=True)
    ]
    print(
        "CER",
        len(errors),
        statistics.median(errors),
        statistics.mean(errors),
        sum(e == 0 for e in errors),
    )
    assert len(errors) >= 40
    assert statistics.median(errors) <= 0.1


@pytest.mark.real
def test_real_banners_are_read_as_by_plain_rapidocr(reader):
    """Against texts of rapidocr's own pipeline on the same networks, at its own size."""
    pytest.importorskip("onnxruntime")
    folder = Path(__file__).parents[3] / "shared" / "data" / "banners_mit" / "images"
    if not folder.is_dir():
        pytest.skip(f"the public banners are not at {folder.name}")
    from rapidocr import RapidOCR

    plain = RapidOCR(params={"Global.log_level": "critical"})
    files = sorted(path for path in folder.rglob("*") if path.is_file())[::25]
    found = reader.read([decode(path.read_bytes()).rgb for path in files])
    likeness = []
    for path, lines in zip(files, found, strict=True):
        theirs = " ".join(plain(str(path)).txts or ())
        ours = " ".join(texts(lines))
        likeness.append(difflib.SequenceMatcher(None, ours, theirs, autojunk=False).ratio())
    assert statistics.mean(likeness) >= 0.8
