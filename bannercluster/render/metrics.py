"""The metrics that a sweep can show: their names for people, their direction and their digits.

`docs/evaluate.md` has the formulas; the notes here say in one sentence what a value means.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Group = Literal["rows", "labels", "sizes", "fit"]
Style = Literal["fixed", "significant", "short", "percent", "count"]

GROUP_TITLES: Final[dict[Group, str]] = {
    "rows": "Without labels",
    "labels": "Against the labels",
    "sizes": "Sizes of the clusters",
    "fit": "The fit",
}


@dataclass(frozen=True, slots=True)
class Metric:
    """A row of the sweep table, and a plot.

    Parameters
    ----------
    key : str
        By which values name it.
    title : str
        Its name for people.
    better : {"higher", "lower", ""}
        Which values are better; empty where neither is (inertia always falls with k).
    style : {"fixed", "significant", "short", "percent", "count"}
        How values are written, see `bannercluster.render.text.figure`.
    plotted : bool
        Whether it has a plot against k.
    note : str
        One sentence: what it measures.
    group : {"rows", "labels", "sizes", "fit"}
        The part of the table that it stands in.
    across_k : bool
        Whether values at different k may be compared. False for those that rise or fall with k
        whatever the data: among models of different k no best is marked.
    """

    key: str
    title: str
    better: Literal["higher", "lower", ""] = ""
    style: Style = "fixed"
    plotted: bool = True
    note: str = ""
    group: Group = "rows"
    across_k: bool = True


STANDARD_METRICS: tuple[Metric, ...] = (
    Metric("silhouette_sq_euclidean", "Silhouette, squared Euclidean", "higher",
           note="How much nearer the own cluster is than the next one, in squared distance: "
                "1 is best, 0 is a tie. The rule goes by it."),
    Metric("silhouette_cosine", "Silhouette, cosine", "higher", plotted=False,
           note="The same with cosine distance; equal to it on rows of length one."),
    Metric("silhouette_euclidean_sampled", "Silhouette, Euclidean", "higher", plotted=False,
           note="The same with plain distance, on a sample of rows; the interval is that of the "
                "sampling alone."),
    Metric("stability_ari", "Stability (ARI)", "higher",
           note="Agreement of models fitted on disjoint halves, on rows that neither has seen: "
                "1 is the same clusters, 0 is chance."),
    Metric("calinski_harabasz", "Calinski-Harabasz", "higher", "significant", plotted=False,
           note="Variance between clusters over variance within them."),
    Metric("davies_bouldin", "Davies-Bouldin", "lower", plotted=False,
           note="Mean over clusters of the worst ratio of spread to separation."),
    Metric("inertia", "Inertia", "", "significant", across_k=False,
           note="Sum of squared distances to the own centre. It always falls with k: look for a "
                "bend."),
    Metric("inertia_per_row", "Inertia a row", "", "short", plotted=False, across_k=False,
           note="Mean squared distance to the own centre."),
    Metric("inertia_per_row_train", "Inertia a row, halves", "", "short", plotted=False,
           across_k=False,
           note="The same for the models of the stability, on the rows that they were fitted on."),
    Metric("inertia_per_row_heldout", "Inertia a row, held out", "", "short",
           plotted=False, across_k=False,
           note="The same models on rows that they have not seen: much above the line before, "
                "they follow single rows."),
    Metric("ami", "AMI", "higher", group="labels",
           note="Information that clusters and labels share, adjusted for chance: 0 is chance at "
                "any k, 1 is equality."),
    Metric("ari", "ARI", "higher", plotted=False, group="labels",
           note="Pairs of rows on which clusters and labels agree, adjusted for chance."),
    Metric("v_measure", "V-measure", "higher", plotted=False, group="labels", across_k=False,
           note="Harmonic mean of the next two; chance raises it with k."),
    Metric("homogeneity", "Homogeneity", "higher", plotted=False, group="labels", across_k=False,
           note="1 if each cluster holds one label only. Rises with k by itself."),
    Metric("completeness", "Completeness", "higher", plotted=False, group="labels",
           across_k=False,
           note="1 if each label lies in one cluster only. 1 at k = 1."),
    Metric("purity", "Purity", "higher", plotted=False, group="labels", across_k=False,
           note="Share of rows whose label is the commonest of their cluster. Rises with k by "
                "itself."),
    Metric("recall", "Recall", "higher", plotted=False, group="labels", across_k=False,
           note="Share of rows in the main cluster of their label. 1 at k = 1."),
    Metric("sum_heuristic", "Sum heuristic", "higher", "short", plotted=False,
           group="labels", across_k=False,
           note="Recall, divided for each label by 1 + its rows outside the main cluster. "
                "1 at k = 1."),
    Metric("product_heuristic", "Product heuristic", "higher", "short", plotted=False,
           group="labels", across_k=False,
           note="Recall, divided for each label by the product of its rows + 1 over the other "
                "clusters: it punishes spreading most. 1 at k = 1."),
    Metric("centre_distance", "Centre distance, sheet form", "lower", "short",
           plotted=False, group="labels", across_k=False,
           note="How far from the main centre the other clusters of a label lie; each label counts "
                "the same, over the number of rows."),
    Metric("centre_distance_weighted", "Centre distance, weighted", "lower", "short",
           plotted=False, group="labels", across_k=False,
           note="The same as a mean over rows."),
    Metric("misclustering_distance", "Mis-clustering distance", "lower", plotted=False,
           group="labels", across_k=False,
           note="Mean distance to the main centre of their label, over the rows outside it."),
    Metric("size_entropy", "Balance of sizes", "", plotted=False, group="sizes", across_k=False,
           note="Entropy of the shares over its maximum: 1 if all clusters are of one size."),
    Metric("smallest_share", "Smallest cluster", "", "percent", plotted=False, group="sizes",
           across_k=False, note="Its share of the rows."),
    Metric("largest_share", "Largest cluster", "", "percent", plotted=False, group="sizes",
           across_k=False, note="Its share of the rows."),
    Metric("n_iter", "Iterations", "", "count", plotted=False, group="fit", across_k=False,
           note="Of the best restart, until converged."),
    Metric("n_restarts", "Restarts", "", "count", plotted=False, group="fit", across_k=False,
           note="Of which the best is kept."),
)  # fmt: skip
