"""``bc heatmap features``: clicks and exposure -> the store of heatmaps."""

from __future__ import annotations

import datetime
import time
from dataclasses import dataclass

import numpy as np
import xarray as xr

from bannercluster.config import HeatmapConfig, Settings
from bannercluster.errors import DataError, UsageError
from bannercluster.heatmap import clicks, exposure, known
from bannercluster.heatmap.binning import N_BINS
from bannercluster.heatmap.clicks import Gathered
from bannercluster.heatmap.dataset import heatmap_dataset
from bannercluster.heatmap.exposure import Exposed
from bannercluster.heatmap.pairs import Pair, Pairs
from bannercluster.heatmap.period import FIRST_DAY, LAST_DAY, Period
from bannercluster.heatmap.rejected import REJECTED, Refuse
from bannercluster.heatmap.tables import RowTable
from bannercluster.heatmap.verbs.features_result import FeaturesResult
from bannercluster.runtime.executor import Executor
from bannercluster.runtime.memory import MemoryPart, MemoryPlan, library_parts, memory_budget
from bannercluster.runtime.plan import StagePlan
from bannercluster.runtime.progress import Progress
from bannercluster.store import files, heatmaps, points, tables
from bannercluster.store.lease import hold

_HEATMAP_NBYTES = N_BINS * N_BINS * 4
_BATCH_NBYTES = 96 << 20
"""A batch of clicks in work, measured."""


@dataclass(frozen=True)
class _Inputs:
    clicks: RowTable
    exposure: RowTable | None
    references: RowTable | None
    truth: RowTable | None
    period: Period

    @classmethod
    def of(cls, settings: Settings) -> _Inputs:
        exposed, healthy, truth = (
            _url_if_any(settings, name)
            for name in ("exposure", "heatmap_references", "heatmap_truth")
        )
        return cls(
            clicks.open_clicks(settings.paths.clicks),
            None if exposed is None else exposure.open_exposure(exposed),
            None if healthy is None else known.open_references(healthy),
            None if truth is None else known.open_truth(truth),
            _period(settings.heatmap),
        )

    def shown(self) -> set[Pair]:
        """Return the grids and domains of the exposure."""
        if self.exposure is None:
            return set()
        return clicks.pairs_of(self.exposure)

    @property
    def n_rows(self) -> int:
        return self.clicks.n_rows + (0 if self.exposure is None else self.exposure.n_rows)


def plan(settings: Settings) -> StagePlan:
    """Say what a run would do, and what it needs. Reads the names of domains and grids.

    Raises
    ------
    UsageError, StoreError
        If a table is missing, cannot be read or lacks a column, or something else lies where the
        heatmaps shall be.
    """
    inputs = _Inputs.of(settings)
    heatmaps.check_place(settings.paths.heatmaps)
    n = len(clicks.pairs_of(inputs.clicks) | inputs.shown())
    period = [getattr(settings.heatmap, name) or "any" for name in ("first_day", "last_day")]
    summary = (
        ("clicks", _described(inputs.clicks)),
        ("exposure", _described(inputs.exposure)),
        ("references", _described(inputs.references)),
        ("truth", _described(inputs.truth)),
        ("days", f"{period[0]} to {period[1]}"),
        ("heatmaps", f"{n:,} at most, {N_BINS} x {N_BINS}"),
        ("into", settings.paths.heatmaps),
        ("runs on", "this process"),
    )
    return StagePlan("heatmap features", summary, _memory(settings, inputs, n), "threads")


def run(settings: Settings, *, executor: Executor, progress: Progress) -> FeaturesResult:
    """Make the heatmaps; where they are what lies there, the store stays as it is.

    Raises
    ------
    UsageError, StoreError
        As :func:`plan`.
    DataError
        If no click can be counted, or references and truth contradict each other.
    LeaseHeldError
        If another process writes to the store.
    """
    del executor
    started = time.perf_counter()
    inputs = _Inputs.of(settings)
    url = settings.paths.heatmaps
    heatmaps.check_place(url)
    rejected = rejected_url(url)
    with hold(url, "bc heatmap features") as lease:
        with tables.writing(rejected, REJECTED, points.HEATMAP_REJECTED) as writer:
            made = _make(inputs, writer.write_batch, progress)
        dataset = made.dataset()
        is_new = heatmaps.replace(url, dataset, settings.heatmap.chunk_rows, lease)
    return made.result(url, rejected, dataset, is_new, time.perf_counter() - started)


def rejected_url(url: str) -> str:
    """Return where the rejected rows of the latest run lie."""
    return files.join(files.beside(url, ".tables"), "rejected.parquet")


