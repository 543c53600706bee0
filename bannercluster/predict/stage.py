"""The stage: every banner of a store gets its cluster under one model."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bannercluster.config import Settings
from bannercluster.errors import UsageError
from bannercluster.fusion.memory import fusion_parts
from bannercluster.fusion.store import FusedStore
from bannercluster.models.evaluations import Evaluation
from bannercluster.models.folder import load_model, model_names
from bannercluster.models.inputs import open_rows, require_rows
from bannercluster.models.kmeans import Assigned, KMeansModel
from bannercluster.models.rows import assign_rows
from bannercluster.models.sweeps import SweepFile
from bannercluster.runtime.executor import Executor
from bannercluster.runtime.memory import (
    MemoryPart,
    MemoryPlan,
    library_parts,
    memory_budget,
    with_kept,
)
from bannercluster.runtime.plan import StagePlan, Table
from bannercluster.runtime.progress import Progress
from bannercluster.store import assignments, points, tables
from bannercluster.store.aliases import RowIndex, ids_of, keys_of
from bannercluster.store.embeddings import EmbeddingStore
from bannercluster.store.lease import Lease, hold
from bannercluster.store.tables import TableSize
from bannercluster.traverse.segments import TILE_ROWS, cut
from bannercluster.traverse.sources import StoreSource


@dataclass(frozen=True)
class PredictResult:
    """What a run assigned.

    Parameters
    ----------
    model, table : str
        Name of the model; where the assignments lie.
    n_banners : int
        Banners with a cluster; as many rows has the table.
    n_new, n_changed : int
        Banners that had none; banners whose content, and with it perhaps the cluster, is another
        one.
    sizes : tuple of int
        Banners of each cluster.
    duration_s : float
    """

    model: str
    table: str
    n_banners: int
    n_new: int
    n_changed: int
    sizes: tuple[int, ...]
    duration_s: float

    def tables(self) -> tuple[Table, ...]:
        """Return the result as tables."""
        title = (
            f"{self.n_banners:,} banners -> {self.table} "
            f"({self.n_new:,} new, {self.n_changed:,} changed)"
        )
        rows = tuple(
            (cluster, size, round(size / max(self.n_banners, 1), 4))
            for cluster, size in enumerate(self.sizes)
        )
        return (Table(title, ("cluster", "banners", "share"), rows),)


def plan(settings: Settings, n_more: int = 0) -> StagePlan:
    """Say what a run would do, and what it needs.

    Parameters
    ----------
    settings : Settings
    n_more : int
        Banners that will have come to the store until then.

    Raises
    ------
    UsageError, StoreError
        If there is no store, or no model to take.
    IncompatibleStoreError
        If the model takes other embeddings than the store has.
    """
    store, model, why = _inputs(settings)
    f = store.n_features
    summary = (
        ("rows", f"{store.n_rows:,} x {f:,}"),
        ("model", f"{model.card.name} ({why})"),
        ("assignments", assignments.url_of(settings.paths.assignments, model.card.name)),
    )
    return StagePlan("predict", summary, _memory(store, model, settings, n_more), "threads")


def run(settings: Settings, *, executor: Executor, progress: Progress) -> PredictResult:
    """Assign every banner of the store; the table appears when it is whole.

    A banner that keeps its content and its cluster keeps its row, with the first ``assigned_at``.

    Raises
    ------
    UsageError, StoreError, IncompatibleStoreError
        As :func:`plan`.
    DataError
        If a banner has no text, and the model knows none to put in its place.
    LeaseHeldError
        If another process writes assignments to the same folder.
    """
    with hold(settings.paths.assignments, "bc predict") as lease:
        return _run(settings, lease, executor, progress)


def _run(settings: Settings, lease: Lease, executor: Executor, progress: Progress) -> PredictResult:
    started = time.perf_counter()
    store, model, _ = _inputs(settings)
    if isinstance(store, FusedStore):
        store.check_texts()
    progress.start("predict", store.n_rows, "rows")
    try:
        (assigned,) = assign_rows(StoreSource(store), [model], executor, progress)
    finally:
        progress.finish()
    folder = settings.paths.assignments
    before = assignments.read_if_any(folder, model.card.name)
    table = _table(store, model, assigned, before)
    if before is None or not table.equals(before.cast(table.schema)):
        lease.check()
        tables.write(assignments.url_of(folder, model.card.name), table, points.ASSIGNMENTS)
    n_new, n_changed = _changes(table, before)
    sizes = np.bincount(table["cluster_id"].to_numpy(), minlength=model.card.k)
    return PredictResult(
        model.card.name,
        assignments.url_of(folder, model.card.name),
        len(table),
        n_new,
        n_changed,
        tuple(int(size) for size in sizes),
        time.perf_counter() - started,
    )


def choose_model(settings: Settings) -> tuple[KMeansModel, str]:
    """Load the model of a run, and say why it is this one.

    Raises
    ------
    UsageError, StoreError
        If there is no store, or no model to take.
    """
    paths = settings.paths
    require_rows(paths)
    name, why = settings.predict.model, "named"
    if name is None:
        evaluation = Evaluation.load_if_any(paths.evaluation)
        if evaluation is not None:
            name, why = evaluation.chosen, "chosen by the evaluation"
        else:
            fitted = SweepFile.load(paths.models).models
            if len(fitted) > 1:
                raise UsageError(
                    f"no model was named and none is chosen yet; expected one of "
                    f"{', '.join(model_names(paths.models))}: name it with --model, or run `bc "
                    f"evaluate`"
                )
            name, why = fitted[0], "the only one"
    return load_model(paths.models, name), why


def _inputs(settings: Settings) -> tuple[EmbeddingStore, KMeansModel, str]:
    model, why = choose_model(settings)
    return open_rows(settings.paths, [model], settings.predict.modality), model, why


def _table(
    store: EmbeddingStore, model: KMeansModel, assigned: Assigned, before: pa.Table | None
) -> pa.Table:
    aliases = store.table("aliases", ["banner_id", "file", "content_id"])
    rows = RowIndex(store).rows_of_ids(ids_of(aliases["content_id"]))
    if (rows < 0).any():
        aliases, rows = aliases.filter(pa.array(rows >= 0)), rows[rows >= 0]
    cluster = pa.array(assigned.cluster_id[rows])
    margin = assigned.margin[rows]
    now = datetime.now(UTC)
    assigned_at = pa.repeat(pa.scalar(now, pa.timestamp("us", tz="UTC")), len(rows))
    if before is not None:
        old = before.select(["content_id", "cluster_id", "assigned_at"])
        old = old.take(_place(aliases, before))
        same = pc.and_kleene(
            pc.equal(old["content_id"], aliases["content_id"]),
            pc.equal(old["cluster_id"], cluster),
        )
        assigned_at = pc.if_else(same.fill_null(False), old["assigned_at"], assigned_at)
    columns = {
        "banner_id": aliases["banner_id"],
        "file": aliases["file"],
        "content_id": aliases["content_id"],
        "row": pa.array(rows),
        "model_version": pa.repeat(pa.scalar(model.card.name), len(rows)),
        "cluster_id": cluster,
        "distance": pa.array(assigned.distance[rows]),
        "margin": pa.array(margin, mask=np.isnan(margin)),
        "assigned_at": assigned_at,
    }
    schema = tables.versioned(assignments.SCHEMA)
    return pa.table({name: columns[name] for name in schema.names}).cast(schema)


def _place(table: pa.Table, before: pa.Table) -> pa.ChunkedArray:
    """Return where each banner stands in the table before; null where it does not."""
    return pc.index_in(keys_of(table), value_set=keys_of(before))


def _changes(table: pa.Table, before: pa.Table | None) -> tuple[int, int]:
    if before is None:
        return len(table), 0
    place = _place(table, before)
    changed = pc.not_equal(before["content_id"].take(place), table["content_id"])
    return place.null_count, pc.sum(changed).as_py() or 0


def _memory(
    store: EmbeddingStore, model: KMeansModel, settings: Settings, n_more: int
) -> MemoryPlan:
    n, f = store.n_rows + n_more, store.n_features
    known = store.table_size("aliases", ["banner_id", "file", "content_id"])
    more = n_more * known.nbytes // max(known.n_rows, 1)
    aliases = TableSize(known.n_rows + n_more, known.nbytes + more)
    before = tables.size_of(assignments.url_of(settings.paths.assignments, model.card.name))
    stored = np.dtype(store.manifest.dtype).itemsize
    segment = max((one.stop - one.start for one in cut(n)), default=0)
    tile = TILE_ROWS * ((stored + 4) * f + 12)
    # The columns; their content ids once more, and their rows; what the table adds to the columns.
    table = aliases.nbytes + (40 + 60) * aliases.n_rows
    # The last table; what both call their banners, and where in it they are found; what they had.
    table += before.nbytes + 3 * aliases.nbytes // 2 + (80 + 44) * before.n_rows
    parts = (
        *library_parts(settings.runtime, "threads"),
        *fusion_parts(store),
        MemoryPart("clusters and distances", 12 * n, "process"),
        MemoryPart("row index", 72 * n, "process", "table"),
        MemoryPart("assignments", table, "process", "table"),
        # Float64 centres: the model's, the message that carries them, and what it becomes.
        MemoryPart("centres", 3 * model.centres.nbytes, "process", "assigning"),
        # As stored and as float32.
        MemoryPart("tile in work", with_kept(tile), "worker", "assigning"),
        MemoryPart("segments in flight", 36 * segment, "worker", "assigning"),
    )
    return MemoryPlan("predict", parts, memory_budget(settings.runtime))
