"""Synthetic clicks as tables, and what `bc heatmap` makes of them."""

import dataclasses
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xarray as xr

from bannercluster.cli.main import main
from bannercluster.heatmap import clicks, exposure
from bannercluster.heatmap.simulator.config import SimulatorConfig
from bannercluster.heatmap.simulator.faults import FAULTS
from bannercluster.heatmap.synthetic import WorldConfig, draw_grid, draw_world
from bannercluster.store.points import watched

WORLD = WorldConfig(n_grids=7, n_references=2, n_domains=12, broken=0.5, clicks=(20, 400), seed=3)
SMALL = ("--grids", "2", "--healthy", "2", "--domains", "4", "--max-clicks", "60")


@pytest.fixture(scope="module")
def world():
    tables = list(draw_world(WORLD))
    return {
        name: pa.concat_tables([getattr(one, name) for one in tables])
        for name in ("clicks", "exposure", "references", "truth")
    }


def test_a_grid_does_not_depend_on_the_others():
    fewer = dataclasses.replace(WORLD, n_grids=1)
    one, other = draw_grid(fewer, 0), draw_grid(WORLD, 0)
    assert all(getattr(one, name).equals(getattr(other, name)) for name in one.__annotations__)
    assert not draw_grid(dataclasses.replace(WORLD, seed=4), 0).clicks.equals(one.clicks)


def test_a_world_has_what_was_asked(world):
    pairs = set(zip(world["truth"]["grid_id"].to_pylist(), world["truth"]["domain"].to_pylist(),
                    strict=True))  # fmt: skip
    assert len(pairs) == len(world["truth"]) == WORLD.n_heatmaps
    assert len(world["references"]) == 14
    faults = [one for one in world["truth"]["fault"].to_pylist() if one]
    assert len(faults) == 7 * 6
    assert set(faults) == set(FAULTS)
    per_pair = world["clicks"].group_by(["grid_id", "domain"]).aggregate([("x", "count")])
    assert len(per_pair) == len(pairs)
    n = per_pair["x_count"].to_numpy()
    assert n.min() >= 20
    assert n.max() <= 4_000


def test_references_are_healthy(world):
    broken = {(row["domain"], row["grid_id"]) for row in world["truth"].to_pylist() if row["fault"]}
    references = {tuple(row.values()) for row in world["references"].to_pylist()}
    assert len(references) == 14
    assert not broken & references


def test_events_are_distinct_and_slots_are_those_of_the_grid(world):
    table = world["clicks"]
    assert len(set(table["event_id"].to_pylist())) == len(table)
    assert {len(one) for one in table["event_id"].to_pylist()} == {16}
    slots = table.group_by("grid_id").aggregate([("slot_w", "min"), ("slot_w", "max")])
    assert slots["slot_w_min"].equals(slots["slot_w_max"])
    assert set(table["device"].to_pylist()) == {"desktop", "mobile"}
    assert table.schema.equals(clicks.SCHEMA)
    days = table["day"].unique().to_pylist()
    assert len(days) == SimulatorConfig().n_days


def test_exposure_goes_with_the_clicks(world):
    table = world["exposure"]
    assert table.schema.equals(exposure.SCHEMA)
    assert pa.compute.sum(table["clicks"]).as_py() == len(world["clicks"])
    visits, impressions, clicked = (table[name].to_numpy() for name in exposure.FIGURES)
    assert (clicked <= impressions).all()
    assert (visits <= impressions).all()
    by_pair = table.group_by(["grid_id", "domain"]).aggregate(
        [("clicks", "sum"), ("impressions", "sum")]
    )
    rates = by_pair["clicks_sum"].to_numpy() / by_pair["impressions_sum"].to_numpy()
    assert 0.002 < np.median(rates) < 0.008


def test_the_oracle_finds_most_faults(world):
    truth = world["truth"].to_pylist()
    broken = [row for row in truth if row["fault"]]
    assert all(row["detectability"] > 0 for row in broken)
    assert np.mean([row["oracle"] > 0 for row in broken]) > 0.8
    assert all(row["oracle"] is None for row in truth if not row["fault"])


