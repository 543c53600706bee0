"""``bc import`` and ``bc export`` as a user meets them: results, refusals, exit codes."""

import json
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zarr

from bannercluster.cli.main import main
from transfer.making import put, rows_of, table_of


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BC_RUNTIME_DASHBOARD", "off")
    monkeypatch.setenv("COLUMNS", "200")


@pytest.fixture
def source(tmp_path):
    put(tmp_path / "s" / "a.parquet", table_of(rows_of(40)))
    return tmp_path / "s"


def refused(capsys, *arguments, code=2):
    assert main(list(arguments)) == code
    error = capsys.readouterr().err
    assert "Traceback" not in error
    return " ".join(error.split())


def result_of(capsys, *arguments, code=0):
    assert main([*arguments, "--json"]) == code
    return json.loads(capsys.readouterr().out)


def test_counts_add_up_and_rejected_rows_give_exit_code_3(source, capsys):
    rows = rows_of(10, first=40)
    rows[2]["vector"] = None
    rows[3]["vector"] = [1.0]
    rows[4]["vector"] = rows[5]["vector"]
    put(source / "b.parquet", table_of(rows))
    found = result_of(capsys, "import", "--source", "s", "--model", "m", code=3)
    assert (found["n_in"], found["n_ok"], found["n_duplicate"], found["n_rejected"]) == (
        50,
        47,
        1,
        2,
    )
    assert dict(map(tuple, found["reasons"])) == {"null_vector": 1, "wrong_dimension": 1}
    assert main(["import", "--source", "s", "--model", "m"]) == 3
    assert "Rejected rows" in capsys.readouterr().out
    again = result_of(capsys, "import", "--source", "s", "--model", "m", code=3)
    assert (again["n_new"], again["generation"]) == (0, 1)


def test_the_stages_take_an_imported_store(source, capsys, tmp_path):
    rows = [{**row, "file": f"{row['banner_id']}.png"} for row in rows_of(40)]
    put(source / "a.parquet", table_of(rows))
    assert main(["import", "--source", "s", "--model", "m", "--quiet"]) == 0
    assert main(["cluster", "--k", "2", "3", "--quiet"]) == 0
    assert main(["evaluate", "--label", "advertiser", "--quiet"]) == 0
    assert main(["predict", "--quiet"]) == 0
    (tmp_path / "pictures").mkdir()
    from embed.banners import banner

    for row in rows[:30]:
        (tmp_path / "pictures" / row["file"]).write_bytes(banner(1))
    capsys.readouterr()
    assert result_of(capsys, "report", "--images", "pictures")["n_pictures"] > 0
    page = (tmp_path / "data" / "report.html").read_text(encoding="utf-8")
    assert "imported from s" in page
    assert "bc import --source s" in page
    assert result_of(capsys, "report", "--images", "nowhere")["n_pictures"] == 0
    error = refused(capsys, "predict", "--images", "pictures")
    assert "were imported" in error
    error = refused(capsys, "embed", "--images", "pictures", "--model", "efficientnet_lite0")
    assert "was imported" in error


def test_plan_says_what_is_carried(source, capsys):
    put(
        source / "a.parquet",
        table_of(rows_of(4)).append_column("tags", pa.array([["x"]] * 4)),
    )
    assert main(["import", "--source", "s", "--model", "m", "--dry-run"]) == 0
    shown = capsys.readouterr().out
    assert "advertiser" in shown
    assert "tags" in shown
    assert "threads of this process" in shown
    assert not (source.parent / "data").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "no source named"),
        (["--source", "nowhere"], "no source at nowhere"),
        (["--source", "empty"], "nothing to import"),
        (["--source", "s"], "--model NAME"),
        (["--source", "s", "--model", "m", "--column", "vec"],
         "has no column 'vec'; it has banner_id (string), advertiser (string), embedding (list<"),
        (["--source", "s", "--model", "m", "--column", "advertiser"], "is string; expected lists"),
        (["--source", "s", "--model", "m", "--id-column", "id"], "has no column 'id'"),
        (["--source", "s", "--model", "m", "--id-column", "share"], "expected text or whole"),
        (["--source", "s", "--model", "m", "--day-column", "share"], "expected dates"),
        (["--source", "broken", "--model", "m"], "cannot be read as Parquet"),
        (["--source", "mixed", "--model", "m"], "have 3 values, those of b.parquet 2"),
        (["--source", "norows", "--model", "m"], "has no rows"),
        (["--source", "nulls", "--model", "m"], "has no vector in 2 rows"),
        (["--source", "s", "--model", "m", "--embeddings", "s/e.zarr"], "lie in each other"),
        (["--source", "s", "--model", "m", "--dtype", "int8"], "expected one of auto, float16"),
    ],
)  # fmt: skip
def test_refusals(source, capsys, tmp_path, arguments, said):
    shares = pa.array(np.linspace(0, 1, 40))
    put(source / "a.parquet", table_of(rows_of(40)).append_column("share", shares))
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "a.parquet").write_bytes(b"PAR1 and no more")
    put(tmp_path / "mixed" / "a.parquet", table_of(rows_of(2), "fixed32", 3))
    put(tmp_path / "mixed" / "b.parquet", table_of(rows_of(2, 2), "fixed32", 2))
    put(tmp_path / "norows" / "a.parquet", table_of(rows_of(2)).slice(0, 0))
    put(tmp_path / "nulls" / "a.parquet", table_of([{**r, "vector": None} for r in rows_of(2)]))
    assert said in refused(capsys, "import", *arguments)
    assert not (tmp_path / "data").exists()
    assert not (tmp_path / "s" / "e.zarr").exists()


