"""The table with the metrics of each label: one row a model and label, as Parquet."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from bannercluster.evaluate.heuristics import main_clusters, misclustering
from bannercluster.evaluate.measure import LabelMeasures
from bannercluster.models.evaluations import LABEL_SCHEMA


def label_rows(names: tuple[str, ...], models: Mapping[str, LabelMeasures]) -> pa.Table:
    """Return the table of all models; no rows without labels.

    Parameters
    ----------
    names : tuple of str
        Of the labels.
    models : mapping of str to LabelMeasures
        By the name of the model.
    """
    parts = [_rows_of(model, names, found) for model, found in models.items()]
    return pa.concat_tables([LABEL_SCHEMA.empty_table(), *parts])


def _rows_of(model: str, names: tuple[str, ...], found: LabelMeasures) -> pa.Table:
    scores = found.scores
    mean, _ = misclustering(scores, found.misclustering)
    columns = {
        "model": [model] * len(names),
        "label": names,
        "n": scores.n_rows,
        "main_cluster": found.table.argmax(axis=1),
        "n_main_clusters": main_clusters(found.table).sum(axis=1),
        "recall": scores.recall,
        "sum_heuristic": scores.sum_heuristic,
        "product_heuristic": scores.product_heuristic,
        "centre_distance": scores.centre_distance,
        "misclustering_distance_sum": found.misclustering,
        "misclustering_distance": mean,
    }
    # What is not defined is NaN here, and null in the table.
    arrays = [pa.array(columns[one.name], one.type, from_pandas=True) for one in LABEL_SCHEMA]
    return pa.Table.from_arrays(arrays, schema=LABEL_SCHEMA)
