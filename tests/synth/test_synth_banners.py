import csv
import hashlib
import io
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from bannercluster.errors import StoreError, UsageError
from bannercluster.synth import SynthBannersConfig, SynthBannersResult, synth_banners
from bannercluster.synth.faults import FAULTS

N = 160
Corpus = tuple[Path, SynthBannersResult, list[dict[str, str]]]


def config(images: Path, **more: object) -> SynthBannersConfig:
    settings = {"n_banners": N, "n_advertisers": 8, "broken": 0.15, "near_duplicates": 0.05}
    return SynthBannersConfig(str(images), **{**settings, "workers": 1, **more})


def opened(path: Path) -> Image.Image:
    return Image.open(io.BytesIO(path.read_bytes()))


def digests(root: Path) -> dict[str, str]:
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def read(root: Path) -> list[dict[str, str]]:
    with (root / "manifest.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    root = tmp_path_factory.mktemp("synth") / "images"
    result = synth_banners(config(root))
    return root, result, read(root)


def test_same_bytes_whatever_the_workers(corpus: Corpus, tmp_path: Path) -> None:
    root, _, _ = corpus
    synth_banners(config(tmp_path / "two", workers=2))
    assert digests(tmp_path / "two") == digests(root)


def test_another_seed_gives_other_banners(corpus: Corpus, tmp_path: Path) -> None:
    _, _, rows = corpus
    synth_banners(config(tmp_path / "other", seed=1, n_banners=20))
    assert {r["banner_id"] for r in rows}.isdisjoint(
        r["banner_id"] for r in read(tmp_path / "other")
    )


def test_rerun_repairs_what_is_missing_or_damaged(tmp_path: Path) -> None:
    root = tmp_path / "images"
    wish = config(root, n_banners=30, n_advertisers=3)
    synth_banners(wish)
    before = digests(root)
    rows = read(root)
    (root / "manifest.csv").unlink()
    (root / rows[0]["file"]).unlink()
    (root / rows[1]["file"]).write_bytes(b"half")
    synth_banners(wish)
    assert digests(root) == before


def test_killed_run_leaves_no_manifest_and_can_be_repeated(corpus: Corpus, tmp_path: Path) -> None:
    root = tmp_path / "images"

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        synth_banners(config(root), stop)
    assert not (root / "manifest.csv").exists()
    synth_banners(config(root))
    assert digests(root) == digests(corpus[0])


def test_counts_add_up(corpus: Corpus) -> None:
    root, result, rows = corpus
    assert result.n_files == len(rows) == N
    assert result.n_files == result.n_contents + result.n_duplicates
    assert result.n_duplicates == sum(bool(r["duplicate_of"]) for r in rows)
    assert result.n_broken == sum(bool(r["fault"]) for r in rows) == round(0.15 * N)
    assert result.n_advertisers == len({r["advertiser"] for r in rows}) == 8
    assert {r["fault"] for r in rows} == {"", *FAULTS}
    on_disk = {str(p.relative_to(root)) for p in root.rglob("*") if p.is_file()}
    assert on_disk == {r["file"] for r in rows} | {"manifest.csv", ".synth.json"}


def test_duplicates_are_equal_bytes_and_the_rest_are_distinct(corpus: Corpus) -> None:
    root, result, rows = corpus
    content = {r["banner_id"]: (root / r["file"]).read_bytes() for r in rows}
    planned = [r for r in rows if r["duplicate_of"] and not r["fault"]]
    assert len(planned) == round(0.05 * N)
    for row in rows:
        if row["duplicate_of"]:
            assert content[row["banner_id"]] == content[row["duplicate_of"]]
    originals = [content[r["banner_id"]] for r in rows if not r["duplicate_of"]]
    assert len(set(originals)) == len(originals) == result.n_contents


def test_near_duplicates_are_other_bytes_and_the_same_picture(corpus: Corpus) -> None:
    root, _, rows = corpus
    file = {r["banner_id"]: root / r["file"] for r in rows}
    near = [r for r in rows if r["near_duplicate_of"]]
    assert len(near) == round(0.05 * N)
    for row in near:
        mine, theirs = file[row["banner_id"]], file[row["near_duplicate_of"]]
        assert mine.read_bytes() != theirs.read_bytes()
        a, b = (np.asarray(opened(p).convert("RGB"), dtype=float) for p in (mine, theirs))
        assert np.abs(a - b).mean() < 9


def test_manifest_says_what_each_file_is(corpus: Corpus) -> None:
    root, _, rows = corpus
    for row in rows:
        data = (root / row["file"]).read_bytes()
        if row["decodable"] == "false":
            assert (row["width"], row["height"]) == ("0", "0")
            with pytest.raises(OSError, match=r".*"):
                Image.open(io.BytesIO(data)).load()
            continue
        image = Image.open(io.BytesIO(data))
        image.load()
        assert image.format == row["format"]
        shown = ImageOps.exif_transpose(image)
        assert shown.size == (int(row["width"]), int(row["height"]))


def test_valid_faults_are_what_they_are_called(corpus: Corpus) -> None:
    root, _, rows = corpus
    first = {r["fault"]: r for r in reversed(rows) if r["fault"]}
    image = {f: opened(root / first[f]["file"]) for f in FAULTS if FAULTS[f]}
    assert image["cmyk_jpeg"].mode == "CMYK"
    assert image["png_16bit"].mode == "I;16"
    assert image["one_pixel"].size == (1, 1)
    assert image["exif_rotated"].getexif()[0x0112] == 6
    assert (first["wrong_extension"]["format"], first["wrong_extension"]["file"][-4:]) == (
        "JPEG",
        ".png",
    )


def test_rows_read_like_those_of_a_network(corpus: Corpus) -> None:
    _, _, rows = corpus
    assert len({r["banner_id"] for r in rows}) == N
    for row in rows:
        assert re.fullmatch(r"[0-9a-f]{16}", row["banner_id"])
        assert row["file"].startswith(f"{row['advertiser']}/")
        assert row["landing_url"].startswith(f"https://{row['advertiser']}.example/")
        assert "2026-01-05" <= row["day"] <= "2026-01-11"
        assert row["title"]
        assert row["description"]
    assert len({r["day"] for r in rows}) == 7
    per_creative: dict[str, set[str]] = {}
    for row in rows:
        per_creative.setdefault(row["creative"], set()).add(row["width"] + "x" + row["height"])
    assert max(len(sizes) for sizes in per_creative.values()) >= 3


def test_formats_and_animations_occur(tmp_path: Path) -> None:
    root = tmp_path / "images"
    synth_banners(config(root, broken=0.0))
    rows = read(root)
    assert {r["format"] for r in rows} == {"JPEG", "PNG", "GIF", "WEBP"}
    modes = {opened(root / r["file"]).mode for r in rows if r["format"] == "PNG"}
    assert modes == {"RGB", "RGBA", "P"}
    gifs = [opened(root / r["file"]) for r in rows if r["format"] == "GIF"]
    animated = [gif for gif in gifs if getattr(gif, "n_frames", 1) > 1]
    assert animated
    assert len(animated) < len(gifs)
    for image in animated:
        assert len(image.convert("RGB").getcolors() or []) == 1  # the first frame is blank
        image.seek(getattr(image, "n_frames", 1) - 1)
        assert len(image.convert("RGB").getcolors(10**6) or []) > 8


def test_progress_ends_at_the_total(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    wish = config(tmp_path / "images", n_banners=12, n_advertisers=3)
    synth_banners(wish, lambda done, total: seen.append((done, total)))
    assert seen[-1] == (12, 12)
    assert seen == sorted(seen)


def test_refuses_a_folder_of_someone_else(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("mine")
    with pytest.raises(UsageError, match="not empty"):
        synth_banners(config(tmp_path))
    assert [p.name for p in tmp_path.iterdir()] == ["letter.txt"]
    with pytest.raises(UsageError, match="is a file"):
        synth_banners(config(tmp_path / "letter.txt"))


def test_refuses_another_config_and_names_the_ways_out(tmp_path: Path) -> None:
    root = tmp_path / "images"
    synth_banners(config(root, n_banners=6, n_advertisers=2))
    with pytest.raises(UsageError, match=r"choose another folder, or delete"):
        synth_banners(config(root, n_banners=6, n_advertisers=2, seed=9))


@pytest.mark.parametrize(
    "wrong",
    [
        {"n_banners": 0},
        {"n_advertisers": 0},
        {"workers": 0},
        {"seed": -1},
        {"duplicates": -0.1},
        {"broken": 1.5},
        {"duplicates": 0.6, "near_duplicates": 0.5},
    ],
)
def test_refuses_values_out_of_range(tmp_path: Path, wrong: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        synth_banners(config(tmp_path / "images", **wrong))
    assert not (tmp_path / "images").exists()


def test_a_folder_that_cannot_be_made_is_a_store_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot create"):
        synth_banners(config(tmp_path / "file" / "images"))
