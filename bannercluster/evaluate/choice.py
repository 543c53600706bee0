"""Which model is chosen, by which rule, and why: in one sentence with the figures.

The default rule: the highest squared-Euclidean silhouette among models whose stability ARI reaches
a threshold, or among all if none does; differences inside the noise go to the smaller k. The other
rules take the best value of one metric, among all models, with the same regard for noise.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from bannercluster.config import EvaluateConfig
from bannercluster.errors import UsageError
from bannercluster.models.evaluations import Difference, ModelMetrics


@dataclass(frozen=True)
class Choice:
    """The chosen model.

    Parameters
    ----------
    name : str
    rule : str
        What the rule says, without figures.
    reason : str
        How it came to this model: one sentence, with the figures.
    """

    name: str
    rule: str
    reason: str


@dataclass(frozen=True)
class _Measure:
    """The metric that a rule looks at."""

    key: str
    title: str
    lower_is_better: bool = False
    needs_labels: bool = False

    @property
    def best(self) -> str:
        return "lowest" if self.lower_is_better else "highest"

    def of(self, model: ModelMetrics) -> float:
        """Return the value; NaN where it is not defined."""
        return model.metrics.get(self.key, math.nan)

    def rank(self, model: ModelMetrics) -> tuple[float, int]:
        """Sort key: better values first, the smaller k where two are equal."""
        value = self.of(model)
        return (value if self.lower_is_better else -value, model.k)


_SILHOUETTE = _Measure("silhouette_sq_euclidean", "squared-Euclidean silhouette")
_STABILITY = _Measure("stability_ari", "stability ARI")
_MEASURES = {
    "stable-silhouette": _SILHOUETTE,
    "silhouette": _SILHOUETTE,
    "silhouette-cosine": _Measure("silhouette_cosine", "cosine silhouette"),
    "calinski-harabasz": _Measure("calinski_harabasz", "Calinski-Harabasz index"),
    "davies-bouldin": _Measure("davies_bouldin", "Davies-Bouldin index", lower_is_better=True),
    "stability": _STABILITY,
    "ami": _Measure("ami", "AMI with the labels", needs_labels=True),
    "ari": _Measure("ari", "ARI with the labels", needs_labels=True),
    "v-measure": _Measure("v_measure", "V-measure with the labels", needs_labels=True),
}


def rule_text(config: EvaluateConfig) -> str:
    """Return what the rule of the settings says, in words."""
    measure = _MEASURES[config.rule]
    text = f"the {measure.best} {measure.title}"
    if config.rule == "stable-silhouette":
        text += (
            f" among models whose stability ARI is at least {config.stability_threshold:g}, or "
            f"among all if none is"
        )
    return f"{text}; differences inside the noise go to the smaller k"


def check_rule(config: EvaluateConfig, names: Sequence[str], labelled: bool) -> None:
    """Refuse, before anything is measured, a rule that has nothing to look at.

    Parameters
    ----------
    config : EvaluateConfig
    names : sequence of str
        Of the models that will be measured.
    labelled : bool
        Whether there are labels.

    Raises
    ------
    UsageError
        If ``choose`` names none of the models, or the rule or the splits need labels, or the rule
        needs stability, and there will be none.
    """
    if config.choose is not None and config.choose not in names:
        raise UsageError(
            f"--choose {config.choose}: no such model is measured; expected one of "
            f"{', '.join(names)}"
        )
    if _MEASURES[config.rule].needs_labels and not labelled:
        raise UsageError(
            f"--rule {config.rule} compares with labels, and there are none: name a column with "
            f"--label, or take another rule"
        )
    if config.split_by == "label" and config.stability_splits and not labelled:
        raise UsageError(
            "--split-by label keeps the rows of a label together, and there are none: name a "
            "column with --label, or split by content"
        )
    if config.rule == "stability" and not config.stability_splits:
        raise UsageError(
            "--rule stability was asked for with --stability-splits 0; expected at least one "
            "split: raise it, or take another rule"
        )


def choose(
    models: Sequence[ModelMetrics], differences: Sequence[Difference], config: EvaluateConfig
) -> Choice:
    """Choose a model.

    1. The candidates are the models with a finite value of the metric; if there is none, the
       smallest k is taken.
    2. With the rule ``stable-silhouette`` the candidates are those of them whose stability ARI
       is at least the threshold; all of them if none is, or where no stability was measured.
    3. The best candidate has the best value; of equal values that of the smaller k.
    4. Each candidate of a smaller k whose difference from the best does not exceed the noise (the
       95 % interval of the paired difference holds zero) is as good; the smallest k among them is
       taken, and of several models of that k the one of the best value. A difference without an
       interval counts as real.

    ``config.choose`` overrules all of it.

    Parameters
    ----------
    models : sequence of ModelMetrics
        At least one.
    differences : sequence of Difference
        Between models, in either direction; other metrics are passed over.
    config : EvaluateConfig
    """
    by_rule = _by_rule(models, differences, config)
    if config.choose is None:
        return by_rule
    if config.choose == by_rule.name:
        return Choice(
            config.choose, "by hand", f"chosen by hand, and by the rule: {by_rule.reason}"
        )
    return Choice(
        config.choose,
        "by hand",
        f"{config.choose} is chosen by hand, against the rule: {by_rule.reason}",
    )


def _by_rule(
    models: Sequence[ModelMetrics], differences: Sequence[Difference], config: EvaluateConfig
) -> Choice:
    measure = _MEASURES[config.rule]
    rule = rule_text(config)
    defined = [model for model in models if math.isfinite(measure.of(model))]
    if not defined:
        smallest = min(models, key=lambda model: model.k)
        which = "the only model" if len(models) == 1 else "the smallest k"
        return Choice(
            smallest.name,
            rule,
            f"{_named(smallest)} is {which}, and no model has a value of the {measure.title}",
        )
    pool, among = defined, _among_all(defined, models)
    if config.rule == "stable-silhouette":
        pool, among = _stable(defined, among, config.stability_threshold)
    best = min(pool, key=measure.rank)
    figure = _figure(measure.of(best))
    if len(models) == 1:
        reason = f"{_named(best)} is the only model, with a {measure.title} of {figure}"
        return Choice(best.name, rule, reason)
    gaps = _gaps(best, differences, measure)
    taken, gap = _within_noise(best, pool, gaps, measure)
    if gap is not None:
        reason = (
            f"{_named(taken)} has a {measure.title} of {_figure(measure.of(taken))}, which differs "
            f"from the {measure.best}, {figure} of k = {best.k}, by no more than noise "
            f"({_signed(gap.value)}, 95 % interval {_signed(gap.low)} to {_signed(gap.high)}), "
            f"{among}"
        )
        return Choice(taken.name, rule, reason)
    reason = f"{_named(best)} has the {measure.best} {measure.title}, {figure}, {among}"
    if len(pool) > 1 and not gaps:
        reason += "; without intervals, so noise is not weighed"
    return Choice(best.name, rule, reason)


def _among_all(defined: Sequence[ModelMetrics], models: Sequence[ModelMetrics]) -> str:
    if len(defined) == len(models):
        return f"among all {len(models)} models"
    return f"among the {len(defined)} of {len(models)} models that have one"


def _stable(
    defined: list[ModelMetrics], among: str, threshold: float
) -> tuple[list[ModelMetrics], str]:
    """Return the stable ones with their description; all where none is or none was measured."""
    measured = [model for model in defined if math.isfinite(_STABILITY.of(model))]
    if not measured:
        return defined, f"{among}: stability was not measured"
    stable = [model for model in measured if _STABILITY.of(model) >= threshold]
    if not stable:
        most = min(measured, key=_STABILITY.rank)
        return defined, (
            f"{among}: none has a stability ARI of at least {threshold:g}, the highest is "
            f"{_figure(_STABILITY.of(most))} of k = {most.k}"
        )
    figures = ", ".join(f"{_figure(_STABILITY.of(m))} at k = {m.k}" for m in stable[:3])
    more = f" and {len(stable) - 3} more" if len(stable) > 3 else ""
    return stable, (
        f"among the {len(stable)} of {len(defined)} models whose stability ARI is at least "
        f"{threshold:g} ({figures}{more})"
    )


def _gaps(
    best: ModelMetrics, differences: Sequence[Difference], measure: _Measure
) -> dict[str, Difference]:
    """Return for other models, by name, the metric of the model minus that of the best."""
    found = {}
    for one in differences:
        if one.metric != measure.key or not (math.isfinite(one.low) and math.isfinite(one.high)):
            continue
        if one.second == best.name:
            found[one.first] = one
        elif one.first == best.name:
            found[one.second] = _reversed(one)
    return found


def _within_noise(
    best: ModelMetrics,
    pool: Sequence[ModelMetrics],
    gaps: dict[str, Difference],
    measure: _Measure,
) -> tuple[ModelMetrics, Difference | None]:
    """Return the best model of the smallest k that does not differ from the best, and the gap."""
    near = [
        model
        for model in pool
        if model.k < best.k and model.name in gaps and not gaps[model.name].exceeds_noise
    ]
    if not near:
        return best, None
    smallest = min(model.k for model in near)
    taken = min((model for model in near if model.k == smallest), key=measure.rank)
    return taken, gaps[taken.name]


def _reversed(one: Difference) -> Difference:
    return Difference(one.metric, one.second, one.first, -one.value, -one.high, -one.low)


def _named(model: ModelMetrics) -> str:
    return f"{model.name} (k = {model.k})"


def _figure(value: float) -> str:
    """Three decimals for a score; four digits for a value above ten."""
    return f"{value:.3f}" if abs(value) < 10 else f"{value:,.4g}"


def _signed(value: float) -> str:
    return f"{value:+.4f}" if abs(value) < 10 else f"{value:+,.4g}"
