"""What `evaluate` found out about models, on disk.

``<evaluation>/evaluation.json`` has all but the metrics of each label, which are in the
``<evaluation>/label_metrics-<digits>.parquet`` that its key names.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import asdict, dataclass, field
from typing import Any

import pyarrow as pa

from bannercluster.errors import StoreError
from bannercluster.store import files, points, tables

VERSION = 2  # 1 had no intervals, differences, reason, timings and metrics of labels
_NAME = "evaluation.json"
_LABELS_NAME = re.compile(r"label_metrics(-[0-9a-f]{12})?\.parquet")  # once all had one name

LABEL_SCHEMA = pa.schema(
    [
        pa.field("model", pa.string(), nullable=False),
        pa.field("label", pa.string(), nullable=False),
        pa.field("n", pa.int64(), nullable=False),
        pa.field("main_cluster", pa.int32(), nullable=False),
        pa.field("n_main_clusters", pa.int32(), nullable=False),
        pa.field("recall", pa.float64(), nullable=False),
        pa.field("sum_heuristic", pa.float64(), nullable=False),
        pa.field("product_heuristic", pa.float64(), nullable=False),
        pa.field("centre_distance", pa.float64()),
        pa.field("misclustering_distance_sum", pa.float64(), nullable=False),
        pa.field("misclustering_distance", pa.float64()),
    ]
)
"""Columns of the metrics of labels: one row a model and label.