def test_a_page_that_is_damaged(source, capsys):
    path = source / "a.parquet"
    pq.write_table(table_of(rows_of(5000)), path, compression="snappy", use_dictionary=False)
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 4000] = bytes(4000)
    path.write_bytes(bytes(data))
    error = refused(capsys, "import", "--source", "s", "--model", "m")
    assert "a.parquet cannot be read as Parquet" in error


def test_a_store_of_another_kind(source, capsys, tmp_path):
    assert main(["import", "--source", "s", "--model", "m", "--quiet"]) == 0
    error = refused(capsys, "import", "--source", "s", "--model", "other")
    assert "model is 'm', asked for 'other'" in error
    put(tmp_path / "wide" / "a.parquet", table_of(rows_of(3, 5)))
    error = refused(capsys, "import", "--source", "wide", "--model", "m")
    assert "have 5 values" in error
    assert main(["export", "--target", "out", "--quiet"]) == 0
    error = refused(capsys, "import", "--source", "out", "--model", "x", "--embeddings", "e.zarr")
    assert "leave --model out" in error


def test_nothing_good(tmp_path, capsys):
    put(tmp_path / "s" / "a.parquet", table_of([{**r, "vector": [1e30] * 3} for r in rows_of(4)]))
    error = refused(capsys, "import", "--source", "s", "--model", "m")
    assert "none of the 4 rows" in error
    assert "4 not_finite" in error
    assert not list((tmp_path / "data").rglob("*"))


def test_zarr_refusals(tmp_path, capsys):
    group = zarr.open_group(tmp_path / "g.zarr", mode="w")
    group.create_array("embedding", data=np.ones((4, 3), np.float32))
    group.create_array("flat", data=np.arange(4))
    group.create_array("whole", data=np.ones((4, 3), np.int64))
    named = ["import", "--model", "m", "--source"]
    assert "no column 'banner_id'" in refused(capsys, *named, "g.zarr")
    error = refused(capsys, *named, "g.zarr", "--column", "vectors")
    assert "no array 'vectors'" in error
    assert "flat (4,)" in error
    for name in ("flat", "whole"):
        assert "expected (rows, features)" in refused(capsys, *named, "g.zarr", "--column", name)
    zarr.save_array(tmp_path / "one.zarr", np.ones((4, 3), np.float32))
    assert "is one array" in refused(capsys, *named, "one.zarr")
    meta = tmp_path / "g.zarr" / "embedding" / "zarr.json"
    document = json.loads(meta.read_text())
    document["codecs"].append({"name": "of_tomorrow", "configuration": {}})
    meta.write_text(json.dumps(document))
    error = refused(capsys, *named, "g.zarr", "--id-column", "flat")
    assert "of_tomorrow" in error
    assert "another codec" in error


def test_export_refusals(source, capsys):
    assert "no embeddings at" in refused(capsys, "export")
    assert main(["import", "--source", "s", "--model", "m", "--quiet"]) == 0
    assert "something else" in refused(capsys, "export", "--target", "s")
    assert main(["export", "--target", "out", "--dry-run"]) == 0
    assert not (source.parent / "out").exists()
    shutil.rmtree(source)


def test_section_of_a_word_of_python(source, capsys, monkeypatch):
    (source.parent / "conf.yaml").write_text("import:\n  source: s\n  model: from_the_file\n")
    monkeypatch.setenv("BC_IMPORT_CHUNK_ROWS", "16")
    assert result_of(capsys, "import")["model"] == "from_the_file"
    shown = result_of(capsys, "config", "show", "--section", "import")["import"]
    assert shown["chunk_rows"] == {"value": 16, "origin": "environment BC_IMPORT_CHUNK_ROWS"}
    assert shown["source"]["origin"] == "conf.yaml"
