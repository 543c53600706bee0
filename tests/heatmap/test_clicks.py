"""Clicks to heatmaps: against a slow reference, in any order, with all that may be wrong."""

import datetime
import math

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from bannercluster.errors import DataError, StoreError, UsageError
from bannercluster.heatmap import events
from bannercluster.heatmap.binning import bin_clicks, n_beyond
from bannercluster.heatmap.tables import NO_DAY, days_of, names_of

from .making import (
    DAY,
    clicks_table,
    exposure_table,
    make_features,
    rejected,
    settings_of,
    with_values,
)


def opened(made):
    return xr.open_zarr(made.heatmaps, chunks=None)


def slow_heatmaps(table: pa.Table) -> dict[tuple[str, str], np.ndarray]:
    """One heatmap after the other, from the rows as Python has them."""
    rows = table.to_pylist()
    pairs = {(row["grid_id"], row["domain"]) for row in rows}
    return {
        pair: np.array(
            [(row["x"], row["y"]) for row in rows if (row["grid_id"], row["domain"]) == pair]
        )
        for pair in sorted(pairs)
    }


def test_heatmaps_are_those_of_a_slow_reference(tmp_path):
    table = clicks_table()
    pq.write_table(table, tmp_path / "clicks.parquet")
    made = make_features(settings_of(tmp_path))
    found = opened(made)
    slow = slow_heatmaps(table)
    assert list(zip(found.grid_id.values, found.domain.values, strict=True)) == list(slow)
    for nth, clicks in enumerate(slow.values()):
        assert np.array_equal(found.counts[nth], bin_clicks(clicks))
        assert found.n_clicks[nth] == len(clicks)
        assert found.n_beyond[nth] == n_beyond(clicks)
    assert found.counts.dtype == np.uint32
    assert {"version": 1, "bins": 64, "margin": 0.1}.items() <= found.attrs.items()
    assert (made.n_rows, made.n_clicks, made.n_rejected) == (400, 400, 0)
    assert made.n_beyond == int(found.n_beyond.sum()) > 0
    assert rejected(settings_of(tmp_path)) == []
    assert "visits" not in found.coords


def test_order_of_rows_and_files_does_not_matter(tmp_path):
    table = clicks_table()
    # Copies of events: the same again, and one that differs.
    table = pa.concat_tables([table, table.slice(10, 30), with_values(table, "x", {5: 0.9})[5:6]])
    fingerprints = []
    for seed, n_files in ((0, 1), (1, 1), (2, 5)):
        folder = tmp_path / str(seed)
        (folder / "clicks.parquet").mkdir(parents=True)
        order = np.random.default_rng(seed).permutation(len(table))
        for number, part in enumerate(np.array_split(order, n_files)):
            file = folder / "clicks.parquet" / f"{n_files - number}.parquet"
            pq.write_table(table.take(part), file, row_group_size=17)
        made = make_features(settings_of(folder))
        assert (made.n_clicks, made.reasons) == (400, (("clicks", "repeated", 31),))
        fingerprints.append(opened(made).attrs["fingerprint"])
        files = sorted((folder / "heatmaps.zarr").rglob("*"))
        fingerprints.append([one.read_bytes() for one in files if one.is_file()])
    assert fingerprints[:2] == fingerprints[2:4] == fingerprints[4:]


def test_of_several_copies_the_first_by_value_counts(tmp_path):
    table = clicks_table(4)
    copy = with_values(with_values(table, "x", {0: -0.05}), "y", {0: 0.5})[:1]
    pq.write_table(pa.concat_tables([table, copy]), tmp_path / "clicks.parquet")
    made = make_features(settings_of(tmp_path))
    first = min(table.to_pylist()[0], copy.to_pylist()[0], key=lambda row: row["x"])
    counts = opened(made).counts.sum("sample").values
    expected = bin_clicks(np.array([(r["x"], r["y"]) for r in [first, *table.to_pylist()[1:]]]))
    assert np.array_equal(counts, expected)
    (row,) = rejected(settings_of(tmp_path))
    assert (row["event_id"], row["reason"], row["table"]) == ("e00000", "repeated", "clicks")
    assert row["row"] == (4 if first["x"] == table["x"][0].as_py() else 0)


def test_ids_that_share_a_hash_are_still_told_apart(tmp_path, monkeypatch):
    table = pa.concat_tables([clicks_table(90), clicks_table(90)[7:9]])
    pq.write_table(table, tmp_path / "clicks.parquet", row_group_size=20)
    found = opened(make_features(settings_of(tmp_path))).load()
    monkeypatch.setattr(events, "hashes_of", lambda ids: np.zeros(len(ids), np.uint64))
    made = make_features(settings_of(tmp_path))
    assert (made.n_clicks, made.reasons) == (90, (("clicks", "repeated", 2),))
    assert opened(made).identical(found)