``n`` counts what ``weight`` says. ``main_cluster`` is p(a), the lowest of ``n_main_clusters`` that
tie. ``centre_distance`` is null at k = 1, ``misclustering_distance`` (the mean) where all of the
label lies in its main cluster.
"""


@dataclass(frozen=True)
class ModelMetrics:
    """Metrics of one model; a metric that is not defined is left out.

    Parameters
    ----------
    name : str
    k : int
    sizes : tuple of int
        Rows of each cluster.
    metrics : dict of str to float
        By their standard names.
    label_counts : tuple of tuple of (label, rows)
        For each cluster its most frequent labels; empty without labels.
    intervals : dict of str to (low, high)
        95 % intervals of those metrics that have one.
    """

    name: str
    k: int
    sizes: tuple[int, ...]
    metrics: dict[str, float]
    label_counts: tuple[tuple[tuple[str, int], ...], ...] = ()
    intervals: dict[str, tuple[float, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Difference:
    """How two models differ in a metric.

    Parameters
    ----------
    metric, first, second : str
        The metric, and the names of the models.
    value : float
        Metric of the first model minus that of the second.
    low, high : float
        95 % interval of ``value``, from resampled rows that both models share.
    """

    metric: str
    first: str
    second: str
    value: float
    low: float
    high: float

    @property
    def exceeds_noise(self) -> bool:
        """Whether the interval leaves out zero."""
        return self.low > 0.0 or self.high < 0.0


@dataclass(frozen=True)
class LabelFacts:
    """How labels met the rows.

    Parameters
    ----------
    column, source : str
    n_labels, n_labelled, n_unlabelled : int
        Distinct labels in use; rows with and without one.
    n_ambiguous : int
        Contents that carry more than one label; they are left out.
    n_small : int
        Contents whose label has fewer than ``min_banners``; they are left out.
    n_unmatched : int
        Rows of the labels table that name no banner of the store.
    weight : {"contents", "ids"}
    """

    column: str
    source: str
    n_labels: int
    n_labelled: int
    n_unlabelled: int
    n_ambiguous: int
    n_small: int
    n_unmatched: int
    weight: str


@dataclass(frozen=True)
class Evaluation:
    """All of an evaluation.

    Parameters
    ----------
    models : tuple of ModelMetrics
    chosen : str
        Name of the model that the rule chose.
    rule : str
    embeddings, store_key : str
        Where the rows lie, and which generation of them was looked at.
    n_rows : int
    labels : LabelFacts or None
    created : str
    reason : str
        How the rule came to the chosen model, in a sentence with its figures.
    differences : tuple of Difference
        Between each two models, for the metrics that have intervals.
    timings : dict of str to float
        Seconds of the parts of the evaluation, by name.
    label_metrics_key : str
        SHA-256 of its table of label metrics; empty for an evaluation of version 1.
    """

    models: tuple[ModelMetrics, ...]
    chosen: str
    rule: str
    embeddings: str
    store_key: str
    n_rows: int
    labels: LabelFacts | None
    created: str
    reason: str = ""
    differences: tuple[Difference, ...] = ()
    timings: dict[str, float] = field(default_factory=dict)
    label_metrics_key: str = ""

    def save(self, evaluation: str) -> None:
        """Write it into the folder of evaluations, where its table of label metrics lies already.

        Other tables go, but that of the evaluation it replaces: a reader may still hold that one.
        """
        url = files.join(evaluation, _NAME)
        keys = (self.label_metrics_key, _key_at(url))
        keep = {label_metrics_url(evaluation, key) for key in keys}
        files.write_json(url, {"format_version": VERSION, **asdict(self)}, points.EVALUATION)
        for name in files.names(evaluation):
            where = files.join(evaluation, name)
            if _LABELS_NAME.fullmatch(name) and where not in keep:
                files.remove(where, points.OLD_LABEL_METRICS)

    @classmethod
    def load_if_any(cls, evaluation: str) -> Evaluation | None:
        """Read the latest evaluation, or return None where there is none.

        Raises
        ------
        FormatVersionError, StoreError
            If it is newer than this code, or damaged.
        """
        url = files.join(evaluation, _NAME)
        value = files.read_json_if_any(url)
        if value is None:
            return None
        files.check_version(value.pop("format_version", None), VERSION, url)
        try:
            models = tuple(_metrics(model) for model in value.pop("models"))
            labels = value.pop("labels")
            differences = tuple(Difference(**one) for one in value.pop("differences", ()))
            return cls(
                models=models,
                labels=None if labels is None else LabelFacts(**labels),
                differences=differences,
                **value,
            )
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise StoreError(f"{url} is damaged: {error}; run `bc evaluate` again") from error


def _metrics(value: dict[str, Any]) -> ModelMetrics:
    counts = tuple(
        tuple((str(label), int(n)) for label, n in cluster) for cluster in value["label_counts"]
    )
    intervals = {
        metric: (float(low), float(high))
        for metric, (low, high) in value.get("intervals", {}).items()
    }
    return ModelMetrics(
        value["name"], value["k"], tuple(value["sizes"]), value["metrics"], counts, intervals
    )


def _key_at(url: str) -> str:
    """Return the key of the table that the evaluation at a URL names, if any."""
    try:
        return str((files.read_json_if_any(url) or {}).get("label_metrics_key", ""))
    except StoreError:  # it is damaged: nobody reads its table
        return ""


def label_metrics_url(evaluation: str, key: str) -> str:
    """Return where the table of label metrics of this key lies."""
    return files.join(evaluation, f"label_metrics-{key[:12]}.parquet")


def save_label_metrics(evaluation: str, table: pa.Table) -> str:
    """Write the metrics of labels; returns their key, which the evaluation names.

    It is written first, under a name of its own content: until the evaluation is written as well,
    the one before has its own table.

    Parameters
    ----------
    evaluation : str
        Folder of evaluations.
    table : pyarrow.Table
        Of :data:`LABEL_SCHEMA`; without labels it has no rows.
    """
    digest = hashlib.sha256()
    for batch in table.combine_chunks().to_batches():
        digest.update(batch.serialize())
    key = digest.hexdigest()
    tables.write(label_metrics_url(evaluation, key), table, points.LABEL_METRICS)
    return key


def load_label_metrics(evaluation: str, found: Evaluation) -> pa.Table:
    """Read the metrics of labels that belong to an evaluation.

    Returns
    -------
    pyarrow.Table
        Of :data:`LABEL_SCHEMA`; no rows where there were no labels, and where the evaluation is of
        version 1.

    Raises
    ------
    StoreError, FormatVersionError
        If the table is missing, damaged or newer than this code.
    """
    if not found.label_metrics_key:
        return LABEL_SCHEMA.empty_table()
    return tables.read(label_metrics_url(evaluation, found.label_metrics_key))
