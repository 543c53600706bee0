"""Hostile texts from the table of banners, through every stage, to the page."""

import csv
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from bannercluster.cli.main import main
from bannercluster.store.embeddings import EmbeddingStore, tables_url
from bannercluster.synth import SynthBannersConfig, synth_banners

HOSTILE = [
    "<script>alert('x')</script><img src=x onerror=alert(1)>",
    "\u202egnirts desrever\u202c \u200fabc\u2066x\u2069",
    "sale " * 200_000,  # 1 MB
    "a\x07b\x1b[31mred\x00\ufeff",
    "🎉🎊 50% 👩‍👩‍👧‍👦 🏳️‍🌈",
    "{{ 7 * 7 }} ${7*7} %s %(x)s",
    "'; DROP TABLE banners; --",
    "日本語の広告 إعلان عربي объявление",
    " \t\n ",
]


@pytest.mark.slow
def test_from_the_table_to_the_page(tmp_path, monkeypatch, capsys, network_cache):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BC_PATHS_CACHE", str(network_cache))
    monkeypatch.setenv("BC_RUNTIME_DASHBOARD", "off")
    synth_banners(
        SynthBannersConfig(images="data/images", n_banners=30, n_advertisers=3, workers=1, broken=0)
    )
    manifest = Path("data/images/manifest.csv")
    with manifest.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for nth, row in enumerate(rows):
        # Each twice, so that a word of it may become a tag.
        row["title"], row["description"] = "", HOSTILE[nth // 2 % len(HOSTILE)].replace("\x00", "")
    with manifest.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    for line in (
        "embed --model efficientnet_lite0 --pool threads",
        "text",
        "cluster --modality both --k 3 --n-init 2",
        "evaluate --label advertiser --bootstrap 20",
        "predict",
        "ablation --label advertiser --k 3 --seeds 2 --bootstrap 5",
        "report --label advertiser",
    ):
        assert main([*line.split(), "--quiet"]) == 0, (line, capsys.readouterr().err)
    store = EmbeddingStore.open("data/texts.zarr")
    said = pq.read_table(f"{tables_url(store.url)}/{store.manifest.tables['rows']}")
    texts = said["text"].to_pylist()
    assert max(map(len, texts)) <= 20_000
    assert not any(mark in text for text in texts for mark in "\u202e\u200f\u2066\x07\x1b\ufeff")
    rejected = store.table("rejected").to_pylist()
    blank = sum(not row["description"].strip() for row in rows)
    assert [one["reason"] for one in rejected].count("no_text") == blank > 0
    page = Path("data/report.html").read_text(encoding="utf-8")
    assert "<script>alert" not in page
    assert "onerror=alert" not in page
    assert "Images, texts, or both" in page
    # Words of the texts are on the page, as tags: the test above looks at something.
    assert '<p class="tags"><span><bdi>' in page
    assert "sale" in page
