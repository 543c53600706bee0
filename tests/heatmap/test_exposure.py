import datetime

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xarray as xr

from bannercluster.errors import DataError

from .making import (
    clicks_table,
    exposure_table,
    make_features,
    rejected,
    settings_of,
    with_values,
)


@pytest.fixture
def folder(tmp_path):
    pq.write_table(clicks_table(), tmp_path / "clicks.parquet")
    return tmp_path


def made_of(folder, table):
    pq.write_table(table, folder / "exposure.parquet")
    made = make_features(settings_of(folder))
    return made, xr.open_zarr(made.heatmaps, chunks=None)


def test_sums_over_days(folder):
    made, found = made_of(folder, exposure_table())
    assert made.n_exposure == 8 * 7
    assert set(found.visits.values) == {49.0}
    domain = np.array([int(name[1]) for name in found.domain.values])
    assert np.array_equal(found.impressions, 70.0 * domain)
    assert set(found.exposure_clicks.values) == {7.0}


def test_shown_and_never_clicked_is_a_heatmap(folder):
    made, found = made_of(folder, exposure_table())
    silent = found.isel(sample=found.domain.values == "d3.example")
    assert (
        silent.n_clicks.values.tolist() == [0, 0] == silent.counts.sum(["y", "x"]).values.tolist()
    )
    assert made.n_without_clicks == 2


def test_clicked_and_never_shown_has_no_figures(folder):
    table = exposure_table()
    table = table.filter(pa.compute.not_equal(table["domain"], "d1.example"))
    _, found = made_of(folder, table)
    unknown = found.domain.values == "d1.example"
    assert np.isnan(found.visits.values[unknown]).all()
    assert not np.isnan(found.visits.values[~unknown]).any()


BAD = {
    "domain": ({0: None}, "no_domain"),
    "grid_id": ({0: ""}, "no_grid_id"),
    "day": ({0: None, 1: datetime.date(1900, 1, 1)}, "bad_day"),
    "visits": ({0: None, 1: -1}, "bad_count"),
}


@pytest.mark.parametrize("column", BAD)
def test_bad_rows(folder, column):
    values, reason = BAD[column]
    made, _ = made_of(folder, with_values(exposure_table(), column, values))
    assert made.reasons == (("exposure", reason, len(values)),)
    assert made.n_rows == made.n_clicks + made.n_exposure + made.n_rejected
    assert [(row["table"], row["row"]) for row in rejected(settings_of(folder))] == [
        ("exposure", row) for row in values
    ]


def test_fractions_are_no_counts(folder):
    table = exposure_table()
    table = table.set_column(3, "visits", pa.array([0.5, np.nan, *([2.0] * 54)]))
    made, _ = made_of(folder, table)
    assert made.reasons == (("exposure", "bad_count", 2),)


def test_a_day_that_comes_twice_counts_once_the_highest(folder):
    table = exposure_table(1)
    low, high = (with_values(table, "visits", dict.fromkeys(range(len(table)), value))
                 for value in (3, 30))  # fmt: skip
    fingerprints = set()
    for parts in ([table, low, high], [high, table, low]):
        made, found = made_of(folder, pa.concat_tables(parts))
        assert set(found.visits.values) == {30.0}
        assert made.reasons == (("exposure", "repeated", 16),)
        fingerprints.add(found.attrs["fingerprint"])
    assert len(fingerprints) == 1


# What is known of heatmaps


def references(*pairs):
    return pa.table({"domain": [one for one, _ in pairs], "grid_id": [one for _, one in pairs]})


def test_references_and_truth_become_coordinates(folder):
    pq.write_table(
        references(("d0.example", "g0"), ("d9.example", "g0")),
        folder / "heatmap_references.parquet",
    )
    truth = pa.table(
        {
            "domain": ["d1.example", "d2.example"],
            "grid_id": ["g0", "g1"],
            "fault": ["overlay", None],
            "severity": [0.25, None],
        }
    )
    pq.write_table(truth, folder / "heatmap_truth.parquet")
    made = make_features(settings_of(folder))
    found = xr.open_zarr(made.heatmaps, chunks=None)
    known = dict(
        zip(
            zip(found.domain.values, found.grid_id.values, strict=True),
            zip(found.label.values, found.fault.values, found.reference.values, strict=True),
            strict=True,
        )
    )
    assert known["d0.example", "g0"] == ("healthy", "", True)
    assert known["d1.example", "g0"] == ("broken", "overlay", False)
    assert known["d2.example", "g1"] == ("healthy", "", False)
    assert known["d1.example", "g1"] == ("", "", False)
    assert np.nansum(found.severity) == 0.25
    assert (made.n_references, made.n_unknown) == (1, 1)


def test_contradictions(folder):
    pq.write_table(references(("d0.example", "g0")), folder / "heatmap_references.parquet")
    truth = {"domain": ["d0.example"], "grid_id": ["g0"], "fault": ["burst"]}
    pq.write_table(pa.table(truth), folder / "heatmap_truth.parquet")
    with pytest.raises(DataError, match=r"d0.example on g0 is among the references and has a fa"):
        make_features(settings_of(folder))
    twice = {name: 2 * values for name, values in truth.items()}
    pq.write_table(pa.table(twice), folder / "heatmap_truth.parquet")
    with pytest.raises(DataError, match=r"says twice what d0.example on g0 has"):
        make_features(settings_of(folder))
