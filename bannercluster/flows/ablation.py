"""What images and texts each add: image, text and both clustered alike, on the same banners.

The banners are those that have an image, a text and a label, so that nothing but the vectors
differs. Each k is clustered once for every seed, as `bc cluster` does: the best of its restarts.
All restarts of all seeds are one sweep. The metrics are means over the seeds. The intervals
resample the banners (:mod:`bannercluster.evaluate.bootstrap`), the same ones for all that is
compared, so that differences are paired.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from bannercluster.config import ClusterConfig, Settings
from bannercluster.errors import DataError, UsageError
from bannercluster.evaluate.bootstrap import interval
from bannercluster.evaluate.contingency import agreement
from bannercluster.evaluate.labels import load_labels
from bannercluster.flows.variants import Variant, variants_of
from bannercluster.fusion.memory import fusion_parts
from bannercluster.fusion.store import FusedStore, recipe_of
from bannercluster.kmeans.products import product_of
from bannercluster.kmeans.sweep import Sweep, check_k, labels_of
from bannercluster.models.ablations import METRICS, Ablation, Compared, Score, url_of
from bannercluster.models.inputs import open_ads
from bannercluster.runtime.executor import Executor
from bannercluster.runtime.memory import MemoryPart, MemoryPlan, library_parts, memory_budget
from bannercluster.runtime.plan import StagePlan, Table
from bannercluster.runtime.progress import Progress
from bannercluster.traverse.samples import sample_rows
from bannercluster.traverse.sources import ArraySource
from bannercluster.traverse.walk import Walker


@dataclass(frozen=True)
class AblationResult:
    """A comparison, where it was written, and how long it took."""

    ablation: Ablation
    file: str
    duration_s: float

    def tables(self) -> tuple[Table, ...]:
        """Return the result as tables."""
        found = self.ablation
        title = (
            f"{found.n_rows:,} banners of {found.n_labels:,} values of {found.label} "
            f"({found.n_without_text:,} without a text left out); mean of {found.n_seeds} seeds, ± "
            f"half a 95 % interval; gain over {found.compared[0].shown}"
        )
        rows = tuple(
            (
                one.k,
                one.modality,
                one.text_weight,
                *(_shown(one.metrics[name]) for name in METRICS),
                _shown(one.gain["ami"], signed=True) if one.gain else None,
            )
            for one in found.compared
        )
        columns = ("k", "from", "text weight", "AMI", "ARI", "V-measure", "purity", "AMI gain")
        return (Table(title, columns, rows),)


def plan(settings: Settings) -> StagePlan:
    """Say what a run would do, and what it needs.

    Raises
    ------
    UsageError
        If a store or the label is missing.
    """
    _check(settings)
    store = _store(settings)
    config, n = settings.ablation, min(settings.ablation.rows, store.n_rows)
    width = store.ads.images.n_features + store.ads.texts.n_features
    n_centres = sum(set(settings.cluster.k)) * config.seeds * settings.cluster.n_init
    n_labelings = len(variants_of(settings)) * config.seeds * len(set(settings.cluster.k))
    parts = (
        *library_parts(settings.runtime, "threads"),
        *fusion_parts(store, fit=True),
        # As stored, of length one, fused, prepared with its operand.
        MemoryPart("banners", n * width * (4 + 4 + 4 + 8), "process"),
        MemoryPart("clusters", 16 * 8 * n_centres * width, "process"),
        MemoryPart("labels of all runs", 4 * n * n_labelings, "process"),
    )
    summary = (
        ("banners", f"{store.ads.n_with_text:,} of {store.n_rows:,} have an image and a text"),
        ("compared", "; ".join(one.shown for one in variants_of(settings))),
        ("k", ", ".join(str(k) for k in settings.cluster.k)),
        ("seeds", f"{config.seeds}"),
        ("labels", f"{settings.paths.label}"),
        ("result", url_of(settings.paths.evaluation)),
    )
    memory = MemoryPlan("ablation", parts, memory_budget(settings.runtime))
    return StagePlan("ablation", summary, memory, "threads")


def run(settings: Settings, *, executor: Executor, progress: Progress) -> AblationResult:
    """Compare, and write the result beside the evaluation.

    Raises
    ------
    UsageError
        If a store or the label is missing.
    DataError
        If no banner has an image, a text and a label, or fewer than the largest k.
    """
    started = time.perf_counter()
    _check(settings)
    config = settings.ablation
    view = _store(settings)
    store = view.fitted(settings.cluster.seed)
    measured = replace(settings.evaluate, min_banners=config.min_banners, weight="contents")
    labels = load_labels(store, settings.paths, measured)
    assert labels is not None and settings.paths.label is not None  # noqa: S101, PT018 - checked
    usable = np.flatnonzero((store.ads.text_rows >= 0) & (labels.codes >= 0))
    if not len(usable):
        raise DataError(
            f"no banner has an image, a text and a value of {settings.paths.label!r}; expected "
            "some to compare on"
        )
    rows = usable[sample_rows(len(usable), config.rows, config.seed)]
    ks = tuple(dict.fromkeys(settings.cluster.k))
    check_k(ks, len(rows))
    images, texts, has_text = store.halves(rows)
    fusion = store.fusion
    assert fusion is not None  # noqa: S101 - fitted above
    codes = np.unique(labels.codes[rows], return_inverse=True)[1].reshape(-1)
    variants = variants_of(settings)
    progress.start("ablation", len(variants), "kinds of rows")
    clusterings: dict[Variant, dict[int, np.ndarray]] = {}
    try:
        for variant in variants:
            values = variant.rows(fusion, images, texts, has_text)
            clusterings[variant] = _clusterings(
                values, replace(settings.cluster, k=ks), config.seeds, executor
            )
            progress.advance(1, variant.modality)
    finally:
        progress.finish()
    compared = _compare(clusterings, codes, ks, config.bootstrap, config.seed, executor)
    found = Ablation(
        compared,
        settings.paths.label,
        len(rows),
        int(codes.max()) + 1,
        store.n_rows - store.ads.n_with_text,
        config.seeds,
    )
    found.save(settings.paths.evaluation)
    return AblationResult(found, url_of(settings.paths.evaluation), time.perf_counter() - started)


def _check(settings: Settings) -> None:
    if settings.paths.label is None:
        raise UsageError(
            "an ablation compares with known groups: name their column with --label, such as "
            "--label advertiser"
        )
    if settings.ablation.text_weights and "both" not in settings.ablation.modalities:
        named = ", ".join(settings.ablation.modalities)
        raise UsageError(
            f"--text-weights are those of rows of both, and --modalities names {named}: add both, "
            "or leave the weights out"
        )


def _store(settings: Settings) -> FusedStore:
    ads = open_ads(settings.paths)
    return FusedStore.over(ads, recipe_of(ads, settings.cluster))


def _clusterings(
    values: np.ndarray, config: ClusterConfig, n_seeds: int, executor: Executor
) -> dict[int, np.ndarray]:
    """Labels (n_seeds, n_rows) of each k: for each seed the best of restarts of its own."""
    n_init = config.n_init
    config = replace(config, n_init=n_seeds * n_init, normalize="l2", search="full")
    product = product_of(config)
    cache = len(values) * (8 * values.shape[1] + 64)
    walker = Walker(ArraySource(values), executor, cache)
    swept = Sweep(config, product).run(walker)
    best = {}
    for k in config.k:
        runs = [run for run in swept.runs if run.k == k]
        groups = [runs[low : low + n_init] for low in range(0, len(runs), n_init)]
        kept = [min(group, key=lambda run: run.inertia) for group in groups]
        best[k] = np.stack(labels_of(walker, [run.centres for run in kept], "l2", product))
    return best


def _compare(
    clusterings: dict[Variant, dict[int, np.ndarray]],
    codes: np.ndarray,
    ks: Sequence[int],
    n_replicates: int,
    seed: int,
    executor: Executor,
) -> tuple[Compared, ...]:
    task = partial(_measured, list(clusterings.values()), codes, seed)
    numbers = [None, *range(n_replicates)]
    found = np.stack([values for _, values in sorted(executor.map_unordered(task, numbers))])
    means = found.mean(axis=-1)
    compared = []
    for at, k in enumerate(ks):
        for place, variant in enumerate(clusterings):
            own, first = means[:, place, at], means[:, 0, at]
            compared.append(
                Compared(
                    variant.modality,
                    k,
                    {name: _score(name, own[:, slot]) for slot, name in enumerate(METRICS)},
                    {
                        # A difference has no range of its own.
                        name: _score("difference", own[:, slot] - first[:, slot])
                        for slot, name in enumerate(METRICS)
                        if place
                    },
                    float(found[0, place, at, METRICS.index("ami")].std()),
                    variant.text_weight,
                )
            )
    return tuple(compared)


def _score(metric: str, values: np.ndarray) -> Score:
    """Make a score of the value on all banners and those of the replicates, (1 + n,)."""
    limits = interval(metric, float(values[0]), values[1:])
    return Score(float(values[0]), *(limits or (None, None)))


def _measured(
    clusterings: Sequence[dict[int, np.ndarray]], codes: np.ndarray, seed: int, number: int | None
) -> np.ndarray:
    """Metrics of every clustering on banners that are drawn anew; on all once without a number.

    Returns
    -------
    (n_variants, n_ks, n_metrics, n_seeds) float64 array
    """
    n, n_labels = len(codes), int(codes.max()) + 1
    weights = np.ones(n, np.int64)
    if number is not None:
        weights = np.random.default_rng([seed, number]).multinomial(n, np.full(n, 1 / n))
    drawn = np.flatnonzero(weights)

    def scores(k: int, own: np.ndarray) -> list[float]:
        cells = codes[drawn] * k + own[drawn].astype(np.int64)
        table = np.bincount(cells, weights[drawn], n_labels * k).astype(np.int64)
        found = agreement(table.reshape(n_labels, k))
        return [found[name] for name in METRICS]

    return np.array(
        [
            [np.transpose([scores(k, own) for own in labels]) for k, labels in by_k.items()]
            for by_k in clusterings
        ]
    )


def _shown(score: Score, *, signed: bool = False) -> str:
    value = f"{score.value:+.3f}" if signed else f"{score.value:.3f}"
    if score.low is None or score.high is None:
        return value
    return f"{value} ±{(score.high - score.low) / 2:.3f}"