BAD = {
    "event_id": ({1: None, 2: ""}, "no_event_id"),
    "domain": ({1: None, 2: ""}, "no_domain"),
    "grid_id": ({1: None, 2: ""}, "no_grid_id"),
    "day": ({1: None, 2: datetime.date(1970, 1, 1), 3: datetime.date(2200, 1, 1)}, "bad_day"),
    "x": ({1: math.nan, 2: math.inf, 3: None}, "bad_position"),
    "y": ({1: math.nan, 2: -math.inf}, "bad_position"),
}


@pytest.mark.parametrize("column", BAD)
def test_bad_rows_are_counted_and_recorded(tmp_path, column):
    values, reason = BAD[column]
    table = with_values(clicks_table(50), column, values)
    pq.write_table(table, tmp_path / "clicks.parquet")
    made = make_features(settings_of(tmp_path))
    assert made.reasons == (("clicks", reason, len(values)),)
    assert made.n_rows == 50 == made.n_clicks + made.n_rejected
    found = rejected(settings_of(tmp_path))
    assert [(row["file"], row["row"], row["reason"]) for row in found] == [
        ("clicks.parquet", row, reason) for row in values
    ]
    kept = [row for row in range(50) if row not in values]
    slow = slow_heatmaps(table.take(kept))
    assert np.array_equal(opened(made).n_clicks, [len(clicks) for clicks in slow.values()])


def test_the_first_reason_holds_and_a_bad_row_is_no_copy(tmp_path):
    table = clicks_table(50)
    table = with_values(table, "event_id", {4: "e00003"})
    table = with_values(with_values(table, "x", {3: math.nan}), "domain", {3: None})
    pq.write_table(table, tmp_path / "clicks.parquet")
    made = make_features(settings_of(tmp_path))
    assert made.reasons == (("clicks", "no_domain", 1),)
    assert made.n_clicks == 49


def test_days_that_were_not_asked_for(tmp_path):
    table = clicks_table()
    pq.write_table(table, tmp_path / "clicks.parquet")
    pq.write_table(exposure_table(), tmp_path / "exposure.parquet")
    made = make_features(settings_of(tmp_path, first_day="2026-01-06", last_day="2026-01-07"))
    asked = [row["day"] in (DAY + datetime.timedelta(days=n) for n in (1, 2))
             for row in table.to_pylist()]  # fmt: skip
    assert made.n_clicks == sum(asked)
    assert made.n_other_days == len(table) - sum(asked) + 8 * 5
    assert made.n_rows == made.n_clicks + made.n_exposure + made.n_other_days + made.n_rejected
    assert set(opened(made).visits.values) == {14.0}
    with pytest.raises(UsageError, match=r"first day 2026-02-01 comes after the last 2026-01-01"):
        make_features(settings_of(tmp_path, first_day="2026-02-01", last_day="2026-01-01"))
    with pytest.raises(DataError, match=r"none of 400 clicks can be counted: 400 of other days"):
        make_features(settings_of(tmp_path, first_day="2027-01-01"))


def test_names_days_and_numbers_of_other_types(tmp_path):
    table = clicks_table()
    made = {}
    for kind, domain, day, number, event in (
        ("plain", pa.string(), pa.date32(), pa.float64(), pa.string()),
        ("other", pa.large_string(), pa.timestamp("us", tz="UTC"), pa.float32(), pa.large_string()),
        ("words", pa.dictionary(pa.int32(), pa.string()), pa.string(), pa.float32(), pa.string()),
    ):
        folder = tmp_path / kind
        folder.mkdir()
        columns = {
            "domain": table["domain"].cast(domain),
            "grid_id": pa.array([int(one[1:]) for one in table["grid_id"].to_pylist()]),
            "day": table["day"].cast(day),
            "x": table["x"].cast(pa.float32()).cast(number),
            "y": table["y"].cast(pa.float32()).cast(number),
            "event_id": table["event_id"].cast(event),
        }
        pq.write_table(pa.table(columns), folder / "clicks.parquet")
        found = opened(make_features(settings_of(folder)))
        assert set(found.grid_id.values) == {"0", "1"}
        made[kind] = found.attrs["fingerprint"]
    assert len(set(made.values())) == 1


def test_days_as_folders(tmp_path):
    table = clicks_table()
    for day in table["day"].unique().to_pylist():
        folder = tmp_path / "clicks.parquet" / f"day={day}"
        folder.mkdir(parents=True)
        part = table.filter(pa.compute.equal(table["day"], day)).drop_columns("day")
        pq.write_table(part, folder / "part.parquet")
    (tmp_path / "clicks.parquet" / "_SUCCESS").write_text("")
    assert make_features(settings_of(tmp_path)).n_clicks == 400


