"""``bc heatmap score``: heatmaps and a model -> a table of scores and alerts."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import xarray as xr
from threadpoolctl import threadpool_limits

from bannercluster.config import Settings
from bannercluster.errors import UsageError
from bannercluster.heatmap.binning import N_BINS
from bannercluster.heatmap.dataset import read_back
from bannercluster.heatmap.model import HeatmapModel, load_model_if_any
from bannercluster.heatmap.quality import ranking
from bannercluster.heatmap.scorer import NO_JUDGES, HeatmapScorer
from bannercluster.heatmap.scores_table import (
    DOUBTFUL,
    REFERENCE,
    ScoresMark,
    doubtful_references,
    figures,
    ranked,
    read_scores_if_any,
    table_of,
    with_alerts,
    write_scores,
)
from bannercluster.heatmap.verbs.score_result import KnownQuality, ScoreResult, TopRow
from bannercluster.runtime.executor import Executor
from bannercluster.runtime.memory import (
    MemoryPart,
    MemoryPlan,
    library_parts,
    memory_budget,
    worker_count,
)
from bannercluster.runtime.plan import StagePlan
from bannercluster.runtime.progress import Progress
from bannercluster.store import files, heatmaps
from bannercluster.store.fingerprint import fingerprint

_RECIPE = 2  # raise it when the same heatmaps and model give other scores
_N_TOP = 10
_COUNTS_NBYTES = N_BINS * N_BINS * 4
_GRID_NBYTES = 48 << 20
"""References of a grid while they are scored, thinned and left out in turn: an upper bound."""

_TORCH_NBYTES = 400 << 20


@dataclass(frozen=True, eq=False)
class _Inputs:
    """What is scored, and by what; counts are read when they are used."""

    heatmaps: xr.Dataset
    reference: npt.NDArray[np.bool_]
    model: HeatmapModel | None
    mark: ScoresMark

    @classmethod
    def of(cls, settings: Settings) -> _Inputs:
        url = settings.paths.heatmaps
        found = read_back(heatmaps.open_heatmaps(url))
        if "reference" not in found.coords or not found["reference"].to_numpy().any():
            raise UsageError(
                f"none of the {found.sizes['sample']:,} heatmaps in {url} is known to be healthy, "
                f"and all others are compared with those: name them in a table of domain and "
                f"grid_id with `bc heatmap features --references`"
            )
        model = _model_if_any(settings)
        config = settings.heatmap_score
        mark = ScoresMark(
            heatmaps=found.attrs["fingerprint"],
            model="" if model is None else model.fingerprint,
            scorer=fingerprint({"recipe": _RECIPE}),
            false_discovery_rate=config.fdr,
            most_alerts=config.most_alerts,
        )
        return cls(found, found["reference"].to_numpy(), model, mark)


def plan(settings: Settings) -> StagePlan:
    """Say what a run would do, and what it needs.

    Raises
    ------
    UsageError
        If there are no heatmaps, none of them is known to be healthy, a model that was named is
        missing or was taught on other scores, or another table lies where the scores shall be.
    StoreError, FormatVersionError
        If heatmaps, model or scores are damaged, or newer than this code.
    """
    inputs = _Inputs.of(settings)
    read_scores_if_any(settings.paths.heatmap_scores)
    n, n_references = len(inputs.reference), int(inputs.reference.sum())
    summary = (
        ("heatmaps", f"{n:,} in {settings.paths.heatmaps}"),
        ("known to be healthy", f"{n_references:,}"),
        ("model", _told(inputs.model)),
        ("alerts", _rule(settings)),
        ("into", settings.paths.heatmap_scores),
        ("runs on", "this process"),
    )
    has_network = inputs.model is not None and inputs.model.network is not None
    parts = (
        *library_parts(settings.runtime, "threads", _TORCH_NBYTES if has_network else 0),
        MemoryPart("counts, as read and by grid", 3 * n * _COUNTS_NBYTES, "process"),
        MemoryPart("scores", n * 1_600, "process"),
        MemoryPart("a grid in work", _GRID_NBYTES, "worker"),
    )
    memory = MemoryPlan("heatmap score", parts, memory_budget(settings.runtime))
    return StagePlan("heatmap score", summary, memory, "threads")


def run(settings: Settings, *, executor: Executor, progress: Progress) -> ScoreResult:
    """Score the heatmaps; scores that lie there are kept where nothing has changed.

    Raises
    ------
    UsageError, StoreError, FormatVersionError
        As :func:`plan`.
    DataError
        Without a model, if no grid has two references to learn from what healthy scores are.
    """
    del executor
    started = time.perf_counter()
    inputs, url = _Inputs.of(settings), settings.paths.heatmap_scores
    before = read_scores_if_any(url)
    is_new = before is None or not before[1].same_scores(inputs.mark)
    if before is None or is_new:
        # The matrices are small: threads of the library would only wait for one another.
        with threadpool_limits(1, "blas"):
            table = _scored(inputs, settings, progress)
    else:
        table = before[0]
    config = settings.heatmap_score
    table = with_alerts(table, config.fdr, config.most_alerts)
    if before is None or before[1] != inputs.mark:
        write_scores(url, table, inputs.mark)
    return _result(settings, inputs, table, is_new, time.perf_counter() - started)


def _scored(inputs: _Inputs, settings: Settings, progress: Progress) -> pa.Table:
    found, reference = inputs.heatmaps.load(), inputs.reference
    progress.start("heatmap score", 2, "steps")
    try:
        scorer = HeatmapScorer.fit(
            found,
            reference,
            combination=None if inputs.model is None else inputs.model.combination,
            blocks=() if inputs.model is None else inputs.model.blocks(),
            few=NO_JUDGES if inputs.model is None else inputs.model.few,
            n_workers=worker_count(settings.runtime),
        )
        progress.advance(1, "references done")
        doubtful = doubtful_references(found, reference, scorer)
        scored = scorer.score(found.isel(sample=np.flatnonzero(~reference | doubtful)))
        progress.advance(1)
    finally:
        progress.finish()
    return table_of(found, reference, doubtful, scored)


def _result(
    settings: Settings, inputs: _Inputs, table: pa.Table, is_new: bool, duration_s: float
) -> ScoreResult:
    statuses = table["status"].to_numpy(zero_copy_only=False)
    order = ranked(table)
    top = tuple(
        TopRow(**{name: row[name] for name in TopRow.__annotations__})
        for row in table.take(order[:_N_TOP]).to_pylist()
        if row["p"] is not None
    )
    named = {name: int((statuses == name).sum()) for name in (REFERENCE, DOUBTFUL)}
    return ScoreResult(
        scores=settings.paths.heatmap_scores,
        model=_told(inputs.model),
        n_heatmaps=len(table),
        n_references=named[REFERENCE],
        n_doubtful=named[DOUBTFUL],
        n_scored=int((statuses == "scored").sum()),
        n_without_clicks=int((statuses == "no_clicks").sum()),
        n_rejected=int((statuses == "no_reference").sum()),
        n_alerts=int(table["alert"].to_numpy(zero_copy_only=False).sum()),
        rule=_rule(settings),
        top=top,
        quality=quality_of(inputs.heatmaps, table),
        is_new=is_new,
        duration_s=duration_s,
    )


@dataclass(frozen=True, eq=False)
class KnownHeatmaps:
    """Scored heatmaps of which it is known whether they are broken; references left aside.

    Parameters
    ----------
    rows : ndarray of shape (n,), int64
        Of the table.
    scores : ndarray of shape (n,), float64
        Places in the ranking, higher where p is smaller.
    broken : ndarray of shape (n,), bool
    grid : ndarray of shape (n,), int64
    """

    rows: npt.NDArray[np.int64]
    scores: npt.NDArray[np.float64]
    broken: npt.NDArray[np.bool_]
    grid: npt.NDArray[np.int64]


def known_heatmaps(found: xr.Dataset, table: pa.Table) -> KnownHeatmaps | None:
    """Return the scored heatmaps of a known state; None unless there are both kinds."""
    if "label" not in found.coords:
        return None
    label = found["label"].to_numpy().astype(str)
    chosen = np.isin(table["status"].to_numpy(zero_copy_only=False), ["scored", "no_clicks"])
    rows = np.flatnonzero(chosen & (label != ""))
    broken = label[rows] == "broken"
    if not broken.any() or broken.all():
        return None
    _, grid = np.unique(
        table["grid_id"].to_numpy(zero_copy_only=False)[rows].astype(str), return_inverse=True
    )
    # Without clicks there are no log odds: the lowest.
    log_odds = np.nan_to_num(figures(table, "log_odds")[rows], nan=-np.inf)
    keys = np.stack([-figures(table, "p")[rows], log_odds], axis=1)
    _, rank = np.unique(keys, axis=0, return_inverse=True)
    return KnownHeatmaps(rows, rank.ravel().astype(np.float64), broken, grid)


def quality_of(found: xr.Dataset, table: pa.Table) -> KnownQuality | None:
    """Return how well the scores tell broken from healthy heatmaps, where that is known."""
    known = known_heatmaps(found, table)
    if known is None:
        return None
    alert = table["alert"].to_numpy(zero_copy_only=False)[known.rows]
    return KnownQuality(
        ranking=ranking(known.scores, known.broken, known.grid),
        n_true_alerts=int((alert & known.broken).sum()),
        n_false_alerts=int((alert & ~known.broken).sum()),
    )


def _model_if_any(settings: Settings) -> HeatmapModel | None:
    """Return the model that was named, or the default one where there is one."""
    url = settings.paths.heatmap_model
    model = load_model_if_any(url)
    if model is None and settings.origin("paths", "heatmap_model") != "default":
        what = "an unfinished model" if files.exists(url) else "nothing"
        raise UsageError(
            f"--model names {url}, where there is {what}; expected a model made by `bc heatmap "
            f"train`: run it, or leave --model out to score without what is taught"
        )
    return model


def _told(model: HeatmapModel | None) -> str:
    if model is None:
        return "none: the untaught sum of tails alone (`bc heatmap train` makes one)"
    what = "statistics" if model.network is None else "statistics and network"
    return f"{model.url} ({what}, {model.fingerprint[:12]})"


def _rule(settings: Settings) -> str:
    config = settings.heatmap_score
    rule = f"q <= {config.fdr:g}"
    return rule if config.most_alerts is None else f"{rule}, at most {config.most_alerts:,}"
