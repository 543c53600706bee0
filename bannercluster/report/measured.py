"""What was measured of the models -> the sweep with its differences, the labels, the times."""

from __future__ import annotations

from bannercluster.models.card import ModelCard
from bannercluster.models.evaluations import LabelFacts, ModelMetrics
from bannercluster.render.measured import (
    DifferenceView,
    Duration,
    MetricValue,
    SweepRow,
    SweepView,
    TimesView,
)
from bannercluster.render.metrics import STANDARD_METRICS, Metric
from bannercluster.report.findings import Findings

_TOTAL = "total_s"


def sweep_of(found: Findings) -> SweepView:
    """Return the models with their metrics and differences."""
    evaluation = found.evaluation
    place = {metrics.name: nth for nth, metrics in enumerate(evaluation.models)}
    rows = tuple(
        _row(card, metrics, chosen=card.name == evaluation.chosen)
        for card, metrics in zip(found.cards, evaluation.models, strict=True)
    )
    differences = tuple(
        DifferenceView(d.metric, place[d.first], place[d.second], d.value, d.low, d.high)
        for d in evaluation.differences
    )
    named = {value.metric for row in rows for value in row.values}
    metrics = _metrics(named | {one.metric for one in differences})
    return SweepView(rows, metrics, _labels_note(evaluation.labels), differences)


def _row(card: ModelCard, metrics: ModelMetrics, *, chosen: bool) -> SweepRow:
    values = {
        **metrics.metrics,
        "n_iter": float(card.n_iter),
        "n_restarts": float(len(card.restarts)),
    }
    return SweepRow(
        card.k,
        tuple(
            MetricValue(name, value, *metrics.intervals.get(name, (None, None)))
            for name, value in values.items()
        ),
        chosen=chosen,
        restart_inertia=tuple(restart.inertia for restart in card.restarts),
    )


def _metrics(named: set[str]) -> tuple[Metric, ...]:
    """Return the metrics of a page; one without a name for people is shown by its key."""
    unknown = sorted(named - {metric.key for metric in STANDARD_METRICS})
    others = (Metric(key, key, plotted=False, across_k=False) for key in unknown)
    return (*STANDARD_METRICS, *others)


def _labels_note(labels: LabelFacts | None) -> str:
    if labels is None:
        return ""
    unit = "rows" if labels.weight == "contents" else "ids"
    note = (
        f"Labels are the {labels.n_labels:,} values of the column {labels.column}, on "
        f"{labels.n_labelled:,} rows; {unit} are counted."
    )
    left_out = (
        (labels.n_unlabelled, "have none"),
        (labels.n_ambiguous, "carry more than one"),
        (labels.n_small, "have one that is too rare"),
    )
    parts = [f"{n:,} {what}" for n, what in left_out if n]
    return note + (f" Of the other rows {', '.join(parts)}." if parts else "")


def times_of(found: Findings) -> TimesView | None:
    """Return the times of the sweep that fitted the models, and of the evaluation."""
    sweep = found.sweep
    fitted = {card.name for card in found.cards}
    parts: list[Duration] = []
    notes = []
    if sweep is not None and fitted <= set(sweep.models):
        parts += _durations("cluster", sweep.timings)
        if sweep.timings and sweep.n_passes:
            n_rows = int(sweep.data.get("n_rows", found.store.n_rows))
            notes.append(f"the sweep read {n_rows:,} rows {sweep.n_passes:,} times")
    parts += _durations("evaluate", found.evaluation.timings)
    return TimesView(tuple(parts), "; ".join(notes)) if parts else None


def _durations(stage: str, timings: dict[str, float]) -> list[Duration]:
    """Parts of a stage, and what its total has beyond them."""
    parts = {name: value for name, value in timings.items() if name != _TOTAL}
    out = [
        Duration(stage, name.removesuffix("_s").replace("_", " "), value)
        for name, value in parts.items()
    ]
    rest = timings.get(_TOTAL, 0.0) - sum(parts.values())
    return [*out, Duration(stage, "the rest", rest)] if rest > 0 else out
