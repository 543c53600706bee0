"""What the report makes of an evaluation: metrics with intervals, differences, labels, times."""

from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from bannercluster import report
from bannercluster.errors import StoreError
from bannercluster.models.card import PredecessorCard
from bannercluster.models.evaluations import (
    LABEL_SCHEMA,
    Difference,
    Evaluation,
    LabelFacts,
    ModelMetrics,
    label_metrics_url,
    save_label_metrics,
)
from bannercluster.models.folder import load_model, save_model
from bannercluster.models.sweeps import SweepFile
from bannercluster.render.metrics import STANDARD_METRICS
from bannercluster.report.labels import LABELS_SHOWN
from bannercluster.store import files, points

from .fitted import Case, N
from .test_report_stage import Tags

LABELS = LabelFacts("advertiser", "the manifest", 2, N - 5, 2, 3, 0, 0, "contents")


class Evaluated(Case):
    """A case with an evaluation made by hand; ``evaluation`` may be another one before `show`."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.make()
        metrics = (
            {"silhouette_sq_euclidean": 0.111, "ami": 0.25, "recall": 0.9},
            {"silhouette_sq_euclidean": 0.222, "ami": 0.35, "recall": 0.8},
        )
        models = tuple(
            ModelMetrics(
                name, len(centres), (N,) + (0,) * (len(centres) - 1), found,
                intervals={key: (value - 0.01, value + 0.02) for key, value in found.items()},
            )
            for (name, centres), found in zip(self.centres.items(), metrics, strict=True)
        )  # fmt: skip
        from bannercluster.store.embeddings import EmbeddingStore

        store = EmbeddingStore.open(self.settings.paths.embeddings)
        self.evaluation = Evaluation(
            models, "m3", "the rule", store.url, store.key, N, LABELS, "2026-01-01",
            reason="m3 leads by 0.111",
            differences=(
                Difference("silhouette_sq_euclidean", "m2", "m3", -0.111, -0.13, -0.09),
                Difference("ami", "m3", "m2", 0.1, -0.05, 0.15),
            ),
            timings={"sums": 1.25, "bootstrap": 75.0},
        )  # fmt: skip

    def label_rows(self, *rows: dict[str, object]) -> None:
        """Write the metrics of labels; what a row leaves out is the same for all."""
        same = {
            "model": "m3", "main_cluster": 1, "n_main_clusters": 1, "recall": 0.5,
            "sum_heuristic": 0.25, "product_heuristic": 0.125, "centre_distance": None,
            "misclustering_distance_sum": 0.0, "misclustering_distance": None,
        }  # fmt: skip
        table = pa.Table.from_pylist([same | row for row in rows], schema=LABEL_SCHEMA)
        key = save_label_metrics(self.settings.paths.evaluation, table)
        self.evaluation = replace(self.evaluation, label_metrics_key=key)

    @property
    def label_table(self) -> Path:
        """Where the metrics of labels lie."""
        key = self.evaluation.label_metrics_key
        return Path(label_metrics_url(self.settings.paths.evaluation, key))

    def show(self) -> str:
        """Text of the report."""
        self.evaluation.save(self.settings.paths.evaluation)
        _, html = self.report()
        return " ".join(Tags(html).text.split())


@pytest.fixture
def case(tmp_path):
    return Evaluated(tmp_path)


def test_choice_metrics_and_differences(case):
    case.evaluation = replace(
        case.evaluation,
        models=tuple(
            replace(m, metrics={**m.metrics, "stability_ari": 0.75}) for m in case.evaluation.models
        ),
    )
    text = case.show()
    assert "k = 3 is chosen: silhouette 0.222, stability 0.750" in text
    assert "m3 leads by 0.111. Rule: the rule" in text
    assert "0.222 0.212 to 0.242" in text
    # Of the chosen model against the other, whatever the order in the file.
    assert "+0.111 , beyond the noise 0.090 to 0.130" in text
    assert "+0.100 , within the noise \u22120.050 to 0.150" in text


def test_labels_note_counts_what_was_left_out(case):
    assert (
        f"the 2 values of the column advertiser, on {N - 5} rows; rows are counted. "
        "Of the other rows 2 have none, 3 carry more than one."
    ) in case.show()
    facts = replace(LABELS, n_unlabelled=0, n_ambiguous=0, weight="ids")
    case.evaluation = replace(case.evaluation, labels=facts)
    text = case.show()
    assert "ids are counted." in text
    assert "Of the other rows" not in text


def test_labels_with_the_most_rows_of_the_chosen_model(case):
    many = [{"label": f"brand {n:02d}", "n": n} for n in range(1, LABELS_SHOWN + 4)]
    first = {"label": "another model's", "n": 99, "model": "m2"}
    alike = {"label": "acorn", "n": 23, "n_main_clusters": 2, "misclustering_distance": 1.5}
    case.label_rows(first, *many, alike)
    text = case.show()
    assert f"The 20 of {LABELS_SHOWN + 4} values of advertiser with the most rows" in text
    assert "acorn 23 1 and 1 alike 0.500 0.250 0.125 1.500 brand 23 23 1 0.500" in text
    assert "brand 05" in text
    assert "brand 04" not in text
    assert "another model's" not in text
    # A metric that is defined for no label has no column.
    assert "Centre distance" not in text


def test_few_labels_are_all_there(case):
    case.label_rows({"label": "acorn", "n": 3})
    text = case.show()
    assert "The 1 of 1 values of advertiser with the most rows, under k = 3." in text
    assert "Label Rows Main cluster" in text
    case.evaluation = replace(case.evaluation, labels=replace(LABELS, weight="ids"))
    text = case.show()
    assert "with the most ids, under k = 3." in text
    assert "Label Ids Main cluster" in text


@pytest.mark.parametrize("label", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>'])
def test_labels_are_escaped(case, label):
    case.label_rows({"label": label, "n": 3})
    case.evaluation.save(case.settings.paths.evaluation)
    _, html = case.report()
    assert label not in html
    assert label in Tags(html).text
    assert not [tag for tag, attributes in Tags(html).tags if "onerror" in attributes]


def test_table_of_labels_that_is_gone(case):
    case.label_rows({"label": "birch", "n": 4})
    own = case.label_table
    case.label_rows({"label": "acorn", "n": 3})
    assert own != case.label_table
    case.label_table.unlink()
    text = case.show()
    assert "The table of labels is left out" in text
    assert "The labels" not in text
    case.evaluation = replace(case.evaluation, label_metrics_key="")
    assert "The table of labels is left out" not in case.show()


def test_table_of_labels_that_is_damaged(case):
    case.label_rows({"label": "acorn", "n": 3})
    case.label_table.write_bytes(b"PAR1 no table")
    with pytest.raises(StoreError, match=case.label_table.name):
        case.show()


def test_an_evaluation_without_labels_shows_none(case):
    case.label_rows()
    case.evaluation = replace(case.evaluation, labels=None)
    text = case.show()
    assert "The labels" not in text
    assert "left out" not in text


def test_times_of_the_sweep_and_of_the_evaluation(case):
    folder = case.settings.paths.models
    timings = {"seeding_s": 0.5, "iterations_s": 2.0, "total_s": 3.25}
    sweep = SweepFile(("m2", "m3"), "e", {"n_rows": 1234}, timings, 17)
    sweep.save(folder)
    text = case.show()
    assert (
        "cluster · seeding: 0.50 s, cluster · iterations: 2.0 s, cluster · the rest: 0.75 s, "
        "evaluate · sums: 1.2 s, evaluate · bootstrap: 1 min 15 s"
    ) in text
    assert "the sweep read 1,234 rows 17 times" in text
    # A sweep of other models did not make these.
    replace(sweep, models=("m3", "m9")).save(folder)
    text = case.show()
    assert "cluster ·" not in text
    assert "evaluate · sums" in text
    case.evaluation = replace(case.evaluation, timings={})
    assert "By stage and part" not in case.show()


def test_refits_say_how_far_their_clusters_moved(case):
    folder = case.settings.paths.models
    model = load_model(folder, "m3")
    before = PredecessorCard("m3-of-may", (0.1, 0.2, 0.9), (0.25, None, 1.5), (True, True, False))
    save_model(folder, replace(model, card=replace(model.card, predecessor=before)))
    text = case.show()
    assert "Numbers from m3-of-may 2 of 3 clusters are the same" in text
    assert "m3: cluster numbers are those of m3-of-may. 2 of 3 clusters are the same ones" in text
    assert text.count("moved 25.0 % to the border") == 1
    assert text.count("not the cluster that had this number") == 1
    assert text.count("to the border") == 1


def test_engines_are_named_where_they_are_not_our_own(case):
    assert "Fitted by" not in case.show()
    folder = case.settings.paths.models
    model = load_model(folder, "m2")
    save_model(folder, replace(model, card=replace(model.card, engine="dask-ml")))
    assert "Fitted by dask-ml" in case.show()


def test_metrics_that_the_report_does_not_know_are_shown_by_their_key(case):
    models = tuple(
        replace(m, metrics={**m.metrics, "own_metric": 0.625}) for m in case.evaluation.models
    )
    case.evaluation = replace(case.evaluation, models=models)
    assert "own_metric 0.625 0.625" in case.show()


def test_evaluations_of_version_one(case):
    new = ("intervals", "reason", "differences", "timings", "label_metrics_key")
    value = asdict(case.evaluation)
    for part in (value, *value["models"]):
        for name in new:
            part.pop(name, None)
    url = files.join(case.settings.paths.evaluation, "evaluation.json")
    files.write_json(url, {"format_version": 1, **value}, points.EVALUATION)
    _, html = case.report()
    text = " ".join(Tags(html).text.split())
    assert "k = 3 is chosen: silhouette 0.222" in text
    assert "The evaluation has no intervals" in text
    for absent in ("The labels", "Which differences exceed", "By stage and part", "left out"):
        assert absent not in text


def test_what_evaluate_writes_is_shown_whole(case):
    case.evaluate()
    found = Evaluation.load_if_any(case.settings.paths.evaluation)
    _, html = case.report()
    text = " ".join(Tags(html).text.split())
    assert found.reason in text
    assert "The labels" in text
    assert "acorn 12" in text
    assert np.isfinite(list(found.models[0].metrics.values())).all()
    # Every metric of the evaluation has a name for people.
    known = {metric.key for metric in STANDARD_METRICS}
    assert not [key for metrics in found.models for key in metrics.metrics if key not in known]


def test_plan_counts_the_table_of_labels(case):
    case.evaluation.save(case.settings.paths.evaluation)
    before = report.plan(case.settings).memory
    case.label_rows(*({"label": f"{n}" * 50, "n": 1} for n in range(5000)))
    case.evaluation.save(case.settings.paths.evaluation)
    after = report.plan(case.settings).memory
    of = [
        {part.name: part.nbytes for part in plan.parts}["label metrics"] for plan in (before, after)
    ]
    assert of[0] == 0
    assert of[1] > 2 * 5000 * 50