# The commands


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(capsys, *command):
    code = main(["heatmap", *command, "--json"])
    out, err = capsys.readouterr()
    return code, json.loads(out) if out else None, err


def test_from_nothing_to_heatmaps(here, capsys):
    code, drawn, _ = run(capsys, "synth", *SMALL)
    assert (code, drawn["n_heatmaps"], drawn["n_references"], drawn["n_broken"]) == (0, 12, 4, 2)
    code, again, _ = run(capsys, "synth", *SMALL)
    assert (code, again["is_new"], again["n_clicks"]) == (0, False, drawn["n_clicks"])
    code, made, _ = run(capsys, "features")
    assert (code, made["is_new"], made["n_heatmaps"]) == (0, True, 12)
    assert made["n_clicks"] == drawn["n_clicks"]
    assert (made["n_references"], made["n_unknown"]) == (4, 0)
    code, made, _ = run(capsys, "features")
    assert (code, made["is_new"]) == (0, False)
    found = xr.open_zarr("data/heatmaps.zarr", chunks=None)
    assert (found.label == "broken").sum() == 2
    assert (found.exposure_clicks == found.n_clicks).all()


def test_rejected_rows_end_in_exit_code_3(here, capsys):
    run(capsys, "synth", *SMALL)
    table = pq.read_table("data/clicks.parquet")
    pq.write_table(pa.concat_tables([table, table[:2]]), "data/clicks.parquet")
    code, made, _ = run(capsys, "features")
    assert (code, made["reasons"]) == (3, [["clicks", "repeated", 2]])


def test_dry_runs_write_nothing(here, capsys):
    code, planned, _ = run(capsys, "synth", *SMALL, "--dry-run")
    assert (code, planned["summary"]["state"]) == (0, "to be drawn")
    assert list(here.iterdir()) == []
    run(capsys, "synth", *SMALL)
    code, planned, _ = run(capsys, "features", "--dry-run")
    assert (code, planned["summary"]["heatmaps"]) == (0, "12 at most, 64 x 64")
    assert not (here / "data" / "heatmaps.zarr").exists()


def test_tables_that_are_not_its_own_are_left_alone(here, capsys):
    (here / "data").mkdir()
    (here / "data" / "clicks.parquet").write_bytes(b"mine")
    code, _, err = run(capsys, "synth", *SMALL)
    assert code == 2
    assert "data/clicks.parquet is there and was not made by `bc heatmap synth`" in err
    assert (here / "data" / "clicks.parquet").read_bytes() == b"mine"
    (here / "data" / "clicks.parquet").unlink()
    run(capsys, "synth", *SMALL)
    code, _, err = run(capsys, "synth", *SMALL, "--seed", "1")
    assert code == 2
    assert "made by other settings" in err


def test_a_set_that_is_not_whole_is_drawn_again(here, capsys):
    run(capsys, "synth", *SMALL)
    before = {one.name: one.read_bytes() for one in (here / "data").iterdir()}
    (here / "data" / "clicks.parquet").unlink()
    code, drawn, _ = run(capsys, "synth", *SMALL)
    assert (code, drawn["is_new"]) == (0, True)
    assert {one.name: one.read_bytes() for one in (here / "data").iterdir()} == before


def test_the_clicks_appear_last(here, capsys):
    """Where they are the other tables are: a killed run is seen to be one."""
    appeared = []

    def note(point, phase, where):
        if point.name == "heatmap.table" and phase == "after":
            appeared.append(where)

    with watched(note):
        run(capsys, "synth", *SMALL)
    assert len(appeared) == 4
    assert appeared[-1].endswith("data/clicks.parquet")


def test_what_cannot_be_meant(here, capsys):
    code, _, err = run(capsys, "synth", "--min-clicks", "50", "--max-clicks", "20")
    assert code == 2
    assert "--min-clicks is 50 and --max-clicks 20" in err
    assert run(capsys, "features")[0] == 2


def test_memory_that_does_not_suffice_is_refused(here, capsys):
    run(capsys, "synth", *SMALL)
    code, _, err = run(capsys, "features", "--memory", "100 MiB")
    assert code == 1
    assert "heatmap features needs" in err
