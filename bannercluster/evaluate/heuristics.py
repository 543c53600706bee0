"""The metrics of the users: how well clusters keep the banners of a label together.

For each label a, with n[a, c] its rows in cluster c and n_a their sum, p(a) is the cluster with the
most of them, its *main* cluster, and m_a = n[a, p(a)]. Where several clusters tie for p(a) a value
is the mean over the tied ones, so that renaming clusters changes nothing. N is the number of
labelled rows. Source: the users' sheet, with its slips corrected (docs/evaluate.md).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class LabelScores:
    """Metrics of each label in one clustering: (n_labels,) arrays, NaN where not defined.

    Parameters
    ----------
    n_rows, n_main : int64
        n_a and m_a.
    recall : float64
        m_a / n_a.
    sum_heuristic : float64
        m_a / (1 + n_a - m_a) / n_a.
    product_heuristic : float64
        m_a / prod_{c != p(a)} (n[a, c] + 1) / n_a.
    centre_distance : float64
        Mean over c != p(a) of dist(centre of p(a), centre of c) (n[a, c] + 1) / n_a; not defined
        at k = 1. Clusters without rows have a centre and count.
    """

    n_rows: np.ndarray
    n_main: np.ndarray
    recall: np.ndarray
    sum_heuristic: np.ndarray
    product_heuristic: np.ndarray
    centre_distance: np.ndarray

    def aggregate(self) -> dict[str, float]:
        """Return the metrics of all labels together; one that is not defined is left out.

        ``recall``                   sum_a m_a / N
        ``sum_heuristic``            sum_a m_a / (1 + n_a - m_a) / N
        ``product_heuristic``        sum_a m_a / prod(...) / N
        ``centre_distance``          sum_a h(a) / N, the form of the users' sheet
        ``centre_distance_weighted`` sum_a n_a h(a) / N
        """
        total = self.n_rows.sum()
        rows = self.n_rows > 0
        n = self.n_rows[rows]
        found = {
            "recall": float(self.n_main.sum() / total),
            "sum_heuristic": float((self.sum_heuristic[rows] * n).sum() / total),
            "product_heuristic": float((self.product_heuristic[rows] * n).sum() / total),
        }
        distance = self.centre_distance[rows]
        if not np.isnan(distance).any():
            found["centre_distance"] = float(distance.sum() / total)
            found["centre_distance_weighted"] = float((distance * n).sum() / total)
        return found


def main_clusters(table: np.ndarray) -> np.ndarray:
    """Return which clusters hold the most rows of each label: (n_labels, k) bool, ties all True."""
    main: np.ndarray = table == table.max(axis=1, keepdims=True)
    return main


def score_labels(table: np.ndarray, between: np.ndarray) -> LabelScores:
    """Score every label.

    Parameters
    ----------
    table : (n_labels, k) int64 array
    between : (k, k) float64 array
        Euclidean distances between the centres.
    """
    k = table.shape[1]
    n_rows = table.sum(axis=1)
    first, n_main = table.argmax(axis=1), table.max(axis=1)
    others = table.copy()
    others[np.arange(len(table)), first] = 0
    with np.errstate(divide="ignore", invalid="ignore"):
        # Factor by factor a product of 300 large factors goes to zero, and never to infinity. The
        # tied clusters hold equally many rows: which of them is left out changes nothing.
        product = n_main * np.prod(1.0 / (others + 1.0), axis=1) / n_rows
        recall = n_main / n_rows
        total = recall / (1.0 + n_rows - n_main)
        distance = np.full(len(table), np.nan)
        if k > 1:
            main = main_clusters(table)
            away = (main @ between) / main.sum(axis=1, keepdims=True)
            distance = (away * (table + 1)).sum(axis=1) / n_rows / (k - 1)
    distance[n_rows == 0] = np.nan
    return LabelScores(n_rows, n_main, recall, total, product, distance)


def centre_distances(centres: np.ndarray) -> np.ndarray:
    """Return the (k, k) float64 Euclidean distances between centres."""
    found = np.empty((len(centres), len(centres)))
    for own, centre in enumerate(centres):
        found[own] = np.sqrt(np.square(centres - centre).sum(axis=1))
    return found


def misclustering(scores: LabelScores, sums: np.ndarray) -> tuple[np.ndarray, float | None]:
    """Return the mean mis-clustering distance of each label, and of all rows.

    The banners of a label outside p(a) have a distance to the centre of p(a). Of a label the sum
    and the mean are taken; of all labels the mean over all such banners.

    Parameters
    ----------
    scores : LabelScores
    sums : (n_labels,) float64 array
        Sum of the distances of each label, the mean over the tied clusters.

    Returns
    -------
    mean : (n_labels,) float64 array
        NaN for a label that lies in its main cluster as a whole.
    aggregate : float or None
        None if every label does.
    """
    outside = scores.n_rows - scores.n_main
    mean = np.divide(sums, outside, out=np.full(len(sums), np.nan), where=outside > 0)
    n_outside = int(outside.sum())
    return mean, float(sums.sum() / n_outside) if n_outside else None
