"""What an evaluation shows: tables for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from bannercluster.models.evaluations import Difference, LabelFacts, ModelMetrics
from bannercluster.runtime.plan import Table

_METRICS = (
    ("silhouette_sq_euclidean", "silhouette"),
    ("silhouette_cosine", "  cosine"),
    ("silhouette_euclidean_sampled", "  Euclidean"),
    ("stability_ari", "stability ARI"),
    ("calinski_harabasz", "Calinski-Harabasz"),
    ("davies_bouldin", "Davies-Bouldin"),
    ("inertia_per_row", "inertia a row"),
    ("inertia_per_row_heldout", "  held out"),
    ("size_entropy", "balance of sizes"),
    ("smallest_share", "smallest cluster"),
    ("largest_share", "largest cluster"),
    ("ami", "AMI"),
    ("ari", "ARI"),
    ("v_measure", "V-measure"),
    ("homogeneity", "  homogeneity"),
    ("completeness", "  completeness"),
    ("purity", "purity"),
    ("recall", "recall"),
    ("sum_heuristic", "sum heuristic"),
    ("product_heuristic", "product heuristic"),
    ("centre_distance", "centre distance"),
    ("centre_distance_weighted", "  weighted"),
    ("misclustering_distance", "mis-clustering"),
)
_PAIRS_NAMED = 2
_SMALL = 0.1  # below it a value is shown with one decimal more


def metric_table(
    models: Sequence[ModelMetrics], chosen: str, differences: Sequence[Difference]
) -> Table:
    """Return the metrics: a row a metric, a column a model, and which models noise equals.

    Three models fit into 80 columns.
    """
    titles = model_titles(models)
    columns = [f"{titles[m.name]} *" if m.name == chosen else titles[m.name] for m in models]
    compared: dict[str, list[Difference]] = {}
    for one in differences:
        compared.setdefault(one.metric, []).append(one)
    rows = []
    for key, title in _METRICS:
        values = [model.metrics[key] for model in models if key in model.metrics]
        if not values:
            continue
        cells = [_cell(key, model, _decimals(values)) for model in models]
        noise = [_within_noise(compared.get(key, ()), titles)] if compared else []
        rows.append((title, *cells, *noise))
    title = "Metrics"
    if any(model.intervals for model in models):
        title += ", ± half a 95 % interval"
    if compared:
        title += "; a ~ b: the difference of a and b may be noise"
        columns.append("in noise")
    return Table(f"{title}; * chosen", ("metric", *columns), tuple(rows))


def model_titles(models: Sequence[ModelMetrics]) -> dict[str, str]:
    """Return how models are called in a table: by their k where no other one has it."""
    n_of = Counter(model.k for model in models)
    return {model.name: f"k = {model.k}" if n_of[model.k] == 1 else model.name for model in models}


def label_table(facts: LabelFacts) -> Table:
    """Return how the labels met the rows."""
    columns = ("column", "labels", "rows with one", "without", "ambiguous", "too few", "unmatched")
    row = (
        facts.column,
        facts.n_labels,
        facts.n_labelled,
        facts.n_unlabelled,
        facts.n_ambiguous,
        facts.n_small,
        facts.n_unmatched,
    )
    return Table(f"Labels from {facts.source}", columns, (row,))


def _decimals(values: Sequence[float]) -> int:
    """Return the decimals of a row."""
    largest = max(map(abs, values))
    if largest >= 100:
        return 0
    return 3 if largest >= _SMALL else 4


def _cell(key: str, model: ModelMetrics, decimals: int) -> str:
    """Return a value with half its interval."""
    if key not in model.metrics:
        return "-"
    text = f"{model.metrics[key]:,.{decimals}f}"
    if key not in model.intervals:
        return text
    low, high = model.intervals[key]
    return f"{text} ±{(high - low) / 2:,.{decimals}f}"


def _within_noise(differences: Sequence[Difference], titles: dict[str, str]) -> str:
    """Name the pairs of models whose difference the noise may have made."""
    if not differences:
        return ""
    equal = [one for one in differences if not one.exceeds_noise]
    if not equal:
        return "none"
    if len(equal) == len(differences) > 1:
        return "all"
    if len(equal) > _PAIRS_NAMED:
        return f"{len(equal)} of {len(differences)}"
    return " ".join(
        "~".join(titles[name].removeprefix("k = ") for name in (one.first, one.second))
        for one in equal
    )
