"""``bc bench scale`` on toy data: what runs, what it writes, what it says when it cannot."""

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from bannercluster.bench import scale
from bannercluster.bench.processes import Usage
from bannercluster.bench.scale import MeasuredCommandError, ScaleRequest
from bannercluster.bench.stages import STAGES, quality_of
from bannercluster.cli.main import main
from bannercluster.cli.stages import VERBS
from bannercluster.runtime.progress import SilentProgress


def usage_of(size: int, repeat: int, stdout: str) -> Usage:
    """Grows with the size like size, size^2 and size^0.5; a later repeat takes a tenth more."""
    more = 1 + repeat / 10
    return Usage(0, size * more, 2.0 * size**2, int(1e6 * size**0.5), size, 0, 7, 0, stdout, "")


@pytest.fixture
def fake(monkeypatch):
    """In place of commands: what they were, and usages that are known."""
    said = []

    def measure(command, *, folder, variables):
        _, _, _, name, *rest = command
        said.append((name, *rest))
        printed = {
            "cluster": {"models": [{"k": 3, "inertia": 50.0}], "n_rows": 100, "n_passes": 9},
            "export": {"n_rows": 5},
            "import": {"n_ok": 4, "n_in": 5},
        }
        size = int(folder.name.rpartition("-")[2])
        repeat = sum(one[0] == name for one in said) // 3
        return usage_of(size, min(repeat, 1), json.dumps(printed.get(name, {})))

    monkeypatch.setattr(scale, "measure", measure)
    return said


def test_what_runs_and_what_is_found(fake, tmp_path):
    request = ScaleRequest(
        "cluster", ("--k", "3"), (200, 100), 2, 8, 0, str(tmp_path / "data"), str(tmp_path / "out")
    )
    result = scale.run(request, SilentProgress())
    # One run that does not count, then each repeat over all sizes.
    assert [one[:3] for one in fake] == [
        ("cluster", "--embeddings", f"{tmp_path}/data/rows-{size}/embeddings.zarr")
        for size in (100, 100, 200, 100, 200)
    ]
    assert all(one[-4:] == ("--k", "3", "--json", "--quiet") for one in fake)
    assert len({one[4] for one in fake}) == 5, "every run has a place of its own"
    assert [(run.size, run.repeat) for run in result.runs] == [
        (100, 0),
        (200, 0),
        (100, 1),
        (200, 1),
    ]
    assert result.growth["cpu_s"].exponent == pytest.approx(2.0)
    assert result.growth["peak_nbytes"].exponent == pytest.approx(0.5)
    assert result.noise()["wall_s"] == pytest.approx(1.1)
    assert result.runs[0].quality == {"inertia a row, k = 3": 0.5, "traversals": 9}
    kept = sorted(path.name for path in (tmp_path / "data").iterdir())
    assert kept == ["rows-100", "rows-200"], "outputs are gone, data is kept"


def test_what_is_written(fake, tmp_path):
    request = ScaleRequest("cluster", (), (100, 200, 400), 2, 8, 0, None, str(tmp_path / "out"))
    result = scale.run(request, SilentProgress())
    document = json.loads((tmp_path / "out" / "scale-cluster.json").read_text())
    assert document["environment"]["n_cores"] >= 1
    written = document["result"]
    assert written["growth"]["cpu_s"]["exponent"] == pytest.approx(2.0)
    assert [run["size"] for run in written["runs"]] == [100, 200, 400] * 2
    assert "stdout" not in written["runs"][0]["usage"]
    drawing = ET.parse(tmp_path / "out" / "scale-cluster.svg").getroot()  # our own file
    dots = drawing.findall(".//{http://www.w3.org/2000/svg}circle")
    assert len(dots) == 4 * 6, "clock, processor, memory and bytes of six runs"
    costs, growth, quality, _ = result.tables()
    assert [row[0] for row in costs.rows] == [100, 200, 400]
    assert growth.rows[1][:2] == ("processor time", 2.0)
    assert quality.rows[0] == ("inertia a row, k = 3", "0.5", "0.5", "0.5")


def test_what_comes_before_a_stage_runs_once_for_each_size(fake, tmp_path):
    request = ScaleRequest(
        "import", (), (100,), 1, 8, 0, str(tmp_path / "data"), str(tmp_path / "out")
    )
    result = scale.run(request, SilentProgress())
    assert [one[0] for one in fake] == ["export", "import", "import"]
    assert result.growth["wall_s"] is None, "one size says nothing of growth"
    assert result.runs[0].quality == {"share embedded": 0.8}


def test_a_command_that_fails_ends_it_with_its_last_line(monkeypatch, tmp_path):
    failed = Usage(2, 1.0, 1.0, 1, 1, 1, 1, 1, "", "a remark\nerror: no such thing\n")
    monkeypatch.setattr(scale, "measure", lambda *args, **options: failed)
    request = ScaleRequest("cluster", (), (100,), 1, 8, 0, None, str(tmp_path / "out"))
    with pytest.raises(MeasuredCommandError, match="exit code 2: error: no such thing; run it"):
        scale.run(request, SilentProgress())
    assert not (tmp_path / "out").exists()


def test_every_stage_can_be_measured():
    # Those of texts have benchmarks of their own: `benchmarks.ocr`, `benchmarks.ablation`.
    of_texts = {"ocr", "text", "ablation"}
    assert {stage.name for stage in STAGES.values()} == {verb.name for verb in VERBS} - of_texts


def test_figures_of_evaluate_leave_out_what_is_undefined():
    models = [{"k": 1, "metrics": {"silhouette_sq_euclidean": None, "ami": 0.5}}]
    assert quality_of(STAGES["evaluate"], json.dumps({"models": models})) == {"ami, k = 1": 0.5}


# On the command line, with real children


def test_an_export_over_two_sizes(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    line = "bench scale export --sizes 50 150 --features 8 --repeats 1 --out out --quiet --json"
    assert main([*line.split(), "--", "--file-rows", "40"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["stage"] == "export"
    assert [run["quality"] for run in shown["runs"]] == [{"rows": 50}, {"rows": 150}]
    assert json.loads(shown["runs"][1]["usage"]["stdout"])["n_files"] == 4
    assert all(run["usage"]["cpu_s"] > 0 for run in shown["runs"])
    assert sorted(path.name for path in Path("out").iterdir()) == [
        "scale-export.json", "scale-export.svg",
    ]  # fmt: skip


def test_a_stage_that_is_none(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["bench", "scale", "clusters"]) == 2
    assert "'clusters' cannot be measured; expected one of embed," in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
