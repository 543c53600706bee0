"""Metrics of clusters against labels, from the contingency table n[label, cluster]."""

from __future__ import annotations

import numpy as np
from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score


def label_metrics(table: np.ndarray) -> dict[str, float]:
    """Return the metrics that compare a clustering with labels.

    With n[a, c] the rows of label a in cluster c, n_a and N its sums:

    ``ami``    adjusted mutual information (Vinh et al., 2010; arithmetic mean), 0 by chance
    ``ari``    adjusted Rand index (Hubert and Arabie, 1985), 0 by chance
    ``purity`` sum_c max_a n[a, c] / N
    ``recall`` sum_a max_c n[a, c] / N; always 1 at k = 1

    Parameters
    ----------
    table : (n_labels, k) int64 array
    """
    total = int(table.sum())
    truth, found = _as_labels(table)
    return {
        "ami": float(adjusted_mutual_info_score(truth, found)),
        "ari": float(adjusted_rand_score(truth, found)),
        "purity": float(table.max(axis=0).sum() / total),
        "recall": float(table.max(axis=1).sum() / total),
    }


def _as_labels(table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return rows with labels and clusters whose contingency is ``table``."""
    counts = table.ravel()
    label, cluster = np.divmod(np.arange(table.size), table.shape[1])
    return np.repeat(label, counts), np.repeat(cluster, counts)


def most_frequent(
    table: np.ndarray, names: tuple[str, ...], limit: int
) -> list[list[tuple[str, int]]]:
    """Return for each cluster its most frequent labels with their counts.

    Parameters
    ----------
    table : (n_labels, k) int64 array
    names : tuple of str
        Of the labels.
    limit : int
        Most labels of a cluster.
    """
    found = []
    for column in table.T:
        order = sorted(np.flatnonzero(column), key=lambda code: (-column[code], names[code]))
        found.append([(names[code], int(column[code])) for code in order[:limit]])
    return found
