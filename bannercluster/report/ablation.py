"""The comparison of images, texts and both -> its table."""

from __future__ import annotations

from bannercluster.models.ablations import METRICS, Ablation, Score
from bannercluster.render.measured import AblationRow, AblationView, MetricValue
from bannercluster.render.metrics import STANDARD_METRICS


def ablation_of(found: Ablation | None) -> AblationView | None:
    """Return the table, if there is a comparison."""
    if found is None:
        return None
    by_key = {metric.key: metric for metric in STANDARD_METRICS}
    return AblationView(
        found.label,
        found.n_rows,
        found.n_without_text,
        found.n_seeds,
        tuple(by_key[name] for name in METRICS),
        tuple(
            AblationRow(
                one.k,
                one.modality,
                tuple(_value(name, one.metrics[name]) for name in METRICS),
                _value(METRICS[0], one.gain[METRICS[0]]) if one.gain else None,
                one.text_weight,
            )
            for one in found.compared
        ),
    )


def _value(name: str, score: Score) -> MetricValue:
    return MetricValue(name, score.value, score.low, score.high)