def test_a_bucket_and_a_pattern(tmp_path):
    import fsspec

    memory = fsspec.filesystem("memory")
    for number in range(2):
        with memory.open(f"/clicks-{tmp_path.name}/{number}.parquet", "wb") as sink:
            pq.write_table(clicks_table().slice(200 * number, 200), sink)
    for url in (f"memory://clicks-{tmp_path.name}", f"memory://clicks-{tmp_path.name}/*.parquet"):
        settings = settings_of(tmp_path).replace("paths", clicks=url)
        assert make_features(settings).n_clicks == 400


def test_tables_that_cannot_be_meant(tmp_path):
    settings = settings_of(tmp_path)
    with pytest.raises(UsageError, match=r"no clicks at .*; expected a Parquet file.*--clicks"):
        make_features(settings)
    table = clicks_table(20)
    file = tmp_path / "clicks.parquet"
    pq.write_table(table.drop_columns(["x", "day"]), file)
    with pytest.raises(UsageError, match=r"no column day, x; a table of clicks needs event_id, "):
        make_features(settings)
    pq.write_table(table.set_column(4, "x", table["x"].cast(pa.string())), file)
    with pytest.raises(UsageError, match=r"column 'x' of clicks.parquet is string; expected numbe"):
        make_features(settings)
    file.write_bytes(b"PAR1 nothing of the kind PAR1")
    with pytest.raises(UsageError, match=r"clicks.parquet cannot be read as Parquet"):
        make_features(settings)
    pq.write_table(table, file)
    named = settings.replace("paths", origin="flag --exposure", exposure="absent.parquet")
    with pytest.raises(UsageError, match=r"no exposure at absent.parquet"):
        make_features(named)
    pq.write_table(table.slice(0, 0), file)
    with pytest.raises(DataError, match=r"none of 0 clicks can be counted"):
        make_features(settings)


def test_a_damaged_page_is_named(tmp_path):
    file = tmp_path / "clicks.parquet"
    pq.write_table(clicks_table(), file, compression="zstd")
    data = bytearray(file.read_bytes())
    data[200:2_000] = bytes(1_800)
    file.write_bytes(data)
    with pytest.raises((UsageError, StoreError), match=r"clicks.parquet cannot be read"):
        make_features(settings_of(tmp_path))


def test_places_that_hold_something_else(tmp_path):
    pq.write_table(clicks_table(), tmp_path / "clicks.parquet")
    settings = settings_of(tmp_path)
    (tmp_path / "heatmaps.zarr").mkdir()
    (tmp_path / "heatmaps.zarr" / "thesis.txt").write_text("mine")
    with pytest.raises(UsageError, match=r"holds something else \(thesis.txt\)"):
        make_features(settings)
    xr.Dataset({"a": ("x", [1])}).to_zarr(tmp_path / "other.zarr", consolidated=False)
    with pytest.raises(StoreError, match=r"not one of heatmaps"):
        make_features(settings.replace("paths", heatmaps=str(tmp_path / "other.zarr")))
    with pytest.raises(UsageError, match=r"expected one that ends in .zarr"):
        make_features(settings.replace("paths", heatmaps=str(tmp_path / "maps")))
    assert (tmp_path / "heatmaps.zarr" / "thesis.txt").exists()


# Events


@given(st.lists(st.text(max_size=20) | st.integers(0, 30).map(str), max_size=60))
@settings(max_examples=60, deadline=None)
def test_equal_ids_have_equal_hashes_and_repeats_are_found(ids):
    column = pa.array(ids, pa.string())
    hashes = events.hashes_of(column)
    assert [hashes[ids.index(one)] for one in ids] == hashes.tolist()
    assert np.array_equal(hashes, events.hashes_of(column.dictionary_encode()))
    found = events.is_among(hashes, events.repeated([hashes[:7].copy(), hashes[7:].copy()]))
    assert all(found[nth] for nth, one in enumerate(ids) if ids.count(one) > 1)


def test_hashes_of_many_ids_are_distinct_and_a_slice_has_its_own():
    ids = pa.array([f"{number:x}" for number in range(200_000)])
    hashes = events.hashes_of(ids)
    assert len(np.unique(hashes)) == len(ids)
    assert np.array_equal(events.hashes_of(ids.slice(1_000, 50)), hashes[1_000:1_050])
    assert np.array_equal(
        events.hashes_of(pa.array([7, 12])), events.hashes_of(pa.array(["7", "12"]))
    )


def test_days_and_names():
    days = days_of(pa.array(["1970-01-02", "1970-01-03T23:00:00", "soon", None, ""]))
    assert days.tolist() == [1, 2, NO_DAY, NO_DAY, NO_DAY]
    codes, names = names_of(pa.array(["b", None, "", "b", "a"]))
    assert [names[code] if code >= 0 else None for code in codes] == ["b", None, None, "b", "a"]
