import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bannercluster.errors import FormatVersionError, StoreError, UsageError
from bannercluster.store import tables
from bannercluster.store.points import REPORT


@pytest.fixture
def write(tmp_path):
    def write(name, text, encoding="utf-8"):
        (tmp_path / name).write_bytes(text.encode(encoding) if isinstance(text, str) else text)
        return str(tmp_path / name)

    return write


def rows(url):
    return tables.read_foreign(url, "the manifest").to_pylist()


def test_identifiers_stay_text(write):
    url = write("m.csv", "file,banner_id,day\na.png,0012,2026-01-05\nb.png,1e5,\nc.png,true,x\n")
    assert rows(url) == [
        {"file": "a.png", "banner_id": "0012", "day": "2026-01-05"},
        {"file": "b.png", "banner_id": "1e5", "day": None},
        {"file": "c.png", "banner_id": "true", "day": "x"},
    ]


@pytest.mark.parametrize("word", ["NA", "null", "nan", "N/A", "None", "-"])
def test_words_stay_words(write, word):
    """An advertiser may be called NA. Only an empty cell is a missing value."""
    assert rows(write("m.csv", f"file,advertiser\n{word},{word}\nx,\n")) == [
        {"file": word, "advertiser": word},
        {"file": "x", "advertiser": None},
    ]


@pytest.mark.parametrize("suffix", ["csv", "CSV", "tsv"])
def test_delimiters(write, suffix):
    mark = "\t" if suffix == "tsv" else ","
    assert rows(write(f"m.{suffix}", f"a{mark}b\n1{mark}2\n")) == [{"a": "1", "b": "2"}]


@pytest.mark.parametrize("text", ["\ufefffile,b\nä,1\n", "file,b\r\nä,1\r\n", "file,b\nä,1"])
def test_what_programs_write(write, text):
    assert rows(write("m.csv", text)) == [{"file": "ä", "b": "1"}]


def test_quoted_cells_of_several_lines(write):
    url = write("m.csv", 'file,title\na.png,"one, ""two""\nthree"\nb.png,x\n')
    assert rows(url) == [
        {"file": "a.png", "title": 'one, "two"\nthree'},
        {"file": "b.png", "title": "x"},
    ]


def test_quoted_cells_of_several_lines_in_a_large_file(write):
    line = 'a.png,"' + "word\n" * 5_000 + '"\n'
    table = tables.read_foreign(write("m.csv", "file,title\n" + line * 60), "the manifest")
    assert table["title"].to_pylist() == ["word\n" * 5_000] * 60


def test_header_alone(write):
    table = tables.read_foreign(write("m.csv", "file,b\n"), "the manifest")
    assert (table.num_rows, table.column_names) == (0, ["file", "b"])


def test_parquet_of_others_needs_no_version(tmp_path):
    table = pa.table({"file": ["a"], "banner_id": pa.array([7], pa.int64())})
    pq.write_table(table, tmp_path / "m.parquet")
    assert tables.read_foreign(str(tmp_path / "m.parquet"), "x").equals(table)


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("m.csv", b"", "not a readable CSV"),
        ("m.csv", b"a,b\n1,2,3\n", "not a readable CSV"),
        ("m.csv", b"a,b\n\xff\xfe,2\n", "not a readable CSV"),
        ("m.json", b"{}", r"ends in \.json; expected \.csv, \.tsv or \.parquet"),
        ("m", b"", "ends in nothing"),
        ("m.parquet", b"nonsense", "not readable as Parquet"),
        ("m.parquet", b"", "not readable as Parquet"),
    ],
)
def test_odd_files(write, name, data, said):
    with pytest.raises(UsageError, match=said):
        rows(write(name, data))


@pytest.mark.parametrize("name", ["absent.csv", "absent.parquet", "absent.json"])
def test_missing_file(tmp_path, name):
    with pytest.raises(UsageError, match=f"the manifest .*{name} does not exist; expected a CSV"):
        rows(str(tmp_path / name))


@pytest.mark.parametrize("name", ["m.csv", "m.parquet"])
def test_folder_in_place_of_a_file(tmp_path, name):
    (tmp_path / name).mkdir()
    with pytest.raises(UsageError, match=name):
        rows(str(tmp_path / name))


# Our own


def test_own_tables_carry_their_version(tmp_path):
    url = str(tmp_path / "t.parquet")
    table = pa.table({"a": [1]}).replace_schema_metadata({"mine": "kept"})
    tables.write(url, table, REPORT)
    metadata = pq.read_schema(url).metadata
    assert metadata[b"bannercluster_schema_version"] == b"1"
    assert metadata[b"mine"] == b"kept"
    assert pq.ParquetFile(url).metadata.row_group(0).column(0).compression == "ZSTD"
    assert tables.read(url).equals(table)


@pytest.mark.parametrize("version", ["2", "0", "new", None])
def test_own_tables_of_another_version(tmp_path, version):
    metadata = None if version is None else {"bannercluster_schema_version": version}
    pq.write_table(pa.table({"a": [1]}).replace_schema_metadata(metadata), tmp_path / "t.parquet")
    with pytest.raises(FormatVersionError, match="format version"):
        tables.read(str(tmp_path / "t.parquet"))


def test_own_tables_that_are_damaged(tmp_path, write):
    url = str(tmp_path / "t.parquet")
    with pytest.raises(StoreError, match="missing"):
        tables.read(url)
    tables.write(url, pa.table({"a": list(range(1000))}), REPORT)
    whole = (tmp_path / "t.parquet").read_bytes()
    for data in (b"", b"PAR1", whole[:-20], whole[: len(whole) // 2]):
        write("t.parquet", data)
        with pytest.raises(StoreError, match="not readable as Parquet"):
            tables.read(url)
