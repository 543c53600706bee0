"""Agreement of clusters with labels as a whole, from the contingency table n[label, cluster]."""

from __future__ import annotations

import numpy as np

from bannercluster.kernels.contingency import expected_mutual_information

_EPSILON = float(np.finfo(np.float64).eps)


def agreement(table: np.ndarray) -> dict[str, float]:
    """Return the metrics that compare a clustering with labels as two partitions of the rows.

    With n[a, c] the rows of label a in cluster c, n_a, n_c and N its sums, H the entropy and MI the
    mutual information of labels A and clusters C:

    ``ami``          (MI - E[MI]) / ((H(A) + H(C)) / 2 - E[MI]): adjusted mutual information (Vinh,
                     Epps and Bailey, 2010); 0 by chance
    ``ari``          adjusted Rand index (Hubert and Arabie, 1985): pairs of rows that labels and
                     clusters treat alike, 0 by chance
    ``homogeneity``  MI / H(A); 1 where there is one label only
    ``completeness`` MI / H(C); 1 where there is one cluster only
    ``v_measure``    their harmonic mean (Rosenberg and Hirschberg, 2007); not adjusted for chance
    ``purity``       sum_c max_a n[a, c] / N

    The values are those of scikit-learn, at a cost that does not grow with the rows. Labels and
    clusters without rows count nowhere. One label and one cluster agree (1); one label and several
    clusters, or several labels and one cluster, have AMI and ARI 0.

    Parameters
    ----------
    table : (n_labels, k) int64 array
        With at least one row.
    """
    table = table[table.any(axis=1)]
    labels, clusters = table.sum(axis=1), table.sum(axis=0)
    clusters = clusters[clusters > 0]
    total = int(labels.sum())
    counts = table[table > 0]
    entropy = [_entropy(sizes, total) for sizes in (labels, clusters)]
    mutual = max(entropy[0] + entropy[1] - _entropy(counts, total), 0.0)
    # As many occupied cells as labels and as clusters: each label is a cluster.
    same = len(counts) == len(labels) == len(clusters)
    homogeneity = mutual / entropy[0] if entropy[0] and not same else 1.0
    completeness = mutual / entropy[1] if entropy[1] and not same else 1.0
    both = homogeneity + completeness
    return {
        "ami": 1.0 if same else _adjusted_information(labels, clusters, mutual, entropy),
        "ari": 1.0 if same else _adjusted_rand(labels, clusters, counts, total),
        "homogeneity": homogeneity,
        "completeness": completeness,
        "v_measure": 2 * homogeneity * completeness / both if both else 0.0,
        "purity": float(table.max(axis=0).sum() / total),
    }


def _entropy(sizes: np.ndarray, total: int) -> float:
    """Entropy in nats of positive sizes that sum to ``total``."""
    share = sizes / total
    return max(float(-(share * np.log(share)).sum()), 0.0)


def _adjusted_information(
    labels: np.ndarray, clusters: np.ndarray, mutual: float, entropy: list[float]
) -> float:
    if min(len(labels), len(clusters)) == 1:
        return 0.0
    expected = expected_mutual_information(labels, clusters)
    room = sum(entropy) / 2 - expected
    # Every row a label of its own: chance gives all there is, and rounding the sign.
    return float((mutual - expected) / max(room, _EPSILON))


def _adjusted_rand(
    labels: np.ndarray, clusters: np.ndarray, counts: np.ndarray, total: int
) -> float:
    # Pairs fit 64 bits up to three billion rows, their products do not: those are Python's.
    together, of_labels, of_clusters = (
        int((sizes * (sizes - 1)).sum()) for sizes in (counts, labels, clusters)
    )
    pairs = total * (total - 1)
    both = pairs * (of_labels + of_clusters) - 2 * of_labels * of_clusters
    return 2 * (pairs * together - of_labels * of_clusters) / both if both else 1.0


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
