"""Stores made from a contingency table."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
from models.fitted import make_models, make_store, run_stage

from bannercluster import evaluate

run = partial(run_stage, evaluate)


def table_store(folder: Path, table: Sequence[Sequence[int]], **columns) -> None:
    """Rows whose labels and clusters have this contingency table, and a model that finds it.

    The clusters are the axes; labels a, b, c ... stand in the column ``advertiser``.
    """
    counts = np.array(table)
    values, aliases = [], []
    for label, of_cluster in enumerate(counts):
        for cluster, n in enumerate(of_cluster):
            for _ in range(n):
                aliases.append({"row": len(values), "advertiser": "abcdef"[label], **columns})
                values.append(np.eye(counts.shape[1])[cluster])
    make_store(folder, np.array(values), aliases)
    make_models(folder, {"axes": np.eye(counts.shape[1])})
