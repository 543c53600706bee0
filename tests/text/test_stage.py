"""The stage: every banner accounted for, every text encoded once, and nothing done twice."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bannercluster.config import Settings
from bannercluster.errors import DataError, IncompatibleStoreError, UsageError
from bannercluster.store.embeddings import EmbeddingStore
from bannercluster.store.fingerprint import content_id
from bannercluster.text import banners, plan

from .worlds import (
    content_of,
    embed,
    image_id,
    make_images,
    reasons_of,
    settings_in,
    texts_of,
    write_table,
)

HOSTILE = {
    "script": "<script>alert(1)</script>",
    "right_to_left": "\u202eevil\u202c שלום",
    "control": "a\x01b\x1b[0m",
    "emoji": "\U0001f389\U0001f468\u200d\U0001f469\u200d\U0001f467",
    "megabyte": "big " * 262_144,
    "thai": "ลดราคา",
    "quotes": 'say "no", then\n"yes"',
}


def counted(result) -> None:
    """The counts add up."""
    assert result.n_banners == result.n_with_text + result.n_without_text
    assert sum(n for _, n in result.sources) <= result.n_with_text
    without = dict(result.reasons)
    assert result.n_rejected == sum(without.values()) - without.get("no_text", 0)


def table_settings(tmp_path, rows, **text) -> Settings:
    table = write_table(tmp_path / "table.csv", rows)
    return settings_in(tmp_path, {"text_table": table}, **text)


def test_a_table_without_images(tmp_path, encoder):
    rows = [
        {"banner_id": f"b{i:02d}", "title": f" title  {i % 7} ", "description": "",
         "advertiser": f"a{i % 3}", "day": f"2026-01-{1 + i:02d}"}
        for i in range(20)
    ]  # fmt: skip
    rows[3]["description"] = "more of it"
    settings = table_settings(tmp_path, rows)
    result = embed(settings)
    counted(result)
    assert (result.n_banners, result.n_with_text, result.n_texts, result.n_new) == (20, 20, 8, 8)
    assert sorted(encoder.read) == sorted(set(texts_of(settings).values()))
    assert texts_of(settings)["b03"] == "title 3\nmore of it"
    store = EmbeddingStore.open(settings.paths.texts)
    assert store.manifest.recipe["modality"] == "text"
    aliases = store.table("aliases").to_pylist()
    assert aliases[4] == {
        "banner_id": "b04", "file": None, "content_id": content_id(b"title 4"),
        "first_day": "2026-01-05", "last_day": "2026-01-05", "nbytes": 7, "modified": None,
        "image_id": None, "text_sources": "title", "advertiser": "a1",
    }  # fmt: skip
    described = store.table("rows").to_pylist()
    ids = store.content_ids()
    for number, row in enumerate(described):
        assert row["content_id"] == ids[number].tobytes() == content_id(row["text"].encode())
        expected = encoder._vector(row["text"]).astype(np.float16)
        assert np.array_equal(store.read(number, number + 1)[0], expected)
        assert row["n_characters"] == len(row["text"])
        assert row["n_tokens"] == len(row["text"].split()) + 2


def test_only_new_texts_are_encoded_and_changed_banners_move(tmp_path, encoder):
    rows = [{"banner_id": f"b{i}", "title": f"t{i}", "day": "2026-01-02"} for i in range(10)]
    settings = table_settings(tmp_path, rows)
    assert embed(settings).n_new == 10
    before = content_of(settings)
    again = embed(settings)
    assert (again.n_new, again.generation, len(encoder.read)) == (0, 1, 10)
    assert content_of(settings) == before
    # Another day: one banner says something new, one what another said, one nothing, one is new.
    later = [
        {"banner_id": "b0", "title": "new", "day": "2026-01-05"},
        {"banner_id": "b1", "title": "t2", "day": "2026-01-05"},
        {"banner_id": "b3", "title": "  ", "day": "2026-01-05"},
        {"banner_id": "b4", "title": "t4", "day": "2026-01-05"},
        {"banner_id": "c", "title": "t5", "day": "2026-01-05"},
    ]
    settings = table_settings(tmp_path, later)
    result = embed(settings)
    counted(result)
    assert (result.n_new, result.generation, encoder.read[10:]) == (1, 2, ["new"])
    found = texts_of(settings)
    assert "b3" not in found
    assert (found["b0"], found["b1"], found["c"], found["b9"]) == ("new", "t2", "t5", "t9")
    store = EmbeddingStore.open(settings.paths.texts)
    days = {row["banner_id"]: row for row in store.table("aliases").to_pylist()}
    assert days["b4"]["first_day"] == "2026-01-02"  # seen with this text on both days
    assert days["b4"]["last_day"] == "2026-01-05"
    assert days["b0"]["first_day"] == "2026-01-05"  # with its new text on the later only
    assert embed(settings).generation == 2
    assert store.n_rows == 11  # the text that b0 said before stays


def test_hostile_texts(tmp_path, encoder):
    rows = [{"banner_id": name, "title": text} for name, text in HOSTILE.items()]
    rows += [{"banner_id": "empty", "title": ""}, {"banner_id": "blank", "title": " \t\u3000"}]
    settings = table_settings(tmp_path, rows)
    result = embed(settings)
    counted(result)
    found = texts_of(settings)
    assert set(found) == set(HOSTILE)
    assert reasons_of(settings) == {("empty", "text"): "no_text", ("blank", "text"): "no_text"}
    assert result.n_rejected == 0  # saying nothing is no fault
    assert found["script"] == HOSTILE["script"]
    assert found["right_to_left"] == "evil שלום"
    assert found["control"] == "ab[0m"
    assert found["emoji"] == HOSTILE["emoji"]
    assert found["quotes"] == 'say "no", then "yes"'
    assert len(found["megabyte"]) == 19_999


def test_bytes_that_are_no_text_cost_their_rows(tmp_path, encoder):
    table = tmp_path / "table.csv"
    table.write_bytes(
        b"banner_id,title,advertiser\nfine,hello,a\nlone,\xed\xa0\x80 surrogate,a\n"
        b"latin,caf\xe9,a\nlabel,good,caf\xe9\n\xff,strange,a\n,nameless,a\n"
    )
    settings = settings_in(tmp_path, {"text_table": str(table)})
    result = embed(settings)
    counted(result)
    assert texts_of(settings) == {"fine": "hello", "label": "good", "\\xff": "strange"}
    assert reasons_of(settings) == {
        ("lone", "text"): "undecodable",
        ("latin", "text"): "undecodable",
        (None, "text"): "no_name",
    }
    assert (result.n_without_text, result.n_rejected) == (3, 3)


def test_parquet_of_other_types(tmp_path, encoder):
    table = pa.table({
        "banner_id": pa.array([1, 2, 3]),
        "title": pa.array(["x", "y", "x"]).dictionary_encode(),
        "description": pa.array([5, None, 7]),
        "day": pa.array(["2026-01-01"] * 3).cast(pa.date32()),
    })  # fmt: skip
    pq.write_table(table, tmp_path / "table.parquet")
    settings = settings_in(tmp_path, {"text_table": str(tmp_path / "table.parquet")})
    embed(settings)
    assert texts_of(settings) == {"1": "x\n5", "2": "y", "3": "x\n7"}


def test_a_banner_named_twice(tmp_path, encoder):
    rows = [
        {"banner_id": "a", "title": "one", "day": "2026-01-03"},
        {"banner_id": "a", "title": "one", "day": "2026-01-01"},
        {"banner_id": "a", "title": "two", "day": "2026-01-02"},
    ]
    settings = table_settings(tmp_path, rows)
    result = embed(settings)
    counted(result)
    assert (result.n_with_text, result.n_without_text) == (2, 1)
    assert texts_of(settings) == {"a": "one"}
    (alias,) = EmbeddingStore.open(settings.paths.texts).table("aliases").to_pylist()
    assert (alias["first_day"], alias["last_day"]) == ("2026-01-01", "2026-01-03")
    assert reasons_of(settings) == {("a", "text"): "repeated_id"}


def test_vectors_that_overflow_are_rejected(tmp_path, encoder):
    encoder.overflows = {"boom"}
    settings = table_settings(
        tmp_path, [{"banner_id": "a", "title": "boom"}, {"banner_id": "b", "title": "fine"}]
    )
    result = embed(settings)
    counted(result)
    assert texts_of(settings) == {"b": "fine"}
    assert reasons_of(settings) == {("a", "text"): "not_finite"}
    assert (result.n_rows, result.n_rejected) == (1, 1)


def test_landing_pages(tmp_path, encoder):
    pages = tmp_path / "pages"
    pages.mkdir()
    (pages / "a.html").write_text("<h1>Page A</h1><script>no</script>")
    rows = [
        {"banner_id": "file", "title": "t", "page": "a.html"},
        {"banner_id": "inline", "title": "", "page": "<p>In <b>line</b></p>"},
        {"banner_id": "missing", "title": "t", "page": "none.html"},
        {"banner_id": "outside", "title": "", "page": "../table.csv"},
        {"banner_id": "without", "title": "t", "page": ""},
        {"banner_id": "silent", "title": "", "page": "<script>only</script>"},
    ]
    table = write_table(tmp_path / "table.csv", rows)
    where = {"text_table": table, "landing_pages": str(pages)}
    settings = settings_in(tmp_path, where, landing_column="page")
    result = embed(settings)
    counted(result)
    assert texts_of(settings) == {
        "file": "t\nPage A", "inline": "In line", "missing": "t", "without": "t",
    }  # fmt: skip
    assert reasons_of(settings) == {
        ("missing", "landing_page"): "page_missing",
        ("outside", "landing_page"): "page_outside_folder",
        ("outside", "text"): "no_text",
        ("silent", "text"): "no_text",
    }
    assert (result.n_without_text, result.n_rejected) == (2, 2)
    assert "page" not in EmbeddingStore.open(settings.paths.texts).table("aliases").column_names


def image_rows():
    return [
        {
            "content": 0,
            "banner_id": "a",
            "file": "a.png",
            "title": "one",
            "first_day": "2026-01-01",
        },
        {"content": 0, "banner_id": "b", "file": "b.png", "title": "two"},
        {"content": 1, "banner_id": None, "file": "c.png", "title": "one"},
        {"content": 2, "banner_id": "d", "file": "d.png", "title": None},
    ]


def test_the_banners_of_a_store_of_images(tmp_path, encoder):
    make_images(tmp_path, image_rows())
    settings = settings_in(tmp_path)
    result = embed(settings)
    counted(result)
    # One image says two things, one thing is said by two images.
    assert texts_of(settings) == {"a": "one", "b": "two", "c.png": "one"}
    aliases = EmbeddingStore.open(settings.paths.texts).table("aliases").to_pylist()
    assert [row["image_id"] for row in aliases] == [image_id(0), image_id(0), image_id(1)]
    assert [row["first_day"] for row in aliases] == ["2026-01-01", None, None]
    files = EmbeddingStore.open(settings.paths.texts).table("rows")["file"].to_pylist()
    assert files == ["a.png", "b.png"]
    assert reasons_of(settings) == {("d", "text"): "no_text"}


@pytest.mark.parametrize(
    ("use", "expected"),
    [
        ("missing", {"a": "one", "b": "two", "c.png": "one", "d": "seen two"}),
        ("all", {"a": "one\nseen zero", "b": "two\nseen zero", "c.png": "one", "d": "seen two"}),
        ("none", {"a": "one", "b": "two", "c.png": "one"}),
    ],
)
def test_ocr(tmp_path, encoder, monkeypatch, use, expected):
    make_images(tmp_path, image_rows())
    read = pa.table({
        "content_id": pa.array([image_id(2), image_id(0), image_id(9)], pa.binary(32)),
        "text": ["seen\ntwo", " seen zero", "of nobody"],
    })  # fmt: skip
    monkeypatch.setattr(banners, "load_record_if_any", lambda url: True)
    monkeypatch.setattr(banners, "read_texts", lambda url: read)
    settings = settings_in(tmp_path, ocr=use)
    counted(embed(settings))
    assert texts_of(settings) == expected


def test_how_it_is_scheduled_changes_nothing(tmp_path, encoder):
    rows = [{"banner_id": f"b{i}", "title": f"t{i * i % 97}"} for i in range(300)]
    contents = set()
    for n_workers, part_rows in ((1, 1024), (3, 5)):
        folder = tmp_path / str(n_workers)
        folder.mkdir()
        settings = table_settings(folder, rows).replace("text", part_rows=part_rows)
        embed(settings, n_workers)
        contents.add(content_of(settings))
    assert len(contents) == 1


def test_the_rule_that_joins(tmp_path, encoder):
    rows = [{"banner_id": "a", "title": "x" * 10, "description": "y" * 10, "more": "z"}]
    names = ("more", "description", "title")
    settings = table_settings(tmp_path, rows, columns=names, max_characters=8)
    embed(settings)
    assert texts_of(settings) == {"a": "z\nyyyyyy"}


def test_refusals(tmp_path, encoder):
    settings = settings_in(tmp_path)
    with pytest.raises(UsageError, match="no embeddings at"):
        embed(settings)
    rows = [{"banner_id": "a", "title": "x"}]
    with pytest.raises(UsageError, match="no column 'titel'; it has title"):
        embed(table_settings(tmp_path, rows, columns=("titel",)))
    with pytest.raises(UsageError, match="no column 'page'"):
        embed(table_settings(tmp_path, rows, landing_column="page"))
    with pytest.raises(UsageError, match="which stands for another source"):
        embed(table_settings(tmp_path, rows, columns=("ocr",)))
    with pytest.raises(UsageError, match="neither 'banner_id' nor 'file'"):
        embed(table_settings(tmp_path, [{"title": "x"}]))
    with pytest.raises(UsageError, match="has nothing to read"):
        embed(table_settings(tmp_path, [{"banner_id": "a", "note": "x"}]))
    with pytest.raises(DataError, match=r"none of the 1 banners has a text \(1 no_text\)"):
        embed(table_settings(tmp_path, [{"banner_id": "a", "title": " "}]))
    assert not (tmp_path / "texts.zarr").exists()
    embed(table_settings(tmp_path, rows))
    with pytest.raises(IncompatibleStoreError, match="max_characters is 20000, asked for 9"):
        embed(table_settings(tmp_path, rows, max_characters=9))


def test_plan_reads_no_page_and_writes_nothing(tmp_path, encoder):
    settings = table_settings(tmp_path, [{"banner_id": "a", "title": "x", "page": "gone.html"}])
    planned = plan(settings.replace("text", landing_column="page"))
    assert dict(planned.summary)["text from"] == "title, then landing_page"
    assert planned.memory.total(1) > 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["table.csv"]