@dataclass(frozen=True, eq=False)
class _Made:
    pairs: Pairs
    counted: Gathered
    exposed: Exposed | None
    known: known.Known

    def dataset(self) -> xr.Dataset:
        """Return the heatmaps: those with a click, and those that were shown.

        Raises
        ------
        DataError
            If there is none.
        """
        n_clicks = self.counted.n_clicks
        kept = n_clicks > 0
        coords = {"n_beyond": self.counted.n_beyond, **self.known.coords}
        if self.exposed is not None:
            kept |= ~np.isnan(self.exposed.sums[:, 0])
            coords |= {name: self.exposed.sums[:, nth] for nth, name in enumerate(_EXPOSED)}
        if not n_clicks.any():
            raise DataError(
                f"none of {self.counted.n_rows:,} clicks can be counted: "
                f"{_told(self.counted.n_rejected, self.counted.n_other_days)}; expected finite "
                f"x and y, a domain, a grid_id, an event_id and a day in the period"
            )
        counts = self.counted.counts if kept.all() else self.counted.counts[kept]
        return heatmap_dataset(
            counts,
            np.array(self.pairs.domain, object)[kept],
            np.array(self.pairs.grid_id, object)[kept],
            {name: values[kept] for name, values in coords.items()},
        )

    def result(
        self, url: str, rejected: str, dataset: xr.Dataset, is_new: bool, duration_s: float
    ) -> FeaturesResult:
        counted, exposed = self.counted, self.exposed
        n_exposed = n_others = 0
        reasons = [("clicks", *one) for one in sorted(counted.n_rejected.items())]
        if exposed is not None:
            refused = sum(exposed.n_rejected.values())
            n_others, n_exposed = exposed.n_other_days, exposed.n_rows - refused
            n_exposed -= n_others
            reasons += [("exposure", *one) for one in sorted(exposed.n_rejected.items())]
        reference = dataset.coords.get("reference")
        return FeaturesResult(
            heatmaps=url,
            rejected_table=rejected,
            n_heatmaps=dataset.sizes["sample"],
            n_references=0 if reference is None else int(reference.sum()),
            n_without_clicks=int((dataset["n_clicks"] == 0).sum()),
            n_rows=counted.n_rows + (0 if exposed is None else exposed.n_rows),
            n_clicks=int(dataset["n_clicks"].sum()),
            n_exposure=n_exposed,
            n_beyond=int(counted.n_beyond.sum()),
            n_other_days=counted.n_other_days + n_others,
            n_rejected=sum(n for _, _, n in reasons),
            reasons=tuple(reasons),
            n_unknown=self.known.n_absent,
            is_new=is_new,
            duration_s=duration_s,
        )


_EXPOSED = ("visits", "impressions", "exposure_clicks")
"""Coordinates of the sums of visits, impressions and clicks of the exposure."""


def _make(inputs: _Inputs, refuse: Refuse, progress: Progress) -> _Made:
    progress.start("heatmap features", 2 * inputs.clicks.n_rows, "rows")
    try:
        seen = clicks.survey(inputs.clicks, progress.advance)
        pairs = Pairs(seen.pairs | inputs.shown())
        counted = clicks.gather(inputs.clicks, seen, pairs, inputs.period, refuse, progress.advance)
        exposed = None
        if inputs.exposure is not None:
            exposed = exposure.sum_exposure(inputs.exposure, pairs, inputs.period, refuse)
    finally:
        progress.finish()
    return _Made(pairs, counted, exposed, known.known_of(pairs, inputs.references, inputs.truth))


def _url_if_any(settings: Settings, name: str) -> str | None:
    """Return a path that was named, or the default one where something lies there."""
    url: str = getattr(settings.paths, name)
    if settings.origin("paths", name) != "default" or files.exists(url):
        return url
    return None


def _period(config: HeatmapConfig) -> Period:
    first, last = (
        default if text is None else _number(text)
        for text, default in (
            (config.first_day, FIRST_DAY),
            (config.last_day, LAST_DAY),
        )
    )
    if first > last:
        raise UsageError(
            f"the first day {config.first_day} comes after the last {config.last_day}; expected "
            f"--first-day and --last-day in this order"
        )
    return Period(first, last)


def _number(day: str) -> int:
    return (datetime.date.fromisoformat(day) - datetime.date(1970, 1, 1)).days


def _described(table: RowTable | None) -> str:
    if table is None:
        return "none"
    n = len(table.files)
    return f"{table.url} ({table.n_rows:,} rows in {n:,} file{'s'[: n != 1]})"


def _told(n_rejected: dict[str, int], n_other_days: int) -> str:
    parts = [f"{n:,} {reason}" for reason, n in sorted(n_rejected.items())]
    return ", ".join([*parts, f"{n_other_days:,} of other days"])


def _memory(settings: Settings, inputs: _Inputs, n_heatmaps: int) -> MemoryPlan:
    counts = n_heatmaps * _HEATMAP_NBYTES
    parts = (
        *library_parts(settings.runtime, "threads"),
        MemoryPart("names of domains and grids", 800 * n_heatmaps, "process"),
        # Numbers of the ids, once as they come and once together.
        MemoryPart("ids of the clicks", 16 * inputs.clicks.n_rows, "process", "survey"),
        MemoryPart("rows in work", _BATCH_NBYTES, "process", "survey"),
        MemoryPart("counts", counts, "process", "counting"),
        MemoryPart("rows being counted", _BATCH_NBYTES, "process", "counting"),
        MemoryPart("counts, heatmaps without a row left away", 2 * counts, "process", "writing"),
        MemoryPart(
            "chunks as written", min(counts, 8 * inputs.clicks.n_rows), "process", "writing"
        ),
    )
    return MemoryPlan("heatmap features", parts, memory_budget(settings.runtime))
