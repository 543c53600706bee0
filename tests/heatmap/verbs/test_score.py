"""`bc heatmap score`: a row for each heatmap, alerts within a budget, and what cannot be scored."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import xarray as xr
from threadpoolctl import threadpool_limits

from bannercluster.config import Settings
from bannercluster.heatmap.dataset import heatmap_dataset, read_back
from bannercluster.heatmap.model import load_model_if_any
from bannercluster.heatmap.scorer import HeatmapScorer
from bannercluster.heatmap.verbs import score
from bannercluster.runtime import SilentProgress, ThreadExecutor
from bannercluster.store import heatmaps
from bannercluster.store.fingerprint import content_id
from bannercluster.store.lease import hold
from bannercluster.store.points import watched

from .worlds import run

STORE, SCORES = "data/heatmaps.zarr", "data/heatmap_scores.parquet"


class KilledError(Exception):
    pass


def stored() -> xr.Dataset:
    return read_back(heatmaps.open_heatmaps(STORE)).load()


def keep(dataset: xr.Dataset, **changed: np.ndarray) -> None:
    """Write other heatmaps in the place of those of the world."""
    names = ("n_beyond", "reference", "label", "fault")
    coords = {name: dataset[name].to_numpy() for name in names} | changed
    counts = coords.pop("counts", dataset["counts"].to_numpy())
    made = heatmap_dataset(
        counts, dataset["domain"].to_numpy(), dataset["grid_id"].to_numpy(), coords
    )
    with hold(STORE, "a test") as lease:
        assert heatmaps.replace(STORE, made, 256, lease)


def test_the_table_is_what_the_scorer_says(scored: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(scored)
    table, found = pq.read_table(SCORES), stored()
    reference = found["reference"].to_numpy()
    model = load_model_if_any("data/heatmap-model")
    assert model is not None
    with threadpool_limits(1, "blas"):  # as the command does: more threads round otherwise
        scorer = HeatmapScorer.fit(found, reference, combination=model.combination, few=model.few)
        expected = scorer.score(found.isel(sample=np.flatnonzero(~reference)))
    rows = table.filter(pc.invert(table["reference"]))
    assert rows["domain"].to_pylist() == expected.domain.tolist()
    assert rows["p"].to_pylist() == expected.p.tolist()
    assert rows["q"].to_pylist() == expected.q.tolist()
    assert rows["fault"].to_pylist() == expected.fault.tolist()
    assert rows["status"].to_pylist() == ["scored"] * 18
    for nth, name in enumerate(expected.names):
        assert rows[f"z_{name}"].to_pylist() == expected.z[:, nth].tolist()
    assert rows["alert"].to_pylist() == (expected.q <= 0.1).tolist()
    others = table.filter(table["reference"])
    assert others["status"].to_pylist() == ["reference"] * 15
    assert others["p"].null_count == 15
    assert not any(others["alert"].to_pylist())


def test_scores_are_kept_and_alerts_follow_the_budget(
    scored: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.chdir(scored)
    named = ("score", "--scores", str(tmp_path / "scores.parquet"))
    (tmp_path / "scores.parquet").write_bytes(Path(SCORES).read_bytes())
    before = (tmp_path / "scores.parquet").read_bytes()
    seen = []
    with watched(lambda point, phase, where: seen.append(point.name)):
        code, made, _ = run(capsys, *named)
    assert (code, made["is_new"], seen) == (0, False, [])
    assert (tmp_path / "scores.parquet").read_bytes() == before
    assert made["n_heatmaps"] == 33 == made["n_scored"] + made["n_references"]
    assert made["quality"]["ranking"]["n_broken"] == 6
    assert made["quality"]["ranking"]["auroc"]["value"] > 0.8
    code, all_of_them, _ = run(capsys, *named, "--false-discovery-rate", "1")
    assert (all_of_them["is_new"], all_of_them["n_alerts"]) == (False, 18)
    code, two, _ = run(capsys, *named, "--false-discovery-rate", "1", "--most-alerts", "2")
    assert (two["is_new"], two["n_alerts"], two["rule"]) == (False, 2, "q <= 1, at most 2")
    assert [one["alert"] for one in two["top"]] == [True, True, *[False] * 8]
    p = [one["p"] for one in two["top"]]
    assert p == sorted(p)
    table = pq.read_table(tmp_path / "scores.parquet")
    alerts = table.filter(table["alert"])
    assert set(alerts["domain"].to_pylist()) == {one["domain"] for one in two["top"][:2]}


def test_grids_without_a_reference_are_not_scored(
    here: Path, capsys: pytest.CaptureFixture
) -> None:
    found = stored()
    grid = found["grid_id"].to_numpy()
    counts = found["counts"].to_numpy().copy()
    counts[np.flatnonzero(~found["reference"].to_numpy())[0]] = 0
    lonely = found["reference"].to_numpy() & (grid != grid[-1])
    keep(found, reference=lonely, counts=counts)
    code, made, _ = run(capsys, "score")
    assert (code, made["n_rejected"], made["n_without_clicks"]) == (3, 11, 1)
    assert made["n_scored"] + made["n_references"] == 33 - 12
    table = pq.read_table(SCORES)
    status = np.array(table["status"].to_pylist())
    assert (status[grid == grid[-1]] == "no_reference").all()
    assert pc.all(pc.is_null(table.filter(pc.equal(table["status"], "no_reference"))["p"])).as_py()
    assert table.filter(pc.equal(table["status"], "no_clicks"))["p"].to_pylist() == [1.0]


def test_a_reference_unlike_the_others_is_scored(here: Path, capsys: pytest.CaptureFixture) -> None:
    found = stored()
    grid, reference = found["grid_id"].to_numpy(), found["reference"].to_numpy().copy()
    own = np.flatnonzero(grid == grid[0])
    healthy = own[(found["label"].to_numpy()[own] == "healthy")]
    reference[healthy] = True
    counts = found["counts"].to_numpy().copy()
    counts[healthy[-1]] = 0
    counts[healthy[-1], 60:, 60:] = 50
    keep(found, reference=reference, counts=counts)
    code, made, _ = run(capsys, "score")
    assert (code, made["n_doubtful"] > 0) == (0, True)
    row = pq.read_table(SCORES).slice(int(healthy[-1]), 1).to_pylist()[0]
    assert (row["status"], row["reference"]) == ("doubtful_reference", True)
    assert row["p"] < 0.2


def test_without_a_model_the_untaught_sum_judges(here: Path, capsys: pytest.CaptureFixture) -> None:
    (here / "data/heatmap-model/card.json").unlink()
    code, planned, _ = run(capsys, "score", "--dry-run")
    assert code == 0
    assert planned["summary"]["model"].startswith("none: the untaught sum of tails alone")
    assert not (here / SCORES).exists()
    code, made, _ = run(capsys, "score")
    assert (code, made["model"]) == (0, planned["summary"]["model"])
    table = pq.read_table(SCORES)
    assert table["p_taught"].null_count == len(table)
    code, _, err = run(capsys, "score", "--model", "data/heatmap-model")
    assert code == 2
    assert "--model names data/heatmap-model, where there is an unfinished model" in err


def test_a_killed_run_leaves_the_old_table(scored: Path, tmp_path: Path) -> None:
    url = tmp_path / "scores.parquet"
    url.write_bytes((scored / SCORES).read_bytes())
    settings = Settings().replace(
        "paths",
        heatmaps=str(scored / STORE),
        heatmap_model=str(scored / "data/heatmap-model"),
        heatmap_scores=str(url),
    )
    settings = settings.replace("heatmap_score", most_alerts=1)

    def kill(point, phase, where):
        if (point.name, phase) == ("heatmap.scores", "written"):
            raise KilledError

    with ThreadExecutor(1) as executor:
        with watched(kill), pytest.raises(KilledError):
            score.run(settings, executor=executor, progress=SilentProgress())
        assert url.read_bytes() == (scored / SCORES).read_bytes()
        made = score.run(settings, executor=executor, progress=SilentProgress())
    assert sum(pq.read_table(url)["alert"].to_pylist()) == made.n_alerts <= 1


def test_what_cannot_be_scored(here: Path, capsys: pytest.CaptureFixture) -> None:
    code, _, err = run(capsys, "score", "--heatmaps", "data/none.zarr")
    assert code == 2
    assert "no heatmaps at data/none.zarr" in err
    (here / "mine.parquet").write_bytes((here / "data/clicks.parquet").read_bytes())
    code, _, err = run(capsys, "score", "--scores", "mine.parquet")
    assert code == 2
    assert "mine.parquet is a table, but not one of scores" in err
    found = stored()
    keep(found, reference=np.zeros(found.sizes["sample"], bool))
    code, _, err = run(capsys, "score")
    assert code == 2
    assert "none of the 33 heatmaps in data/heatmaps.zarr is known to be healthy" in err


def test_a_model_of_other_scores_is_refused(here: Path, capsys: pytest.CaptureFixture) -> None:
    (combination,) = (here / "data/heatmap-model").glob("combination-*.json")
    card = here / "data/heatmap-model/card.json"
    combination.write_text(combination.read_text() + " ")
    code, _, err = run(capsys, "score")
    assert code == 1
    assert "is not the one that its card names" in err
    read, about = json.loads(combination.read_text()), json.loads(card.read_text())
    read["combination"]["names"][0] = "gamma_rays"
    combination.write_text(json.dumps(read))
    about["combination"]["sha256"] = content_id(combination.read_bytes()).hex()
    card.write_text(json.dumps(about))
    code, _, err = run(capsys, "score")
    assert code == 2
    assert "was taught on other scores than this program has (different ones: " in err
    assert "gamma_rays" in err
