"""Evaluations on disk: what the first version wrote opens, and nothing is lost on the way."""

from pathlib import Path

import pyarrow as pa
import pytest

from bannercluster.errors import StoreError
from bannercluster.models.evaluations import (
    LABEL_SCHEMA,
    Difference,
    Evaluation,
    LabelFacts,
    ModelMetrics,
    label_metrics_url,
    load_label_metrics,
    save_label_metrics,
)

V1 = Path(__file__).parents[1] / "data" / "formats" / "v1" / "evaluation"


def evaluation(key: str) -> Evaluation:
    models = (
        ModelMetrics("a", 2, (3, 4), {"ami": 0.25}, ((("x", 2),), ()), {"ami": (0.125, 0.5)}),
        ModelMetrics("b", 1, (7,), {"recall": 1.0}),
    )
    facts = LabelFacts("advertiser", "labels.csv", 2, 3, 4, 0, 0, 1, "ids")
    return Evaluation(
        models, "a", "highest", "e.zarr", "key", 7, facts, "2026-01-05",
        reason="a is the only one", differences=(Difference("ami", "a", "b", 0.5, -0.25, 1.0),),
        timings={"sums": 1.5}, label_metrics_key=key,
    )  # fmt: skip


def label_table(recall: float) -> pa.Table:
    row = {
        "model": "a", "label": "Ünïcode & <co>", "n": 3, "main_cluster": 1, "n_main_clusters": 1,
        "recall": recall, "sum_heuristic": 0.5, "product_heuristic": 0.5, "centre_distance": None,
        "misclustering_distance_sum": 0.0, "misclustering_distance": None,
    }  # fmt: skip
    return pa.Table.from_pylist([row], schema=LABEL_SCHEMA)


def test_first_version_opens():
    found = Evaluation.load_if_any(str(V1))
    assert found is not None
    assert (found.reason, found.differences, found.timings) == ("", (), {})
    assert [model.intervals for model in found.models] == [{}, {}]
    assert load_label_metrics(str(V1), found).equals(LABEL_SCHEMA.empty_table())


def test_round_trip(tmp_path):
    key = save_label_metrics(str(tmp_path), label_table(0.5))
    wanted = evaluation(key)
    wanted.save(str(tmp_path))
    assert Evaluation.load_if_any(str(tmp_path)) == wanted
    found = load_label_metrics(str(tmp_path), wanted)
    assert found.to_pylist() == label_table(0.5).to_pylist()
    assert found.schema.equals(LABEL_SCHEMA)


def test_an_evaluation_has_its_own_table_beside_a_newer_one(tmp_path):
    wanted = evaluation(save_label_metrics(str(tmp_path), label_table(0.5)))
    assert save_label_metrics(str(tmp_path), label_table(0.5)) == wanted.label_metrics_key
    save_label_metrics(str(tmp_path), label_table(0.75))
    found = load_label_metrics(str(tmp_path), wanted)
    assert found.to_pylist() == label_table(0.5).to_pylist()


def test_tables_of_older_evaluations_go(tmp_path):
    """Not that of the evaluation before, and nothing that others put there."""
    folder = str(tmp_path)
    # An evaluation of the time when all tables had one name, and the table of a run that ended.
    evaluation("0" * 64).save(folder)
    for name in ("label_metrics.parquet", "label_metrics-mine.parquet", "notes.txt"):
        (tmp_path / name).touch()
    save_label_metrics(folder, label_table(0.125))
    keys = []
    for recall in (0.25, 0.5, 0.5, 0.75):
        keys.append(save_label_metrics(folder, label_table(recall)))
        evaluation(keys[-1]).save(folder)
        tables = {path.name for path in tmp_path.glob("*.parquet")}
        names = {label_metrics_url("", key).strip("/") for key in keys[-2:]}
        assert tables == {*names, "label_metrics-mine.parquet"}
    assert (tmp_path / "notes.txt").exists()


@pytest.mark.parametrize("damaged", [b"{", b"[]", b'{"label_metrics_key": 3}'])
def test_an_evaluation_that_is_damaged_is_replaced(tmp_path, damaged):
    (tmp_path / "evaluation.json").write_bytes(damaged)
    wanted = evaluation(save_label_metrics(str(tmp_path), label_table(0.5)))
    wanted.save(str(tmp_path))
    assert Evaluation.load_if_any(str(tmp_path)) == wanted


def test_missing_and_damaged_tables(tmp_path):
    with pytest.raises(StoreError, match=r"label_metrics-some\.parquet is missing"):
        load_label_metrics(str(tmp_path), evaluation("some"))
    (tmp_path / "label_metrics-some.parquet").write_bytes(b"PAR1 no table")
    with pytest.raises(StoreError, match=r"label_metrics-some\.parquet"):
        load_label_metrics(str(tmp_path), evaluation("some"))


@pytest.mark.parametrize(
    ("low", "high", "exceeds"), [(0.1, 0.2, True), (-0.2, -0.1, True), (-0.1, 0.2, False)]
)
def test_noise(low, high, exceeds):
    assert Difference("ami", "a", "b", 0.1, low, high).exceeds_noise == exceeds
