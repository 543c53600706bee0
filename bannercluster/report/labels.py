"""The metrics of labels beside an evaluation -> the labels with the most rows, under one model."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from bannercluster.models.evaluations import (
    Evaluation,
    label_metrics_url,
    load_label_metrics,
)
from bannercluster.render.measured import LabelRow, LabelsView
from bannercluster.render.metrics import STANDARD_METRICS, Metric
from bannercluster.store import files

LABELS_SHOWN: Final = 20


def labels_of(folder: str, evaluation: Evaluation) -> LabelsView | None:
    """Return the labels under the chosen model.

    None where there were no labels, and where their table is gone.

    Raises
    ------
    StoreError, FormatVersionError
        If the table is damaged, or newer than this code.
    """
    url = label_metrics_url(folder, evaluation.label_metrics_key)
    if evaluation.labels is None or not files.exists(url):
        return None
    table = load_label_metrics(folder, evaluation)
    own = table.filter(pc.equal(table["model"], evaluation.chosen))
    if not len(own):
        return None
    order = pc.sort_indices(own, [("n", "descending"), ("label", "ascending")])
    top = own.take(order[:LABELS_SHOWN])
    metrics = _metrics(top)
    rows = tuple(
        LabelRow(label, n, tuple(values), cluster, n_main)
        for label, n, cluster, n_main, *values in zip(
            *(top[name].to_pylist() for name in ("label", "n", "main_cluster", "n_main_clusters")),
            *(top[metric.key].to_pylist() for metric in metrics),
            strict=True,
        )
    )
    k = next(model.k for model in evaluation.models if model.name == evaluation.chosen)
    counted = "Rows" if evaluation.labels.weight == "contents" else "Ids"
    return LabelsView(evaluation.labels.column, f"k = {k}", metrics, rows, len(own), counted)


def _metrics(table: pa.Table) -> tuple[Metric, ...]:
    """Columns of the table that are metrics with a value, in the order of the page."""
    # Of one label there is one form of the centre distance: its name needs no remark.
    return tuple(
        replace(metric, title=metric.title.removesuffix(", sheet form"))
        for metric in STANDARD_METRICS
        if metric.key in table.column_names and table[metric.key].null_count < len(table)
    )
