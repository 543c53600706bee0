"""``bc heatmap synth``: clicks, exposure, references and truth from the simulator."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from dataclasses import dataclass

import pyarrow.parquet as pq

from bannercluster.config import Settings
from bannercluster.errors import UsageError
from bannercluster.heatmap import clicks, exposure, known
from bannercluster.heatmap.synthetic import WorldConfig, draw_world
from bannercluster.runtime.executor import Executor
from bannercluster.runtime.memory import MemoryPart, MemoryPlan, library_parts, memory_budget
from bannercluster.runtime.plan import StagePlan, Table
from bannercluster.runtime.progress import Progress
from bannercluster.store import files, points, tables
from bannercluster.store.fingerprint import fingerprint

_KEY = b"bannercluster_synth"
"""Schema metadata: the fingerprint of the world that a table is of."""

_RECIPE = 1  # raise it when the same settings draw other clicks
_CLICK_NBYTES = 400
"""Of a click while its grid is drawn, measured."""

_SCHEMAS = {
    "exposure": exposure.SCHEMA,
    "heatmap_references": known.REFERENCES_SCHEMA,
    "heatmap_truth": known.TRUTH_SCHEMA,
    "clicks": clicks.SCHEMA,
}
"""By the setting of the path. The clicks become visible last: where they are, the set is whole."""


@dataclass(frozen=True)
class SynthResult:
    """What was drawn.

    Parameters
    ----------
    clicks, exposure, references, truth : str
        Where the tables lie.
    n_clicks, n_grids, n_heatmaps, n_references, n_broken : int
    is_new : bool
        Whether they were written now, or lay there already.
    duration_s : float
    """

    clicks: str
    exposure: str
    references: str
    truth: str
    n_clicks: int
    n_grids: int
    n_heatmaps: int
    n_references: int
    n_broken: int
    is_new: bool
    duration_s: float

    def tables(self) -> tuple[Table, ...]:
        """Return the result as tables."""
        state = "" if self.is_new else ", there already"
        title = (
            f"{self.n_clicks:,} clicks on {self.n_heatmaps:,} banners of {self.n_grids:,} grids"
            f"{state}"
        )
        rows = (
            ("clicks", self.clicks, self.n_clicks),
            ("exposure", self.exposure, None),
            ("known to be healthy", self.references, self.n_references),
            ("truth (of them broken)", self.truth, self.n_broken),
        )
        return (Table(title, ("table", "where", "number"), rows),)


def plan(settings: Settings) -> StagePlan:
    """Say what a run would do, and what it needs.

    Raises
    ------
    UsageError
        If the settings contradict each other, or something else lies where a table shall be.
    """
    config = _config(settings)
    is_whole = _is_whole(settings, _mark(config))
    summary = (
        ("grids", f"{config.n_grids:,}"),
        ("banners", f"{config.n_heatmaps:,}, {config.n_grids * config.n_references:,} of them "
                    f"known to be healthy"),
        ("clicks of a banner", f"{config.clicks[0]:,} to {config.clicks[1]:,}; of a reference "
                               f"{config.reference_clicks[0]:,} to {config.reference_clicks[1]:,}"),
        ("seed", str(config.seed)),
        *((name.removeprefix("heatmap_"), getattr(settings.paths, name)) for name in _SCHEMAS),
        ("state", "there already" if is_whole else "to be drawn"),
    )  # fmt: skip
    most = config.n_references * config.reference_clicks[1] + config.n_domains * config.clicks[1]
    parts = (
        *library_parts(settings.runtime, "threads"),
        MemoryPart("clicks of a grid", _CLICK_NBYTES * most, "process"),
    )
    memory = MemoryPlan("heatmap synth", parts, memory_budget(settings.runtime))
    return StagePlan("heatmap synth", summary, memory, "threads")


def run(settings: Settings, *, executor: Executor, progress: Progress) -> SynthResult:
    """Write the tables, unless they lie there already.

    Raises
    ------
    UsageError
        As :func:`plan`.
    StoreError
        If a table cannot be written; the same command writes it again.
    """
    del executor
    started = time.perf_counter()
    config = _config(settings)
    mark = _mark(config)
    is_new = not _is_whole(settings, mark)
    if is_new:
        _write(settings, config, mark, progress)
    n_rows = {name: _rows(getattr(settings.paths, name)) for name in _SCHEMAS}
    paths = settings.paths
    return SynthResult(
        clicks=paths.clicks,
        exposure=paths.exposure,
        references=paths.heatmap_references,
        truth=paths.heatmap_truth,
        n_clicks=n_rows["clicks"],
        n_grids=config.n_grids,
        n_heatmaps=config.n_heatmaps,
        n_references=n_rows["heatmap_references"],
        n_broken=config.n_grids * round(config.broken * config.n_domains),
        is_new=is_new,
        duration_s=time.perf_counter() - started,
    )


def _write(settings: Settings, config: WorldConfig, mark: str, progress: Progress) -> None:
    progress.start("heatmap synth", config.n_grids, "grids")
    try:
        with contextlib.ExitStack() as stack:
            # Closed in the opposite order: the clicks are opened first and appear last.
            writers = {
                name: stack.enter_context(
                    tables.writing(
                        getattr(settings.paths, name),
                        _SCHEMAS[name].with_metadata({_KEY: mark.encode()}),
                        points.HEATMAP_TABLE,
                    )
                )
                for name in reversed(_SCHEMAS)
            }
            for drawn in draw_world(config):
                for name, writer in writers.items():
                    table = getattr(drawn, name.removeprefix("heatmap_"))
                    writer.write_table(table.cast(writer.schema))
                progress.advance()
    finally:
        progress.finish()


def _config(settings: Settings) -> WorldConfig:
    asked = settings.heatmap_synth
    if asked.min_clicks > asked.max_clicks:
        raise UsageError(
            f"--min-clicks is {asked.min_clicks:,} and --max-clicks {asked.max_clicks:,}; expected "
            f"the first to be no more than the second"
        )
    return WorldConfig(
        n_grids=asked.n_grids,
        n_references=asked.n_references,
        n_domains=asked.n_domains,
        broken=asked.broken,
        clicks=(asked.min_clicks, asked.max_clicks),
        seed=asked.seed,
    )


def _mark(config: WorldConfig) -> str:
    return fingerprint({"recipe": _RECIPE, **dataclasses.asdict(config)})


def _is_whole(settings: Settings, mark: str) -> bool:
    """Return whether the tables of this world lie there; refuse tables of anything else."""
    found = []
    for name in _SCHEMAS:
        url = getattr(settings.paths, name)
        there = _mark_of(url)
        if there not in (None, mark):
            what = "made by other settings" if there else "not made by `bc heatmap synth`"
            raise UsageError(
                f"{url} is there and was {what}; expected nothing, or the same clicks: name "
                f"another place, or remove it"
            )
        found.append(there)
    return None not in found


def _mark_of(url: str) -> str | None:
    """Return the mark of a table, "" of one that has none, None where there is nothing."""
    if not files.exists(url):
        return None
    fs, path = files.filesystem(url)
    if not fs.isfile(path):
        return ""
    try:
        with fs.open(path, "rb") as source:
            metadata = pq.read_schema(source).metadata or {}
    except (OSError, ValueError):  # no Parquet: Arrow's errors are of these kinds
        return ""
    return str(metadata.get(_KEY, b"").decode())


def _rows(url: str) -> int:
    return tables.size_of(url).n_rows
