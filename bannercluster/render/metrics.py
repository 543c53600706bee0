"""The metrics that a sweep can show: their names for people, their direction and their digits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Metric:
    """A column of the sweep table, and a plot.

    Parameters
    ----------
    key : str
        By which values name it.
    title : str
        Its name for people.
    better : {"higher", "lower", ""}
        Which values are better; empty where neither is (inertia always falls with k).
    style : {"fixed", "significant", "percent", "count"}
        How values are written.
    plotted : bool
        Whether it has a plot against k.
    note : str
        One sentence: what it measures.
    """

    key: str
    title: str
    better: Literal["higher", "lower", ""] = ""
    style: Literal["fixed", "significant", "percent", "count"] = "fixed"
    plotted: bool = True
    note: str = ""


STANDARD_METRICS: tuple[Metric, ...] = (
    Metric("inertia", "Inertia", "", "significant", True,
           "Sum of squared distances to the own centre. It always falls with k: look for a bend."),
    Metric("inertia_heldout", "Inertia, held out", "", "significant", True,
           "The same on rows that the fit has not seen."),
    Metric("silhouette_sq_euclidean", "Silhouette, squared Euclidean", "higher", "fixed", True,
           "How much nearer the own cluster is than the next one; 1 is best, 0 is a tie."),
    Metric("silhouette_cosine", "Silhouette, cosine", "higher", "fixed", True,
           "The same with cosine distance."),
    Metric("stability_ari", "Stability (ARI)", "higher", "fixed", True,
           "Agreement of models fitted on disjoint halves, on common held-out rows."),
    Metric("calinski_harabasz", "Calinski-Harabasz", "higher", "significant", True,
           "Variance between clusters over variance within them."),
    Metric("davies_bouldin", "Davies-Bouldin", "lower", "fixed", True,
           "Mean over clusters of the worst ratio of spread to separation."),
    Metric("ami", "AMI with labels", "higher", "fixed", True,
           "Mutual information with the labels, adjusted for chance: 0 is chance."),
    Metric("ari", "ARI with labels", "higher", "fixed", True,
           "Pairs on which clusters and labels agree, adjusted for chance."),
    Metric("v_measure", "V-measure", "higher", "fixed", False,
           "Harmonic mean of homogeneity and completeness; not adjusted for chance."),
    Metric("purity", "Purity", "higher", "fixed", True,
           "Share of rows whose label is the commonest of their cluster; rises with k by itself."),
    Metric("recall", "Recall", "higher", "fixed", True,
           "Share of an advertiser's banners in its main cluster; 1 at k = 1 whatever the data."),
    Metric("smallest_share", "Smallest cluster", "", "percent", False, "Its share of the rows."),
    Metric("largest_share", "Largest cluster", "", "percent", False, "Its share of the rows."),
    Metric("n_iter", "Iterations", "", "count", False, "Of the best restart, until converged."),
    Metric("n_restarts", "Restarts", "", "count", False, "Of which the best is kept."),
)  # fmt: skip
